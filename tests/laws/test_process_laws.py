"""The forward process is a Markov chain of Gaussians, and its posterior is what Bayes' rule makes of it."""

import math

import pytest
import torch
from torch.testing import assert_close

from reverie.process import Gaussian, GaussianProcess, NoiseSchedule
from reverie.process.path import NoisePath
from reverie.process.registry import CONTINUOUS, named

SCHEDULES: dict[str, NoisePath] = {
    "linear": NoiseSchedule.linear(),
    "scaled_linear": NoiseSchedule.scaled_linear(),
    "cosine": NoiseSchedule.cosine(),
    "quadratic": NoiseSchedule.quadratic(),
    "exponential": NoiseSchedule.exponential(2000),
    "sigmoid": NoiseSchedule.sigmoid(),
} | {name: named(name) for name in CONTINUOUS}
PAIRS = [(0, 1), (0, 700), (1, 2), (3, 4), (1, 999), (49, 300), (498, 499), (250, 1000), (999, 1000)]

schedules = pytest.mark.parametrize("schedule", SCHEDULES.values(), ids=SCHEDULES)
pairs = pytest.mark.parametrize(("s", "t"), PAIRS)


def on(path: NoisePath, *steps: int) -> list[float]:
    """Steps of a thousand, as times of the path."""
    return [step if path.whole else step / 1000 * path.end for step in steps]


def data(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@schedules
@pytest.mark.parametrize("t", [1, 2, 333, 1000])
def test_transition_from_zero_is_the_marginal(schedule, t):
    process, x_0, (t,) = GaussianProcess(schedule), data(3), on(schedule, t)
    q, p = process.marginal(x_0, t), process.transition(x_0, 0, t)
    assert_close(q.mean, p.mean, rtol=1e-13, atol=0)
    assert_close(q.variance, p.variance, rtol=1e-13, atol=0)


@schedules
@pairs
def test_transitions_compose_and_carry_one_marginal_to_the_next(schedule, s, t):
    """From 0 to s to t is from 0 to t: slopes multiply and variances add, alpha_ts^2 sigma_s^2 + beta_ts = sigma_t^2."""
    process, x_0 = GaussianProcess(schedule), data(3)
    s, t = on(schedule, s, t)
    at_s, at_t = process.marginal(x_0, s), process.marginal(x_0, t)
    step = process.transition(at_s.mean, s, t)
    slope = process.transition(torch.ones_like(x_0), s, t).mean[0]
    assert_close(step.mean, at_t.mean, rtol=1e-12, atol=0)
    assert_close(slope**2 * at_s.variance + step.variance, at_t.variance, rtol=1e-11, atol=0)


@pytest.mark.parametrize(
    "schedule", [SCHEDULES["linear"], *(SCHEDULES[name] for name in CONTINUOUS)], ids=["linear", *CONTINUOUS]
)
@pytest.mark.parametrize(("s", "t"), [(1, 2), (49, 300), (250, 1000), (499, 500)])
def test_posterior_is_bayes_by_numerical_integration(schedule, s, t):
    """The joint density on a grid of x_s, normalised by the trapezium rule, has the posterior's mean and variance."""
    process = GaussianProcess(schedule)
    s, t = on(schedule, s, t)
    x_0, x_t = torch.tensor([0.7], dtype=torch.float64), torch.tensor([-0.4], dtype=torch.float64)
    posterior = process.posterior(x_0, x_t, s, t)
    x_s = posterior.mean + posterior.std * torch.linspace(-14, 14, 4001, dtype=torch.float64)
    transition = process.transition(x_s, s, t)
    log_joint = process.marginal(x_0, s).log_density(x_s) + transition.log_density(x_t)
    density = torch.exp(log_joint - log_joint.max())
    density = density / torch.trapezoid(density, x_s)
    mean = torch.trapezoid(density * x_s, x_s)
    assert_close(mean, posterior.mean[0], rtol=1e-10, atol=1e-10)
    assert_close(torch.trapezoid(density * (x_s - mean) ** 2, x_s), posterior.variance, rtol=1e-9, atol=0)


@schedules
@pairs
def test_posterior_averaged_over_x_t_is_the_marginal_at_s(schedule, s, t):
    process, x_0 = GaussianProcess(schedule), data(3)
    s, t = on(schedule, s, t)
    q_t, q_s = process.marginal(x_0, t), process.marginal(x_0, s)
    at_mean = process.posterior(x_0, q_t.mean, s, t)
    slope = process.posterior(torch.zeros_like(x_0), torch.ones_like(x_0), s, t).mean[0]  # c_t
    assert_close(at_mean.mean, q_s.mean, rtol=1e-10, atol=1e-13)
    assert_close(at_mean.variance + slope**2 * q_t.variance, q_s.variance, rtol=1e-9, atol=1e-15)


@schedules
@pairs
def test_at_time_zero_the_posterior_is_the_data_to_the_last_bit(schedule, s, t):
    process, x_0, (t,) = GaussianProcess(schedule), data(3), on(schedule, t)
    posterior = process.posterior(x_0, data(3, seed=1), 0, t)
    assert torch.equal(posterior.mean, x_0)
    assert posterior.variance == 0


@pytest.mark.parametrize("schedule", [SCHEDULES["linear"], SCHEDULES["edm"]], ids=["linear", "edm"])
def test_corruption_has_the_moments_of_the_marginal(schedule):
    """100,000 draws: mean and variance within five standard errors."""
    process, n, (t,) = GaussianProcess(schedule), 100_000, on(schedule, 300)
    x_0 = torch.full((n,), 0.8, dtype=torch.float64)
    x_t = process.corrupt(x_0, t, generator=torch.Generator().manual_seed(0))
    q = process.marginal(x_0[:1], t)
    assert abs(x_t.mean() - q.mean[0]) < 5 * float(q.std) / math.sqrt(n)
    assert abs(x_t.var() - q.variance) < 5 * float(q.variance) * math.sqrt(2 / n)


def test_log_density_integrates_to_one_and_kl_is_its_expectation():
    q = Gaussian(torch.tensor(0.3, dtype=torch.float64), torch.tensor(0.2, dtype=torch.float64))
    p = Gaussian(torch.tensor(-0.5, dtype=torch.float64), torch.tensor(0.7, dtype=torch.float64))
    x = torch.linspace(-8, 8, 20001, dtype=torch.float64)
    density = q.log_density(x).exp()
    assert_close(torch.trapezoid(density, x), torch.ones((), dtype=torch.float64), rtol=1e-10, atol=0)
    kl = torch.trapezoid(density * (q.log_density(x) - p.log_density(x)), x)
    assert_close(q.kl(p), kl, rtol=1e-10, atol=0)
    assert q.kl(q) == 0
