"""Noise levels: how much of the data and how much noise a state holds, from time 0 (clean) to the end (noise).

    x_t    = alpha_t x_0 + sigma_t eps,              alpha_0 = 1, sigma_0 = 0
    SNR(t) = alpha_t^2 / sigma_t^2 = e^{2 lambda_t}   falls as t grows; lambda = log(alpha / sigma) is half the log-SNR

Everything that a process, a sampler, a loss or a grid needs to know of a path follows from these two functions, also where
alpha^2 + sigma^2 is not 1 (Kingma et al. 2021, appendix A). `NoiseSchedule` is the path of the documents, a table of whole
steps 0..T; those of `continuous` have any time between 0 and their end.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor

from reverie.errors import UsageError

__all__ = ["Coefficient", "Level", "NoisePath", "Time", "as_tensor", "check_share", "shown", "total_power"]

Coefficient = float | Tensor
"""A Python float (one t for the whole batch) or a float64 tensor [B, ...] (one t for each sample)."""

Time = float | Tensor
"""One time for the whole batch, or a tensor [B] with one for each sample: whole numbers on a table."""


class Level(NamedTuple):
    """One level of noise: x_t = alpha x_0 + sigma eps; half_log_snr = log(alpha / sigma), infinite at both bare ends."""

    alpha: float
    sigma: float
    half_log_snr: float


class NoisePath(ABC):
    """Levels of noise along time: what `GaussianProcess` walks on. Frozen; equal paths are equal objects.

    Coefficients are float64: floats for one time, tensors of the shape of t, on the CPU, for one of each sample. What takes
    a tensor trusts that its times lie on the path, as `GaussianProcess.check` makes sure.
    """

    whole: ClassVar[bool] = False
    """Whether times are whole numbers."""
    predicts: ClassVar[str] = "velocity"
    """What networks are trained to predict on it where nothing else is asked for, see prediction.py."""
    spacing: ClassVar[str] = "trailing"
    """Of the grid that samples of unit deviation are drawn on where no other is asked for, see samplers/grid.py."""

    usual: ClassVar[Mapping[str, str]] = MappingProxyType({})
    """The sampler and the spacing that pictures are made by on it, where others than those of most paths measured better
    (benchmarks/images_paths.py; paths_exact.py with an exact denoiser) and none are asked for."""

    config: Mapping[str, Any]
    """The path's name and settings, enough for `path_from_config` to build it again."""

    # --- what each path says ----------------------------------------------------------------------------------------

    @property
    @abstractmethod
    def end(self) -> float:
        """The time of most noise, where sampling starts: T for a table."""

    @property
    @abstractmethod
    def ends(self) -> tuple[float, float]:
        """The times of least and of most noise between which log-SNR is finite; what grids in log-SNR run between."""

    @abstractmethod
    def at(self, t: Tensor) -> tuple[Tensor, Tensor]:
        """(alpha_t, sigma_t)."""

    @abstractmethod
    def rates(self, t: Time) -> tuple[Coefficient, Coefficient]:
        """(d alpha / dt, d sigma / dt)."""

    @abstractmethod
    def level(self, t: float) -> Level:
        """The level of noise at time t in 0..end. Raises UsageError outside."""

    @abstractmethod
    def time(self, half_log_snr: float) -> float:
        """The inverse: the time at which log(alpha / sigma) is this. Raises UsageError where it never is."""

    @abstractmethod
    def training_time(self, u: Tensor) -> Tensor:
        """Times to train at: the quantiles at u, float64 in [0, 1), of how noise is distributed in training."""

    # --- what follows -----------------------------------------------------------------------------------------------

    @property
    def most_steps(self) -> int:
        """Of a grid: T on a table."""
        return MOST

    @property
    def warning(self) -> str | None:
        """A sentence if x_end is far from the noise that sampling starts from, else None."""
        alpha, sigma, _ = self.level(self.end)
        left = (alpha * self.data_std) ** 2 / (alpha**2 * self.data_std**2 + sigma**2)
        if left <= TERMINAL_SIGNAL:
            return None
        return (
            f"{left:.1%} of the variance at the end of the path {self.config['name']!r} is the data's, but sampling starts "
            "from noise alone: let the path end at more noise."
        )

    def progress(self, t: Tensor) -> Tensor:
        """How far times are on the way from the data, 0, to bare noise, 1: 2/pi arctan(sigma / (alpha data_std)), the time
        of continuous_cosine; on a table the share of its steps that lie before."""
        alpha, sigma = self.at(as_tensor(t))
        return torch.atan2(sigma, alpha * self.data_std) * (2 / math.pi)

    def at_progress(self, progress: float) -> float:
        """The time so far on the way, 0..1; on a table the nearest step."""
        check_share(progress, "progress")
        if progress in (0, 1):
            return self.end if progress else 0.0
        half_log_snr = -math.log(self.data_std * math.tan(progress * math.pi / 2))
        low, high = (self.level(t).half_log_snr for t in (self.end, self.ends[0]))
        return self.time(max(low, min(half_log_snr, high)))

    def at_share(self, share: float) -> float:
        """The time at which this share of the variance, inside (0, 1), is the data's, of data of deviation 1; on a table the
        nearest step."""
        check_share(share, "a share of the variance", inside=True)
        return self.time(math.log(share / (1 - share)) / 2)

    @property
    def prior_std(self) -> float:
        """The deviation of the noise that sampling starts from, x_end ~ N(0, prior_std^2 I)."""
        return 1.0

    @property
    def data_std(self) -> float:
        """The deviation of the data that EDM's preconditioning is made for."""
        return 1.0

    @property
    def zero_terminal_snr(self) -> bool:
        """Whether nothing of the signal is left at the end."""
        return self.level(self.end).alpha == 0

    def powers(self, t: Time) -> tuple[Coefficient, Coefficient]:
        """(alpha_t^2, sigma_t^2), the power of the signal and that of the noise."""
        alpha, sigma = self.at(as_tensor(t))
        return _like(alpha**2, t), _like(sigma**2, t)

    def between(self, s: Time, t: Time) -> tuple[Coefficient, Coefficient]:
        """((alpha_t / alpha_s)^2, variance of x_t given x_s) for s < t, so that

        x_t | x_s ~ N(alpha_t/alpha_s x_s, sigma_t^2 - (alpha_t/alpha_s)^2 sigma_s^2),
        the variance written as sigma_t^2 (1 - SNR_t/SNR_s), which cancels nothing.
        """
        (alpha_s, sigma_s), (alpha_t, sigma_t) = self.at(as_tensor(s)), self.at(as_tensor(t))
        fall = alpha_t.log() - sigma_t.log() - (alpha_s.log() - sigma_s.log())
        ratio, added = (alpha_t / alpha_s) ** 2, -(sigma_t**2) * torch.expm1(2 * fall)
        one = s if isinstance(s, Tensor) else t
        return _like(ratio, one), _like(added, one)

    def bound_weight(self, t: Time) -> Tensor:
        """What the variational bound weighs the squared error of x_0-hat with, for infinitely many steps: -1/2 dSNR/dt.

        Kingma et al. 2021, equation 17; a table has the sum over its steps instead, see NoiseSchedule.
        """
        alpha, sigma = self.at(as_tensor(t))
        rate_alpha, rate_sigma = self.rates(t)
        return alpha * (alpha * rate_sigma - sigma * rate_alpha) / sigma**3

    @property
    def least_log_variance(self) -> float:
        """What stands in for the log of the posterior's variance at s = 0, where that is 0."""
        first = self.ends[0]
        (_, noise), (_, more) = self.powers(first), self.powers(2 * first)
        return math.log(float(self.between(first, 2 * first)[1] * noise / more))

    def _inside(self, t: float) -> None:
        if not 0 <= t <= self.end:
            raise UsageError(f"a noise level lies at a time in 0..{self.end:.10g}, but t is {t:.10g}.")

    def _reached(self, half_log_snr: float) -> None:
        low, high = (self.level(t).half_log_snr for t in (self.end, 0))
        if not low <= half_log_snr <= high:
            raise UsageError(
                f"log(alpha / sigma) falls from {high:.4g} to {low:.4g} on this path, and is never {half_log_snr:.4g}."
            )


