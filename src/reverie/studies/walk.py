"""The reverse walk of a known picture: from x_t down to x_0 by the true posterior, one step at a time.

    x_t     ~ q(x_t | x_0)
    x_{t-1} ~ q(x_{t-1} | x_t, x_0)     for t, t - 1, ..., 1

Every step is told x_0: this is the reverse of q, an oracle, and not a model p that has to guess. It shows what a perfect
denoiser is asked to imitate, and it ends at x_0 exactly, for the posterior at s = 0 is x_0 with variance 0.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from reverie.denoisers import Evidence
from reverie.errors import UsageError
from reverie.images import data_url
from reverie.images.pictures import Picture
from reverie.process import GaussianProcess, NoiseSchedule, TerminalSNRWarning, generator
from reverie.studies.frames import decibels
from reverie.studies.subject import Subject, subject

__all__ = ["Walk", "short_schedule", "walk"]


@dataclass(frozen=True, eq=False)
class Walk:
    """A walk from step `start` to 0.

    Attributes:
        picture: the picture.
        schedule, start, seed: what it was walked with.
        states: (t, x_t float64 [1, C, H, W]) at up to nine levels, from `start` to 0, both included.
        distance: rms of x_t - x_0 at each t from `start` down to 0, [start + 1].
        evidence: always "oracle".
    """

    picture: Subject
    schedule: NoiseSchedule
    start: int
    seed: int
    states: tuple[tuple[int, Tensor], ...]
    distance: tuple[float, ...]
    evidence: Evidence = "oracle"

    @property
    def x_start(self) -> Tensor:
        return self.states[0][1]

    @property
    def x_end(self) -> Tensor:
        return self.states[-1][1]

    @property
    def difference(self) -> Tensor:
        """x_start - x_end: what the walk took away."""
        return self.x_start - self.x_end

    @property
    def exact(self) -> bool:
        """Whether the walk ended at x_0 to the last bit."""
        return torch.equal(self.x_end, self.picture.x_0)

    def pixels(self, x: Tensor) -> np.ndarray:
        """A state as uint8 [H, W, C]; values outside [-1, 1] are clipped."""
        return self.picture.codec.decode(x)[0]

    def reply(self, images: bool = False) -> dict[str, Any]:
        """The walk in numbers, with the states as PNG data URLs if `images`."""
        alpha_bar = float(self.schedule.alpha_bar[self.start])
        return {
            "evidence": self.evidence,
            "start_step": self.start,
            "end_step": 0,
            "ends_exactly_at_x_0": self.exact,
            "start_alpha_cumprod": alpha_bar,
            "start_signal_to_noise_ratio": decibels(alpha_bar * self.picture.power, 1 - alpha_bar),
            "rms_distance_to_x_0": {f"t_{t}": self.distance[self.start - t] for t, _ in self.states},
            "images": {f"t_{t}": data_url(self.pixels(x), noisy=t > 0) for t, x in self.states} if images else {},
            "metadata": {
                "picture": self.picture.name,
                "image_shape": list(self.picture.pixels.shape),
                "picture_power": self.picture.power,
                "schedule": dict(self.schedule.config),
                "seed": self.seed,
            },
        }


def short_schedule() -> NoiseSchedule:
    """Linear, T = 200, beta 1e-4..0.02: alpha_bar_T = 0.1322."""
    with warnings.catch_warnings():
        # x_T still carries signal here, which matters only where sampling starts from pure noise. The walk starts from a
        # corrupted x_0, which is right at any t.
        warnings.simplefilter("ignore", TerminalSNRWarning)
        return NoiseSchedule.linear(200)


def walk(
    picture: Picture | Subject = "digits", start: int = 100, schedule: NoiseSchedule | None = None, seed: int = 0
) -> Walk:
    """Walks from step `start` (1..T) down to 0, in float64.

    Raises UsageError for a start outside 1..T and DataError for a picture that cannot be read.
    """
    schedule = short_schedule() if schedule is None else schedule
    if isinstance(start, bool) or not isinstance(start, int) or not 1 <= start <= schedule.steps:
        raise UsageError(f"the walk starts at a step in 1..{schedule.steps}, not at {start!r}.")
    found = subject(picture)
    process, x_0 = GaussianProcess(schedule), found.x_0
    stream = generator(seed, "study", "walk")
    shown = {round(start * i / 8) for i in range(9)}
    x = process.marginal(x_0, start).sample(stream)
    states, distance = [(start, x)], [_rms(x - x_0)]
    for t in range(start, 0, -1):
        x = process.posterior(x_0, x, t - 1, t).sample(stream)
        distance.append(_rms(x - x_0))
        if t - 1 in shown:
            states.append((t - 1, x))
    return Walk(found, schedule, start, seed, tuple(states), tuple(distance))


def _rms(x: Tensor) -> float:
    return float((x**2).mean().sqrt())
