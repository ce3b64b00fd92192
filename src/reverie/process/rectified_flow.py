"""The straight line from the data to the noise: x_t = (1 - t) x_0 + t eps, whose velocity is eps - x_0 all the way."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from reverie.errors import UsageError
from reverie.process.continuous import ContinuousPath, normal_quantile

__all__ = ["RectifiedFlow"]


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
        return torch.sigmoid(self.logit_mean + self.logit_std * normal_quantile(u)).clamp(self.first, self.end)
