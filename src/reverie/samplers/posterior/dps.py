"""Diffusion posterior sampling (Chung et al. 2023, algorithm 1).

    x_s = (a draw of p(x_s | x_t)) - scale grad_{x_t} |y - A(x_0-hat)|

The length of the gradient is a setting, not a consequence of the measurement's noise: more or fewer steps want another.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from reverie.denoisers.conditions import Condition
from reverie.denoisers.denoiser import Denoiser
from reverie.errors import UsageError
from reverie.process.randomness import Generators
from reverie.samplers.grid import check_grid
from reverie.samplers.posterior.gaussian import Seen, dot
from reverie.samplers.posterior.measurement import Measurement
from reverie.samplers.posterior.method import OnStep, PosteriorSampler

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

    def sample(
        self,
        denoiser: Denoiser,
        measurement: Measurement,
        grid: Sequence[float],
        x: Tensor,
        generator: Generators,
        condition: Condition | None = None,
        on_step: OnStep | None = None,
    ) -> Tensor:
        process = denoiser.process
        grid = check_grid(process.schedule, grid)
        for done, (t, s) in enumerate(itertools.pairwise(grid), start=1):
            seen = Seen.by(denoiser, measurement, x, t, condition)
            away = seen.residual / dot(seen.residual, seen.residual).sqrt().clamp_min(1e-12)
            gradient = -seen.gradient(seen.back(away))
            with torch.no_grad():
                x = process.reverse(x, t, seen.prediction, s).sample(generator) - self.scale * gradient
            if on_step:
                on_step(done, len(grid) - 1)
        return measurement.imposed(x)