def check_share(value: float, what: str, inside: bool = False) -> None:
    """Raises UsageError unless the value lies in 0..1, without the ends if it must be inside."""
    if not 0 <= value <= 1 or (inside and value in (0, 1)):
        raise UsageError(f"{what} lies in 0..1{', and is neither of them' if inside else ''}, not {value}.")


def total_power(signal: Coefficient, noise: Coefficient) -> Coefficient:
    """alpha^2 + sigma^2, and exactly 1 where nothing but rounding keeps it from 1: where variance is preserved, what divides
    by it divides by nothing."""
    total = signal + noise
    if isinstance(total, Tensor):
        return torch.where((total - 1).abs() < ROUNDING, 1.0, total)
    return 1.0 if abs(total - 1) < ROUNDING else total


MOST = 1_000_000
"""Steps of a grid, where the path has no steps of its own."""

TERMINAL_SIGNAL = 1e-2
"""Share of signal power at the end above which x_end is too far from noise for sampling to start there (-20 dB)."""

ROUNDING = 1e-14
"""Of two squares of float64 numbers that add up to 1."""


def as_tensor(t: Time) -> Tensor:
    """The time in float64 on the CPU, where coefficients are computed."""
    return t.cpu().double() if isinstance(t, Tensor) else torch.tensor(float(t), dtype=torch.float64)


def shown(x: Any) -> str:
    """What was given in the place of a tensor that fits: its dtype and shape, or its type."""
    return f"{x.dtype} {list(x.shape)}" if isinstance(x, Tensor) else f"a {type(x).__name__}"


def _like(c: Tensor, t: Time) -> Coefficient:
    """A float for one time."""
    return c if isinstance(t, Tensor) else c.item()
