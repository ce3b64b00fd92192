"""The noise schedule: how much of the signal is left at each step.

    beta_t                         variance added at step t = 1..T, and beta_0 = 0
    alpha_t     = 1 - beta_t
    alpha_bar_t = prod_{i <= t} alpha_i,  alpha_bar_0 = 1
    SNR(t)      = alpha_bar_t / (1 - alpha_bar_t)

Every table has T + 1 entries in float64 and its index is t itself: t = 0 is clean data, t = T is noise.
(Code that starts its tables at the first noisy step keeps at index i what stands here at t = i + 1.)
"""

from __future__ import annotations

import bisect
import itertools
import math
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar

import torch
from torch import Tensor

from reverie.errors import UsageError
from reverie.process.path import TERMINAL_SIGNAL, Coefficient, Level, NoisePath, Time, check_share

__all__ = ["NoiseTable", "TerminalSNRWarning"]


class TerminalSNRWarning(UserWarning):
    """x_T still carries signal, but sampling starts from pure noise."""


@dataclass(frozen=True, eq=False)
class NoiseTable(NoisePath):
    """Variances beta_1..beta_T and all that follows from them; immutable.

    Args:
        beta: float64 [T + 1], beta[0] = 0, every other entry in (0, 1); the last may be 1 (zero terminal SNR).
        config: the constructor's name and arguments, enough for `from_config` to build the same schedule.

    Made by the constructors of NoiseSchedule. Raises UsageError for entries out of range and warns (TerminalSNRWarning)
    where alpha_bar_T is above 1 %: a model trained so never sees pure noise, yet sampling starts from it.
    """

    beta: Tensor
    config: Mapping[str, Any] = field(default_factory=dict)
    whole: ClassVar[bool] = True

    def __post_init__(self) -> None:
        beta = self.beta
        if beta.ndim != 1 or len(beta) < 2 or beta.dtype != torch.float64 or beta[0] != 0:
            raise UsageError("a schedule is a float64 table of T + 1 variances that begins with beta_0 = 0.")
        inside = (beta > 0) & (beta < 1)
        inside[0], inside[-1] = True, bool(inside[-1]) or bool(beta[-1] == 1)
        if not inside.all():
            t = int(torch.nonzero(~inside)[0])
            raise UsageError(f"beta must lie inside (0, 1), but beta_{t} = {float(beta[t]):.6g}.")
        if self.warning:
            warnings.warn(self.warning, TerminalSNRWarning, stacklevel=3)

    # --- the tables -------------------------------------------------------------------------------------------------

    @cached_property  # asked several times a step
    def steps(self) -> int:
        """T, the number of noising steps."""
        return len(self.beta) - 1

    @cached_property
    def alpha(self) -> Tensor:
        """1 - beta_t."""
        return 1 - self.beta

    @cached_property
    def alpha_bar(self) -> Tensor:
        """Share of the signal's power left at t; alpha_bar[0] = 1."""
        return torch.cumprod(self.alpha, 0)

    @cached_property
    def alpha_bar_prev(self) -> Tensor:
        """alpha_bar_{t-1}; its entry at t = 0 is 1, for there is nothing before clean data."""
        return torch.cat([self.alpha_bar[:1], self.alpha_bar[:-1]])

    @cached_property
    def signal(self) -> Tensor:
        """sqrt(alpha_bar_t), the factor of x_0 in x_t."""
        return self.alpha_bar.sqrt()

    @cached_property
    def sigma(self) -> Tensor:
        """sqrt(1 - alpha_bar_t), the factor of the noise in x_t."""
        return (1 - self.alpha_bar).sqrt()

    @cached_property
    def levels(self) -> tuple[Level, ...]:
        """(sqrt(alpha_bar_t), sqrt(1 - alpha_bar_t), log-SNR / 2) for each t as Python floats, for steps of one t."""
        columns = self.signal.tolist(), self.sigma.tolist(), (self.log_snr / 2).tolist()
        return tuple(itertools.starmap(Level, zip(*columns, strict=True)))

    @cached_property
    def posterior_variance(self) -> Tensor:
        """beta-tilde_t = beta_t (1 - alpha_bar_{t-1}) / (1 - alpha_bar_t), variance of q(x_{t-1}|x_t, x_0); 0 at t = 0, 1.

        DDPM (Ho et al. 2020), equation 7.
        """
        variance = self.beta * (1 - self.alpha_bar_prev) / (1 - self.alpha_bar)
        variance[0] = 0.0
        return variance

    @cached_property
    def posterior_log_variance(self) -> Tensor:
        """log beta-tilde_t. beta-tilde_1 = 0, so the entries at t <= 1 take the value at t = 2 (beta_1 if T = 1)."""
        floor = self.posterior_variance[2] if self.steps > 1 else self.beta[1]
        return torch.cat([floor.expand(2), self.posterior_variance[2:]]).log()

    @cached_property
    def snr(self) -> Tensor:
        """Signal-to-noise ratio for data of unit power; infinite at t = 0."""
        return self.alpha_bar / (1 - self.alpha_bar)

    @cached_property
    def log_snr(self) -> Tensor:
        """Natural logarithm of the SNR."""
        return self.alpha_bar.log() - (1 - self.alpha_bar).log()

    @cached_property
    def snr_db(self) -> Tensor:
        """SNR in decibels, 10 log10."""
        return self.log_snr * (10 / math.log(10))

    def coefficients(self) -> dict[str, Tensor]:
        """The tables a sampler precomputes, under the names in common use; each float64 [T + 1], indexed by t."""
        return {
            "betas": self.beta,
            "alphas": self.alpha,
            "alphas_cumprod": self.alpha_bar,
            "alphas_cumprod_prev": self.alpha_bar_prev,
            "sqrt_alphas_cumprod": self.signal,
            "sqrt_one_minus_alphas_cumprod": self.sigma,
            "sqrt_recip_alphas_cumprod": (1 / self.alpha_bar).sqrt(),
            "sqrt_recipm1_alphas_cumprod": (1 / self.alpha_bar - 1).sqrt(),
            "posterior_variance": self.posterior_variance,
        }

    # --- levels of noise, at steps and between them -----------------------------------------------------------------

    @property
    def end(self) -> int:
        """T."""
        return self.steps

    @property
    def ends(self) -> tuple[int, int]:
        """1 and T, or T - 1 where nothing of the signal is left at T."""
        return 1, self.steps - 1 if self.zero_terminal_snr else self.steps

    def level(self, t: float) -> Level:
        """The level at step t; between two steps the angle arctan(sigma / alpha) is linear in t."""
        if not 0 <= t <= self.steps:
            self._inside(t)
        step = int(t)
        if step == t:
            return self.levels[step]
        low, high = self.angles[step : step + 2]
        angle = low + (t - step) * (high - low)
        return Level(math.cos(angle), math.sin(angle), -math.log(math.tan(angle)))

    def time(self, half_log_snr: float) -> float:
        """The time, mostly between two steps, at which log(alpha / sigma) is this."""
        self._reached(half_log_snr)
        angle = math.atan(math.exp(-half_log_snr)) if half_log_snr > -700 else math.pi / 2
        step = max(bisect.bisect_left(self.angles, angle, hi=self.steps) - 1, 0)
        low, high = self.angles[step : step + 2]
        return step + min((angle - low) / (high - low), 1.0)

    @cached_property
    def angles(self) -> tuple[float, ...]:
        """arctan(sigma_t / alpha_t) for each t, from 0."""
        return tuple(math.atan2(level.sigma, level.alpha) for level in self.levels)

    @cached_property
    def turn(self) -> Tensor:
        """By how much the angle grows in the step that ends at t; at t = 0 in the first."""
        turn = torch.tensor(self.angles, dtype=torch.float64).diff()
        return torch.cat([turn[:1], turn])

    @cached_property
    def signal_powers(self) -> tuple[float, ...]:
        """alpha_bar_t for each t as Python floats."""
        return tuple(self.alpha_bar.tolist())

    def at(self, t: Tensor) -> tuple[Tensor, Tensor]:
        return self.signal[_steps(t)], self.sigma[_steps(t)]

    def rates(self, t: Time) -> tuple[Coefficient, Coefficient]:
        """Of the angle's straight line that ends at step t: there the state turns, d alpha = -sigma d angle."""
        if isinstance(t, Tensor):
            (signal, sigma), turn = self.at(t), self.turn[_steps(t)]
        else:
            (signal, sigma, _), turn = self.level(t), float(self.turn[math.ceil(t)])
        return -sigma * turn, signal * turn

    def powers(self, t: Time) -> tuple[Coefficient, Coefficient]:
        """(alpha_bar_t, 1 - alpha_bar_t)."""
        alpha_bar = self.alpha_bar[_steps(t)] if isinstance(t, Tensor) else self.signal_powers[int(t)]
        return alpha_bar, 1 - alpha_bar

    def between(self, s: Time, t: Time) -> tuple[Coefficient, Coefficient]:
        """(alpha_ts, 1 - alpha_ts), alpha_ts = alpha_bar_t / alpha_bar_s."""
        ratio = self.powers(t)[0] / self.powers(s)[0]
        return ratio, 1 - ratio

    def bound_weight(self, t: Time) -> Tensor:
        """What the bound's sum over the steps weighs the squared error of x_0-hat with, where sigma_t^2 = beta_t.

        Ho et al. 2020, equation 12.
        """
        step = _steps(t)
        return self.snr[step] * self.beta[step] / (2 * self.alpha[step] * (1 - self.alpha_bar[step]))

    @property
    def most_steps(self) -> int:
        return self.steps

    def progress(self, t: Tensor) -> Tensor:
        return (t.cpu().double() - 1) / self.steps

    def at_progress(self, progress: float) -> int:
        check_share(progress, "progress")
        return round(progress * self.steps)

    def at_share(self, share: float) -> int:
        check_share(share, "a share of the variance", inside=True)
        return 1 + int((self.alpha_bar[1:] - share).abs().argmin())

    @property
    def least_log_variance(self) -> float:
        """That of the second step."""
        return self.posterior_log_variance[1].item()

    def training_time(self, u: Tensor) -> Tensor:
        """Each of 1..T as often."""
        return (u * self.steps).long().clamp(max=self.steps - 1) + 1

    # --- what kind of schedule it is --------------------------------------------------------------------------------

    @property
    def zero_terminal_snr(self) -> bool:
        """Whether nothing of the signal is left at t = T."""
        return bool(self.alpha_bar[-1] == 0)

    @property
    def warning(self) -> str | None:
        """A sentence if x_T is far from N(0, I), else None."""
        left = float(self.alpha_bar[-1])
        if left <= TERMINAL_SIGNAL:
            return None
        return (
            f"alpha_bar_T = {left:.4f} at T = {self.steps} ({float(self.snr_db[-1]):.1f} dB): x_T still carries signal, "
            "but sampling starts from N(0, I). Use more steps, a larger beta_max, the cosine schedule or "
            "zero_terminal_snr."
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, NoiseTable) and torch.equal(self.beta, other.beta)

    def __hash__(self) -> int:
        return hash((self.steps, float(self.alpha_bar[-1]), float(self.beta[-1])))

    def __repr__(self) -> str:
        return f"NoiseSchedule({self.config.get('name', 'betas')}, steps={self.steps}, alpha_bar_T={self.alpha_bar[-1]:.3g})"


def _steps(t: Time) -> int | Tensor:
    return t.cpu().long() if isinstance(t, Tensor) else int(t)  # torch reads a uint8 index as a mask
