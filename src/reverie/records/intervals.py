"""A value is an interval of the normal line.

A value x that makes up the share Phi(b) - Phi(a) of a column owns the interval (a, b) of a standard normal score. It is
encoded by a draw and decoded by a question:

    encode   z ~ N(0, 1) given a < z < b
    decode   whose interval is z in?

so decoding inverts encoding exactly, and the scores of the whole column are N(0, 1) whatever its distribution: ties, atoms
and levels too. A number that is known exactly is the interval a = b. Scores end at +-REACH.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

__all__ = ["REACH", "Floats", "between", "drawn_in", "inside", "scored"]

Floats = NDArray[np.float64]

REACH = 8.0
"""The largest score in size: the normal distribution has 1e-15 beyond it."""

_MARGIN = 1e-3
"""Share of an interval left out at either end, so that no rounding can carry a draw across."""


def between(lower: Tensor, upper: Tensor, uniforms: Tensor) -> Tensor:
    """N(0, 1) given lower < z < upper, by inversion: uniforms in [0, 1) give z. All of one shape; float64 out, NaN kept."""
    a, b = (torch.erf(end.double() / math.sqrt(2)) for end in (lower, upper))
    z = math.sqrt(2) * torch.erfinv(a + (b - a) * uniforms)
    return torch.minimum(torch.maximum(z, lower), upper)


def drawn_in(ends: Tensor, generator: torch.Generator | None, lengths: Tensor | None = None) -> Tensor:
    """Scores, float32 [n, w], drawn in intervals whose ends are [2, n, w], NaN kept; their medians without a generator.
    Those of one patient, so many each, share a draw: a level that stays keeps its score, so what changes can be seen to."""
    shape = ends.shape[1] if lengths is None else len(lengths), ends.shape[2]
    uniforms = torch.full(shape, 0.5) if generator is None else torch.rand(shape, generator=generator)
    return between(ends[0], ends[1], uniforms if lengths is None else torch.repeat_interleave(uniforms, lengths, 0)).float()


def inside(lower: Floats, upper: Floats) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The ends in float32, drawn in so that every float32 between them is inside the interval.

    An interval that holds no such float32 (narrower than one part in ten million) becomes the float32 nearest its middle.
    """
    lower, upper = np.clip(lower, -REACH, REACH), np.clip(upper, -REACH, REACH)
    margin = np.minimum(_MARGIN * (upper - lower), 1e-6)
    a, b = _rounded(lower + margin, np.inf), _rounded(upper - margin, -np.inf)
    middle = ((lower + upper) / 2).astype(np.float32)
    crossed = (a > b) | (lower == upper)
    return np.where(crossed, middle, a), np.where(crossed, middle, b)


def scored(lower: Floats, upper: Floats, generator: torch.Generator | None = None) -> Tensor:
    """Scores, float32 of the shape of the ends, drawn in intervals that codes give; in their middles without a generator."""
    low, high = inside(lower, upper)
    if generator is None:
        return torch.from_numpy((low + high) / 2)
    return between(torch.from_numpy(low), torch.from_numpy(high), torch.rand(low.shape, generator=generator)).float()


def _rounded(x: Floats, towards: float) -> NDArray[np.float32]:
    near = x.astype(np.float32)
    short = near < x if towards > 0 else near > x
    return np.where(short, np.nextafter(near, np.float32(towards)), near)
