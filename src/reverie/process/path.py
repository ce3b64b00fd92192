"""Noise levels: how much of the data and how much noise a state holds, from time 0 (clean) to the end (noise).

    x_t    = alpha_t x_0 + sigma_t eps,              alpha_0 = 1, sigma_0 = 0
    SNR(t) = alpha_t^2 / sigma_t^2 = e^{2 lambda_t}   falls as t grows; lambda = log(alpha / sigma) is half the log-SNR

Everything that a process, a sampler, a loss or a grid needs to know of a path follows from these two functions, also where
alpha^2 + sigma^2 is not 1. `NoiseSchedule` is the path of the documents, a table of whole steps 0..T; those of `continuous`
have any time between 0 and their end.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import NamedTuple

from reverie.errors import UsageError

__all__ = ["Level", "NoisePath"]


class Level(NamedTuple):
    """One level of noise: x_t = alpha x_0 + sigma eps; half_log_snr = log(alpha / sigma), infinite at both bare ends."""

    alpha: float
    sigma: float
    half_log_snr: float


class NoisePath(ABC):
    """Levels of noise along time: what `GaussianProcess` walks on. Frozen; equal paths are equal objects."""

    @property
    @abstractmethod
    def end(self) -> float:
        """The time of most noise, where sampling starts: T for a table."""

    @property
    @abstractmethod
    def ends(self) -> tuple[float, float]:
        """The times of least and of most noise between which log-SNR is finite; what grids in log-SNR run between."""

    @property
    def prior_std(self) -> float:
        """The deviation of the noise that sampling starts from, x_end ~ N(0, prior_std^2 I)."""
        return 1.0

    @abstractmethod
    def level(self, t: float) -> Level:
        """The level of noise at time t in 0..end. Raises UsageError outside."""

    @abstractmethod
    def time(self, half_log_snr: float) -> float:
        """The inverse: the time at which log(alpha / sigma) is this. Raises UsageError where it never is."""

    def _inside(self, t: float) -> None:
        if not 0 <= t <= self.end:
            raise UsageError(f"a noise level lies at a time in 0..{self.end:g}, but t is {t:g}.")

    def _reached(self, half_log_snr: float) -> None:
        low, high = (self.level(t).half_log_snr for t in (self.end, 0))
        if not low <= half_log_snr <= high or math.isnan(half_log_snr):
            raise UsageError(
                f"this path has levels of log(alpha / sigma) from {high:.4g} down to {low:.4g}, but not {half_log_snr:.4g}."
            )
