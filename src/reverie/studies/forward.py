"""The forward process at chosen steps: q(x_t | x_0) = N(sqrt(alpha_bar_t) x_0, (1 - alpha_bar_t) I).

Steps are those of the mathematics: t = 0 is the clean picture, t = T the noisiest. (Where tables begin with the first noisy
step, their index i is our t = i + 1.)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from reverie.errors import UsageError
from reverie.images.pictures import Picture
from reverie.process import NoiseSchedule
from reverie.studies.frames import Frame, frames
from reverie.studies.subject import Subject, subject

__all__ = ["TIMESTEPS", "Forward", "forward"]

TIMESTEPS = (0, 50, 100, 200, 300, 500, 700, 900, 999)


@dataclass(frozen=True, eq=False)
class Forward:
    """The picture, the schedule and the frames at the steps asked for, in their order."""

    picture: Subject
    schedule: NoiseSchedule
    seed: int
    frames: tuple[Frame, ...]

    def reply(self, images: bool = False) -> dict[str, Any]:
        """{"results": {"t_<t>": numbers}, "images": {"t_<t>": PNG data URL} if asked for, "metadata": ...}."""
        shape = list(self.picture.pixels.shape)
        return {
            "results": {
                f"t_{frame.t}": {
                    "alpha_cumprod": frame.alpha_bar,
                    "signal_power": frame.signal_power,
                    "noise_power": frame.noise_power,
                    "signal_to_noise_ratio": frame.snr_db,
                    "image_shape": shape,
                }
                for frame in self.frames
            },
            "images": {f"t_{frame.t}": frame.url for frame in self.frames} if images else {},
            "metadata": {
                "picture": self.picture.name,
                "original_shape": list(self.picture.original_shape),
                "picture_power": self.picture.power,
                "schedule": dict(self.schedule.config),
                "seed": self.seed,
                "units": {"signal_to_noise_ratio": "dB, signal_power over noise_power"},
            },
        }


def forward(
    picture: Picture | Subject = "digits",
    timesteps: Sequence[int] = TIMESTEPS,
    schedule: NoiseSchedule | None = None,
    seed: int = 0,
) -> Forward:
    """The picture at each of the timesteps, any of 0..T, each once.

    Raises UsageError for a step outside 0..T or given twice, and DataError for a picture that cannot be read.
    """
    schedule = NoiseSchedule.linear() if schedule is None else schedule
    seen = set()
    for t in timesteps:
        if isinstance(t, bool) or not isinstance(t, int) or not 0 <= t <= schedule.steps:
            raise UsageError(f"timesteps must be whole numbers in 0..{schedule.steps}, but one is {t!r}.")
        if t in seen:
            raise UsageError(f"the timestep {t} is given twice: give each once.")
        seen.add(t)
    found = subject(picture)
    return Forward(found, schedule, seed, frames(found, timesteps, schedule, seed))
