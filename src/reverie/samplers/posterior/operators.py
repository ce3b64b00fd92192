"""What a measurement looks at: y = A(x_0), x_0 [B, ...] to y [B, ...].

    mask        the known entries, and 0 elsewhere
    separable   a matrix along each of the last axes: blur, downsampling
    linear      any matrix, of the entries of a sample
    function    anything that can be differentiated; methods see its tangent at x_0-hat

Where an operator needs its transpose, that is the pull-back of autograd: it cannot disagree with the operator.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from numbers import Real

import torch
from torch import Tensor

from reverie.errors import UsageError
from reverie.process.path import shown

__all__ = ["Function", "Linear", "Mask", "Operator", "Separable", "blur", "downsampling", "fits_into"]

REACH = 4.0
"""A Gaussian kernel is cut off at so many standard deviations."""


WIDEST = 1e4
"""The deviation of a blur: one of more entries leaves the mean alone."""


class Operator:
    """A map of samples to measurements, row by row."""

    def __call__(self, x: Tensor) -> Tensor:
        """A(x). Raises UsageError for samples that the operator does not fit."""
        raise NotImplementedError

    def tangent(self, at: Tensor, v: Tensor) -> Tensor:
        """The derivative of A at `at`, applied to v; of a linear operator A v."""
        return self(v)

    def adjoint(self, at: Tensor, w: Tensor) -> Tensor:
        """The transpose of the derivative at `at`, applied to w [B, ...] of the measurement's shape."""
        with torch.enable_grad():
            x = at.detach().requires_grad_()
            seen = self(x)
            if not seen.requires_grad:
                raise UsageError(
                    "the function of the operator cannot be differentiated: compute it of its tensor by torch alone, with "
                    "nothing detached."
                )
            return torch.autograd.grad(seen, x, w)[0]


@dataclass(frozen=True, eq=False)
class Mask(Operator):
    """x where it is known, 0 elsewhere.

    Args:
        known: bool, broadcasts against a batch.
    """

    known: Tensor

    def __post_init__(self) -> None:
        if self.known.dtype != torch.bool:
            raise UsageError(f"a mask is bool, True where a value is known, not {self.known.dtype}.")

    def __call__(self, x: Tensor) -> Tensor:
        if not fits_into(self.known, x):
            sizes = f"{list(self.known.shape)} and a sample {list(x.shape[1:])}"
            raise UsageError(f"the mask is {sizes}: give one that fits it.")
        return torch.where(self.known.to(x.device), x, 0.0)

    def adjoint(self, at: Tensor, w: Tensor) -> Tensor:
        return self(w)


@dataclass(frozen=True, eq=False)
class Separable(Operator):
    """A matrix [m, n] along each of the last axes, the last matrix along the last one."""

    matrices: tuple[Tensor, ...]

    def __post_init__(self) -> None:
        if not self.matrices:
            raise UsageError("a separable operator has a matrix for the last axis at least, and none was given.")
        for matrix in self.matrices:
            _check_matrix(matrix)

    def __call__(self, x: Tensor) -> Tensor:
        sizes = [matrix.shape[1] for matrix in self.matrices]
        if x.ndim <= len(sizes) or list(x.shape[-len(sizes) :]) != sizes:
            raise UsageError(f"the operator is of samples that end in {sizes}, but a sample is {list(x.shape[1:])}.")
        return self._along(x, [matrix.to(x) for matrix in self.matrices])

    def adjoint(self, at: Tensor, w: Tensor) -> Tensor:
        return self._along(w, [matrix.to(w).T for matrix in self.matrices])

    @staticmethod
    def _along(x: Tensor, matrices: Sequence[Tensor]) -> Tensor:
        for axis, matrix in enumerate(reversed(matrices), start=1):
            x = (x.movedim(-axis, -1) @ matrix.T).movedim(-1, -axis)
        return x


@dataclass(frozen=True, eq=False)
class Linear(Operator):
    """A matrix [m, n] times the n entries of a sample: y is [B, m]."""

    matrix: Tensor

    def __post_init__(self) -> None:
        _check_matrix(self.matrix)

    def __call__(self, x: Tensor) -> Tensor:
        entries = x[0].numel() if len(x) else self.matrix.shape[1]
        if entries != self.matrix.shape[1]:
            raise UsageError(f"the matrix takes {self.matrix.shape[1]} numbers, but a sample has {entries}.")
        return x.flatten(1) @ self.matrix.to(x).T


@dataclass(frozen=True, eq=False)
class Function(Operator):
    """Any differentiable function of a batch, row by row; methods that need a matrix take its tangent."""

    function: Callable[[Tensor], Tensor]

    def __call__(self, x: Tensor) -> Tensor:
        seen = self.function(x)
        if not (isinstance(seen, Tensor) and seen.is_floating_point() and seen.shape[:1] == x.shape[:1]):
            raise UsageError(
                f"the function of an operator gives a real tensor with a row for each of the {len(x)} samples, not "
                f"{shown(seen)}: of complex numbers give both parts, as torch.view_as_real does."
            )
        return seen

    def tangent(self, at: Tensor, v: Tensor) -> Tensor:
        return torch.func.jvp(self.function, (at.detach(),), (v,))[1]


def fits_into(one: Tensor, whole: Tensor) -> bool:
    """Whether one broadcasts to the shape of the other."""
    try:
        return torch.broadcast_shapes(one.shape, whole.shape) == whole.shape
    except RuntimeError:
        return False


def blur(shape: Sequence[int], std: float) -> Separable:
    """A Gaussian blur of samples that end in `shape`, `std` in entries; beyond an edge lies what is before it, mirrored."""
    if not (isinstance(std, Real) and 0 < std <= WIDEST):
        raise UsageError(f"a blur has a standard deviation above 0 and at most {WIDEST:g} entries, not {std}.")
    return Separable(tuple(_gaussian(size, std) for size in shape))


def downsampling(shape: Sequence[int], factor: int) -> Separable:
    """Means over blocks of `factor` entries along each axis of samples that end in `shape`. Raises UsageError where they do
    not divide."""
    for size in shape:
        if isinstance(factor, bool) or not isinstance(factor, int) or factor < 1 or size % factor:
            raise UsageError(f"{size} entries cannot be taken {factor!r} at a time: give a `factor` that divides {size}.")
    blocks = (torch.eye(size // factor, dtype=torch.float64) for size in shape)
    return Separable(tuple(block.repeat_interleave(factor, 1) / factor for block in blocks))


def _check_matrix(matrix: Tensor) -> None:
    """Raises UsageError unless it is a matrix [m, n] of finite real numbers."""
    if not isinstance(matrix, Tensor) or matrix.ndim != 2 or not matrix.numel() or matrix.is_complex():
        raise UsageError(f"a linear operator is a real matrix [m, n], a tensor, not {shown(matrix)}.")
    if not bool(torch.isfinite(matrix).all()):
        raise UsageError("a matrix of an operator holds numbers that are not finite: replace them.")


def _gaussian(size: int, std: float) -> Tensor:
    """The blur of one axis, [size, size]; each row sums to 1."""
    reach = math.ceil(REACH * std)
    offsets = torch.arange(-reach, reach + 1)
    kernel = torch.exp(-0.5 * (offsets.double() / std) ** 2)
    places = (torch.arange(size)[:, None] + offsets) % (2 * size)  # mirrored at both edges, as often as it takes
    places = torch.minimum(places, 2 * size - 1 - places)
    matrix = torch.zeros(size, size, dtype=torch.float64)
    matrix.scatter_add_(1, places, (kernel / kernel.sum()).expand(size, -1).contiguous())
    return matrix
