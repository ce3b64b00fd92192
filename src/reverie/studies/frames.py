"""States of one picture along the forward process, and how much of the picture is left in each.

    x_t = sqrt(alpha_bar_t) x_0 + sqrt(1 - alpha_bar_t) eps      one eps for all t, so that the frames belong together
    signal power = alpha_bar_t P,  noise power = 1 - alpha_bar_t,  P = mean(x_0^2)
    SNR = 10 log10(signal power / noise power) dB

Each state is drawn from x_0 itself, never from the state before it. P is the picture's own power: a dark or faint picture
drowns earlier than data of unit power, for which SNR = alpha_bar / (1 - alpha_bar).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from reverie.errors import UsageError
from reverie.images import data_url
from reverie.process import GaussianProcess, NoiseSchedule, draw, generator
from reverie.studies.subject import Subject

__all__ = ["Frame", "corrupted", "decibels", "frames", "noise_of"]


@dataclass(frozen=True, eq=False)
class Frame:
    """The picture at step t. `snr_db` is None where the SNR is infinite (t = 0) or zero (nothing is left)."""

    t: int
    alpha_bar: float
    signal_power: float
    noise_power: float
    snr_db: float | None
    pixels: np.ndarray

    @property
    def url(self) -> str:
        """The pixels as a PNG data URL."""
        return data_url(self.pixels, noisy=self.t > 0)


def noise_of(x_0: Tensor, seed: int = 0) -> Tensor:
    """The one noise that belongs to the seed, of the shape of x_0."""
    return draw(x_0, generator(seed, "study", "forward"))


def corrupted(x_0: Tensor, timesteps: Sequence[int], schedule: NoiseSchedule, seed: int = 0) -> Iterator[Tensor]:
    """x_t for each t in 0..T, all with the one noise that belongs to the seed; of the shape of x_0."""
    process = GaussianProcess(schedule)
    noise = noise_of(x_0, seed)
    for t in timesteps:
        yield process.corrupt(x_0, t, noise)


def frames(picture: Subject, timesteps: Sequence[int], schedule: NoiseSchedule, seed: int = 0) -> tuple[Frame, ...]:
    """The frames at the given steps. Values outside [-1, 1] are clipped in the pixels, not in the numbers."""
    if len(timesteps) == 0:
        raise UsageError("give at least one timestep to look at.")
    codec, power = picture.codec, picture.power
    result = []
    for t, x_t in zip(timesteps, corrupted(picture.x_0, timesteps, schedule, seed), strict=True):
        alpha_bar = float(schedule.alpha_bar[t])
        signal, noise = alpha_bar * power, 1 - alpha_bar
        result.append(Frame(t, alpha_bar, signal, noise, decibels(signal, noise), codec.decode(x_t)[0]))
    return tuple(result)


def decibels(signal: float, noise: float) -> float | None:
    """10 log10(signal / noise), or None where it is not finite."""
    return 10 * math.log10(signal / noise) if signal > 0 and noise > 0 else None
