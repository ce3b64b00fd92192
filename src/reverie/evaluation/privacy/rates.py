"""How well an attack does: area under the ROC curve, true positives at few false ones, and risk beyond a control.

AUC   = P(member's score > other's) + 1/2 P(equal);  its variance by placement values (DeLong et al. 1988)
TPR   share of members above the threshold that at most a share f of the others is above
R     = (attack - control) / (1 - control): of what general knowledge leaves open, how much is told (Giomi et al. 2023)

Shares have Wilson's intervals. R has the interval of its linearisation, with attack and control independent.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.stats import rankdata

__all__ = ["Auc", "Rate", "auc", "risk", "true_positives", "wilson"]

Z = 1.959964


@dataclass(frozen=True)
class Auc:
    """Area under the ROC curve, its standard deviation and 95 % interval."""

    value: float
    deviation: float
    interval: tuple[float, float]


@dataclass(frozen=True)
class Rate:
    """A share of n (or a risk) with its standard deviation and 95 % interval."""

    value: float
    deviation: float
    interval: tuple[float, float]
    n: int = 0


def auc(members: np.ndarray, others: np.ndarray) -> Auc:
    """AUC of scores [m] against scores [n], higher meaning "member"; ties count half."""
    m, n = len(members), len(others)
    ranks = rankdata(np.concatenate([members, others]))
    of_members = (ranks[:m] - rankdata(members)) / n  # share of others below each member
    of_others = 1 - (ranks[m:] - rankdata(others)) / m
    value = float(of_members.mean())
    variance = (of_members.var(ddof=1) / m if m > 1 else 0.25) + (of_others.var(ddof=1) / n if n > 1 else 0.25)
    # Where all are told apart the placements do not vary, and yet the next patient might: at least that of one more pair.
    deviation = math.sqrt(max(float(variance), value * (1 - value) / (m * n)))
    return Auc(value, deviation, (max(0.0, value - Z * deviation), min(1.0, value + Z * deviation)))


def true_positives(members: np.ndarray, others: np.ndarray, share: float = 0.01) -> Rate:
    """Share of members whose score exceeds that of all but the share of the others."""
    allowed = math.floor(share * len(others) + 1e-9)
    threshold = np.sort(others)[::-1][allowed]
    return wilson(int((members > threshold).sum()), len(members))


def wilson(count: float, n: int) -> Rate:
    """count / n with Wilson's interval (1927); the deviation is half of it over 1.96, so that 0 of n is not certain."""
    p, z2 = count / n, Z * Z
    middle, half = (p + z2 / (2 * n)) / (1 + z2 / n), Z * math.sqrt(p * (1 - p) / n + z2 / (4 * n * n)) / (1 + z2 / n)
    return Rate(p, half / Z, (max(0.0, min(middle - half, p)), min(1.0, max(middle + half, p))), n)


def risk(attack: Rate, control: Rate) -> Rate:
    """R = (attack - control) / (1 - control); 0 where training patients are hit no more often than patients never seen."""
    room = max(1 - control.value, 1e-9)
    value = (attack.value - control.value) / room
    deviation = math.hypot(attack.deviation / room, control.deviation * (1 - attack.value) / room**2)
    if attack.n and control.n:  # at the ends of the scale few patients vary too little: no less than if both were alike
        both = (attack.value * attack.n + control.value * control.n) / (attack.n + control.n)
        deviation = max(deviation, math.sqrt(both * (1 - both) * (1 / attack.n + 1 / control.n)) / room)
    return Rate(value, deviation, (max(-1.0, value - Z * deviation), min(1.0, value + Z * deviation)))
