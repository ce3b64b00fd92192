"""Split Gibbs sampling along falling noise (Vono et al. 2019; with a diffusion model for the
prior, Coeurdoux et al. 2024 and Wu et al. 2024, PnP-DM; the weights, Del Moral et al. 2006).

    pi_eta(x, z) ~ p(x) N(z; x, eta^2 I) N(y; A z, R)       of which x alone is x_0 given y, seen with noise R + eta^2 A A^T
    z given x    Gaussian
    x given z    p(x_0 | x_t = a z) where sigma / a = eta: the reverse process from there, which need not know of y
    weights      N(y; A x, R + eta'^2 A A^T) / N(y; A x, R + eta^2 A A^T)     where noise falls from eta to eta'

In the moves nothing is taken as a Gaussian that is not one. What is wrong is what the steps of the reverse process are, of
which each draw of x has few; the last eta; and the size of the population, or, without weights, that eta falls faster than
draws can follow: so these begin where guidance has led them, and have of y along each axis what axes.py says.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from reverie.errors import UsageError
from reverie.process.randomness import draw, uniform
from reverie.samplers.dpm import DPMSolver
from reverie.samplers.posterior.axes import Axes, axes_of
from reverie.samplers.posterior.gaussian import FLOOR, conjugate_gradients, dot
from reverie.samplers.posterior.measurement import Measurement
from reverie.samplers.posterior.method import PosteriorSampler, Reverse
from reverie.samplers.posterior.mmps import MMPS
from reverie.samplers.posterior.pigdm import ITERATIONS
from reverie.samplers.posterior.population import check_shared, lying_at
from reverie.samplers.sampler import sample

__all__ = ["SplitGibbs"]

INNER = 4
"""Calls of the reverse process for each draw of x given z."""
GUIDANCE = MMPS(INNER - 1)
LEAST = 0.01
"""The least eta that noise of y asks for."""
TURNS = 5
"""Of the power iteration that finds the main axis of the population."""


@dataclass(frozen=True)
class SplitGibbs(PosteriorSampler):
    """Each draw by itself and without weights: a third of the steps are guided, of MMPS, and the others are moves that put
    right what guidance misses. Or all draws are one weighted population, and there is no guidance.

    A step is four passes: a guided one a call and three passes back, a move four calls. Of a population it is one call.

    Args:
        shared: whether all draws are one population.
        most, least: eta at first and at last, in deviations of the data; between them it falls geometrically. Where y has
            noise, the last is as much less as that asks for.
    """

    shared: bool = False
    most: float = 0.8
    least: float = 0.15

    def __post_init__(self) -> None:
        if not (0 < self.least <= self.most and math.isfinite(self.most)):
            raise UsageError(f"split Gibbs needs 0 < least <= most, not {self.least} and {self.most}.")

    @property
    def calls(self) -> int:
        return 1 if self.shared else INNER

    @property
    def backward(self) -> int:
        return 0 if self.shared else GUIDANCE.backward

    @property
    def passes(self) -> int:
        return 1 if self.shared else INNER

    def spent(self, steps: int) -> tuple[int, int]:
        if self.shared:
            return steps, 0
        guided = _guided(steps)
        return guided + INNER * (steps - guided), GUIDANCE.backward * guided

    def drawn(self, given: Reverse) -> Tensor:
        return self._population(given) if self.shared else self._alone(given)

    def _alone(self, given: Reverse) -> Tensor:
        measurement, steps = given.measurement, len(given.grid) - 1
        guided = _guided(steps)
        grid = tuple(given.grid[round(i * steps / guided)] for i in range(guided + 1))
        told = given.on_step

        def on_step(done: int, _: int) -> None:
            if told:
                told(done, steps)

        x = measurement.imposed(GUIDANCE.drawn(replace(given, grid=grid, on_step=on_step)))
        axes = axes_of(measurement, x)
        least = self.least
        if axes is not None and axes.fine > 0:
            least = min(least, max(axes.fine / given.denoiser.process.schedule.data_std, LEAST))
        for done, t in enumerate(_levels(given, self.most, least, steps - guided), start=guided + 1):
            x = _moved(x, given, t, axes)
            on_step(done, steps)
        return x

    def _population(self, given: Reverse) -> Tensor:
        check_shared(given.measurement, given.generator, given.condition)
        calls = len(given.grid) - 1
        inner = min(INNER, max(1, calls - 1))
        moves = max(1, (calls - 1) // inner)
        done = calls - moves * inner
        x, before = torch.zeros_like(given.x), None
        if done:
            x = _down(given, given.x, given.grid[0], done)
        for t in _levels(given, self.most, self.least, moves):
            eta = _eta(given, t)
            x, before = _chosen(x, given, before, eta), eta
            x = _moved(x, given, t, None, inner)
            done += inner
            if given.on_step:
                given.on_step(done, calls)
        return x


def _guided(steps: int) -> int:
    """How many of the steps are guided."""
    return max(1, round(steps / 3))


def _eta(given: Reverse, t: float) -> float:
    a, sigma, _ = given.denoiser.process.schedule.level(t)
    return sigma / a


def _levels(given: Reverse, most: float, least: float, moves: int) -> list[float]:
    """The times of the etas."""
    schedule = given.denoiser.process.schedule
    fall = math.log(least / most) / max(1, moves - 1)
    etas = (schedule.data_std * most * math.exp(fall * i) for i in range(moves))
    high, low = (schedule.level(end).half_log_snr for end in schedule.ends)
    times = [schedule.time(max(low, min(-math.log(eta), high))) for eta in etas]
    return [min(max(1, round(t)) if schedule.whole else t, given.grid[0]) for t in times]


def _moved(x: Tensor, given: Reverse, t: float, axes: Axes | None, inner: int = INNER) -> Tensor:
    """x given z given x."""
    eta, measurement = _eta(given, t), given.measurement
    if axes is None:
        z = _seen_under(x, given, eta)
    else:
        z = x + axes.agreeing(eta * draw(x, given.generator), measurement.residual(x), eta)
    return _down(given, given.denoiser.process.schedule.level(t).alpha * z, t, inner)


def _down(given: Reverse, x_t: Tensor, t: float, steps: int) -> Tensor:
    """A draw of the reverse process from t to 0, in steps that are even in the angle of signal and noise."""
    schedule = given.denoiser.process.schedule
    whole = float(schedule.progress(torch.tensor([float(t)], dtype=torch.float64)))
    between = {schedule.at_progress(whole * i / steps) for i in range(1, steps)}
    grid = t, *sorted((s for s in between if 0 < s < t), reverse=True), 0
    return sample(given.denoiser, DPMSolver(sde=True), grid, x_t, given.generator, given.condition)


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
