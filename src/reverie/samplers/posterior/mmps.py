"""Moment matching posterior sampling (Rozet et al. 2024, algorithm 1 and section 4).

    V = (sigma^2 / a) d x_0-hat / d x_t,   S = A V A^T + R,   S^-1 by conjugate gradients

Each of their iterations is a pass back through the denoiser. The paper takes few; they find the directions in which x_0 is
least certain first, and those are what a measurement decides.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from reverie.errors import UsageError
from reverie.samplers.posterior.gaussian import Seen, conjugate_gradients, spread
from reverie.samplers.posterior.method import Guidance

__all__ = ["MMPS"]


@dataclass(frozen=True)
class MMPS(Guidance):
    """V and S as they are, S solved in so many iterations."""

    iterations: int = 3

    def __post_init__(self) -> None:
        if isinstance(self.iterations, bool) or not isinstance(self.iterations, int) or self.iterations < 1:
            raise UsageError(f"iterations is a whole number above 0, not {self.iterations!r}.")

    @property
    def backward(self) -> int:
        return self.iterations

    def shift(self, seen: Seen) -> Tensor:
        def apply(p: Tensor) -> tuple[Tensor, Tensor]:
            along = seen.covariance(seen.back(p))
            return seen.seen(along) + seen.variance * p, along

        diagonal = seen.variance + spread(seen.prediction, seen.residual)
        return conjugate_gradients(apply, seen.residual, self.iterations, diagonal)[1]
