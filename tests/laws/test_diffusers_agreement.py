"""Where diffusers 0.42 is right, we agree with it: its tables to float32, its formulas to float64.

Its index i is our t = i + 1. Its tables are float32, so for the formulas it is given our float64 table; its DPM-Solver
casts the state to float32, which leaves 1e-5 over a whole trajectory.
"""

import pytest
import torch
from diffusers.schedulers import (
    DDIMScheduler,
    DDPMScheduler,
    DEISMultistepScheduler,
    DPMSolverMultistepScheduler,
    UniPCMultistepScheduler,
)
from diffusers.schedulers.scheduling_ddpm import rescale_zero_terminal_snr
from torch.testing import assert_close

from reverie.denoisers import Clipped, GaussianMixture, KnownSample, Thresholded
from reverie.process import GaussianProcess, NoiseSchedule
from reverie.samplers import DDIM, DEIS, Ancestral, DPMSolver, UniPC, sample, time_grid, trajectory
from reverie.samplers.sampler import Step

pytestmark = pytest.mark.filterwarnings("ignore:__array_:DeprecationWarning")  # theirs, under numpy 2
SCHEDULE = NoiseSchedule.linear()
PROCESS = GaussianProcess(SCHEDULE)
EXACT = {"rtol": 1e-6, "atol": 1e-9}  # their constant 1.0 and 1 - alpha_bar are partly float32


