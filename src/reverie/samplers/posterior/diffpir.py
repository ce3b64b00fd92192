"""Plug-and-play image restoration by diffusion (Zhu et al. 2023, DiffPIR, algorithm 1).

    x_0-hat' = argmin_x |y - A x|^2 / R + (lambda a^2 / sigma^2) |x - x_0-hat|^2
             = x_0-hat + v A^T (v A A^T + R)^-1 (y - A x_0-hat),   v = sigma^2 / (lambda a^2)
    x_s = a_s x_0-hat' + sigma_s (sqrt(1 - zeta) eps-hat' + sqrt(zeta) z)

So V is v I: nothing goes back through the denoiser, and what is not measured moves only by what the next call makes of the
rest.
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
from reverie.process.prediction import Prediction
from reverie.process.randomness import Generators, draw
from reverie.samplers.grid import check_grid
from reverie.samplers.posterior.gaussian import Seen, conjugate_gradients
from reverie.samplers.posterior.measurement import Measurement
from reverie.samplers.posterior.method import OnStep, PosteriorSampler
from reverie.samplers.posterior.pigdm import ITERATIONS

__all__ = ["DiffPIR"]


@dataclass(frozen=True)
class DiffPIR(PosteriorSampler):
    """The proximal step of the measurement, and noise drawn anew.

    Args:
        weight: lambda, of what the denoiser says; with 1 its x_0-hat is taken to be off by sigma / a. The paper has 7 to 25.
        zeta: the share of the noise that is drawn anew at each step, 0..1.
    """

    weight: float = 1.0
    zeta: float = 0.5

    def __post_init__(self) -> None:
        if not (math.isfinite(self.weight) and self.weight > 0 and 0 <= self.zeta <= 1):
            raise UsageError(f"DiffPIR needs weight > 0 and zeta in 0..1, not {self.weight} and {self.zeta}.")

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
        schedule = denoiser.process.schedule
        grid = check_grid(schedule, grid)
        for done, (t, s) in enumerate(itertools.pairwise(grid), start=1):
            with torch.no_grad():
                prediction = self._proximal(denoiser, measurement, x, t, condition)
                a, sigma, _ = schedule.level(s)
                x = prediction.mix(clean=a, noise=sigma * math.sqrt(1 - self.zeta))
                if s > 0:
                    x = x + sigma * math.sqrt(self.zeta) * draw(x, generator)
            if on_step:
                on_step(done, len(grid) - 1)
        return measurement.imposed(x)

    def _proximal(
        self, denoiser: Denoiser, measurement: Measurement, x: Tensor, t: float, condition: Condition | None
    ) -> Prediction:
        seen = Seen.by(denoiser, measurement, x, t, condition, backward=False)
        of = seen.prediction
        v = float(of.sigma**2 / (self.weight * max(of.a, 1e-6) ** 2))  # pyright: ignore[reportArgumentType]

        def apply(p: Tensor) -> tuple[Tensor, Tensor]:
            along = v * seen.back(p)
            return seen.seen(along) + seen.variance * p, along

        return seen.with_shift(conjugate_gradients(apply, seen.residual, ITERATIONS, seen.variance + v)[1])
