"""Who denoises in a demonstration, and what is called so: a denoiser of pictures, the codec of its pictures, its name.

exact     the optimal denoiser of six cut-outs of two real photographs: what perfect training on them would give
grainy    likewise exact, of these pictures with grain: p(x_0) = (1/6) sum_k N(picture_k, GRAIN^2 I); a smooth density, so a
          solver's error falls with its steps, where six points are either reached or missed
oracle    is told one picture, and says that it was this one whatever it sees
learned   a trained model
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from reverie.denoisers import Denoiser, Empirical, Evidence, GaussianMixture, KnownSample
from reverie.denoisers.conditions import Condition
from reverie.denoisers.wrappers import DefaultCondition, DenoiserWrapper
from reverie.errors import UsageError
from reverie.images import ImageCodec, bundled
from reverie.process import GaussianProcess, NoiseSchedule, Prediction
from reverie.process.gaussian import Step
from reverie.process.table import table_of
from reverie.studies.subject import Subject

if TYPE_CHECKING:
    from reverie.models.method import Where

__all__ = ["SIDES", "Counted", "Denoising", "counting", "cut_out", "exact", "grainy", "learned", "oracle", "photographs"]

SIDES = (8, 1024)
"""Pixels of a side of a demonstration: fewest and most."""


GRAIN = 0.25
"""Standard deviation of the grain, black being -1 and white 1."""


@dataclass(frozen=True, eq=False)
class Denoising:
    """A denoiser of pictures, the codec of its pictures, and what to call it."""

    denoiser: Denoiser
    codec: ImageCodec
    source: str


class Counted:
    """A denoiser that counts how often it is asked."""

    def __init__(self, inner: Denoiser) -> None:
        self.inner, self.calls = inner, 0

    @property
    def process(self) -> GaussianProcess:
        return self.inner.process

    @property
    def evidence(self) -> Evidence:
        return self.inner.evidence

    def __call__(self, x_t: Tensor, t: Step, condition: Condition | None = None) -> Prediction:
        self.calls += 1
        return self.inner(x_t, t, condition)


def counting(denoiser: Denoiser) -> tuple[Denoiser, Counted]:
    """The denoiser with a count at its core: what a wrapper such as guidance asks twice counts twice."""
    if isinstance(denoiser, DenoiserWrapper):
        inner, counted = counting(denoiser.inner)
        return replace(denoiser, inner=inner), counted
    counted = Counted(denoiser)
    return counted, counted


def exact(width: int | None = None, height: int | None = None, schedule: NoiseSchedule | None = None) -> Denoising:
    """The exact denoiser of `photographs` at this size, 512 if left out; the schedule is linear with T = 1000 by default."""
    codec = ImageCodec(_side("height", height), _side("width", width), 3)
    process = GaussianProcess(NoiseSchedule.linear() if schedule is None else schedule)
    data = codec.encode(photographs(codec.width, codec.height))
    return Denoising(Empirical(process, data), codec, "exact denoiser of six cut-outs of two photographs")


def grainy(width: int | None = None, height: int | None = None, schedule: NoiseSchedule | None = None) -> Denoising:
    """The exact denoiser of `photographs` with grain."""
    plain = exact(width, height, schedule)
    means = plain.codec.encode(photographs(plain.codec.width, plain.codec.height))
    denoiser = GaussianMixture(plain.denoiser.process, means, torch.full((len(means),), GRAIN))
    return Denoising(denoiser, plain.codec, f"exact denoiser of six cut-outs of two photographs with grain of {GRAIN:g}")


def oracle(
    picture: Subject, width: int | None = None, height: int | None = None, schedule: NoiseSchedule | None = None
) -> Denoising:
    """The denoiser that knows the centre of the picture at this size; a size left out is the picture's own."""
    own_height, own_width, channels = picture.pixels.shape
    codec = ImageCodec(_side("height", height or own_height), _side("width", width or own_width), channels)
    process = GaussianProcess(NoiseSchedule.linear() if schedule is None else schedule)
    x_0 = codec.encode(cut_out(picture.pixels, codec.width, codec.height)[None])
    return Denoising(KnownSample(process, x_0), codec, f"oracle that is told {picture.name}")


def learned(model: Any, name: str, where: Where = None, guidance: float | None = None) -> Denoising:
    """A trained model; asked for a class, and guided, where that is told (see PictureModel.method).

    Raises UsageError if it is not one of pictures, and for a class that it does not know.
    """
    if not isinstance(model.codec, ImageCodec):
        raise UsageError(f"{name} was not trained on pictures, so it has none to show: take samples of it instead.")
    if model.autoencoder is not None:
        raise UsageError(f"{name} diffuses latents, which cannot be looked at on the way: take samples of it instead.")
    table_of(model.process.schedule, f"the demonstration, with {name},")
    method = model.method(where=where, guidance=guidance, exact=True)
    condition = method.condition(1)
    if condition is None:
        return Denoising(method.denoiser, model.codec, f"the model in {name}")
    of = f"of class {model.codec.classes[int(condition.values)]}" + ("" if guidance is None else f", guidance {guidance:g}")
    return Denoising(DefaultCondition(method.denoiser, condition), model.codec, f"the model in {name}, {of}")


@lru_cache(4)
def photographs(width: int, height: int) -> np.ndarray:
    """Six pictures uint8 [6, height, width, 3] cut from the two photographs that ship with scikit-learn.

    From each photograph the largest cut-outs of the asked proportions at its start, middle and end, resized.
    """
    photos = [bundled.photograph(name) for name in bundled.PHOTOGRAPHS]
    cuts = np.stack([cut_out(photo, width, height, place) for photo in photos for place in (0.0, 0.5, 1.0)])
    cuts.flags.writeable = False  # kept for the next call
    return cuts


def cut_out(pixels: np.ndarray, width: int, height: int, place: float = 0.5) -> np.ndarray:
    """The largest cut-out of the asked proportions, 0 at the start .. 1 at the end, at the asked size: uint8 [H, W, C].

    A picture that is enlarged keeps its pixels, for nothing more is known of it.
    """
    full_h, full_w, channels = pixels.shape
    scale = min(full_w / width, full_h / height)
    cut_w, cut_h = width * scale, height * scale
    left, top = (full_w - cut_w) * place, (full_h - cut_h) * place
    image = Image.fromarray(pixels[:, :, 0] if channels == 1 else pixels)
    kernel = Image.Resampling.LANCZOS if scale > 1 else Image.Resampling.NEAREST
    resized = image.resize((width, height), kernel, box=(left, top, left + cut_w, top + cut_h))
    return np.asarray(resized).reshape(height, width, channels)


def _side(name: str, value: int | None) -> int:
    value = 512 if value is None else value
    if isinstance(value, bool) or not isinstance(value, int) or not SIDES[0] <= value <= SIDES[1]:
        raise UsageError(f"the {name} must be a whole number of pixels from {SIDES[0]} to {SIDES[1]:,}, not {value!r}.")
    return value
