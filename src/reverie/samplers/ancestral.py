"""Ancestral sampling: x_s ~ p(x_s | x_t) = N(posterior mean with x_0-hat, sigma^2 I) (Ho et al. 2020, algorithm 2)."""

from __future__ import annotations

import math
from dataclasses import dataclass

from torch import Tensor

from reverie.errors import unknown
from reverie.process.path import NoisePath
from reverie.process.variance import VARIANCES, Variance, lower, upper
from reverie.samplers.sampler import Sampler, Step

__all__ = ["Ancestral"]


@dataclass(frozen=True)
class Ancestral(Sampler):
    """The DDPM sampler. Noise is added on every step but the one that ends at t = 0.

    Args:
        variance: "beta_tilde" (of the posterior), "beta" (of the forward step) or "learned" (predicted by the network).
    """

    variance: Variance = "beta_tilde"
    overwrites = True

    def __post_init__(self) -> None:
        if self.variance not in VARIANCES:
            raise unknown("variance", self.variance, VARIANCES)

    @property
    def stochastic(self) -> bool:
        return True

    def step(self, now: Step) -> Tensor:
        c_0, c_t = now.process.reverse_weights(now.t, now.s)
        mean = now.mix(x_t=c_t, clean=c_0)
        if now.s == 0 or now.generator is None:
            return mean
        added = self.added_variance(now.process.schedule, now.t, now.s)
        if added is not None:
            return now.add_noise(mean, math.sqrt(added))
        mix = now.prediction.variance_mix
        return now.add_noise(mean, now.process.reverse_variance(now.start, now.t, now.s, self.variance, mix).sqrt())

    def added_variance(self, schedule: NoisePath, t: float, s: float) -> float | None:
        if self.variance == "learned":
            return None
        bound = lower if self.variance == "beta_tilde" else upper
        return float(bound(schedule, s, t)) if s > 0 else 0.0
