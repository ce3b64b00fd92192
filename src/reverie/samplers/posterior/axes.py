"""The axes of a linear operator: directions of x_0 that it sees each by itself, A = U diag(s) V^T.

A copy z = x_0 + eta n of x_0, and y = A z + m, of which the noise m has along each axis what R leaves of eta^2 s^2:

    y given x_0    variance max(R, eta^2 s^2) along each axis: R itself, once eta is small enough
    z given both   along each axis   (z - x_0) = g (y - A x_0) + sqrt(1 - g s) eta n,   g = eta^2 s / max(R, eta^2 s^2)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from reverie.samplers.posterior.measurement import Measurement
from reverie.samplers.posterior.operators import Linear, Mask, Separable

__all__ = ["Axes", "axes_of"]


@dataclass(frozen=True, eq=False)
class Axes:
    """Of an operator whose measurement has noise of variance R along each.

    Attributes:
        s: how strongly each is seen, broadcasts against what `into` gives.
        variance: R.
        into: V^T x.
        turned: U^T y.
        back: V c.
    """

    s: Tensor
    variance: Tensor
    into: Callable[[Tensor], Tensor]
    turned: Callable[[Tensor], Tensor]
    back: Callable[[Tensor], Tensor]

    def agreeing(self, away: Tensor, gap: Tensor, eta: float) -> Tensor:
        """z - x_0 given y, from away = eta n and gap = y - A x_0."""
        told = (self.variance.maximum(eta**2 * self.s**2)).clamp_min(1e-30)
        gain = eta**2 * self.s / told
        seen = self.into(away)
        moved = gain * self.turned(gap) + (1 - gain * self.s).clamp_min(0).sqrt() * seen
        return away + self.back(moved - seen)

    @property
    def fine(self) -> float:
        """The eta below which y given x_0 has no more noise than R along any axis; 0 where some R is 0."""
        strongest = float(self.s.max())
        return float(self.variance.min()) ** 0.5 / strongest if strongest else 0.0


def axes_of(measurement: Measurement, like: Tensor) -> Axes | None:
    """Those of a mask, or of matrices where all entries of y have one variance; None of others."""
    operator, variance = measurement.operator, measurement.variance(like)
    if isinstance(operator, Mask):
        known = operator(torch.ones_like(like))
        return Axes(known, variance, lambda x: x, lambda y: y, lambda c: c)
    if float(variance.min()) != float(variance.max()):
        return None
    matrices = (
        operator.matrices if isinstance(operator, Separable) else [operator.matrix] if isinstance(operator, Linear) else []
    )
    parts = [torch.linalg.svd(matrix.to(like), full_matrices=False) for matrix in matrices]
    if not parts:
        return None
    s = parts[0].S
    for part in parts[1:]:
        s = s[..., None] * part.S
    if isinstance(operator, Linear):
        U, _, V = parts[0]
        return Axes(
            s,
            variance.amin(),
            lambda x: x.flatten(1) @ V.T,
            lambda y: y @ U,
            lambda c: (c @ V).reshape(c.shape[:1] + like.shape[1:]),
        )
    into, turned = Separable(tuple(part.Vh for part in parts)), Separable(tuple(part.U.T for part in parts))
    return Axes(s, variance.amin(), into, turned, lambda c: into.adjoint(c, c))
