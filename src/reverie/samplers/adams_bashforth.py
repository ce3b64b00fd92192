"""Adams-Bashforth on the angle: the probability flow written so that normal data stand still.

With sqrt(alpha_bar) = cos phi and sqrt(1 - alpha_bar) = sin phi, the state of the flow turns from x_0 to eps and

    dx / dphi = v                                              (velocity: Salimans and Ho 2022, appendix D)
    x_s = x_t + h ((1 + w) v_t - w v_p),     w of h = phi_s - phi_t and h_p = phi_t - phi_p as in multistep.py

DDIM and DPM-Solver are exact where x_0-hat does not change on the way, as for a single known picture. This one is exact
where v-hat does not: for data N(0, 1), v = 0 and x stays as it is, while each step of DDIM shrinks it by cos h. So it is
the sampler for scores of tables, whose marginals are N(0, 1), in few steps.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from torch import Tensor

from reverie.process.gaussian import GaussianProcess
from reverie.process.prediction import Prediction
from reverie.process.randomness import Generators
from reverie.samplers.multistep import lookahead
from reverie.samplers.sampler import Sampler, State

__all__ = ["AdamsBashforth"]


@dataclass(frozen=True)
class AdamsBashforth(Sampler):
    """Second order, by remembering the prediction before; the first step is Euler's."""

    order = 2

    def step(
        self, process: GaussianProcess, state: State, t: int, s: int, prediction: Prediction, generator: Generators | None
    ) -> State:
        levels = process.schedule.levels
        (a_s, sigma_s, _), (a_t, sigma_t, _) = levels[s], levels[t]
        phi_t = math.atan2(sigma_t, a_t)
        h = math.atan2(sigma_s, a_s) - phi_t
        if state.history is None:
            return State(_turned(prediction, h, a_t, sigma_t, 1.0), (prediction, t))
        before, p = state.history
        a_p, sigma_p, _ = levels[p]
        w = lookahead(h, phi_t - math.atan2(sigma_p, a_p))
        x_s = _turned(prediction, h * (1 + w), a_t, sigma_t, 1.0)
        return State(_turned(before, -h * w, a_p, sigma_p, 0.0, onto=x_s), (prediction, t))


def _turned(prediction: Prediction, by: float, a: float, sigma: float, state: float, onto: Tensor | None = None) -> Tensor:
    """state x + by v, v = a eps - sigma x_0."""
    return prediction.mix(x_t=state, noise=by * a, clean=-by * sigma, onto=onto)
