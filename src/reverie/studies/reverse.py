"""The reverse process shown step by step: from pure noise to a picture, with the numbers of every step.

    x_T ~ N(0, I);  x_s = DDIM_eta(x_t, x_0-hat(x_t, t))  on the grid t_i = round(T (n - i) / n)
    variance of a step = eta^2 (1 - alpha_bar_s)/(1 - alpha_bar_t) (1 - alpha_bar_t/alpha_bar_s)

Without a trained model the denoiser is the exact one of a handful of real photographs: what perfect training on these
pictures would give, so the process ends at one of them. Every result says how its denoiser knows: exact, oracle or learned.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from PIL import Image

from reverie.denoisers import Denoiser, Empirical, Evidence
from reverie.errors import UsageError
from reverie.images import ImageCodec
from reverie.process import GaussianProcess, NoiseSchedule, draw, generator
from reverie.process import variance as variances
from reverie.samplers import DDIM, time_grid, trajectory
from reverie.studies.frames import data_url

__all__ = ["Reverse", "ReverseStep", "View", "photographs", "reverse"]


@dataclass(frozen=True)
class ReverseStep:
    """The numbers of the step from t to s: alpha_bar at t and the variance of the noise that the step adds."""

    t: int
    s: int
    alpha_bar: float
    variance: float


@dataclass(frozen=True, eq=False)
class View:
    """What step number `step` saw, uint8 [H, W, C]: the state x_t, and the x_0 predicted from it (None at t = 0)."""

    step: int
    t: int
    state: np.ndarray
    predicted: np.ndarray | None


@dataclass(frozen=True, eq=False)
class Reverse:
    """A demonstration: the numbers of all steps, the views of some, the final picture, and how the denoiser knew."""

    codec: ImageCodec
    schedule: NoiseSchedule
    eta: float
    seed: int
    evidence: Evidence
    source: str
    steps: tuple[ReverseStep, ...]
    views: tuple[View, ...]

    @property
    def final(self) -> np.ndarray:
        """uint8 [H, W, C] at t = 0."""
        return self.views[-1].state

    def reply(self, images: bool = False) -> dict[str, Any]:
        """{"results": {"step_<i>": numbers}, "images": {"step_<i>": ...}, "final_image": PNG data URL, "metadata": ...}.

        Each image is {"evidence", "timestep", "state", "predicted_clean"}; images and final_image only if asked for.
        """
        return {
            "results": {
                f"step_{i}": {
                    "timestep": step.t,
                    "next_timestep": step.s,
                    "alpha_cumprod": step.alpha_bar,
                    "variance": step.variance,
                    "eta": self.eta,
                }
                for i, step in enumerate(self.steps)
            },
            "images": {f"step_{view.step}": self._image(view) for view in self.views} if images else {},
            "final_image": data_url(self.final) if images else None,
            "metadata": {
                "evidence": self.evidence,
                "denoiser": self.source,
                "image_shape": list(self.final.shape),
                "num_steps": len(self.steps),
                "eta": self.eta,
                "schedule": dict(self.schedule.config),
                "seed": self.seed,
            },
        }

    def _image(self, view: View) -> dict[str, Any]:
        return {
            "evidence": self.evidence,
            "timestep": view.t,
            "state": data_url(view.state),
            "predicted_clean": None if view.predicted is None else data_url(view.predicted),
        }


def photographs(width: int, height: int) -> np.ndarray:
    """Six pictures uint8 [6, height, width, 3] cut from the two photographs that ship with scikit-learn.

    From each photograph the largest cut-outs of the asked proportions at its start, middle and end, resized.
    """
    from sklearn.datasets import load_sample_images

    cuts = []
    for photo in load_sample_images().images:
        full_h, full_w = photo.shape[:2]
        scale = min(full_w / width, full_h / height)
        cut_w, cut_h = width * scale, height * scale
        for place in (0.0, 0.5, 1.0):
            left, top = (full_w - cut_w) * place, (full_h - cut_h) * place
            box = (left, top, left + cut_w, top + cut_h)
            cuts.append(np.asarray(Image.fromarray(photo).resize((width, height), Image.Resampling.LANCZOS, box=box)))
    return np.stack(cuts)


def reverse(
    width: int | None = None,
    height: int | None = None,
    steps: int = 50,
    eta: float = 0.0,
    *,
    denoiser: Denoiser | None = None,
    codec: ImageCodec | None = None,
    source: str = "",
    schedule: NoiseSchedule | None = None,
    seed: int = 0,
    views: int = 8,
    on_step: Callable[[int, int], None] | None = None,
) -> Reverse:
    """Runs the reverse process once and keeps what there is to see.

    Args:
        width, height: of the picture, 8..1024, 512 by default; a codec brings its own.
        steps: number of reverse steps, 1..T.
        eta: 0 (deterministic) .. 1 (ancestral).
        denoiser, codec: a denoiser of pictures and the codec of its pictures; by default the exact denoiser of
            `photographs`.
        source: what to call the denoiser.
        schedule: that of the default denoiser, linear with T = 1000; a given denoiser brings its own.
        views: how many states are kept to look at, evenly over the steps, the first and the last (t = 0) among them, so
            that memory does not grow with the number of steps.
        on_step: called after each step with (steps done, steps in all).

    Raises UsageError for settings out of range or that contradict each other.
    """
    if not 0 <= eta <= 1:
        raise UsageError(f"eta must lie in 0 (deterministic) .. 1 (ancestral), not {eta}.")
    if isinstance(views, bool) or not isinstance(views, int) or not 2 <= views <= 100:
        raise UsageError(f"views must be a whole number from 2 to 100, not {views!r}.")
    if denoiser is None:
        if codec is not None:
            raise UsageError("a codec belongs to a denoiser: give both or neither.")
        codec = ImageCodec(_side("height", height), _side("width", width), 3)
        process = GaussianProcess(NoiseSchedule.linear() if schedule is None else schedule)
        denoiser = Empirical(process, codec.encode(photographs(codec.width, codec.height)))
        source = source or "exact denoiser of six cut-outs of two photographs"
    else:
        codec = _fitting(codec, width, height, denoiser, schedule)
    table = denoiser.process.schedule
    grid = time_grid(table, steps, "trailing")
    stream = generator(seed, "study", "reverse")
    x = draw(torch.empty(1, *codec.shape), stream)
    shown = {round((len(grid) - 1) * i / (views - 1)) for i in range(views)}
    kept = []
    for i, point in enumerate(trajectory(denoiser, DDIM(eta), grid, x, stream, on_step=on_step)):
        if i in shown:
            predicted = None if point.prediction is None else codec.decode(point.prediction.clean)[0]
            kept.append(View(i, point.t, codec.decode(point.x)[0], predicted))
    numbers = tuple(
        ReverseStep(t, s, float(table.alpha_bar[t]), eta**2 * float(variances.lower(table, s, t)))
        for t, s in itertools.pairwise(grid)
    )
    name = source or type(denoiser).__name__
    return Reverse(codec, table, eta, seed, denoiser.evidence, name, numbers, tuple(kept))


def _side(name: str, value: int | None) -> int:
    value = 512 if value is None else value
    if isinstance(value, bool) or not isinstance(value, int) or not 8 <= value <= 1024:
        raise UsageError(f"the {name} must be a whole number of pixels from 8 to 1024, not {value!r}.")
    return value


def _fitting(
    codec: ImageCodec | None, width: int | None, height: int | None, denoiser: Denoiser, schedule: NoiseSchedule | None
) -> ImageCodec:
    """The codec of a given denoiser, if nothing else was asked for that contradicts it."""
    if codec is None:
        raise UsageError("give the codec of the denoiser's pictures as well.")
    if (width or codec.width) != codec.width or (height or codec.height) != codec.height:
        raise UsageError(
            f"this denoiser makes pictures of {codec.width} x {codec.height}, not {width or codec.width} x "
            f"{height or codec.height}: leave width and height out."
        )
    if schedule is not None and schedule != denoiser.process.schedule:
        raise UsageError("this denoiser has a schedule of its own: leave the schedule out.")
    return codec
