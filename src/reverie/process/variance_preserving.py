"""Paths that preserve variance: alpha_t^2 + sigma_t^2 = 1, so data of deviation 1 keep it all the way to the noise.

    alpha_t^2 = sigmoid(log SNR),  sigma_t^2 = sigmoid(-log SNR)

One function of time says all of such a path: the noise added so far, an angle, the log-SNR.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from types import MappingProxyType

import torch
from torch import Tensor

from reverie.errors import UsageError
from reverie.process.continuous import ContinuousPath

__all__ = ["ContinuousCosine", "LinearRate", "LogSNR"]


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
