"""How a picture drowns: its states at evenly chosen steps, from the clean picture to noise.

t_i = round(T i / (n - 1)),  i = 0..n - 1
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from reverie.errors import UsageError
from reverie.images.pictures import Picture
from reverie.process import NoiseSchedule
from reverie.studies.frames import Frame, frames
from reverie.studies.subject import Subject, subject

__all__ = ["Analysis", "analyse"]


@dataclass(frozen=True, eq=False)
class Analysis:
    """The picture, the schedule and the frames of an analysis."""

    picture: Subject
    schedule: NoiseSchedule
    seed: int
    frames: tuple[Frame, ...]

    def reply(self, images: bool = False) -> dict[str, Any]:
        """The numbers as one JSON object; with `images`, the frames as PNG data URLs too.

        signal_to_noise_ratio is in dB and None where it is infinite (t = 0).
        """
        reply: dict[str, Any] = {
            "alpha_cumprod": [frame.alpha_bar for frame in self.frames],
            "signal_to_noise_ratio": [frame.snr_db for frame in self.frames],
            "timesteps": [frame.t for frame in self.frames],
            "visualization_images": [frame.url for frame in self.frames] if images else [],
            "metadata": {
                "picture": self.picture.name,
                "image_shape": list(self.picture.pixels.shape),
                "original_shape": list(self.picture.original_shape),
                "picture_power": self.picture.power,
                "num_steps": len(self.frames),
                "schedule": dict(self.schedule.config),
                "seed": self.seed,
                "units": {"signal_to_noise_ratio": "dB, of the picture's own power over the noise's"},
            },
        }
        return reply


def analyse(
    picture: Picture | Subject = "digits", steps: int = 20, schedule: NoiseSchedule | None = None, seed: int = 0
) -> Analysis:
    """Analyses a picture at `steps` (2..T + 1) evenly chosen timesteps, both ends included.

    Raises UsageError for too few or too many steps and DataError for a picture that cannot be read.
    """
    schedule = NoiseSchedule.linear() if schedule is None else schedule
    if isinstance(steps, bool) or not isinstance(steps, int) or not 2 <= steps <= schedule.steps + 1:
        raise UsageError(
            f"an analysis of a schedule of {schedule.steps} steps has 2..{schedule.steps + 1} states, not {steps!r}."
        )
    found = subject(picture)
    timesteps = [round(schedule.steps * i / (steps - 1)) for i in range(steps)]
    return Analysis(found, schedule, seed, frames(found, timesteps, schedule, seed))
