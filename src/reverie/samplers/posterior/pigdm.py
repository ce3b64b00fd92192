"""Pseudo-inverse guided diffusion models (Song et al. 2023, equations 7 and 8).

    V = (sigma^2 / a) d x_0-hat / d x_t,   S = r^2 A A^T + R,   r^2 = sigma^2 d^2 / (sigma^2 + a^2 d^2)

r^2 is the variance of x_0 given x_t where data is N(0, d^2 I). S is solved by conjugate gradients, which ask the denoiser
nothing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from torch import Tensor

from reverie.errors import UsageError
from reverie.samplers.posterior.gaussian import Seen, conjugate_gradients, spread
from reverie.samplers.posterior.method import Guidance

__all__ = ["PiGDM", "unlike"]

ITERATIONS = 30
"""Of the conjugate gradients; of a mask one is enough."""


@dataclass(frozen=True)
class PiGDM(Guidance):
    """S as of data without correlations, of deviation `std`."""

    std: float = 1.0

    def __post_init__(self) -> None:
        if not (math.isfinite(self.std) and self.std > 0):
            raise UsageError(f"std, the deviation of the data, is a number above 0, not {self.std}.")

    @property
    def backward(self) -> int:
        return 1

    def shift(self, seen: Seen) -> Tensor:
        return seen.covariance(seen.back(unlike(seen, self.std)))


def unlike(seen: Seen, std: float) -> Tensor:
    """S^-1 (y - A x_0-hat)."""
    r2 = spread(seen.prediction, seen.prediction.clean, std)

    def apply(p: Tensor) -> tuple[Tensor, Tensor]:
        along = r2 * seen.back(p)
        return seen.seen(along) + seen.variance * p, along

    diagonal = seen.variance + spread(seen.prediction, seen.residual, std)
    return conjugate_gradients(apply, seen.residual, ITERATIONS, diagonal)[0]
