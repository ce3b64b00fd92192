"""DPM-Solver++, second-order multistep, as an ODE or an SDE (Lu et al. 2022b, algorithm 2 and section 6).

With lambda = log(sqrt(alpha_bar) / sqrt(1 - alpha_bar)), half the log-SNR, h = lambda_s - lambda_t and the predictions
D_t = x_0-hat(x_t), D_p at the step p before:

    D = D_t + w (D_t - D_p),   w of h and h_p = lambda_t - lambda_p as in multistep.py
    ODE   x_s = sigma_s/sigma_t x_t + sqrt(alpha_bar_s) (1 - e^{-h}) D
    SDE   x_s = sigma_s/sigma_t e^{-h} x_t + sqrt(alpha_bar_s) (1 - e^{-2h}) D + sigma_s sqrt(1 - e^{-2h}) z

where sigma = sqrt(1 - alpha_bar). With D = D_t the first is DDIM(eta = 0) and the second DDIM(eta = 1).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from reverie.errors import UsageError
from reverie.process.gaussian import GaussianProcess
from reverie.process.prediction import Prediction
from reverie.process.randomness import Generators, draw
from reverie.process.schedule import NoiseSchedule
from reverie.samplers.multistep import lookahead
from reverie.samplers.sampler import Sampler, State

__all__ = ["DPMSolver"]


@dataclass(frozen=True)
class DPMSolver(Sampler):
    """DPM-Solver++(2M), or SDE-DPM-Solver++(2M) with sde=True.

    The first step, a step to t = 0 and those next to a level of zero SNR are of first order; a step more than twice as long
    as the one before tends to it.
    """

    order: int = 2
    sde: bool = False

    def __post_init__(self) -> None:
        if self.order not in (1, 2):
            raise UsageError(f"DPM-Solver++ is of order 1 or 2 here, not {self.order}.")

    @property
    def stochastic(self) -> bool:
        return self.sde

    def step(
        self, process: GaussianProcess, state: State, t: int, s: int, prediction: Prediction, generator: Generators | None
    ) -> State:
        levels = process.schedule.levels
        (a_s, sigma_s, lambda_s), (_, sigma_t, lambda_t) = levels[s], levels[t]
        h = lambda_s - lambda_t
        power = 2 if self.sde else 1
        of_x = sigma_s / sigma_t * (math.exp(-h) if self.sde else 1.0)
        of_clean = a_s * -math.expm1(-power * h)
        w = 0.0
        if self.order == 2 and state.history is not None:
            w = lookahead(h, lambda_t - levels[state.history[1]][2])
        x_s = prediction.mix(x_t=of_x, clean=of_clean * (1 + w))
        if w and state.history is not None:
            state.history[0].mix(clean=-of_clean * w, onto=x_s)
        if self.sde and s > 0 and generator is not None:
            x_s.add_(draw(x_s, generator), alpha=sigma_s * math.sqrt(-math.expm1(-2 * h)))
        return State(x_s, history=(prediction, t) if self.order == 2 else None)

    def added_variance(self, schedule: NoiseSchedule, t: int, s: int) -> float | None:
        (_, sigma_s, lambda_s), (_, _, lambda_t) = schedule.levels[s], schedule.levels[t]
        return sigma_s**2 * -math.expm1(-2 * (lambda_s - lambda_t)) if self.sde and s > 0 else 0.0
