"""Adams-Bashforth on the angle: the probability flow written so that normal data stand still.

With alpha = r cos phi and sigma = r sin phi, r = 1 where variance is preserved, the state turns from x_0 to eps and

    d(x/r) / dphi = v = cos phi eps - sin phi x_0              (velocity: Salimans and Ho 2022, appendix D)
    x_s/r_s = x_t/r_t + h ((1 + w) v_t - w v_p),     w of h = phi_s - phi_t and h_p = phi_t - phi_p as in multistep.py

DDIM and DPM-Solver are exact where x_0-hat does not change on the way, as for a single known picture. This one is exact
where v-hat does not: for data N(0, 1), v = 0 and x stays as it is, while each step of DDIM shrinks it by cos h. So it is
the sampler for scores of tables, whose marginals are N(0, 1), in few steps.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from torch import Tensor

from reverie.process.path import Level
from reverie.samplers.multistep import lookahead
from reverie.samplers.sampler import Sampler, Step

__all__ = ["AdamsBashforth"]


@dataclass(frozen=True)
class AdamsBashforth(Sampler):
    """Second order, by remembering the prediction before; the first step is Euler's."""

    order = 2
    remembers = 1

    def step(self, now: Step) -> Tensor:
        phi_t, r_s = _angle(now.at), _radius(now.to)
        h = _angle(now.to) - phi_t
        if not now.past:
            return _turned(now, h, r_s, r_s / _radius(now.at))
        before = now.past[0]
        w = lookahead(h, phi_t - _angle(before.at))
        return _turned(before, -h * w, r_s, 0.0, onto=_turned(now, h * (1 + w), r_s, r_s / _radius(now.at)))


def _angle(level: Level) -> float:
    return math.atan2(level.sigma, level.alpha)


def _radius(level: Level) -> float:
    """sqrt(alpha^2 + sigma^2), and exactly 1 where variance is preserved."""
    power = level.alpha**2 + level.sigma**2
    return 1.0 if abs(power - 1) < 1e-12 else math.sqrt(power)


def _turned(step: Step, by: float, r_s: float, state: float, onto: Tensor | None = None) -> Tensor:
    """state x + r_s by v, v = (alpha eps - sigma x_0) / r of the step's own level."""
    by = by * r_s / _radius(step.at)
    return step.prediction.mix(x_t=state, noise=by * step.at.alpha, clean=-by * step.at.sigma, onto=onto)
