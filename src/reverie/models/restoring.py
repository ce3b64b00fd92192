"""Pictures of which something was seen: a part, a smaller copy, a blurred one; what else there was is drawn.

    y = A(x_0) + n,  x_0 ~ p(x_0 | y)      by the methods of samplers.posterior

Whatever is drawn is a function of the seed; pictures are uint8 [N, H, W, C] of the size of the model's.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from numbers import Real
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from reverie.errors import DataError, UsageError
from reverie.images import Pad, read_images
from reverie.images.levels import most_of
from reverie.models import few_calls
from reverie.models.pictures import PictureModel
from reverie.samplers.posterior import (
    GaussianNoise,
    Mask,
    Measurement,
    PosteriorSampler,
    Separable,
    blur,
    downsampling,
    named,
)
from reverie.samplers.posterior.registry import USUAL
from reverie.samplers.posterior.repaint import RePaint

__all__ = [
    "PASSES",
    "as_array",
    "deblur",
    "fitted",
    "hole_of",
    "inpaint",
    "levels_of",
    "method_of",
    "passes_of",
    "restored",
    "upscale",
]

OnStep = Callable[[int, int], None]

PASSES = 48
"""Through the network, forward and back, where no number of steps is asked for."""

GREY = 127.5
"""Grey levels in a unit of the states: black is -1, white 1."""


def fitted(model: PictureModel, picture: np.ndarray, channels: int | None = None, pad: Pad | None = None) -> np.ndarray:
    """A picture [H, W, C] of any size as the model's: brought to its size as those were that it was trained on (cut, padded
    or stretched), in its channels or those told; `pad` is another colour around it where they were padded."""
    picture = as_array(picture)
    codec, source = model.codec, model.config.source
    around = (pad or source.pad) if source.fit == "pad" else None
    size = (codec.height, codec.width)
    return read_images(picture[None], size, channels or codec.channels, source.fit, pad=around, bits=codec.bits).pixels[0]


def as_array(picture: Any) -> np.ndarray:
    """A picture that a program holds, as an array. Raises UsageError for what is none."""
    if not hasattr(picture, "shape"):
        raise UsageError(
            f"a picture is an array [H, W, C], such as read_images makes of a file, not of type {type(picture).__name__}."
        )
    return np.asarray(picture)


def hole_of(model: PictureModel, mask: np.ndarray, picture: np.ndarray, soft: bool = False) -> np.ndarray:
    """What `inpaint` is to fill: bool [H, W] of the model's size, True where the mask is nearer to white than to black.

    Args:
        mask: [h, w, C] or [h, w], brought to the model's size just as `fitted` brings the picture; levels, or 0 and 1, or
            False and True.
        picture: [h, w, C], as it was before that.
        soft: as float [H, W] instead, 0 where the mask is black .. 1 where it is white.

    Raises DataError for a mask of another size than the picture, of which other parts would be cut, and for one that is
    transparent in parts, of four channels.
    """
    if mask.shape[:2] != picture.shape[:2]:
        sizes = [f"{width} x {height}" for height, width in (mask.shape[:2], picture.shape[:2])]
        raise DataError(f"the mask is {sizes[0]} and the picture {sizes[1]} pixels: give a mask of the picture's own size.")
    grey = fitted(model, levels_of(mask), channels=1, pad="black")[:, :, 0]
    white = most_of(grey)
    return grey / white if soft else grey > white // 2


def levels_of(mask: np.ndarray) -> np.ndarray:
    """A mask whose white is 1, as those that mark a class have it, with white that is white; of four channels without the
    alpha. Raises DataError for one that is transparent in parts, which some programs mean as black and others as white."""
    if mask.ndim == 3 and mask.shape[2] == 4:
        if (mask[:, :, 3] < most_of(mask)).any():
            raise DataError(
                "the mask is transparent in parts, which may stand for black or for white: paint it white where new pixels "
                "are to be and black elsewhere, and nothing transparent."
            )
        mask = mask[:, :, :3]
    return mask > 0 if mask.dtype.kind in "ui" and mask.size and int(mask.max()) == 1 else mask


def method_of(method: str | None, repeats: int | None) -> PosteriorSampler:
    """The posterior sampler that is meant: the usual one if none is named, but repaint where `repeats` is, which is its own.

    Raises UsageError for an unknown name, and for repeats of another method.
    """
    if repeats is None:
        return named(method or USUAL)
    if method not in (None, "repaint"):
        raise UsageError(f"`repeats` is of repaint, and {method} does no step again: leave one of the two out.")
    return named("repaint", repeats=repeats)


def passes_of(model: PictureModel, method: PosteriorSampler, steps: int | None) -> tuple[int, int]:
    """Steps, and passes through the network for a picture; where no steps are asked for they are as many as PASSES allow, or
    the model's usual number if that is more, or the method's business."""
    usual = model.usual.steps if isinstance(method, RePaint) else max(model.usual.steps, PASSES // method.passes)
    steps = min(usual, model.process.schedule.most_steps) if steps is None else steps
    return steps, steps * method.passes


def inpaint(
    model: PictureModel,
    picture: np.ndarray,
    hole: np.ndarray,
    count: int = 1,
    seed: int = 0,
    repeats: int | None = None,
    on_step: OnStep | None = None,
    method: str | None = None,
    **settings: Any,
) -> np.ndarray:
    """`count` times `picture` [H, W, C] with its hole filled; outside, every pixel is as it was.

    Args:
        hole: bool [H, W], True where something new is to be; or float in 0..1, where it is between the two a pixel is known
            with that deviation, in units of which black and white are 2 apart.
        repeats: of repaint, which is then the method: how often steps are gone back and done again.
        method: a posterior sampler, see samplers.posterior.METHODS; the usual one if left out.
        settings: those of PictureModel.method.

    Raises DataError for a hole of another shape or kind, UsageError where there is none and for what the method cannot take.
    """
    picture, hole = as_array(picture), np.asarray(hole)
    if hole.shape != picture.shape[:2] or not (hole.dtype == np.bool_ or np.issubdtype(hole.dtype, np.floating)):
        raise DataError(f"a hole is bool of shape {list(picture.shape[:2])}, but this is {hole.dtype} {list(hole.shape)}.")
    if not hole.any():
        raise UsageError(
            "the mask has no white in the part of the picture that the model sees: paint white what is to be made anew, or "
            "say `soft` where grey is meant."
        )
    part = torch.from_numpy(hole.astype(np.float32))
    if not bool(((part >= 0) & (part <= 1)).all()):
        raise DataError("a soft hole lies in 0..1: 0 where a pixel is known, 1 where it is not.")
    soft = bool(((part > 0) & (part < 1)).any())
    if soft and model.autoencoder is not None:
        raise UsageError("this model diffuses latents, of which no pixel is known by half: give a mask that is not soft.")
    known = _of_latents(part < 1, model).to(model.device)
    noise = GaussianNoise(part.to(model.device)) if soft else GaussianNoise()
    measurement = Measurement(Mask(known), torch.where(known, model.encode(picture[None]), 0.0), noise)
    filled = _drawn(model, measurement, method_of(method, repeats), count, seed, on_step, settings)
    return np.where(hole[None, :, :, None] == 0, picture[None], filled)


def restored(
    model: PictureModel,
    picture: np.ndarray,
    operator: Separable,
    count: int = 1,
    seed: int = 0,
    noise: float = 2.0,
    on_step: OnStep | None = None,
    method: str | None = None,
    **settings: Any,
) -> np.ndarray:
    """`count` pictures of the model's size of which the operator makes `picture`, but for noise.

    Args:
        picture: [h, w, C], brought to the size that the operator makes.
        operator: of the height and the width, e.g. blur or downsampling.
        noise: deviation of what was seen, in grey levels, of which there are 255.
        method, settings: as of `inpaint`.

    Raises UsageError for an operator of another size than the model's, and for a model of latents.
    """
    codec, picture = model.codec, as_array(picture)
    if not (isinstance(operator, Separable) and len(operator.matrices) == 2):
        raise UsageError("what is restored was seen through matrices of its height and its width: give a Separable of two.")
    if model.autoencoder is not None:
        raise UsageError("this model diffuses latents, and what was seen is of pixels: give a run trained without latents.")
    if not (isinstance(noise, Real) and 0 < noise < math.inf):
        raise UsageError(f"the noise of what was seen is above 0 grey levels, not {noise}: rounding alone is 0.3.")
    height, width = (len(matrix) for matrix in operator.matrices)
    source = model.config.source
    around = source.pad if source.fit == "pad" else None
    pixels = read_images(picture[None], (height, width), codec.channels, source.fit, pad=around, bits=codec.bits).pixels
    y = replace(codec, height=height, width=width).encode(pixels).to(model.device)
    measurement = Measurement(operator, y, GaussianNoise(noise / GREY))
    return _drawn(model, measurement, method_of(method, None), count, seed, on_step, settings)


def upscale(model: PictureModel, picture: np.ndarray, factor: int, *args: Any, **settings: Any) -> np.ndarray:
    """Pictures whose small copy is `picture` [h, w, C], each pixel of it a mean of factor x factor; else as `restored`.

    Raises UsageError for a factor that does not divide the model's size.
    """
    return restored(model, picture, downsampling((model.codec.height, model.codec.width), factor), *args, **settings)


def deblur(model: PictureModel, picture: np.ndarray, std: float, *args: Any, **settings: Any) -> np.ndarray:
    """Pictures that `picture` [H, W, C] is a blurred copy of, by a Gaussian of deviation `std` in pixels; else as
    `restored`."""
    return restored(model, picture, blur((model.codec.height, model.codec.width), std), *args, **settings)


def _drawn(
    model: PictureModel,
    measurement: Measurement,
    rule: PosteriorSampler,
    count: int,
    seed: int,
    on_step: OnStep | None,
    settings: dict[str, Any],
) -> np.ndarray:
    """Pictures given the measurement."""
    few_calls.refuse(model.config, "fill in or restore a picture")
    steps, _ = passes_of(model, rule, settings.get("steps"))
    how = model.method(**{**settings, "steps": steps})
    x, noise, condition = model.start(how, count, seed)
    sampler = settings.get("sampler") if rule.steps_itself else how.sampler
    made = rule.sample(how.denoiser, measurement, how.grid, x, noise, condition, on_step, sampler)
    return model.decode(made)


def _of_latents(known: Tensor, model: PictureModel) -> Tensor:
    """Where all pixels of [H, W] that a place of the latents stands for are known, bool [h, w]."""
    if model.autoencoder is None:
        return known
    height, width = model.shape[1:]
    factor = model.autoencoder.factor
    holes = F.pad((~known).float()[None, None], (0, width * factor - known.shape[1], 0, height * factor - known.shape[0]))
    return F.max_pool2d(holes, factor)[0, 0] == 0
