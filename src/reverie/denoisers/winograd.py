"""Short convolutions over time with fewer products (Toom 1963, Cook 1966; Winograd 1980; Lavin and Gray 2016).

r taps against m outputs at a time, m = 4. With Vandermonde matrices E_k [n, k] of n = m + r - 1 points (0, 1, -1, 2, ..
and infinity), polynomials a and g of m and r coefficients have the product E_n^{-1} (E_m a . E_r g). Transposed, that is

    y = A^T ((G g) . (B x)),    A = E_m,   G = E_r / N,   B = N E_n^{-T},   N diagonal, so that B is whole

the outputs y of a convolution (correlation): n products do the work of m r, half for 3 taps, 5/8 for 2. Over channels
each product is one of matrices, and both gradients have the same form with as few. Exact but for rounding.

Time comes first, [L, B, C]: a transform is then a matrix product over rows that are whole in memory.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

__all__ = ["convolve", "halve", "transforms", "unhalve"]

M = 4
"""Outputs of a tile. 6 would save another ninth of the products and lose a digit."""


def convolve(x: Tensor, weight: Tensor) -> Tensor:
    """[L, B, C] -> [L, B, C']: y_l = sum_k x_{l+k-1} W_k with zeros beyond both ends; weight [3, C, C']."""
    a, g, b = transforms(3, x.dtype, x.device)
    kernel = torch.tensordot(g, weight, 1)
    return Tiled.apply(x, kernel, b, a.T, 1, len(x))


def halve(x: Tensor, weight: Tensor) -> Tensor:
    """[L, B, C] -> [ceil(L / 2), B, C']: y_l = sum_k x_{2l+k-1} W_k; weight [4, C, C'].

    Over pairs of rows (x_{2l-1}, x_{2l}) it is a convolution of two taps with twice the channels.
    """
    length = -(-len(x) // 2)
    a, g, b = transforms(2, x.dtype, x.device)
    kernel = torch.tensordot(g, weight.reshape(2, -1, weight.shape[2]), 1)
    rows = F.pad(x, (0, 0, 0, 0, 1, 2 * length + 1 - len(x)))
    pairs = rows.unflatten(0, (-1, 2)).transpose(1, 2).flatten(2)
    return Tiled.apply(pairs, kernel, b, a.T, 0, length)


def unhalve(x: Tensor, weight: Tensor) -> Tensor:
    """[L, B, C'] -> [2 L, B, C]: the transpose of `halve`; weight [4, C, C']."""
    a, g, b = transforms(2, x.dtype, x.device)
    kernel = torch.tensordot(g, weight.reshape(2, -1, weight.shape[2]), 1)
    pairs = Tiled.apply(x, kernel.transpose(1, 2), a, b.T, 0, len(x) + 1)
    return pairs.unflatten(2, (2, -1)).transpose(1, 2).flatten(0, 1)[1 : 2 * len(x) + 1]


class Tiled(Function):
    """y = out (kernel . (into x)) tile by tile, `length` rows of it, for x [L, B, C] after `before` rows of zeros.

    into [n, k] reads a tile of k rows every M rows, kernel [n, C, C'] multiplies, out [k', n] writes a tile of k' rows every
    M rows; where tiles overlap they add. Each gradient swaps into and out, transposed.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, kernel: Tensor, into: Tensor, out: Tensor, before: int, length: int) -> Tensor:
        tiles = -(-(length - len(out) + M) // M)
        read = _read(into, _placed(x, before, M * tiles + into.shape[1] - M))
        ctx.save_for_backward(read, kernel, into, out)
        ctx.rows = slice(before, before + len(x))
        y = _write(out, torch.bmm(read.flatten(1, 2), kernel).view(*read.shape[:3], -1))
        return y[:length]

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, None, None, None, None]:  # pyright: ignore
        read, kernel, into, out = ctx.saved_tensors
        grad = _read(out.T, _placed(grad, 0, M * read.shape[1] + len(out) - M))
        by_kernel = torch.bmm(read.flatten(1, 2).transpose(1, 2), grad.flatten(1, 2))
        by_read = torch.bmm(grad.flatten(1, 2), kernel.transpose(1, 2)).view_as(read)
        by_x = _write(into.T, by_read)[ctx.rows]
        return by_x, by_kernel, None, None, None, None


def _read(matrix: Tensor, x: Tensor) -> Tensor:
    """[n, k] over x [M T + k - M, B, C] -> [n, T, B, C]: each tile's n sums of its k rows."""
    (n, k), (rows, batch, channels) = matrix.shape, x.shape
    row, tiles = batch * channels, (rows - k) // M + 1
    cut = x.as_strided((tiles, k, row), (M * row, row, 1))
    read = x.new_empty(n, tiles, row)
    torch.bmm(matrix.expand(tiles, n, k), cut, out=read.transpose(0, 1))
    return read.view(n, tiles, batch, channels)


def _write(matrix: Tensor, products: Tensor) -> Tensor:
    """[k, n] over products [n, T, B, C] -> [M T + k - M, B, C]: k rows from each tile, added where tiles overlap."""
    (k, n), (_, tiles, batch, channels) = matrix.shape, products.shape
    rows = torch.bmm(matrix.expand(tiles, k, n), products.flatten(2).transpose(0, 1))
    if k > M:
        whole = rows.new_zeros((tiles + 1) * M, batch * channels)
        whole[: tiles * M].view(tiles, M, -1).copy_(rows[:, :M])
        whole[M:].view(tiles, M, -1)[:, : k - M] += rows[:, M:]
        rows = whole[: tiles * M + k - M]
    return rows.view(-1, batch, channels)


def _placed(x: Tensor, before: int, rows: int) -> Tensor:
    """x [L, B, C] after `before` rows of zeros, with zeros up to `rows` rows in all; x itself if that is all of it."""
    if len(x) == rows:
        return x.contiguous()
    placed, after = x.new_empty(rows, *x.shape[1:]), before + len(x)
    placed[:before].zero_()
    placed[before:after].copy_(x)
    placed[after:].zero_()
    return placed


@cache
def transforms(taps: int, dtype: torch.dtype, device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    """A [n, M], G [n, taps], B [n, n] of F(M, taps), n = M + taps - 1."""
    n = M + taps - 1
    points = [0.0, 1.0, -1.0, 2.0, -2.0][: n - 1]

    def vandermonde(width: int) -> Tensor:
        powers = [[p**k for k in range(width)] for p in points]
        return torch.tensor([*powers, [0.0] * (width - 1) + [1.0]], dtype=torch.float64)

    scale = [1.0] * n
    for i, p in enumerate(points):
        for q in points[:i] + points[i + 1 :]:
            scale[i] *= p - q
    whole = torch.tensor(scale, dtype=torch.float64)[:, None]
    b = (whole * torch.linalg.inv(vandermonde(n)).T).round()
    return tuple(m.to(device, dtype) for m in (vandermonde(M), vandermonde(taps) / whole, b))  # pyright: ignore
