"""Noise schedules by name: the variances beta_1..beta_T that a table of steps follows from.

    linear  beta grows evenly           scaled_linear  sqrt(beta) does          exponential  log(beta) does
    cosine  alpha_bar follows a squared cosine          quadratic, sigmoid  beta follows a parabola, a logistic curve

What follows from the variances is in `table`.
"""

from __future__ import annotations

import inspect
import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from reverie.errors import UsageError, unknown
from reverie.process.path import NoisePath
from reverie.process.registry import ALIASES, CONTINUOUS, TABLES
from reverie.process.table import NoiseTable, TerminalSNRWarning

__all__ = ["NoiseSchedule", "TerminalSNRWarning", "table_of"]


class NoiseSchedule(NoiseTable):
    """A table of T + 1 steps by its named constructors."""

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
            raise UsageError(f"betas must be a list of numbers, e.g. [0.01,0.02], not {betas!r}.") from error
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
        if ALIASES.get(name, name) in CONTINUOUS:
            tables = ", ".join(TABLES)
            raise UsageError(
                f"the path {name!r} is in continuous time, and what is asked for needs a table of steps: {tables}."
            )
        if name not in TABLES:
            raise unknown("schedule", name, TABLES)
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


def table_of(path: NoisePath, what: str) -> NoiseSchedule:
    """The path, where it is a table. Raises UsageError where it is none, for `what`, which needs one."""
    if isinstance(path, NoiseSchedule):
        return path
    raise UsageError(
        f"{what} goes by the steps of a table, and the path {path.config['name']!r} has none: take a model that was trained "
        "with schedule.name=cosine."
    )


def _even(start: float, end: float, count: int) -> Tensor:
    return torch.linspace(start, end, count, dtype=torch.float64)


def _from_zero(beta: Tensor) -> Tensor:
    return torch.cat([torch.zeros(1, dtype=torch.float64), beta])


def _check_steps(steps: int) -> None:
    if isinstance(steps, bool) or not isinstance(steps, int) or not 1 <= steps <= 1_000_000:
        raise UsageError(f"steps must be a whole number from 1 to 1,000,000, but is {steps!r}.")
