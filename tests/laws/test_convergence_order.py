"""Every deterministic sampler converges with the order that it declares, and a wrong symbol in one is found so.

The truth comes from no solver. In one dimension the probability flow keeps the rank of every point, so the exact x_t' of
x_t has the same value of the marginal's distribution function; for a Gaussian, the same number of deviations.

A sampler that draws noise converges to the distribution, and its order there is measured without a draw. For data N(0, 1/4)
the exact denoiser is linear, so x at the end is a sum of x_T and of the noise of each step, each times a number: one run
carries these numbers, a row for each source, and their sum of squares is the final variance.
"""

import itertools
import math
from dataclasses import dataclass, replace

import pytest
import torch

from reverie.denoisers import GaussianMixture
from reverie.process import EDM, GaussianProcess, NoiseSchedule, RectifiedFlow, VarianceExploding
from reverie.samplers import (
    DDIM,
    DEIS,
    AdamsBashforth,
    Ancestral,
    DPMSolver,
    Heun,
    Restart,
    StochasticHeun,
    UniPC,
    named,
    sample,
)
from reverie.samplers import sampler as driver
from reverie.studies.mistakes.forms import HalvedParabola

T = 20_000
END = T // 50  # the last steps to t = 0 have no finite log-SNR; the order is a statement about the rest
SCHEDULE = NoiseSchedule.linear(T, 1e-4 / 20, 0.02 / 20)
PROCESS = GaussianProcess(SCHEDULE)
SAMPLERS = [
    *(DDIM(), DPMSolver(order=1), DPMSolver(order=2), DPMSolver(order=3), UniPC(1), UniPC(2), UniPC(3), DEIS(2), DEIS(3)),
    *(Heun(), StochasticHeun(s_churn=0.0), Restart(times=0), AdamsBashforth()),
]
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


LATE = dict.fromkeys((DEIS(3), DPMSolver(order=3)), (320, 640))
"""Where fewer steps do not show the order yet: from orders above, or, of DEIS, past a change of the error's sign."""


def order_on_gaussian(sampler) -> float:
    def std(t: int) -> float:
        return math.sqrt(float(SCHEDULE.alpha_bar[t]) * 0.25 + 1 - float(SCHEDULE.alpha_bar[t]))

    one = torch.ones(1, 1, dtype=torch.float64)
    return orders(mixture([0.0], [0.5], [1.0]), sampler, one, one * std(END) / std(T), LATE.get(sampler, (80, 160)))[-1]


def order_on_mixture(sampler) -> float:
    x = torch.linspace(-1.6, 1.6, 9, dtype=torch.float64)[:, None]
    return orders(mixture(MEANS, STDS, WEIGHTS), sampler, x, transported(x, T, END), LATE.get(sampler, (160, 320)))[-1]


@samplers
def test_order_on_a_gaussian_is_the_declared_one(sampler):
    assert abs(order_on_gaussian(sampler) - sampler.order) < 0.2


@samplers
def test_order_on_a_mixture_is_the_declared_one(sampler):
    assert abs(order_on_mixture(sampler) - sampler.order) < 0.2


@pytest.mark.parametrize("path", [RectifiedFlow(), EDM(), VarianceExploding()], ids=lambda path: path.name)
@pytest.mark.parametrize(
    "sampler", [DDIM(), DPMSolver(), DPMSolver(3), UniPC(), DEIS(2), Heun(), AdamsBashforth()], ids=repr
)
def test_order_on_a_path_that_does_not_preserve_variance_is_the_declared_one(path, sampler):
    """The flow of data N(0, 1/4) carries one deviation to one; from the end of the path down to sigma = alpha / 8."""
    process, top = GaussianProcess(path), path.level(path.ends[1]).half_log_snr
    half = torch.full((1,), 0.5, dtype=torch.float64)
    denoiser = GaussianMixture(process, torch.zeros(1, 1, dtype=torch.float64), half)
    errors = []
    for n in (80, 160):
        grid = [path.time(top + (math.log(8) - top) * i / n) for i in range(n + 1)]
        start, end = (math.hypot(path.level(t).alpha / 2, path.level(t).sigma) for t in (grid[0], grid[-1]))
        errors.append(abs(float(sample(denoiser, sampler, grid, torch.full((1, 1), start, dtype=torch.float64))) - end))
    assert abs(math.log2(errors[0] / errors[1]) - sampler.order) < (0.2 if sampler.order < 3 else 0.4)


