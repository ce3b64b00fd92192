"""Changing what is there instead of making something new.

img2img       x_t = sqrt(alpha_bar_t) x_0 + sqrt(1 - alpha_bar_t) eps, then the reverse from t   (Meng et al. 2022, SDEdit)
interpolate   sin((1 - w) theta)/sin(theta) a + sin(w theta)/sin(theta) b, theta the angle between a and b: of two
              Gaussian states one of the same length                                      (Shoemake 1985; Song et al. 2021)

What fills a hole, or fits another measurement, is in `posterior`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from reverie.denoisers.conditions import Condition
from reverie.denoisers.denoiser import Denoiser
from reverie.process.randomness import Generators, draw
from reverie.samplers.sampler import Sampler, sample

__all__ = ["grid_from", "img2img", "interpolate"]


def grid_from(grid: Sequence[float], t: float) -> tuple[float, ...]:
    """The grid from level t on: t, then the levels of the grid below it."""
    return (t, *(level for level in grid if level < t))


def img2img(
    denoiser: Denoiser,
    sampler: Sampler,
    grid: Sequence[float],
    x_0: Tensor,
    generator: Generators,
    condition: Condition | None = None,
    on_step: Callable[[int, int], None] | None = None,
) -> Tensor:
    """x_0 brought to the noise level grid[0] and back; the lower the level, the more of it stays."""
    x_t = denoiser.process.corrupt(x_0, grid[0], draw(x_0, generator))
    return sample(denoiser, sampler, grid, x_t, generator, condition, on_step)


def interpolate(a: Tensor, b: Tensor, weights: Tensor) -> Tensor:
    """States [len(weights), ...] on the arc from a (weight 0) to b (weight 1), each of one sample; the ends are exact."""
    cosine = torch.nn.functional.cosine_similarity(a.flatten().double(), b.flatten().double(), 0).clamp(-1, 1)
    theta = torch.arccos(cosine)
    w = weights.double().reshape(-1, *[1] * a.ndim)
    if float(theta.sin()) < 1e-6:  # nearly one direction, or opposite ones, between which no arc is the shortest
        of_a, of_b = 1 - w, w
    else:
        of_a, of_b = ((1 - w) * theta).sin() / theta.sin(), (w * theta).sin() / theta.sin()
    states = of_a.to(a) * a + of_b.to(a) * b
    states[weights == 0], states[weights == 1] = a, b
    return states
