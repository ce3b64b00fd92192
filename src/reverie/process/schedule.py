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
import inspect
import itertools
import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from reverie.errors import UsageError, unknown
from reverie.process.path import Level, NoisePath

__all__ = ["NoiseSchedule", "TerminalSNRWarning"]

TERMINAL_SIGNAL = 1e-2
"""Share of signal power at t = T above which x_T is too far from N(0, I) for sampling to start there (-20 dB)."""


class TerminalSNRWarning(UserWarning):
    """x_T still carries signal, but sampling starts from pure noise."""


@dataclass(frozen=True, eq=False)
class NoiseSchedule(NoisePath):
    """Variances beta_1..beta_T and all that follows from them; immutable.

    Args:
        beta: float64 [T + 1], beta[0] = 0, every other entry in (0, 1); the last may be 1 (zero terminal SNR).
        config: the constructor's name and arguments, enough for `from_config` to build the same schedule.

    Use the named constructors. Raises UsageError for entries out of range and warns (TerminalSNRWarning) where
    alpha_bar_T is above 1 %: a model trained so never sees pure noise, yet sampling starts from it.
    """

    beta: Tensor
    config: Mapping[str, Any] = field(default_factory=dict)

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

    @property
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
        return isinstance(other, NoiseSchedule) and torch.equal(self.beta, other.beta)

    def __hash__(self) -> int:
        return hash((self.steps, float(self.alpha_bar[-1]), float(self.beta[-1])))

    def __repr__(self) -> str:
        return f"NoiseSchedule({self.config.get('name', 'betas')}, steps={self.steps}, alpha_bar_T={self.alpha_bar[-1]:.3g})"

    # --- constructors -----------------------------------------------------------------------------------------------

    @classmethod
    def linear(cls, steps: int = 1000, beta_min: float = 1e-4, beta_max: float = 0.02) -> NoiseSchedule:
        """beta grows evenly from beta_min to beta_max (DDPM, Ho et al. 2020, section 4)."""
        return cls._ramp("linear", steps, beta_min, beta_max, lambda lo, hi: _even(lo, hi, steps))

    @classmethod
    def scaled_linear(cls, steps: int = 1000, beta_min: float = 1e-4, beta_max: float = 0.02) -> NoiseSchedule:
        """sqrt(beta) grows evenly (latent diffusion, Rombach et al. 2022)."""
        return cls._ramp("scaled_linear", steps, beta_min, beta_max, lambda lo, hi: _even(lo**0.5, hi**0.5, steps) ** 2)

    @classmethod
    def quadratic(cls, steps: int = 1000, beta_min: float = 1e-4, beta_max: float = 0.02) -> NoiseSchedule:
        """beta grows as the square of the step, from beta_min to beta_max."""
        return cls._ramp("quadratic", steps, beta_min, beta_max, lambda lo, hi: lo + (hi - lo) * _even(0, 1, steps) ** 2)

    @classmethod
    def exponential(cls, steps: int = 1000, beta_min: float = 1e-4, beta_max: float = 0.02) -> NoiseSchedule:
        """log(beta) grows evenly from log(beta_min) to log(beta_max)."""
        return cls._ramp(
            "exponential", steps, beta_min, beta_max, lambda lo, hi: _even(math.log(lo), math.log(hi), steps).exp()
        )

    @classmethod
    def sigmoid(cls, steps: int = 1000, beta_min: float = 1e-4, beta_max: float = 0.02, reach: float = 6.0) -> NoiseSchedule:
        """beta follows a logistic curve over [-reach, reach], scaled to run from near beta_min to near beta_max."""
        return cls._ramp(
            "sigmoid",
            steps,
            beta_min,
            beta_max,
            lambda lo, hi: lo + (hi - lo) * torch.sigmoid(_even(-reach, reach, steps)),
            reach=reach,
        )

    @classmethod
    def cosine(cls, steps: int = 1000, offset: float = 0.008, max_beta: float = 0.999) -> NoiseSchedule:
        """alpha_bar follows a squared cosine (Nichol and Dhariwal 2021, equation 17), beta capped at max_beta.

        f(u) = cos^2((u + offset) / (1 + offset) pi / 2),  beta_t = min(1 - f(t/T) / f((t-1)/T), max_beta).
        """
        _check_steps(steps)
        if not 0 < max_beta < 1:
            raise UsageError(f"max_beta must lie inside (0, 1), but is {max_beta}; see zero_terminal_snr for beta_T = 1.")
        if not 0 <= offset < 1:
            raise UsageError(f"offset must lie in [0, 1), but is {offset}.")
        u = torch.arange(steps + 1, dtype=torch.float64) / steps
        f = torch.cos((u + offset) / (1 + offset) * (math.pi / 2)) ** 2
        beta = (1 - f[1:] / f[:-1]).clamp(max=max_beta)
        return cls(_from_zero(beta), {"name": "cosine", "steps": steps, "offset": offset, "max_beta": max_beta})

    squaredcos_cap_v2 = cosine
    """The cosine schedule under its other name."""

    @classmethod
    def from_betas(cls, betas: Sequence[float] | Tensor) -> NoiseSchedule:
        """A schedule from its variances beta_1..beta_T, each inside (0, 1); the last may be 1."""
        try:
            beta = torch.as_tensor(betas, dtype=torch.float64).detach().cpu()
        except (TypeError, ValueError) as error:
            raise UsageError(f"betas must be a list of numbers, not {betas!r}.") from error
        if beta.ndim != 1 or len(beta) == 0:
            raise UsageError(f"betas must be a list of at least one variance, not of shape {tuple(beta.shape)}.")
        return cls(_from_zero(beta), {"name": "from_betas", "betas": beta.tolist()})

    def with_zero_terminal_snr(self) -> NoiseSchedule:
        """The same schedule with sqrt(alpha_bar) shifted and scaled so that alpha_bar_T = 0 and alpha_bar_1 stays.

        Lin et al. 2024, algorithm 1. Such a schedule needs clean or velocity prediction: at t = T the noise says
        nothing of x_0.
        """
        if self.steps == 1:
            raise UsageError("a schedule of one step cannot have zero terminal SNR: it would leave no signal at all.")
        first, last = self.signal[1], self.signal[-1]
        signal = (self.signal[1:] - last) * (first / (first - last))
        alpha_bar = signal**2
        alpha = torch.cat([alpha_bar[:1], alpha_bar[1:] / alpha_bar[:-1]])
        return NoiseSchedule(_from_zero(1 - alpha), {**self.config, "zero_terminal_snr": True})

    @classmethod
    def named(cls, name: str, *, zero_terminal_snr: bool = False, **settings: Any) -> NoiseSchedule:
        """A schedule by its name, e.g. named("linear", steps=500, beta_max=0.01).

        Raises UsageError with the nearest name for an unknown schedule or setting.
        """
        if name not in CONSTRUCTORS:
            raise unknown("schedule", name, CONSTRUCTORS)
        constructor = getattr(cls, name)
        known = inspect.signature(constructor).parameters
        for key in settings:
            if key not in known:
                raise unknown(f"setting of the schedule {name!r},", key, [*known, "zero_terminal_snr"])
            if not (isinstance(settings[key], int | float) or key == "betas"):
                raise UsageError(f"the setting {key} of a schedule must be a number, not {settings[key]!r}.")
        for key, parameter in known.items():
            if parameter.default is parameter.empty and key not in settings:
                raise UsageError(f"the schedule {name!r} needs the setting {key}.")
        with warnings.catch_warnings():
            if zero_terminal_snr:  # what the rescaling mends needs no warning
                warnings.simplefilter("ignore", TerminalSNRWarning)
            schedule = constructor(**settings)
        return schedule.with_zero_terminal_snr() if zero_terminal_snr else schedule

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> NoiseSchedule:
        """The inverse of `schedule.config`."""
        return cls.named(**config)

    @classmethod
    def _ramp(
        cls,
        name: str,
        steps: int,
        beta_min: float,
        beta_max: float,
        curve: Callable[[float, float], Tensor],
        **more: float,
    ) -> NoiseSchedule:
        _check_steps(steps)
        if not 0 < beta_min <= beta_max < 1:
            raise UsageError(f"need 0 < beta_min <= beta_max < 1, but beta_min = {beta_min} and beta_max = {beta_max}.")
        config = {"name": name, "steps": steps, "beta_min": beta_min, "beta_max": beta_max, **more}
        return cls(_from_zero(curve(beta_min, beta_max)), config)


CONSTRUCTORS = (
    "linear",
    "scaled_linear",
    "cosine",
    "squaredcos_cap_v2",
    "sigmoid",
    "quadratic",
    "exponential",
    "from_betas",
)


def _even(start: float, end: float, count: int) -> Tensor:
    return torch.linspace(start, end, count, dtype=torch.float64)


def _from_zero(beta: Tensor) -> Tensor:
    return torch.cat([torch.zeros(1, dtype=torch.float64), beta])


def _check_steps(steps: int) -> None:
    if isinstance(steps, bool) or not isinstance(steps, int) or not 1 <= steps <= 1_000_000:
        raise UsageError(f"steps must be a whole number from 1 to 1,000,000, but is {steps!r}.")
