"""DPM-Solver++, multistep, as an ODE or an SDE (Lu et al. 2022b, algorithm 2, section 6 and appendix D).

With lambda = log(alpha / sigma), half the log-SNR, h = lambda_s - lambda_t and the predictions D_t = x_0-hat(x_t), D_p at
the step p before:

    D = D_t + w (D_t - D_p),   w of h and h_p = lambda_t - lambda_p as in multistep.py
    ODE   x_s = sigma_s/sigma_t x_t + alpha_s (1 - e^{-h}) D
    SDE   x_s = sigma_s/sigma_t e^{-h} x_t + alpha_s (1 - e^{-2h}) D + sigma_s sqrt(1 - e^{-2h}) z

With D = D_t the first is DDIM(eta = 0) and the second DDIM(eta = 1). Order 3 puts a parabola through the last three
predictions. Its published form halves the term of second differences, and so is of order 2; here the integral is whole.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from torch import Tensor

from reverie.errors import UsageError
from reverie.process.path import NoisePath
from reverie.samplers.multistep import earlier
from reverie.samplers.sampler import Sampler, Step

__all__ = ["DPMSolver"]


@dataclass(frozen=True)
class DPMSolver(Sampler):
    """DPM-Solver++(2M), SDE-DPM-Solver++(2M) with sde=True, or DPM-Solver++(3M) with order=3.

    The first step, a step to t = 0 and those next to a level of zero SNR are of first order; a step more than twice as long
    as the one before tends to it.
    """

    order: int = 2
    sde: bool = False

    def __post_init__(self) -> None:
        if self.order not in (1, 2, 3) or (self.sde and self.order == 3):
            raise UsageError(f"DPM-Solver++ is of order 1, 2 or 3, with noise of order 1 or 2, not {self.order}.")

    @property
    def remembers(self) -> int:  # pyright: ignore[reportIncompatibleVariableOverride]
        return self.order - 1

    @property
    def stochastic(self) -> bool:
        return self.sde

    def step(self, now: Step) -> Tensor:
        (a_s, sigma_s, lambda_s), (_, sigma_t, lambda_t) = now.to, now.at
        h = lambda_s - lambda_t
        power = 2 if self.sde else 1
        of_x = sigma_s / sigma_t * (math.exp(-h) if self.sde else 1.0)
        of_clean = a_s * -math.expm1(-power * h)
        before = earlier(now, self.order)
        x_s = now.mix(x_t=of_x, clean=of_clean * (1 - sum(w for _, w in before)))
        for prediction, w in before:
            prediction.mix(clean=of_clean * w, onto=x_s)
        return now.add_noise(x_s, sigma_s * math.sqrt(-math.expm1(-2 * h)) if self.sde and now.s > 0 else 0.0)

    def added_variance(self, schedule: NoisePath, t: float, s: float) -> float | None:
        (_, sigma_s, lambda_s), (_, _, lambda_t) = schedule.level(s), schedule.level(t)
        return sigma_s**2 * -math.expm1(-2 * (lambda_s - lambda_t)) if self.sde and s > 0 else 0.0
