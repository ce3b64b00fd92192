"""Changing what is there instead of making something new.

img2img       x_t = sqrt(alpha_bar_t) x_0 + sqrt(1 - alpha_bar_t) eps, then the reverse from t   (Meng et al. 2022, SDEdit)
inpaint       x_0-hat is replaced by x_0 where it is known, so that part of the state stays on its way to x_0
              (Wang et al. 2023, equation 13); each stretch of steps is gone back by the forward process and done again,
              so that the rest comes to fit it                                            (Lugmayr et al. 2022, algorithm 1)
interpolate   sin((1 - w) theta)/sin(theta) a + sin(w theta)/sin(theta) b, theta the angle between a and b: of two
              Gaussian states one of the same length                                      (Shoemake 1985; Song et al. 2021)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from reverie.denoisers.conditions import Condition
from reverie.denoisers.denoiser import Denoiser
from reverie.denoisers.wrappers import Inpainting
from reverie.errors import UsageError
from reverie.process.randomness import Generators, draw
from reverie.samplers.grid import check_grid
from reverie.samplers.sampler import Sampler, sample

__all__ = ["grid_from", "img2img", "inpaint", "interpolate"]


def grid_from(grid: Sequence[int], t: int) -> tuple[int, ...]:
    """The grid from level t on: t, then the levels of the grid below it."""
    return (t, *(level for level in grid if level < t))


def img2img(
    denoiser: Denoiser,
    sampler: Sampler,
    grid: Sequence[int],
    x_0: Tensor,
    generator: Generators,
    condition: Condition | None = None,
    on_step: Callable[[int, int], None] | None = None,
) -> Tensor:
    """x_0 brought to the noise level grid[0] and back; the lower the level, the more of it stays."""
    x_t = denoiser.process.corrupt(x_0, grid[0], draw(x_0, generator))
    return sample(denoiser, sampler, grid, x_t, generator, condition, on_step)


def inpaint(
    denoiser: Denoiser,
    sampler: Sampler,
    grid: Sequence[int],
    x: Tensor,
    x_0: Tensor,
    known: Tensor,
    generator: Generators,
    condition: Condition | None = None,
    repeats: int = 1,
    stretch: int = 4,
    on_step: Callable[[int, int], None] | None = None,
) -> Tensor:
    """A sample that is x_0 where it is known, bit for bit, and fits it elsewhere.

    Args:
        x: the state at grid[0], [B, ...].
        x_0, known: what is there, and bool, where; both broadcast against x.
        repeats: how often each stretch is done; network calls are as many times those of sampling.
        stretch: steps that are gone back at a time.
    """
    if repeats < 1 or stretch < 1:
        raise UsageError(f"repeats and stretch are whole numbers above 0, not {repeats} and {stretch}.")
    process = denoiser.process
    grid = check_grid(process.schedule, grid)
    inpainting = Inpainting(denoiser, x_0, known)
    parts = [grid] if repeats == 1 else [grid[i : i + stretch + 1] for i in range(0, len(grid) - 1, stretch)]
    total, done = repeats * (len(grid) - 1), 0
    for part in parts:
        for turn in range(repeats):
            if turn:
                way = process.transition(x, part[-1], part[0])
                x = way.mean + way.variance.sqrt() * draw(x, generator)
            x = sample(inpainting, sampler, part, x, generator, condition)
            done += len(part) - 1
            if on_step:
                on_step(done, total)
    return torch.where(known, x_0.to(x), x)


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
