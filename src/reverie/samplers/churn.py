"""Heun's method with noise: each step goes below its level and is raised to it again (Karras et al. 2022, algorithm 2).

    noise ratio     sigma-hat = sigma / alpha,   gamma = min(S_churn / n, sqrt(2) - 1) where S_tmin <= sigma-hat_s <= S_tmax
    down            x_d = Heun's step from t to d,   sigma-hat_d = sigma-hat_s / (1 + gamma)
    and up          x_s = alpha_s/alpha_d x_d + S_noise sqrt(sigma_s^2 - (alpha_s/alpha_d)^2 sigma_d^2) z

The paper raises first and steps down then. Here the grid holds the raised levels, so that each state that is shown is at a
level of the grid, and what was said of it is what the step uses: the same chain, at the same two calls a step.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from torch import Tensor

from reverie.errors import UsageError
from reverie.samplers.heun import Heun
from reverie.samplers.sampler import Sampler, Step

__all__ = ["StochasticHeun"]

LARGEST = math.sqrt(2) - 1
"""Of gamma: no more than as much noise again as there is."""


@dataclass(frozen=True)
class StochasticHeun(Sampler):
    """Second order, two network calls a step. With s_churn = 0 it is Heun's method, and draws no noise.

    Args:
        s_churn: how much noise is renewed over all steps, at least 0.
        s_tmin, s_tmax: between which sigma / alpha it is.
        s_noise: its deviation over the right one; above 1 (1.003 in the paper) for a network that takes away too much.
    """

    s_churn: float = 40.0
    s_tmin: float = 0.05
    s_tmax: float = 50.0
    s_noise: float = 1.0
    order = 2
    calls = 2

    def __post_init__(self) -> None:
        settings = self.s_churn, self.s_tmin, self.s_tmax, self.s_noise
        if any(math.isnan(each) or each < 0 for each in settings) or self.s_tmin > self.s_tmax:
            raise UsageError(f"s_churn, s_tmin, s_tmax and s_noise are numbers >= 0, s_tmin at most s_tmax, not {settings}.")

    @property
    def stochastic(self) -> bool:
        return self.s_churn > 0

    def step(self, now: Step) -> Tensor:
        down = self._below(now)
        if down == now.s:
            return Heun().step(now)
        return now.raised(Heun().step(now.toward(down)), down, now.s, self.s_noise)

    def _below(self, now: Step) -> float:
        """The time of the level below s, s itself where no noise is renewed."""
        at_s = now.to.half_log_snr
        if now.final or not self.s_churn or not self.s_tmin <= math.exp(-at_s) <= self.s_tmax:
            return now.s
        gamma = min(self.s_churn / now.steps, LARGEST)
        return min(now.nearest(at_s + math.log1p(gamma)), now.s)
