"""DDIM (Song, Meng and Ermon 2021, equation 12).

    sigma^2 = eta^2 (1 - alpha_bar_s)/(1 - alpha_bar_t) (1 - alpha_bar_t/alpha_bar_s)
    x_s     = sqrt(alpha_bar_s) x_0-hat + sqrt(1 - alpha_bar_s - sigma^2) eps-hat + sigma z

eta = 0 is the first-order step of the probability-flow ODE, eta = 1 the posterior: ancestral sampling with beta-tilde.
Its inverse is in `inversion`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from reverie.errors import UsageError
from reverie.process import variance
from reverie.process.gaussian import GaussianProcess
from reverie.process.prediction import Prediction
from reverie.process.randomness import Generators, draw
from reverie.process.schedule import NoiseSchedule
from reverie.samplers.sampler import Sampler, State

__all__ = ["DDIM"]


@dataclass(frozen=True)
class DDIM(Sampler):
    """DDIM with any eta >= 0; s is the true next level of the grid, whatever its spacing."""

    eta: float = 0.0

    def __post_init__(self) -> None:
        if not (math.isfinite(self.eta) and self.eta >= 0):
            raise UsageError(f"eta must be a number >= 0, not {self.eta}.")

    @property
    def stochastic(self) -> bool:
        return self.eta > 0

    def step(
        self, process: GaussianProcess, state: State, t: int, s: int, prediction: Prediction, generator: Generators | None
    ) -> State:
        signal, sigma, _ = process.schedule.levels[s]
        if self.eta == 0:
            return State(prediction.mix(clean=signal, noise=sigma))
        sigma2 = self.added_variance(process.schedule, t, s)
        x_s = prediction.mix(clean=signal, noise=math.sqrt(max(sigma**2 - sigma2, 0.0)))
        if sigma2 > 0 and generator is not None:
            x_s.add_(draw(x_s, generator), alpha=math.sqrt(sigma2))
        return State(x_s)

    def added_variance(self, schedule: NoiseSchedule, t: int, s: int) -> float:
        return self.eta**2 * variance.lower(schedule, s, t).item()
