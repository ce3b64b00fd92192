"""What was drawn, as a distribution: every point a Gaussian of one width, or the points alone.

    p(x_0) = sum_k w_k N(point_k, spread^2 I)        spread = 0: the points themselves, each as likely as its weight
    p_t(x) = sum_k w_k N(a point_k, (a^2 spread^2 + sigma^2) I),    a = sqrt(alpha_bar_t), sigma = sqrt(1 - alpha_bar_t)

so the exact score of p_t is known at every t. A density is a square of cells from the upper left, and a point for each
cell that is not empty; each has the width of half a cell, so that together they are smooth.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from reverie.denoisers import Denoiser, Empirical, GaussianMixture
from reverie.errors import UsageError
from reverie.process import GaussianProcess
from reverie.studies.playground.shapes import shape_points

__all__ = ["FRAME", "Drawing"]

FRAME = 2.5
"""What is drawn and shown lies in [-FRAME, FRAME] along both axes; noise has deviation 1."""


@dataclass(frozen=True)
class Drawing:
    """A distribution in the plane.

    Args:
        points: (x, y) of each, at least one, finite.
        weights: one for each point, > 0; equal if left out.
        spread: the width of each point, >= 0.
    """

    points: tuple[tuple[float, float], ...]
    weights: tuple[float, ...] | None = None
    spread: float = 0.0

    def __post_init__(self) -> None:
        if not self.points:
            raise UsageError("there is nothing to learn yet: draw at least one point.")
        for i, point in enumerate(self.points):
            if len(point) != 2 or not all(map(math.isfinite, point)):
                raise UsageError(f"point {i + 1} must be two finite numbers, x and y, not {list(point)}.")
        if self.weights is not None and (
            len(self.weights) != len(self.points) or not all(0 < w < math.inf for w in self.weights)
        ):
            raise UsageError(f"weights must be {len(self.points)} numbers above 0, one for each point.")
        if not 0 <= self.spread < math.inf:
            raise UsageError(f"spread must be a number >= 0, not {self.spread}.")

    @classmethod
    def of(cls, points: Sequence[Sequence[float]], spread: float = 0.0) -> Drawing:
        """Points that are each as likely."""
        return cls(tuple((x, y) for x, y in points), spread=spread)

    @classmethod
    def example(cls, name: str, spread: float = 0.0) -> Drawing:
        """One of SHAPES. Raises UsageError for an unknown name."""
        return cls.of(shape_points(name).tolist(), spread)

    @classmethod
    def density(cls, rows: Sequence[Sequence[float]]) -> Drawing:
        """The density painted on a square of cells over the whole frame, rows from the top, each cell >= 0.

        Raises UsageError, naming the row and the cell, for a square that is none, a negative cell, or one all 0.
        """
        side = len(rows)
        for i, row in enumerate(rows):
            if len(row) != side:
                raise UsageError(f"a density is as wide as high: row {i + 1} of {side} has {len(row)} cells.")
            for j, weight in enumerate(row):
                if not 0 <= weight < math.inf:
                    raise UsageError(f"row {i + 1}, cell {j + 1} of the density must be a number >= 0, not {weight}.")
        cell = 2 * FRAME / max(side, 1)
        found = [
            ((-FRAME + (j + 0.5) * cell, FRAME - (i + 0.5) * cell), float(weight))
            for i, row in enumerate(rows)
            for j, weight in enumerate(row)
            if weight > 0
        ]
        if not found:
            raise UsageError("there is nothing to learn yet: paint at least one cell of the density.")
        points, weights = zip(*found, strict=True)
        return cls(points, weights, cell / 2)

    @cached_property
    def x(self) -> Tensor:
        """float64 [N, 2]."""
        return torch.tensor(self.points, dtype=torch.float64)

    @cached_property
    def w(self) -> Tensor:
        """float64 [N], sum 1."""
        weights = torch.ones(len(self.points)) if self.weights is None else torch.tensor(self.weights)
        return weights.double() / weights.double().sum()

    def moments(self) -> tuple[Tensor, Tensor]:
        """Mean [2] and covariance [2, 2]."""
        mean = self.w @ self.x
        centred = self.x - mean
        return mean, (self.w[:, None] * centred).T @ centred + self.spread**2 * torch.eye(2).double()

    def denoiser(self, process: GaussianProcess) -> Denoiser:
        """The exact one."""
        if self.weights is None and self.spread == 0:
            return Empirical(process, self.x)
        stds = torch.full((len(self.x),), self.spread, dtype=torch.float64)
        return GaussianMixture(process, self.x, stds, self.w)

    def sample(self, count: int, generator: torch.Generator) -> Tensor:
        """Draws of x_0: [count, 2], float64."""
        if self.weights is None:
            k = torch.randint(len(self.x), (count,), generator=generator)
        else:
            k = torch.multinomial(self.w, count, replacement=True, generator=generator)
        if self.spread == 0:
            return self.x[k]
        return self.x[k] + self.spread * torch.randn(count, 2, generator=generator, dtype=torch.float64)

    def log_density(self, process: GaussianProcess, x: Tensor, t: int) -> Tensor:
        """log p_t at x [B, 2], t = 1..T: [B], in nats."""
        signal, sigma, _ = process.schedule.level(t)
        variance = (signal * self.spread) ** 2 + sigma**2
        square = ((x[:, None].double() - signal * self.x) ** 2).sum(-1)
        return torch.logsumexp(self.w.log() - 0.5 * square / variance, 1) - math.log(2 * math.pi * variance)
