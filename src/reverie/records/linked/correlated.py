"""How the numbers of one row go together, where a network that has seen few rows knows too little of it.

    e = L n,      n ~ N(0, I),      L L^T = S, a correlation matrix           (Gaussian copula, Sklar 1959)

is the noise from which the numbers of a row are made that are drawn in one stage: each is N(0, 1) as before. S begins as I,
and moves by what lacks, to S + (C_trained - C_drawn) / slope, or the nearest that is a correlation matrix, turn by turn; the
slope, of C_drawn over S, is 1 at first, then as it was seen. What the network says of itself needs nothing besides.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

from reverie.records.intervals import Floats
from reverie.records.levels import Indices

__all__ = ["Correlated", "CorrelatedFit"]

PAIRED, MOST, LEAST, FLATTEST = 100, 0.995, 1e-3, 0.3
"""Rows that have both numbers, from which it is told how they go together; the largest correlation; the smallest
eigenvalue; and the smallest slope."""


@dataclass(frozen=True, eq=False)
class Correlated:
    """S of the numbers of the groups or the rows of one table.

    Attributes:
        channels: int64 [m], those that are numbers.
        matrix: float64 [m, m], S.
    """

    channels: Indices
    matrix: Floats

    @cached_property
    def _root(self) -> Tensor:
        return torch.from_numpy(np.linalg.cholesky(self.matrix)).float()

    def __call__(self, noise: Tensor) -> Tensor:
        """Noise [n, w], N(0, 1), whose numbers go together."""
        out = noise.clone()
        out[:, self.channels] = noise[:, self.channels] @ self._root.T
        return out

    @property
    def config(self) -> dict[str, Any]:
        return {"channels": self.channels.tolist(), "matrix": self.matrix.round(4).tolist()}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        return cls(np.array(config["channels"], dtype=np.int64), _nearest(np.array(config["matrix"], dtype=np.float64)))


@dataclass
class CorrelatedFit:
    """S as it is found.

    Attributes:
        channels: int64 [m].
        aim: float64 [m, m], correlations of those trained on; NaN of numbers that are not drawn at once, or seldom both.
        matrix: float64 [m, m], S.
        slope: of C_drawn over S.
        seen: S and C_drawn of before.
    """

    channels: Indices
    aim: Floats
    matrix: Floats
    slope: float = 1.0
    seen: tuple[Floats, Floats] | None = None

    @classmethod
    def of(cls, scores: Floats, channels: Indices, stages: Indices) -> Self:
        """From scores [n, w] of those trained on, NaN where not known, of numbers that are drawn in such stages, [w]."""
        z, at = scores[:, channels], stages[channels]
        aim = _correlations(z, ~np.isnan(z))
        aim[at[:, None] != at] = np.nan
        return cls(channels, aim, np.eye(len(channels)))

    def weigh(self, scores: Floats, asked: np.ndarray) -> None:
        """Moves S by what is drawn, scores [n, w], where it was asked for."""
        drawn = _correlations(scores[:, self.channels], asked[:, self.channels])
        lacks = self.aim - drawn
        if np.isnan(lacks).all():
            return
        before, was = self.seen or (self.matrix, drawn)
        moved = np.where(np.isnan(lacks + was), 0.0, self.matrix - before)
        if (square := (moved * moved).sum()) > 0:
            self.slope = float(np.clip((moved * np.nan_to_num(drawn - was)).sum() / square, FLATTEST, 1.0))
        self.seen = self.matrix, drawn
        self.matrix = _nearest(np.clip(self.matrix + np.nan_to_num(lacks) / self.slope, -MOST, MOST))

    @property
    def done(self) -> Correlated | None:
        plain = np.array_equal(self.matrix, np.eye(len(self.matrix)))
        return None if plain else Correlated(self.channels, self.matrix)


def _correlations(z: Floats, there: np.ndarray) -> Floats:
    """[m, m] of numbers [n, m], each of the rows that have both; NaN of too few, and on the diagonal."""
    x = np.where(there, z, 0.0)
    n = there.T.astype(np.float64) @ there
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = x.T @ there / n
        square = (x * x).T @ there / n - mean**2
        found = (x.T @ x / n - mean * mean.T) / np.sqrt(square * square.T)
    found[(n < PAIRED) | (square <= 0) | (square.T <= 0)] = np.nan
    np.fill_diagonal(found, np.nan)
    return found


def _nearest(matrix: Floats) -> Floats:
    """A correlation matrix near one that is symmetric: its eigenvalues are LEAST and more."""
    matrix = (matrix + matrix.T) / 2
    np.fill_diagonal(matrix, 1.0)
    values, vectors = np.linalg.eigh(matrix)
    matrix = (vectors * values.clip(min=LEAST)) @ vectors.T
    scale = np.sqrt(np.diag(matrix))
    return matrix / scale[:, None] / scale
