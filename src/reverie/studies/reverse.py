"""The reverse process shown step by step: from pure noise to a picture, with the numbers of every step.

    x_T ~ N(0, I);  x_s = sampler(x_t, x_0-hat(x_t, t))  on the grid t_i = round(T (n - i) / n)
    variance of the noise that a step adds:
        DDIM            eta^2 (1 - alpha_bar_s)/(1 - alpha_bar_t) (1 - alpha_bar_t/alpha_bar_s)
        ancestral       that of eta = 1, or 1 - alpha_bar_t/alpha_bar_s; none that is one number where it is learned
        SDE-DPM         (1 - alpha_bar_s) (1 - SNR_t/SNR_s)
        all others      0

Without a trained model the denoiser is the exact one of a handful of real photographs: what perfect training on these
pictures would give, so the process ends at one of them. Every result says how its denoiser knows: exact, oracle or learned.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from reverie.denoisers import Evidence
from reverie.errors import UsageError
from reverie.images import ImageCodec, data_url
from reverie.process import NoiseSchedule, draw, generator
from reverie.process.schedule import table_of
from reverie.samplers import SAMPLERS, named, time_grid, trajectory
from reverie.studies.denoising import SIDES, Denoising, counting, exact, photographs
from reverie.studies.subject import reduced

__all__ = ["Reverse", "ReverseStep", "View", "photographs", "reverse"]


@dataclass(frozen=True)
class ReverseStep:
    """The numbers of the step from t to s: alpha_bar at t and the variance of the noise that the step adds, if it is one."""

    t: int
    s: int
    alpha_bar: float
    variance: float | None


@dataclass(frozen=True, eq=False)
class View:
    """What step number `step` saw, uint8 [H, W, C]: the state x_t, and the x_0 predicted from it (None at t = 0)."""

    step: int
    t: int
    state: np.ndarray
    predicted: np.ndarray | None


@dataclass(frozen=True, eq=False)
class Reverse:
    """A demonstration: the numbers of all steps, the views of some, the final picture, and how the denoiser knew.

    `calls` are those of the denoiser, `seconds` all that the process took.
    """

    codec: ImageCodec
    schedule: NoiseSchedule
    sampler: str
    eta: float
    seed: int
    evidence: Evidence
    source: str
    steps: tuple[ReverseStep, ...]
    views: tuple[View, ...]
    calls: int
    seconds: float

    @property
    def final(self) -> np.ndarray:
        """uint8 [H, W, C] at t = 0."""
        return self.views[-1].state

    @property
    def about(self) -> dict[str, Any]:
        """What it was made with; the same wherever it is told."""
        return {
            "evidence": self.evidence,
            "denoiser": self.source,
            "sampler": self.sampler,
            "image_shape": list(self.final.shape),
            "num_steps": len(self.steps),
            "eta": self.eta,
            "calls": self.calls,
            "schedule": dict(self.schedule.config),
            "seed": self.seed,
        }

    def reply(self, images: bool = False, largest: int | None = None) -> dict[str, Any]:
        """{"results": {"step_<i>": numbers}, "images": {"step_<i>": ...}, "final_image": PNG data URL, "metadata": ...}.

        Each image is {"evidence", "timestep", "state", "predicted_clean"}; images and final_image only if asked for, the
        images (not final_image) reduced to `largest` pixels a side.
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
            "images": {f"step_{view.step}": self._image(view, largest or SIDES[1]) for view in self.views} if images else {},
            "final_image": data_url(self.final) if images else None,
            "metadata": self.about,
        }

    def _image(self, view: View, largest: int) -> dict[str, Any]:
        return {
            "evidence": self.evidence,
            "timestep": view.t,
            "state": data_url(reduced(view.state, largest), noisy=view.t > 0),
            "predicted_clean": None if view.predicted is None else data_url(reduced(view.predicted, largest)),
        }


def reverse(
    width: int | None = None,
    height: int | None = None,
    steps: int = 50,
    eta: float = 0.0,
    *,
    sampler: str = "ddim",
    by: Denoising | None = None,
    schedule: NoiseSchedule | None = None,
    seed: int = 0,
    views: int | None = 8,
    on_step: Callable[[int, int], None] | None = None,
) -> Reverse:
    """Runs the reverse process once and keeps what there is to see.

    Args:
        width, height: of the picture, 8..1024, 512 by default; what `by` names brings its own.
        steps: number of reverse steps, 1..T.
        eta: of DDIM: 0 (deterministic) .. 1 (ancestral).
        sampler: by its name, see samplers.SAMPLERS.
        by: who denoises (see studies.denoising); by default the exact denoiser of `photographs`.
        schedule: that of the default denoiser, linear with T = 1000; any other brings its own.
        views: how many states are kept to look at, evenly over the steps, the first and the last (t = 0) among them, so
            that memory does not grow with the number of steps; None for all.
        on_step: called after each step with (steps done, steps in all).

    Raises UsageError for settings out of range or that contradict each other.
    """
    if not 0 <= eta <= 1:
        raise UsageError(f"eta must lie in 0 (deterministic) .. 1 (ancestral), not {eta}.")
    takes_eta = [name for name, entry in SAMPLERS.items() if "eta" in entry.settings]
    if eta and sampler not in takes_eta:
        raise UsageError(f"eta is a setting of the sampler {' and '.join(takes_eta)}: leave it out for {sampler}.")
    if views is not None and (isinstance(views, bool) or not isinstance(views, int) or not 2 <= views <= 100):
        raise UsageError(f"views must be a whole number from 2 to 100, not {views!r}.")
    rule = named(sampler, **({"eta": eta} if sampler in takes_eta else {}))
    if by is None:
        by = exact(width, height, schedule)
    else:
        _check(by, width, height, schedule)
    table, began = table_of(by.denoiser.process.schedule, "the demonstration"), time.monotonic()
    grid = time_grid(table, steps, "trailing")
    stream = generator(seed, "study", "reverse")
    x = draw(torch.empty(1, *by.codec.shape), stream)
    shown = None if views is None else {round((len(grid) - 1) * i / (views - 1)) for i in range(views)}
    denoiser, counted = counting(by.denoiser)
    kept = []
    for i, point in enumerate(trajectory(denoiser, rule, grid, x, stream, on_step=on_step)):
        if shown is None or i in shown:
            predicted = None if point.prediction is None else by.codec.decode(point.prediction.clean)[0]
            kept.append(View(i, int(point.t), by.codec.decode(point.x)[0], predicted))
    numbers = tuple(
        ReverseStep(t, s, float(table.alpha_bar[t]), rule.added_variance(table, t, s)) for t, s in itertools.pairwise(grid)
    )
    return Reverse(
        by.codec,
        table,
        sampler,
        eta,
        seed,
        by.denoiser.evidence,
        by.source,
        numbers,
        tuple(kept),
        counted.calls,
        time.monotonic() - began,
    )


def _check(by: Denoising, width: int | None, height: int | None, schedule: NoiseSchedule | None) -> None:
    """Raises UsageError if something else was asked for than what comes with the denoiser."""
    codec = by.codec
    if (width or codec.width) != codec.width or (height or codec.height) != codec.height:
        raise UsageError(
            f"this denoiser makes pictures of {codec.width} x {codec.height}, not {width or codec.width} x "
            f"{height or codec.height}: leave width and height out."
        )
    if schedule is not None and schedule != by.denoiser.process.schedule:
        raise UsageError("this denoiser has a schedule of its own: leave the schedule out.")
