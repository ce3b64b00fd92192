"""Tweedie moment projected diffusions (Boys et al. 2023, section 4.2).

    V = (sigma^2 / a) d x_0-hat / d x_t,   S = diag(A V A^T 1) + R

The sums of the rows of A V A^T stand for its diagonal, so S is solved at once: exact where V is diagonal.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from reverie.samplers.posterior.gaussian import Seen, spread
from reverie.samplers.posterior.method import Guidance

__all__ = ["TMPD"]

LEAST = 0.05
"""Sums of rows may cancel, or be negative: they are taken as at least this share of those of data without correlations."""


@dataclass(frozen=True)
class TMPD(Guidance):
    """V as it is, S by the sums of its rows."""

    @property
    def backward(self) -> int:
        return 2

    def shift(self, seen: Seen) -> Tensor:
        rows = seen.seen(seen.covariance(seen.back(torch.ones_like(seen.residual))))
        rows = rows.maximum(LEAST * spread(seen.prediction, seen.residual))
        return seen.covariance(seen.back(seen.residual / (rows + seen.variance)))
