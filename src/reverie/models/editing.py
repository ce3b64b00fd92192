"""Pictures changed by a model of pictures: made over from a noise level, taken back to their noise, and between. (Filled in,
upscaled and deblurred they are in `restoring` and `own_size`.)

Whatever is drawn is a function of the seed; pictures are uint8 [N, H, W, C] of the size of the model's.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np
import torch
from torch import Tensor

from reverie.errors import UsageError
from reverie.models import few_calls
from reverie.models.method import Method
from reverie.models.own_size import inpaint_whole
from reverie.models.pictures import PictureModel
from reverie.models.restoring import as_array, deblur, fitted, hole_of, inpaint, upscale
from reverie.samplers import DDIM, editing, invert, sample

__all__ = [
    "Inverted",
    "deblur",
    "fitted",
    "hole_of",
    "image_to_image",
    "inpaint",
    "inpaint_whole",
    "interpolate",
    "inverted",
    "upscale",
]

OnStep = Callable[[int, int], None]

LEAST_SIGNAL = 0.01
"""Share of the state, its root sum of squares, that is the picture at the level up to which pictures are inverted: above it
a state keeps nothing that could be retraced."""

TOLERANCE = 1e-4
"""How far a step of the way back may miss where its inverse is taken as found; a grey level is 0.008."""

ITERATIONS = 100
"""For one step of an inversion, at most; where it can be solved, about ten do."""


def image_to_image(
    model: PictureModel,
    picture: np.ndarray,
    level: float,
    count: int = 1,
    seed: int = 0,
    on_step: OnStep | None = None,
    **settings: Any,
) -> np.ndarray:
    """`count` pictures made over from `picture` [H, W, C]: noise up to the share `level` of T, or of the way along a path in
    continuous time (NoisePath.at_progress), then the reverse.

    At 0 it is the picture, at 1 nothing of it is left. `settings` are those of PictureModel.method.
    """
    few_calls.refuse(model.config, "make a picture over", mean=False)
    picture = as_array(picture)
    if not (isinstance(level, Real) and 0 <= level <= 1):
        raise UsageError(f"the noise level to start from is a share of T in 0..1, not {level}.")
    method = model.method(**settings)
    t = model.process.schedule.at_progress(level)
    if t == 0:
        return np.repeat(picture[None], count, 0)
    _, noise, condition = model.start(method, count, seed)
    x_0 = model.encode(np.repeat(picture[None], count, 0))
    grid = editing.grid_from(method.grid, t)
    return model.decode(editing.img2img(method.denoiser, method.sampler, grid, x_0, noise, condition, on_step))


@dataclass(frozen=True, eq=False)
class Inverted:
    """Pictures taken back to their noise, and what comes of it again.

    Attributes:
        noise: the states at grid[0], [N, *shape].
        grid: the levels that lead from there to 0.
        pictures: what sampling from the noise gives.
        error: mean absolute difference to what was given, in grey levels of 255.
        residual: float [N]; how far a step of the way back misses the state that its start was sought for, at most over the
            steps and the entries of each picture, in units of the states, of which a picture spans 2. Not above `tolerance`
            where every step was solved.
        method: how they are sampled.
    """

    noise: Tensor
    grid: tuple[float, ...]
    pictures: np.ndarray
    error: float
    residual: np.ndarray
    method: Method
    tolerance: float = TOLERANCE

    @property
    def note(self) -> str | None:
        """What is to be said of it where a step could not be solved."""
        if (missed := float(self.residual.max())) <= self.tolerance:
            return None
        return (
            f"The noise is not exact: a step of the way back misses by up to {missed:.2g}, where {self.tolerance:g} was "
            f"sought, and what comes back differs by {self.error:.2g} grey levels on average. More steps bring it nearer, "
            "or a model that was trained for longer."
        )


def inverted(
    model: PictureModel,
    pictures: np.ndarray,
    steps: int = 50,
    where: Any = None,
    clip: bool = False,
    on_step: OnStep | None = None,
) -> Inverted:
    """Pictures [N, H, W, C] taken to their noise by the inverse of DDIM, which samples back to them.

    The walk ends where the signal is a hundredth, for above nothing could be retraced. Where a step cannot be solved, as can
    be of a model that has learned little, the nearest is taken, and `residual` and `note` say how near that is. `on_step` is
    called with the steps done, up and down, and their number.
    """
    few_calls.refuse(model.config, "take a picture back to its noise")
    pictures = as_array(pictures)
    method = model.method(sampler="ddim", steps=steps, where=where, clip=clip, exact=True)
    level = model.process.schedule.level
    grid = tuple(t for t in method.grid if level(t).alpha >= LEAST_SIGNAL * math.hypot(level(t).alpha, level(t).sigma))
    condition = method.condition(len(pictures))
    residual = torch.zeros(len(pictures), device=model.device)
    x, up = model.encode(pictures), len(grid) - 1
    told = on_step or (lambda done, total: None)
    for done, point in enumerate(invert(method.denoiser, grid, x, condition, TOLERANCE, ITERATIONS)):
        x = point.x
        if point.residual is not None:
            residual = torch.maximum(residual, point.residual)
            told(done, 2 * up)
    down = sample(method.denoiser, DDIM(), grid, x, condition=condition, on_step=lambda done, _: told(up + done, 2 * up))
    again = model.decode(down)
    error = float(np.abs(again.astype(np.int16) - pictures).mean())
    return Inverted(x, grid, again, error, residual.double().cpu().numpy(), method)


def interpolate(
    model: PictureModel,
    pictures: np.ndarray | Inverted,
    count: int = 9,
    steps: int = 50,
    where: Any = None,
    clip: bool = False,
) -> np.ndarray:
    """`count` pictures from the first of two to the second, [count, H, W, C]: both inverted, the arc between sampled.

    The first and the last are what inversion gives back of the two. A class that is asked for holds for all. Of two that are
    `Inverted` already, steps, where and clip are theirs.
    """
    given = len(pictures.noise) if isinstance(pictures, Inverted) else len(pictures)
    if given != 2 or count < 2:
        raise UsageError(f"interpolation is between two pictures, in 2 steps or more, not {given} in {count}.")
    ends = pictures if isinstance(pictures, Inverted) else inverted(model, pictures, steps, where, clip)
    states = editing.interpolate(ends.noise[0], ends.noise[1], torch.linspace(0, 1, count))
    method = ends.method
    return model.decode(sample(method.denoiser, DDIM(), ends.grid, states, condition=method.condition(count)))
