"""Split Gibbs sampling along falling noise, of one weighted population (Vono et al. 2019; with a diffusion model for the
prior, Coeurdoux et al. 2024 and Wu et al. 2024, PnP-DM; the weights, Del Moral et al. 2006).

    pi_eta(x, z) ~ p(x) N(z; x, eta^2 I) N(y; A z, R)       of which x alone is x_0 given y, seen with noise R + eta^2 A A^T
    z given x    Gaussian
    x given z    p(x_0 | x_t = a z) where sigma / a = eta: the reverse process from there, which need not know of y
    weights      N(y; A x, R + eta'^2 A A^T) / N(y; A x, R + eta^2 A A^T)     where noise falls from eta to eta'

Nothing is taken as a Gaussian that is not one, and nothing goes back through the denoiser. What is wrong is what the steps
of the reverse process are, of which each draw of x has few, the size of the population, and the last eta.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from reverie.errors import UsageError
from reverie.process.path import NoisePath
from reverie.process.randomness import draw, uniform
from reverie.samplers.dpm import DPMSolver
from reverie.samplers.posterior.gaussian import FLOOR, conjugate_gradients, dot
from reverie.samplers.posterior.measurement import Measurement
from reverie.samplers.posterior.method import PosteriorSampler, Reverse
from reverie.samplers.posterior.pigdm import ITERATIONS
from reverie.samplers.posterior.population import check_shared, lying_at
from reverie.samplers.sampler import sample

__all__ = ["SplitGibbs"]

TURNS = 5
"""Of the power iteration that finds the main axis of the population."""


@dataclass(frozen=True)
class SplitGibbs(PosteriorSampler):
    """All draws are one population. Of the grid it takes the first level, and as many calls as that has steps.

    Args:
        inner: steps of the reverse process for each draw of x given z.
        most, least: eta at first and at last, in deviations of the data; between them it falls geometrically.
    """

    inner: int = 4
    most: float = 3.0
    least: float = 0.1

    def __post_init__(self) -> None:
        if isinstance(self.inner, bool) or not isinstance(self.inner, int) or self.inner < 1:
            raise UsageError(f"inner is a whole number above 0, not {self.inner!r}.")
        if not (0 < self.least <= self.most and math.isfinite(self.most)):
            raise UsageError(f"split Gibbs needs 0 < least <= most, not {self.least} and {self.most}.")

    def drawn(self, given: Reverse) -> Tensor:
        check_shared(given.measurement, given.generator, given.condition)
        schedule, calls = given.denoiser.process.schedule, len(given.grid) - 1
        inner = min(self.inner, max(1, calls - 1))
        moves = max(1, (calls - 1) // inner)
        first = calls - moves * inner
        done = 0

        def reverse(x_t: Tensor, t: float, steps: int) -> Tensor:
            nonlocal done
            x = sample(given.denoiser, DPMSolver(sde=True), _down(schedule, t, steps), x_t, given.generator)
            done += steps
            if given.on_step:
                given.on_step(done, calls)
            return x

        x = reverse(given.x, given.grid[0], first) if first else torch.zeros_like(given.x)
        before = None
        for t in self._levels(schedule, given.grid[0], moves):
            a, sigma, _ = schedule.level(t)
            x, before = _chosen(x, given, before, sigma / a), sigma / a
            x = reverse(a * _seen_under(x, given, sigma / a), t, inner)
        return x

    def _levels(self, schedule: NoisePath, top: float, moves: int) -> list[float]:
        """The times of the etas."""
        fall = math.log(self.least / self.most) / max(1, moves - 1)
        etas = (schedule.data_std * self.most * math.exp(fall * i) for i in range(moves))
        ends = [schedule.level(end).half_log_snr for end in schedule.ends]
        times = [schedule.time(max(ends[1], min(-math.log(eta), ends[0]))) for eta in etas]
        return [min(max(1, round(t)) if schedule.whole else t, top) for t in times]


def _down(schedule: NoisePath, t: float, steps: int) -> tuple[float, ...]:
    """From t to 0, evenly in the angle of signal and noise."""
    whole = float(schedule.progress(torch.tensor([float(t)], dtype=torch.float64)))
    between = {schedule.at_progress(whole * i / steps) for i in range(1, steps)}
    return t, *sorted((s for s in between if 0 < s < t), reverse=True), 0


def _chosen(x: Tensor, given: Reverse, before: float | None, eta: float) -> Tensor:
    """The population chosen anew by its weights, evenly spread over them."""
    log_w = _log_likelihood(x, given.measurement, eta)
    if before is not None:
        log_w = log_w - _log_likelihood(x, given.measurement, before)
    u = uniform(log_w[:, :1], given.generator)
    order = _in_line(x)
    return x[order][lying_at(log_w[:, order], (torch.arange(len(x), device=x.device) + u) / len(x))[0]]


def _in_line(x: Tensor) -> Tensor:
    """The places of the particles along the axis in which they lie farthest apart: chosen so, those on either side of a gap
    keep their share to one particle."""
    flat = x.flatten(1) - x.flatten(1).mean(0)
    axis = flat[0]
    for _ in range(TURNS):
        axis = torch.nn.functional.normalize(flat.T @ (flat @ axis), dim=0)
    return (flat @ axis).argsort()


def _log_likelihood(x: Tensor, measurement: Measurement, eta: float) -> Tensor:
    """log N(y; A x, R + eta^2 A A^T) up to a constant: [1, B]."""
    gap = measurement.residual(x)
    return -0.5 * dot(gap, _solved(gap, x, measurement, eta)).reshape(1, -1)


def _seen_under(x: Tensor, given: Reverse, eta: float) -> Tensor:
    """z given x and y: a draw of x + eta n, and of the noise of y, moved to where they agree with y."""
    measurement, operator = given.measurement, given.measurement.operator
    away = eta * draw(x, given.generator)
    gap = measurement.residual(x) - operator.tangent(x, away)
    gap = gap - measurement.variance(x).sqrt() * draw(gap, given.generator)
    return x + away + eta**2 * operator.adjoint(x, _solved(gap, x, measurement, eta))


def _solved(gap: Tensor, x: Tensor, measurement: Measurement, eta: float) -> Tensor:
    """(R + eta^2 A A^T)^-1 of it."""
    operator, variance = measurement.operator, measurement.variance(x) + FLOOR * eta**2

    def apply(p: Tensor) -> tuple[Tensor, Tensor]:
        along = eta**2 * operator.adjoint(x, p)
        return operator.tangent(x, along) + variance * p, along

    return conjugate_gradients(apply, gap, ITERATIONS, variance + eta**2)[0]