def normal(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def theirs(kind: type, schedule: NoiseSchedule = SCHEDULE, **settings):
    """Their scheduler on our float64 table, without the clipping that it does by default."""
    clip = {"clip_sample": False} if kind in (DDIMScheduler, DDPMScheduler) else {}
    scheduler = kind(**{**clip, **settings})
    scheduler.betas, scheduler.alphas = schedule.beta[1:], schedule.alpha[1:]
    scheduler.alphas_cumprod = schedule.alpha_bar[1:]
    if hasattr(scheduler, "final_alpha_cumprod"):
        scheduler.final_alpha_cumprod = torch.tensor(1.0, dtype=torch.float64)
    scheduler.one = torch.tensor(1.0, dtype=torch.float64)
    return scheduler


def mixture() -> GaussianMixture:
    means = torch.stack([normal(1, 2, 2, seed=8), normal(1, 2, 2, seed=9)])
    return GaussianMixture(PROCESS, means, torch.tensor([0.3, 0.5]))


# --- tables -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("linear", {}),
        ("scaled_linear", {"beta_start": 8.5e-4, "beta_end": 0.012}),
        ("squaredcos_cap_v2", {}),
        ("sigmoid", {}),
    ],
)
def test_schedules(name, settings):
    scheduler = DDPMScheduler(beta_schedule=name, **settings)
    ours = dict(zip(("beta_min", "beta_max"), settings.values(), strict=False))
    schedule = NoiseSchedule.named(name, **ours)
    assert_close(scheduler.betas.double(), schedule.beta[1:], rtol=1e-5, atol=1e-7)
    assert_close(scheduler.alphas_cumprod.double(), schedule.alpha_bar[1:], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("build", [NoiseSchedule.linear, NoiseSchedule.scaled_linear, NoiseSchedule.cosine])
def test_rescaling_to_zero_terminal_snr(build):
    schedule = build()
    ours = schedule.with_zero_terminal_snr().beta[1:]
    assert_close(rescale_zero_terminal_snr(schedule.beta[1:]), ours, rtol=1e-9, atol=1e-12)


def test_trailing_grid():
    for n in (10, 20, 50, 100, 1000):
        scheduler = DDIMScheduler(timestep_spacing="trailing")
        scheduler.set_timesteps(n)
        assert [i + 1 for i in scheduler.timesteps.tolist()] == list(time_grid(SCHEDULE, n)[:-1])


# --- corruption and conversion ------------------------------------------------------------------------------------------


def test_corruption_and_velocity():
    t = torch.tensor([1, 2, 500, 1000])
    x_0, noise = normal(4, 1, 2, 2), normal(4, 1, 2, 2, seed=1)
    scheduler = theirs(DDPMScheduler)
    assert_close(scheduler.add_noise(x_0, noise, t - 1), PROCESS.corrupt(x_0, t, noise), rtol=1e-12, atol=1e-14)
    assert_close(scheduler.get_velocity(x_0, noise, t - 1), PROCESS.velocity(x_0, t, noise), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("t", [1, 2, 500, 1000])
@pytest.mark.parametrize(("kind", "name"), [("noise", "epsilon"), ("clean", "sample"), ("velocity", "v_prediction")])
def test_clean_data_of_every_prediction(t, kind, name):
    x_t, value = normal(2, 1, 2, 2), normal(2, 1, 2, 2, seed=1)
    step = theirs(DDPMScheduler, prediction_type=name).step(value, t - 1, x_t)
    assert_close(step.pred_original_sample, PROCESS.predict(x_t, t, **{kind: value}).clean, rtol=1e-11, atol=1e-12)


# --- one step -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("t", [1, 2, 3, 500, 1000])
@pytest.mark.parametrize(("variance", "name"), [("beta_tilde", "fixed_small"), ("beta", "fixed_large")])
@pytest.mark.parametrize(("kind", "prediction_type"), [("noise", "epsilon"), ("velocity", "v_prediction")])
def test_ancestral_step(t, variance, name, kind, prediction_type):
    x_t, value = normal(2, 1, 2, 2), normal(2, 1, 2, 2, seed=1)
    scheduler = theirs(DDPMScheduler, variance_type=name, prediction_type=prediction_type)
    step = scheduler.step(value, t - 1, x_t, generator=torch.Generator().manual_seed(7)).prev_sample
    prediction = PROCESS.predict(x_t, t, **{kind: value})
    ours = Ancestral(variance).step(Step(PROCESS, t, t - 1, prediction, torch.Generator().manual_seed(7)))
    assert_close(step, ours, **EXACT)


@pytest.mark.parametrize("t", [2, 3, 500, 1000])
def test_ancestral_step_with_learned_variance(t):
    x_t, noise = normal(2, 1, 2, 2), normal(2, 1, 2, 2, seed=1)
    raw = normal(2, 1, 2, 2, seed=2).tanh()  # theirs is in [-1, 1], ours in [0, 1]
    scheduler = theirs(DDPMScheduler, variance_type="learned_range")
    step = scheduler.step(torch.cat([noise, raw], 1), t - 1, x_t, generator=torch.Generator().manual_seed(7)).prev_sample
    prediction = PROCESS.predict(x_t, t, noise=noise, variance_mix=(raw + 1) / 2)
    ours = Ancestral("learned").step(Step(PROCESS, t, t - 1, prediction, torch.Generator().manual_seed(7)))
    assert_close(step, ours, **EXACT)


@pytest.mark.parametrize("eta", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("n", [10, 50, 1000])
def test_ddim_trajectory_on_a_trailing_grid(eta, n):
    """Where T // n is the true distance to the next step, every state agrees."""
    scheduler = theirs(DDIMScheduler, timestep_spacing="trailing")
    scheduler.set_timesteps(n)
    x = ours = normal(3, 1, 2, 2)
    first, second = (torch.Generator().manual_seed(7) for _ in range(2))
    for i in scheduler.timesteps.tolist():
        x = scheduler.step(mixture()(x, i + 1).noise, i, x, eta=eta, generator=first).prev_sample
    ours = sample(mixture(), DDIM(eta), time_grid(SCHEDULE, n), ours, second)
    assert_close(x, ours, rtol=1e-6, atol=1e-7)


def test_clipping_with_the_noise_derived_anew():
    x_t, x_0 = normal(2, 1, 2, 2), 2 * normal(2, 1, 2, 2, seed=1)
    scheduler = theirs(DDIMScheduler, clip_sample=True, timestep_spacing="trailing")
    scheduler.set_timesteps(10)
    noise = PROCESS.predict(x_t, 1000, clean=x_0).noise
    step = scheduler.step(noise, 999, x_t, use_clipped_model_output=True).prev_sample
    assert_close(step, sample(Clipped(KnownSample(PROCESS, x_0)), DDIM(), (1000, 900), x_t), **EXACT)


def test_dynamic_thresholding():
    """201 entries: the 0.995 quantile is an entry itself, so interpolation and rank agree."""
    x_0 = 2 * normal(2, 1, 3, 67)
    scheduler = theirs(DDPMScheduler, thresholding=True, sample_max_value=100.0)
    ours = Thresholded(KnownSample(PROCESS, x_0), quantile=0.995)(x_0, 500).clean
    assert_close(scheduler._threshold_sample(x_0), ours, rtol=1e-12, atol=0)


# --- DPM-Solver++ -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("sde", [False, True])
@pytest.mark.parametrize("spacing", ["trailing", "log_snr"])
@pytest.mark.parametrize("n", [8, 30])
def test_dpm_solver_trajectory(order, sde, spacing, n):
    """Every state, on the same grid with the same noise; both end with a first-order step to t = 0."""
    grid = time_grid(SCHEDULE, n, spacing)
    algorithm = "sde-dpmsolver++" if sde else "dpmsolver++"
    scheduler = theirs(DPMSolverMultistepScheduler, solver_order=order, algorithm_type=algorithm)
    scheduler.set_timesteps(timesteps=[t - 1 for t in grid[:-1]])
    x = normal(3, 1, 2, 2)
    first, second = (torch.Generator().manual_seed(7) for _ in range(2))
    for point in trajectory(mixture(), DPMSolver(order=order, sde=sde), grid, x, second):
        assert_close(x, point.x, rtol=1e-5, atol=2e-5)
        if point.t:
            z = torch.randn(x.shape, generator=first, dtype=x.dtype)
            x = scheduler.step(mixture()(x, point.t).noise, point.t - 1, x, variance_noise=z).prev_sample


@pytest.mark.parametrize("order", [2, 3])
@pytest.mark.parametrize(("kind", "sampler"), [(UniPCMultistepScheduler, UniPC), (DEISMultistepScheduler, DEIS)])
@pytest.mark.parametrize("n", [8, 20])
def test_trajectories_of_rules_that_look_back(order, kind, sampler, n):
    """Every state but the last, which is t = 1 with theirs, and, of order 3, the one before: there they fall to order 2."""
    scheduler = theirs(kind, solver_order=order, timestep_spacing="trailing")
    scheduler.set_timesteps(n)
    x = normal(3, 1, 2, 2)
    points = list(trajectory(mixture(), sampler(order), time_grid(SCHEDULE, n), x))
    for point in points[: n - (order == 3)]:
        assert_close(x, point.x, rtol=1e-5, atol=2e-5)
        x = scheduler.step(mixture()(x, point.t).noise, point.t - 1, x).prev_sample