def test_the_exact_transport_is_what_a_fine_heun_run_finds():
    x = torch.linspace(-1.6, 1.6, 9, dtype=torch.float64)[:, None]
    fine = sample(mixture(MEANS, STDS, WEIGHTS), Heun(), fine_grid(2000), x)
    assert float((fine - transported(x, T, END)).abs().max()) < 5e-6


@dataclass(frozen=True)
class WrongSlope(DPMSolver):
    """DPM-Solver++ with 1/r in place of 1/(2r)."""

    def step(self, now):
        return 2 * super().step(now) - DPMSolver(order=1).step(replace(now, past=()))


@dataclass(frozen=True)
class WrongCorrector(Heun):
    """Heun's method with the corrector's sign turned."""

    def step(self, now):
        return 2 * DDIM().step(now) - super().step(now)


@dataclass(frozen=True)
class WrongLevel(DDIM):
    """DDIM whose noise is scaled by sigma_t in place of sigma_s."""

    def step(self, now):
        return now.prediction.mix(clean=now.to.alpha, noise=now.at.sigma)


@pytest.mark.parametrize("sampler", [WrongSlope(), HalvedParabola(), WrongCorrector(), WrongLevel()], ids=repr)
def test_a_sampler_that_is_wrong_by_one_symbol_fails_the_order_test(sampler):
    assert abs(order_on_gaussian(sampler) - sampler.order) > 0.5
    assert abs(order_on_mixture(sampler) - sampler.order) > 0.5


# --- samplers that draw noise ----------------------------------------------------------------------------------------------

ORDERS = [
    (DDIM(1.0), 1),
    (Ancestral("beta"), 1),
    (DPMSolver(1, sde=True), 1),
    (StochasticHeun(5.0), 2),
    (Restart(low=0.2), 2),
]


def variance(t: int) -> float:
    return float(SCHEDULE.alpha_bar[t]) / 4 + 1 - float(SCHEDULE.alpha_bar[t])


@dataclass(frozen=True)
class Linear:
    process = PROCESS

    def __call__(self, x_t, t, condition=None):
        return PROCESS.predict(x_t, t, clean=SCHEDULE.level(t).alpha / 4 / variance(t) * x_t)


def error_of_variance(sampler, steps: int, monkeypatch) -> float:
    sources = torch.eye(steps + 1, dtype=torch.float64)
    noise = iter(sources[1:])
    monkeypatch.setattr(driver, "draw", lambda x, generator: next(noise))
    end = sample(Linear(), sampler, fine_grid(steps), math.sqrt(variance(T)) * sources[0], torch.Generator())
    return abs(float(end.square().sum()) - variance(END))


@pytest.mark.parametrize(("sampler", "order"), ORDERS, ids=[repr(sampler) for sampler, _ in ORDERS])
def test_the_final_variance_of_a_gaussian_converges_with_the_order(sampler, order, monkeypatch):
    few, many = (error_of_variance(sampler, steps, monkeypatch) for steps in (80, 160))
    assert abs(math.log2(few / many) - order) < 0.2


def test_without_their_noise_they_are_heuns_method_bit_for_bit():
    x, grid = torch.linspace(-1.6, 1.6, 9, dtype=torch.float64)[:, None], fine_grid(20)
    ends = [sample(Linear(), sampler, grid, x) for sampler in (Heun(), StochasticHeun(0.0), Restart(times=0))]
    assert torch.equal(ends[0], ends[1]) and torch.equal(ends[0], ends[2])


def test_euler_ancestral_is_ancestral_sampling():
    """Euler's step to sigma_down, and noise up to sigma_s again, in noise over signal (Song et al. 2021, appendix)."""
    x, (t, s) = torch.linspace(-1.6, 1.6, 9, dtype=torch.float64)[:, None], (15_000, 9_000)
    (a_t, sigma_t, _), (a_s, sigma_s, _) = SCHEDULE.level(t), SCHEDULE.level(s)
    at, to = sigma_t / a_t, sigma_s / a_s
    up = to * math.sqrt(1 - (to / at) ** 2)
    down = math.sqrt(to**2 - up**2)
    z = torch.randn(x.shape, generator=torch.Generator().manual_seed(3), dtype=x.dtype)
    expected = a_s * (x / a_t + (down - at) * Linear()(x, t).noise + up * z)
    for sampler in (named("euler_ancestral"), Ancestral()):
        step = sample(Linear(), sampler, (t, s), x, torch.Generator().manual_seed(3))
        torch.testing.assert_close(step, expected, rtol=1e-11, atol=1e-12)
