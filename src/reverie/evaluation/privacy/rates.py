"""How well an attack does: area under the ROC curve, true positives at few false ones, and risk beyond a control.

AUC   = P(member's score > other's) + 1/2 P(equal);  its variance by placement values (DeLong et al. 1988)
TPR   share of members above the threshold that at most a share f of the others is above
R     = (attack - control) / (1 - control): of what general knowledge leaves open, how much is told (Giomi et al. 2023)

Shares have Wilson's intervals. R has the interval of its linearisation, with attack and control independent.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from scipy.stats import rankdata

from reverie.evaluation.measure import Measure, Metric
from reverie.plain import number_of

__all__ = ["Kept", "Rate", "auc", "measured", "never", "normal", "of_attack", "risk", "true_positives", "wilson"]

Z = 1.959964


@dataclass(frozen=True)
class Rate:
    """A share of n (an area, a risk) with its standard deviation and 95 % interval."""

    value: float
    deviation: float
    interval: tuple[float, float]
    n: int = 0


@dataclass(frozen=True)
class Kept:
    """How many could break a rule, and do: rows, and patients.

    Attributes:
        rows, patients: to which it applies.
        rows_breaking, patients_breaking: of them.
    """

    rows: int
    patients: int
    rows_breaking: int
    patients_breaking: int

    def __add__(self, other: Kept) -> Kept:
        return Kept(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))

    @property
    def rate(self) -> Rate:
        """The share of patients who break it."""
        return wilson(self.patients_breaking, self.patients)

    def __str__(self) -> str:
        row, patient = number_of(self.rows_breaking, "row"), number_of(self.patients_breaking, "patient")
        return f"{row} of {self.rows:,} and {patient} of {self.patients:,} break it."


def auc(members: np.ndarray, others: np.ndarray) -> Rate:
    """AUC of scores [m] against scores [n], higher meaning "member"; ties count half."""
    m, n = len(members), len(others)
    ranks = rankdata(np.concatenate([members, others]))
    of_members = (ranks[:m] - rankdata(members)) / n  # share of others below each member
    of_others = 1 - (ranks[m:] - rankdata(others)) / m
    value = float(of_members.mean())
    variance = (of_members.var(ddof=1) / m if m > 1 else 0.25) + (of_others.var(ddof=1) / n if n > 1 else 0.25)
    # Where all are told apart the placements do not vary, and yet the next patient might: at least that of one more pair.
    deviation = math.sqrt(max(float(variance), value * (1 - value) / (m * n)))
    return Rate(value, deviation, (max(0.0, value - Z * deviation), min(1.0, value + Z * deviation)), m + n)


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
    return Rate(value, deviation, (max(-1.0, value - Z * deviation), min(1.0, value + Z * deviation)), attack.n)


def normal(value: float, deviation: float, n: int = 0) -> Rate:
    """A number with the interval of a normal law."""
    return Rate(value, deviation, (value - 1.96 * deviation, value + 1.96 * deviation), n)


def never(metric: Metric, ours: Rate, theirs: Rate, floor: float | None, detail: str) -> Measure:
    """A measure of what should never be, counted over all synthetic patients (or rows), beside real ones: one is a fault,
    but where real ones have some too."""
    return replace(metric, tolerance=0.5 / ours.n).measure(
        ours.value,
        ours.n,
        detail,
        deviation=0.0,
        ceiling=theirs.value,
        ceiling_deviation=theirs.deviation if theirs.value else 0.0,
        floor=floor,
    )


def of_attack(name: str, title: str, how: str, *, beside: tuple[str, ...] = ("ceiling",), **more: Any) -> Metric:
    """What is measured of an attack: worse above its control, held-out patients in the place of synthetic ones."""
    return Metric(name, title, how, "privacy", worse="above", beside=beside, **more)


def measured(
    metric: Metric,
    rate: Rate,
    detail: str = "",
    control: Rate | Sequence[float] | None = None,
    *,
    grows: bool = False,
    **more: Any,
) -> Measure:
    """The measure of an attack's rate beside a control as its ceiling: a rate, or repeats of it whose mean stands there.

    Args:
        told, more: see Metric.measure.
        grows: whether the deviation of this share is larger for a leak than for none.
    """
    beside: dict[str, Any] = {"interval": rate.interval, "deviation": rate.deviation}
    if grows:
        beside["at"] = lambda share: wilson(share * rate.n, rate.n).deviation
    if isinstance(control, Rate):
        beside |= {"ceiling": control.value, "ceiling_deviation": control.deviation}
    elif control:
        beside |= {"ceiling": float(np.mean(control)), "ceiling_deviation": float(np.std(control, ddof=1))}
    return metric.measure(rate.value, rate.n, detail, **(beside | more))
