"""Paths in continuous time.

    name                alpha_t       sigma_t                                          t in
    linear_rate         e^{-B/2}      sqrt(1 - e^{-B}),  B' = beta(t), a line          0..1          Song et al. 2021, VP
    continuous_cosine   cos(pi t/2)   sin(pi t/2)                                      0..1          Nichol, Dhariwal 2021
    log_snr             alpha^2 + sigma^2 = 1,  log SNR a line                         0..1          Kingma et al. 2021
    variance_exploding  1             sigma_min sqrt((sigma_max/sigma_min)^{2t} - 1)   0..1          Song et al. 2021, VE
    edm                 1             t                                                0..sigma_max  Karras et al. 2022
    rectified_flow      1 - t         t                                                0..1          Liu et al. 2023

The first three preserve variance, alpha^2 + sigma^2 = 1 (variance_preserving.py); on the next two the signal stays and the
noise grows (variance_exploding.py); the last is a straight line (rectified_flow.py). A new path is its class, and its line
in registry.py.
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

__all__ = ["ContinuousPath", "normal_quantile"]


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


def normal_quantile(u: Tensor) -> Tensor:
    """Of the standard normal distribution, finite for u in [0, 1)."""
    return torch.special.ndtri(u.double().clamp(min=2.0**-54))


def _log(c: float) -> float:
    return math.log(c) if c else -math.inf
