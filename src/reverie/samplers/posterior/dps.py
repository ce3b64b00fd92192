"""Diffusion posterior sampling (Chung et al. 2023, algorithm 1).

    x_s = (a draw of p(x_s | x_t)) - scale grad_{x_t} |y - A(x_0-hat)|

The length of the gradient is a setting, not a consequence of the measurement's noise: more or fewer steps want another.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from reverie.errors import UsageError
from reverie.samplers.posterior.gaussian import dot
from reverie.samplers.posterior.method import PosteriorSampler, Reverse

__all__ = ["DPS"]


@dataclass(frozen=True)
class DPS(PosteriorSampler):
    """Ancestral steps, each moved down the gradient of the distance to the measurement."""

    scale: float = 1.0

    def __post_init__(self) -> None:
        if not (math.isfinite(self.scale) and self.scale >= 0):
            raise UsageError(f"scale is a number, 0 or above, not {self.scale}.")

    @property
    def backward(self) -> int:
        return 1

    def drawn(self, given: Reverse) -> Tensor:
        x = given.x
        for t, s in given.steps():
            seen = given.seen(x, t)
            away = seen.residual / dot(seen.residual, seen.residual).sqrt().clamp_min(1e-12)
            gradient = -seen.gradient(seen.back(away))
            with torch.no_grad():
                step = given.denoiser.process.reverse(x, t, seen.prediction, s)
                x = step.sample(given.generator) - self.scale * gradient
        return x
