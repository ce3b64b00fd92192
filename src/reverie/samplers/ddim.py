"""DDIM (Song, Meng and Ermon 2021, equation 12).

    sigma^2 = eta^2 (1 - alpha_bar_s)/(1 - alpha_bar_t) (1 - alpha_bar_t/alpha_bar_s)
    x_s     = sqrt(alpha_bar_s) x_0-hat + sqrt(1 - alpha_bar_s - sigma^2) eps-hat + sigma z

eta = 0 is the first-order step of the probability-flow ODE, eta = 1 the posterior: ancestral sampling with beta-tilde.
Its inverse is in `inversion`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from torch import Tensor

from reverie.errors import UsageError
from reverie.process import variance
from reverie.process.path import NoisePath
from reverie.samplers.sampler import Sampler, Step

__all__ = ["DDIM"]


@dataclass(frozen=True)
class DDIM(Sampler):
    """DDIM with any eta >= 0; s is the true next level of the grid, whatever its spacing. Where eta asks for more noise than
    a level has, all of it is new."""

    eta: float = 0.0
    overwrites = True

    def __post_init__(self) -> None:
        if not (math.isfinite(self.eta) and self.eta >= 0):
            raise UsageError(f"eta must be a number >= 0, not {self.eta}.")

    @property
    def stochastic(self) -> bool:
        return self.eta > 0

    def step(self, now: Step) -> Tensor:
        a, sigma, _ = now.to
        if self.eta == 0:
            return now.mix(clean=a, noise=sigma)
        added = self.added_variance(now.process.schedule, now.t, now.s)
        return now.add_noise(now.mix(clean=a, noise=math.sqrt(sigma**2 - added)), math.sqrt(added))

    def added_variance(self, schedule: NoisePath, t: float, s: float) -> float:
        return min(self.eta**2 * variance.lower(schedule, s, t).item(), schedule.level(s).sigma ** 2)
