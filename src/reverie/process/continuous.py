"""Paths in continuous time.

    name                alpha_t       sigma_t                                          t in
    linear_rate         e^{-B/2}      sqrt(1 - e^{-B}),  B' = beta(t), a line          0..1          Song et al. 2021, VP
    continuous_cosine   cos(pi t/2)   sin(pi t/2)                                      0..1          Nichol, Dhariwal 2021
    log_snr             alpha^2 + sigma^2 = 1,  log SNR a line                         0..1          Kingma et al. 2021
    variance_exploding  1             sigma_min sqrt((sigma_max/sigma_min)^{2t} - 1)   0..1          Song et al. 2021, VE
    edm                 1             t                                                0..sigma_max  Karras et al. 2022
    rectified_flow      1 - t         t                                                0..1          Liu et al. 2023

The first three preserve variance: alpha^2 + sigma^2 = 1. A new path is its class, and its line in
registry.py.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from types import MappingProxyType
from typing import Any, ClassVar

import torch
from torch import Tensor

from reverie.errors import UsageError
from reverie.process.path import Coefficient, Level, NoisePath, Time, as_tensor

__all__ = [
    "EDM",
    "ContinuousCosine",
    "ContinuousPath",
    "LinearRate",
    "LogSNR",
    "RectifiedFlow",
    "VarianceExploding",
]


@dataclass(frozen=True)
class ContinuousPath(NoisePath):
    """What the paths in continuous time share. One is given by `at`, `_rates` and `_time`, in float64."""

    name: ClassVar[str]
    first: ClassVar[float] = 1e-3
    """The time nearest to 0 at which grids ask a denoiser: between it and 0 hardly anything happens."""
    unit: ClassVar[Mapping[str, float]] = MappingProxyType({})
    """Settings for data of deviation 1, where the usual ones are for pictures."""

    def __post_init__(self) -> None:
        for key, value in asdict(self).items():
            if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
                raise UsageError(f"{key} of the path {self.name!r} must be a finite number, not {value!r}.")
        self._check()

    def _check(self) -> None:
        """Raises UsageError for settings that make no path."""

    @abstractmethod
    def _rates(self, t: Tensor) -> tuple[Tensor, Tensor]:
        """(d alpha / dt, d sigma / dt)."""

    @abstractmethod
    def _time(self, half_log_snr: float) -> float:
        """The inverse, for a level that is on the path and not at an end."""

    @property
    def config(self) -> Mapping[str, Any]:  # pyright: ignore[reportIncompatibleVariableOverride]
        return {"name": self.name, **asdict(self)}

    @property
    def end(self) -> float:
        return 1.0

    @property
    def ends(self) -> tuple[float, float]:
        return self.first, self.end - self.first if self.zero_terminal_snr else self.end

    def level(self, t: float) -> Level:
        self._inside(t)
        alpha, sigma = (c.item() for c in self.at(as_tensor(t)))
        return Level(alpha, sigma, _log(alpha) - _log(sigma))

    def time(self, half_log_snr: float) -> float:
        self._reached(half_log_snr)
        if math.isinf(half_log_snr):
            return 0.0 if half_log_snr > 0 else self.end
        return min(self._time(half_log_snr), self.end)

    def rates(self, t: Time) -> tuple[Coefficient, Coefficient]:
        if isinstance(t, Tensor):
            return self._rates(as_tensor(t))
        alpha, sigma = self._rates(as_tensor(t))
        return alpha.item(), sigma.item()

    def training_time(self, u: Tensor) -> Tensor:
        """Even from the first time to the end."""
        return self.first + u * (self.end - self.first)


# --- variance is preserved --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class LinearRate(ContinuousPath):
    """Noise is added at a rate that grows evenly, beta(t) = beta_min + (beta_max - beta_min) t: the limit of the linear
    table (Song et al. 2021, equation 32)."""

    beta_min: float = 0.1
    beta_max: float = 20.0
    name = "linear_rate"
    usual = MappingProxyType({"sampler": "deis", "spacing": "angle"})

    def _check(self) -> None:
        if not 0 < self.beta_min <= self.beta_max:
            raise UsageError(
                f"need 0 < beta_min <= beta_max, but beta_min = {self.beta_min} and beta_max = {self.beta_max}."
            )

    def at(self, t: Tensor) -> tuple[Tensor, Tensor]:
        total = self.beta_min * t + (self.beta_max - self.beta_min) * t**2 / 2
        return torch.exp(-total / 2), (-torch.expm1(-total)).sqrt()

    def _rates(self, t: Tensor) -> tuple[Tensor, Tensor]:
        rate, (alpha, sigma) = self.beta_min + (self.beta_max - self.beta_min) * t, self.at(t)
        return -rate / 2 * alpha, rate / 2 * alpha**2 / sigma

    def _time(self, half_log_snr: float) -> float:
        total = float(torch.nn.functional.softplus(torch.tensor(-2 * half_log_snr, dtype=torch.float64)))
        root = math.sqrt(self.beta_min**2 + 2 * (self.beta_max - self.beta_min) * total)
        return 2 * total / (self.beta_min + root)


@dataclass(frozen=True)
class ContinuousCosine(ContinuousPath):
    """The state turns evenly from x_0 to the noise: the limit of the cosine table without its offset and its cap (Nichol
    and Dhariwal 2021; Salimans and Ho 2022). Nothing of the signal is left at t = 1."""

    name = "continuous_cosine"

    def at(self, t: Tensor) -> tuple[Tensor, Tensor]:
        return torch.sin(math.pi / 2 * (1 - t)), torch.sin(math.pi / 2 * t)  # exactly 0 and 1 at both ends

    def _rates(self, t: Tensor) -> tuple[Tensor, Tensor]:
        alpha, sigma = self.at(t)
        return -math.pi / 2 * sigma, math.pi / 2 * alpha

    def _time(self, half_log_snr: float) -> float:
        return 2 / math.pi * math.atan2(1.0, math.exp(min(half_log_snr, 700.0)))


@dataclass(frozen=True)
class LogSNR(ContinuousPath):
    """The log-SNR falls evenly from `high` to `low` (Kingma et al. 2021, section 4; a VDM begins at such a line).

    At t = 0 lies the clean data, and no level between it and `high`.
    """

    low: float = -5.0
    high: float = 13.3
    name = "log_snr"
    usual = MappingProxyType({"sampler": "deis", "spacing": "angle"})

    def _check(self) -> None:
        if not self.low < self.high:
            raise UsageError(f"log-SNR must fall, from high to low, but high = {self.high} and low = {self.low}.")

    def at(self, t: Tensor) -> tuple[Tensor, Tensor]:
        log_snr = torch.where(t > 0, self.high + (self.low - self.high) * t, math.inf)
        return torch.sigmoid(log_snr).sqrt(), torch.sigmoid(-log_snr).sqrt()

    def _rates(self, t: Tensor) -> tuple[Tensor, Tensor]:
        alpha, sigma = self.at(t)
        slope = (self.low - self.high) / 2
        return slope * alpha * sigma**2, -slope * sigma * alpha**2

    def _time(self, half_log_snr: float) -> float:
        if 2 * half_log_snr > self.high:
            raise UsageError(
                f"the path 'log_snr' has no level between the clean data and a log-SNR of {self.high:g}, so none of "
                f"{2 * half_log_snr:.4g}."
            )
        return (self.high - 2 * half_log_snr) / (self.high - self.low)


# --- the signal stays, the noise grows --------------------------------------------------------------------------------


@dataclass(frozen=True)
class VarianceExploding(ContinuousPath):
    """sigma grows geometrically, from 0 at t = 0 (Song et al. 2021, equations 29 and 30: sigma^2(t) - sigma^2(0))."""

    sigma_min: float = 0.01
    sigma_max: float = 50.0
    name = "variance_exploding"
    usual = MappingProxyType({"sampler": "deis", "spacing": "angle"})
    predicts, spacing = "edm", "angle"

    def _check(self) -> None:
        _rising(self.sigma_min, self.sigma_max)

    @property
    def _growth(self) -> float:
        return 2 * math.log(self.sigma_max / self.sigma_min)

    @property
    def prior_std(self) -> float:
        return self.level(self.end).sigma

    def at(self, t: Tensor) -> tuple[Tensor, Tensor]:
        return torch.ones_like(t), self.sigma_min * torch.expm1(self._growth * t).sqrt()

    def _rates(self, t: Tensor) -> tuple[Tensor, Tensor]:
        sigma = self.at(t)[1]
        return torch.zeros_like(t), self._growth / 2 * (sigma + self.sigma_min**2 / sigma)

    def _time(self, half_log_snr: float) -> float:
        return math.log1p(math.exp(-2 * half_log_snr) / self.sigma_min**2) / self._growth


@dataclass(frozen=True)
class EDM(ContinuousPath):
    """sigma is the time itself (Karras et al. 2022, table 1, with the choices of its last column).

    Args:
        sigma_min, sigma_max: the levels that grids run between, above 0; sigma_max is the end.
        sigma_data: deviation of the data, which preconditioning is made for.
        p_mean, p_std: in training ln sigma ~ N(p_mean, p_std^2), cut off at sigma_max.
    """

    sigma_min: float = 0.002
    sigma_max: float = 80.0
    sigma_data: float = 0.5
    p_mean: float = -1.2
    p_std: float = 1.2
    name = "edm"
    predicts, spacing = "edm", "angle"
    usual = MappingProxyType({"sampler": "dpmpp", "spacing": "karras"})
    unit = MappingProxyType({"sigma_data": 1.0, "p_mean": -0.5})

    def _check(self) -> None:
        _rising(self.sigma_min, self.sigma_max)
        if not (self.sigma_data > 0 and self.p_std > 0):
            raise UsageError(f"sigma_data and p_std must be above 0, but are {self.sigma_data} and {self.p_std}.")

    @property
    def end(self) -> float:
        return float(self.sigma_max)

    @property
    def ends(self) -> tuple[float, float]:
        return self.sigma_min, self.end

    @property
    def prior_std(self) -> float:
        return self.end

    @property
    def data_std(self) -> float:
        return self.sigma_data

    def at(self, t: Tensor) -> tuple[Tensor, Tensor]:
        return torch.ones_like(t), t

    def _rates(self, t: Tensor) -> tuple[Tensor, Tensor]:
        return torch.zeros_like(t), torch.ones_like(t)

    def _time(self, half_log_snr: float) -> float:
        return math.exp(-half_log_snr)

    def training_time(self, u: Tensor) -> Tensor:
        """e^{p_mean + p_std z}, z the standard normal quantile of u, and at most sigma_max."""
        return (self.p_mean + self.p_std * _quantile(u)).exp().clamp(max=self.sigma_max)


# --- a straight line --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class RectifiedFlow(ContinuousPath):
    """The straight line from the data to the noise (Liu et al. 2023; Lipman et al. 2023, with sigma_min = 0 and time turned
    round: here t = 0 is the data).

    Args:
        logit_mean, logit_std: in training log(t / (1 - t)) ~ N(logit_mean, logit_std^2), as networks have most to learn in
            the middle of the line (Esser et al. 2024, section 3.1); with a deviation of 0 all times are drawn as often.
    """

    logit_mean: float = 0.0
    logit_std: float = 0.0
    name = "rectified_flow"
    predicts = "flow"

    def _check(self) -> None:
        if self.logit_std < 0:
            raise UsageError(f"logit_std is a deviation of at least 0, not {self.logit_std}.")

    def at(self, t: Tensor) -> tuple[Tensor, Tensor]:
        return 1 - t, t

    def _rates(self, t: Tensor) -> tuple[Tensor, Tensor]:
        return -torch.ones_like(t), torch.ones_like(t)

    def _time(self, half_log_snr: float) -> float:
        return 1 / (1 + math.exp(min(half_log_snr, 700.0)))

    def training_time(self, u: Tensor) -> Tensor:
        if not self.logit_std:
            return super().training_time(u)
        return torch.sigmoid(self.logit_mean + self.logit_std * _quantile(u)).clamp(self.first, self.end)


def _quantile(u: Tensor) -> Tensor:
    """Of the standard normal distribution, finite for u in [0, 1)."""
    return torch.special.ndtri(u.double().clamp(min=2.0**-54))


def _log(c: float) -> float:
    return math.log(c) if c else -math.inf


def _rising(sigma_min: float, sigma_max: float) -> None:
    if not 0 < sigma_min < sigma_max:
        raise UsageError(f"need 0 < sigma_min < sigma_max, but sigma_min = {sigma_min} and sigma_max = {sigma_max}.")
