"""Multistep consistency sampling (Song et al. 2023, algorithm 1; Luo et al. 2023, algorithm 3).

    x_s = alpha_s x_0-hat + sigma_s z,   z new at each step

The denoiser is one that says where the path through x_t ends, f(x_t, t), as a consistency model learns it. Then x_0-hat is
distributed as the data after one step, each further one begins from a true x_s, and any number of steps will do. One that
says the mean of x_0 instead, as all others do, is led to pictures that are too smooth.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from reverie.process.path import NoisePath
from reverie.samplers.sampler import Sampler, Step

__all__ = ["Consistency"]


@dataclass(frozen=True)
class Consistency(Sampler):
    """x_0-hat with the noise of the next level; none at t = 0, where it is x_0-hat itself."""

    @property
    def stochastic(self) -> bool:
        return True

    def step(self, now: Step) -> Tensor:
        return now.add_noise(now.mix(clean=now.to.alpha), now.to.sigma)

    def added_variance(self, schedule: NoisePath, t: float, s: float) -> float:
        return schedule.level(s).sigma ** 2
