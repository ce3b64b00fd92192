"""Paths on which the signal stays and the noise grows until it drowns any data.

    x_t = x_0 + sigma_t eps,  sigma_0 = 0;  sampling starts from N(0, sigma_end^2 I)

So networks are told states of any size: they are preconditioned as those of EDM are, unless asked otherwise.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from types import MappingProxyType

import torch
from torch import Tensor

from reverie.errors import UsageError
from reverie.process.continuous import ContinuousPath, normal_quantile

__all__ = ["EDM", "VarianceExploding"]


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
        return (self.p_mean + self.p_std * normal_quantile(u)).exp().clamp(max=self.sigma_max)


def _rising(sigma_min: float, sigma_max: float) -> None:
    if not 0 < sigma_min < sigma_max:
        raise UsageError(f"need 0 < sigma_min < sigma_max, but sigma_min = {sigma_min} and sigma_max = {sigma_max}.")
