"""Which samplers are one and the same, and what they make of Gaussian data in closed form."""

import itertools
import math

import pytest
import torch
from torch.testing import assert_close

from reverie.denoisers import GaussianMixture, KnownSample
from reverie.process import GaussianProcess, NoiseSchedule, generator, registry
from reverie.process.registry import CONTINUOUS
from reverie.samplers import (
    DDIM,
    SAMPLERS,
    AdamsBashforth,
    Ancestral,
    Consistency,
    DPMSolver,
    Heun,
    Step,
    sample,
    time_grid,
)  # fmt: skip

PROCESS = GaussianProcess(NoiseSchedule.linear())
FINAL_STD = (0.4314, 0.3915, 0.5168)  # data of std 0.5, 20 steps, as proved: DDIM, ancestral with beta-tilde, with beta


def gaussian(std: float = 0.5) -> GaussianMixture:
    return GaussianMixture(PROCESS, torch.zeros(1, 1, dtype=torch.float64), torch.tensor([std], dtype=torch.float64))


def start(*shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def test_the_probability_flow_keeps_a_gaussian_what_it_is():
    """1,000 Heun steps carry one standard deviation at T to one at 0: std_t^2 = alpha_bar_t c^2 + 1 - alpha_bar_t."""
    alpha_bar = float(PROCESS.schedule.alpha_bar[-1])
    x_T = torch.full((1, 1), math.sqrt(alpha_bar * 0.25 + 1 - alpha_bar), dtype=torch.float64)
    x_0 = sample(gaussian(), Heun(), time_grid(PROCESS.schedule, 1000), x_T)
    assert abs(float(x_0) - 0.5) < 2e-4


@pytest.mark.parametrize(("sampler", "which"), [(Ancestral("beta_tilde"), 1), (Ancestral("beta"), 2), (DDIM(), 0)])
def test_final_deviation_by_monte_carlo(sampler, which):
    """100,000 samples: the measured deviation within four standard errors of the closed form."""
    n = 100_000
    x = torch.randn(n, 1, generator=generator(0, "start"), dtype=torch.float64)
    x = sample(gaussian(), sampler, time_grid(PROCESS.schedule, 20), x, generator(0, "steps"))
    std = FINAL_STD[which]
    assert abs(float(x.std()) - std) < 4 * std / math.sqrt(2 * n) + 5e-5
    assert abs(float(x.mean())) < 4 * std / math.sqrt(n)


@pytest.mark.parametrize("sampler", [DDIM(), DDIM(1.0), DDIM(0.3), Ancestral(), DPMSolver(), DPMSolver(sde=True), Heun()])
@pytest.mark.parametrize("spacing", ["trailing", "leading", "linspace", "log_snr", "karras"])
def test_told_the_truth_every_sampler_ends_exactly_at_it(sampler, spacing):
    x_0 = start(3, 2, 5)
    grid = time_grid(PROCESS.schedule, 15, spacing)
    end = sample(KnownSample(PROCESS, x_0), sampler, grid, start(3, 2, 5).flip(0), torch.Generator().manual_seed(0))
    assert_close(end, x_0, rtol=0, atol=1e-14)


@pytest.mark.parametrize("eta", [0.0, 0.4, 1.0, 50.0])
def test_told_the_truth_ddim_keeps_every_marginal(eta):
    """Whatever eta, x_t stays q(x_t|x_0): propagate (coefficient of x_0, variance) through the affine steps."""
    schedule = PROCESS.schedule
    mean, variance = float(schedule.signal[-1]), 1 - float(schedule.alpha_bar[-1])
    zero, one = torch.zeros(1, 1, dtype=torch.float64), torch.ones(1, 1, dtype=torch.float64)
    for t, s in itertools.pairwise(time_grid(schedule, 25)):
        noise = torch.randn(1, 1, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
        step = [
            float(sample(KnownSample(PROCESS, x_0), DDIM(eta), (t, s), x, torch.Generator().manual_seed(0)))
            for x_0, x in ((zero, zero), (one, zero), (zero, one))
        ]
        sigma = step[0] / float(noise)
        of_clean, of_x = step[1] - step[0], step[2] - step[0]
        mean, variance = of_clean + of_x * mean, of_x**2 * variance + sigma**2
        assert math.isclose(mean, float(schedule.signal[s]), rel_tol=1e-10)
        assert math.isclose(variance, float(schedule.sigma[s]) ** 2, rel_tol=1e-9, abs_tol=1e-13)


@pytest.mark.parametrize("eta", [0.2, 0.5, 1.0])
@pytest.mark.parametrize(("t", "s"), [(1000, 700), (500, 499), (2, 1)])
def test_ddim_adds_eta_times_the_deviation_of_the_posterior(eta, t, s):
    x, x_0 = start(3, 2), torch.zeros(3, 2, dtype=torch.float64)
    ends = [
        DDIM(eta).step(Step(PROCESS, t, s, PROCESS.predict(x, t, clean=x_0), g))
        for g in (torch.Generator().manual_seed(3), None)
    ]
    z = torch.randn(3, 2, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    assert_close(ends[0] - ends[1], eta * PROCESS.posterior(x_0, x, s, t).std * z, rtol=1e-8, atol=1e-13)


def test_learned_variance_reaches_the_step():
    """With u = 1 the learned variance is beta, with u = 0 beta-tilde: the draws are those of the fixed variances."""

    class Mixed(GaussianMixture):
        def __call__(self, x_t, t, condition=None):
            clean = super().__call__(x_t, t, condition).clean
            return self.process.predict(x_t, t, clean=clean, variance_mix=torch.full_like(x_t, self.u))

    inner, grid = gaussian(), time_grid(PROCESS.schedule, 10)
    for u, fixed in ((1.0, "beta"), (0.0, "beta_tilde")):
        denoiser = Mixed(PROCESS, inner.means, inner.stds)
        object.__setattr__(denoiser, "u", u)
        ends = [
            sample(d, Ancestral(v), grid, start(5, 1), torch.Generator().manual_seed(3))
            for d, v in ((denoiser, "learned"), (inner, fixed))
        ]
        assert_close(*ends, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("steps", [1, 4, 30])
def test_standard_normal_data_stand_still_under_the_angular_sampler(steps):
    """v = 0 for data N(0, 1), so the flow moves nothing, however few the steps; DDIM shrinks them by cos h at each."""
    normal = GaussianMixture(PROCESS, torch.zeros(1, 1, dtype=torch.float64), torch.ones(1, dtype=torch.float64))
    x = start(5, 1)
    grid = time_grid(PROCESS.schedule, steps)
    assert_close(sample(normal, AdamsBashforth(), grid, x), x, rtol=0, atol=1e-12)
    phi = [math.acos(float(PROCESS.schedule.signal[t])) for t in grid]
    shrunk = math.prod(math.cos(a - b) for a, b in itertools.pairwise(phi))
    assert_close(sample(normal, DDIM(), grid, x), x * shrunk, rtol=0, atol=1e-12)


@pytest.mark.parametrize("steps", [1, 2, 5])
def test_told_where_the_flow_ends_consistency_makes_the_data_in_any_number_of_steps(steps):
    """For N(0, c^2) the flow ends at c x_t / std_t: the variance of x_0 is c^2 after one step, and stays it."""
    schedule, c = NoiseSchedule.linear(), 0.5

    class Ends:
        process, evidence = PROCESS, "exact"

        def __call__(self, x_t, t, condition=None):
            level = schedule.level(t)
            return PROCESS.predict(x_t, t, clean=x_t * c / math.hypot(level.alpha * c, level.sigma))

    level = schedule.level(1000)
    variance = (level.alpha * c) ** 2 + level.sigma**2
    for t, s in itertools.pairwise(time_grid(schedule, steps)):
        zero, one = torch.zeros(1, 1, dtype=torch.float64), torch.ones(1, 1, dtype=torch.float64)
        noise = torch.randn(1, 1, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
        added, moved = (sample(Ends(), Consistency(), (t, s), x, torch.Generator().manual_seed(0)) for x in (zero, one))
        variance = float(moved - added) ** 2 * variance + float(added / noise) ** 2
        to = schedule.level(s)
        assert math.isclose(variance, (to.alpha * c) ** 2 + to.sigma**2, rel_tol=1e-12)
    assert math.isclose(variance, c**2, rel_tol=1e-12)


# --- paths in continuous time -----------------------------------------------------------------------------------------

continuous = pytest.mark.parametrize("name", CONTINUOUS)


@continuous
def test_told_the_truth_samplers_end_exactly_at_it_on_every_path(name):
    path = registry.named(name)
    process, x_0 = GaussianProcess(path), start(3, 2, 5)
    for sampler in (DDIM(), DDIM(1.0), DDIM(0.3), Ancestral(), DPMSolver(), DPMSolver(sde=True), Heun()):
        grid, x = time_grid(path, 9, path.spacing), path.prior_std * start(3, 2, 5).flip(0)
        end = sample(KnownSample(process, x_0), sampler, grid, x, torch.Generator().manual_seed(0))
        assert_close(end, x_0, rtol=0, atol=1e-13 * path.prior_std)


@continuous
def test_every_sampler_keeps_the_deviation_of_gaussian_data_on_every_path(name):
    """From N(0, prior_std^2), 1,000 samples in 40 steps: within 3 % and four standard errors of 1/2."""
    path = registry.named(name)
    half = torch.tensor([0.5], dtype=torch.float64)
    denoiser = GaussianMixture(GaussianProcess(path), torch.zeros(1, 1, dtype=torch.float64), half)
    x = path.prior_std * torch.randn(1000, 1, generator=generator(0), dtype=torch.float64)
    grid = time_grid(path, 40, "angle")
    for called, entry in SAMPLERS.items():
        if called == "consistency":  # of models that say where the path ends, not the mean
            continue
        end = sample(denoiser, entry.make(), grid, x, generator(1))
        assert abs(float(end.std()) / 0.5 - 1) < 0.03 + 4 / math.sqrt(2000), called
