"""Restart: Heun's method, which goes back and comes down again near the end (Xu et al. 2023, algorithm 1).

    up      x_u = alpha_u/alpha_t x_t + sqrt(sigma_u^2 - (alpha_u/alpha_t)^2 sigma_t^2) z
    down    Heun's steps from u to t, even in (sigma/alpha)^(1/7),   sigma_u/alpha_u = reach sigma_t/alpha_t

both `times` times. The noise that was added contracts what errors the steps before have left, and a stretch so short adds
few of its own.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

from torch import Tensor

from reverie.errors import UsageError
from reverie.samplers.heun import Heun
from reverie.samplers.sampler import Sampler, Step

__all__ = ["Restart"]

RHO = 7.0


@dataclass(frozen=True)
class Restart(Sampler):
    """Second order, two network calls a step and `times` * 2 * `inner` + 1 besides. With times = 0 it is Heun's method.

    Args:
        times: how often it goes back.
        low: sigma / alpha of where it does: the last level of the grid that is not below it.
        reach: how many times as much noise, sigma / alpha, it goes back to, above 1; at most to where sampling starts.
        inner: Heun's steps each time; None for a quarter of the grid's, at least 3, so that its error falls with theirs.
    """

    times: int = 2
    low: float = 0.06
    reach: float = 5.0
    inner: int | None = None
    order = 2
    calls = 2

    def __post_init__(self) -> None:
        if self.times < 0 or (self.inner is not None and self.inner < 1):
            raise UsageError(f"restart needs 0 times or more, and 1 inner step or more, not {self.times} and {self.inner}.")
        if not (self.low > 0 and 1 < self.reach < math.inf):
            raise UsageError(f"restart needs low above 0 and reach above 1, not {self.low} and {self.reach}.")

    @property
    def stochastic(self) -> bool:
        return self.times > 0

    def cost(self, steps: int) -> int:
        return super().cost(steps) + (2 * self.times * self._inner(steps) + 1 if self.times else 0)

    def _inner(self, steps: int) -> int:
        return max(3, -(-steps // 4)) if self.inner is None else self.inner

    def step(self, now: Step) -> Tensor:
        here = self.times and math.exp(-now.to.half_log_snr) < self.low <= math.exp(-now.at.half_log_snr) < math.inf
        levels, x = self._levels(now) if here else [], now.start
        if len(levels) < 2:  # from pure noise there is nowhere to go back to
            return Heun().step(now)
        for _ in range(self.times):
            x = now.raised(x, now.t, levels[0])
            for t, s in itertools.pairwise(levels):
                x = Heun().step(now.inside(x, t, s))
        return Heun().step(now.inside(x, now.t, now.s))

    def _levels(self, now: Step) -> list[float]:
        """Times from the top down to t."""
        bottom = math.exp(-now.at.half_log_snr)
        roots = bottom ** (1 / RHO), (bottom * self.reach) ** (1 / RHO)
        count = self._inner(now.steps)
        inner = (roots[0] + (roots[1] - roots[0]) * i / count for i in range(count, 0, -1))
        times = {now.nearest(-RHO * math.log(each)) for each in inner}
        return [*sorted((time for time in times if time > now.t), reverse=True), now.t]
