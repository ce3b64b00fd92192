"""Examples of points in the plane, drawn as a person would: each a function of a place 0 <= u < 1 along the shape.

x_i = shape(u_i) + width z_i,   u_i = i times the golden ratio, modulo 1, so that any number of points is spread evenly
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from reverie.errors import unknown
from reverie.process import generator

__all__ = ["SHAPES", "shape_points"]

GOLDEN = (math.sqrt(5) - 1) / 2
COUNT = 400
LETTER = 0.6
"""Half the height of a letter."""


def _moons(u: Tensor) -> Tensor:
    upper, angle = u < 0.5, 2 * math.pi * u
    x = torch.where(upper, angle.cos() - 0.5, angle.cos() + 0.5)
    return 1.15 * torch.stack([x, angle.sin() + torch.where(upper, -0.25, 0.25)], 1)


def _spiral(u: Tensor) -> Tensor:
    radius, angle = 2.0 * (0.04 + 0.96 * u).sqrt(), 3.5 * math.pi * (0.04 + 0.96 * u).sqrt()
    return torch.stack([radius * angle.cos(), radius * angle.sin()], 1)


def _rings(u: Tensor) -> Tensor:
    radius = torch.where(u < 1 / 3, 0.9, 1.8)
    angle = 2 * math.pi * torch.where(u < 1 / 3, 3 * u, 1.5 * (u - 1 / 3))
    return torch.stack([radius * angle.cos(), radius * angle.sin()], 1)


def _gaussians(u: Tensor) -> Tensor:
    angle = 2 * math.pi / 8 * (8 * u).floor()
    return 1.7 * torch.stack([angle.cos(), angle.sin()], 1)


def _letters(u: Tensor) -> Tensor:
    """DDPM, in strokes from (x, y) to (x, y) of boxes one wide and two high."""
    d = [(0, 0, 0, 2), (0, 2, 0.6, 2), (0.6, 2, 1, 1.5), (1, 1.5, 1, 0.5), (1, 0.5, 0.6, 0), (0.6, 0, 0, 0)]
    p = [(0, 0, 0, 2), (0, 2, 1, 2), (1, 2, 1, 1), (1, 1, 0, 1)]
    m = [(0, 0, 0, 2), (0, 2, 0.5, 0.9), (0.5, 0.9, 1, 2), (1, 2, 1, 0)]
    strokes = torch.tensor(
        [[x + 1.5 * i, y, to_x + 1.5 * i, to_y] for i, box in enumerate((d, d, p, m)) for x, y, to_x, to_y in box]
    ).double()
    start, end = strokes[:, :2], strokes[:, 2:]
    along = (end - start).norm(dim=1).cumsum(0)
    place = u * along[-1]
    k = torch.searchsorted(along, place, right=True).clamp(max=len(along) - 1)
    before = torch.cat([along[:1] * 0, along[:-1]])[k]
    part = ((place - before) / (along[k] - before))[:, None]
    return LETTER * ((1 - part) * start[k] + part * end[k] - torch.tensor([2.75, 1.0]))


SHAPES: dict[str, tuple[Callable[[Tensor], Tensor], float]] = {
    "two-moons": (_moons, 0.07),
    "spiral": (_spiral, 0.05),
    "rings": (_rings, 0.05),
    "eight-gaussians": (_gaussians, 0.12),
    "letters": (_letters, 0.02),
}
"""Each with the width of its line."""


def shape_points(name: str) -> Tensor:
    """The points of an example: float64 [400, 2], always the same. Raises UsageError for an unknown name."""
    if name not in SHAPES:
        raise unknown("shape", name, SHAPES)
    shape, width = SHAPES[name]
    u = (torch.arange(COUNT, dtype=torch.float64) * GOLDEN) % 1
    z = torch.randn(COUNT, 2, generator=generator(0, "shape", name), dtype=torch.float64)
    return ((shape(u) + width * z) * 1000).round() / 1000
