"""Every deterministic sampler converges with the order that it declares, and a wrong symbol in one is found so.

The truth comes from no solver. In one dimension the probability flow keeps the rank of every point, so the exact x_t' of
x_t has the same value of the marginal's distribution function; for a Gaussian, the same number of deviations.
"""

import itertools
import math
from dataclasses import dataclass

import pytest
import torch

from reverie.denoisers import GaussianMixture
from reverie.process import GaussianProcess, NoiseSchedule
from reverie.samplers import DDIM, AdamsBashforth, DPMSolver, Heun, sample
from reverie.samplers.sampler import State

T = 20_000
END = T // 50  # the last steps to t = 0 have no finite log-SNR; the order is a statement about the rest
SCHEDULE = NoiseSchedule.linear(T, 1e-4 / 20, 0.02 / 20)
PROCESS = GaussianProcess(SCHEDULE)
SAMPLERS = [DDIM(), DPMSolver(order=1), DPMSolver(order=2), Heun(), AdamsBashforth()]
MEANS, STDS, WEIGHTS = [-0.9, 0.2, 1.1], [0.35, 0.5, 0.4], [0.3, 0.5, 0.2]

samplers = pytest.mark.parametrize("sampler", SAMPLERS, ids=repr)


def fine_grid(n: int) -> list[int]:
    """n steps, even in log-SNR to the nearest of 20,000 steps."""
    levels = torch.linspace(float(SCHEDULE.log_snr[-1]), float(SCHEDULE.log_snr[END]), n + 1, dtype=torch.float64)
    return [int((SCHEDULE.log_snr - level).abs().argmin()) for level in levels]


def mixture(means, stds, weights) -> GaussianMixture:
    columns = (torch.tensor(c, dtype=torch.float64) for c in (means, stds, weights))
    means, stds, weights = columns
    return GaussianMixture(PROCESS, means[:, None], stds, weights)


def rank(x: torch.Tensor, t: int) -> torch.Tensor:
    """The distribution function of the mixture's marginal at t."""
    means, stds, weights = (torch.tensor(c, dtype=torch.float64) for c in (MEANS, STDS, WEIGHTS))
    alpha_bar = SCHEDULE.alpha_bar[t]
    std = (alpha_bar * stds**2 + 1 - alpha_bar).sqrt()
    return (weights * torch.special.ndtr((x - alpha_bar.sqrt() * means) / std)).sum(-1, keepdim=True)


def transported(x: torch.Tensor, t: int, end: int) -> torch.Tensor:
    """The point of the same rank at `end`, by bisection."""
    goal = rank(x, t)
    low, high = torch.full_like(x, -9.0), torch.full_like(x, 9.0)
    for _ in range(80):
        middle = (low + high) / 2
        below = rank(middle, end) < goal
        low, high = torch.where(below, middle, low), torch.where(below, high, middle)
    return (low + high) / 2


def orders(denoiser, sampler, x, truth, counts) -> list[float]:
    errors = [float((sample(denoiser, sampler, fine_grid(n), x) - truth).norm()) for n in counts]
    return [math.log2(a / b) for a, b in itertools.pairwise(errors)]


def order_on_gaussian(sampler) -> float:
    def std(t: int) -> float:
        return math.sqrt(float(SCHEDULE.alpha_bar[t]) * 0.25 + 1 - float(SCHEDULE.alpha_bar[t]))

    one = torch.ones(1, 1, dtype=torch.float64)
    return orders(mixture([0.0], [0.5], [1.0]), sampler, one, one * std(END) / std(T), (40, 80, 160))[-1]


def order_on_mixture(sampler) -> float:
    x = torch.linspace(-1.6, 1.6, 9, dtype=torch.float64)[:, None]
    return orders(mixture(MEANS, STDS, WEIGHTS), sampler, x, transported(x, T, END), (80, 160, 320))[-1]


@samplers
def test_order_on_a_gaussian_is_the_declared_one(sampler):
    assert abs(order_on_gaussian(sampler) - sampler.order) < 0.2


@samplers
def test_order_on_a_mixture_is_the_declared_one(sampler):
    assert abs(order_on_mixture(sampler) - sampler.order) < 0.2


def test_the_exact_transport_is_what_a_fine_heun_run_finds():
    x = torch.linspace(-1.6, 1.6, 9, dtype=torch.float64)[:, None]
    fine = sample(mixture(MEANS, STDS, WEIGHTS), Heun(), fine_grid(2000), x)
    assert float((fine - transported(x, T, END)).abs().max()) < 5e-6


@dataclass(frozen=True)
class WrongSlope(DPMSolver):
    """DPM-Solver++ with 1/r in place of 1/(2r)."""

    def step(self, process, state, t, s, prediction, generator):
        right = super().step(process, state, t, s, prediction, generator)
        if state.history is None:
            return right
        first = DPMSolver(order=1).step(process, state, t, s, prediction, generator)
        return State(2 * right.x - first.x, right.history)


@dataclass(frozen=True)
class WrongCorrector(Heun):
    """Heun's method with the corrector's sign turned."""

    def correct(self, process, before, after, t, s, there, here):
        right = super().correct(process, before, after, t, s, there, here)
        return State(2 * after.x - right.x)


@dataclass(frozen=True)
class WrongLevel(DDIM):
    """DDIM whose noise is scaled by sigma_t in place of sigma_s."""

    def step(self, process, state, t, s, prediction, generator):
        schedule = process.schedule
        return State(prediction.mix(clean=schedule.signal[s].item(), noise=schedule.sigma[t].item()))


@pytest.mark.parametrize("sampler", [WrongSlope(), WrongCorrector(), WrongLevel()], ids=repr)
def test_a_sampler_that_is_wrong_by_one_symbol_fails_the_order_test(sampler):
    assert abs(order_on_gaussian(sampler) - sampler.order) > 0.5
    assert abs(order_on_mixture(sampler) - sampler.order) > 0.5
