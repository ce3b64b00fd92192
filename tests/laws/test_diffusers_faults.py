"""Where diffusers 0.42 is wrong, shown as it is, beside ours doing it right.

Each test first asserts the fault. One that fails there after an upgrade says that the fault was mended, and goes.
"""

import itertools

import pytest
import torch
from diffusers.schedulers import DDIMScheduler, DDPMScheduler, DPMSolverMultistepScheduler
from torch.testing import assert_close

from reverie.denoisers import GaussianMixture, KnownSample
from reverie.errors import UsageError
from reverie.process import GaussianProcess, NoiseSchedule, generator
from reverie.samplers import DDIM, Ancestral, DPMSolver, sample, time_grid, trajectory
from reverie.samplers.grid import advice

pytestmark = pytest.mark.filterwarnings("ignore:__array__:DeprecationWarning")  # theirs, under numpy 2
SCHEDULE = NoiseSchedule.linear()
PROCESS = GaussianProcess(SCHEDULE)


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=generator(seed), dtype=torch.float64)


def gaussian(process: GaussianProcess = PROCESS) -> GaussianMixture:
    """Data N(0, 0.25) in every pixel."""
    return GaussianMixture(process, torch.zeros(1, 1, 2, 2, dtype=torch.float64), torch.tensor([0.5]))


def theirs_on_exact_noise(scheduler, x: torch.Tensor) -> torch.Tensor:
    for i in scheduler.timesteps.tolist():
        x = scheduler.step(gaussian()(x, i + 1).noise, i, x).prev_sample
    return x


def test_fixed_large_log_takes_the_root_of_a_negative_logarithm():
    x = noise(2, 1, 2, 2)
    scheduler = DDPMScheduler(variance_type="fixed_large_log", clip_sample=False)
    assert scheduler.step(x, 500, x).prev_sample.isnan().all()

    prediction = PROCESS.predict(x, 501, noise=x, variance_mix=torch.ones_like(x))
    step = PROCESS.reverse(x, 501, prediction, variance="learned")  # exp(log beta), by way of the logarithm
    assert_close(step.variance, SCHEDULE.beta[501].expand_as(x), rtol=1e-9, atol=0)


def test_ddim_on_a_linspace_grid_steps_to_levels_that_are_not_on_the_grid():
    scheduler = DDIMScheduler(timestep_spacing="linspace", clip_sample=False)
    scheduler.set_timesteps(10)
    visited = scheduler.timesteps.tolist()
    assumed = [i - scheduler.config.num_train_timesteps // 10 for i in visited]
    assert sum(a != b for a, b in zip(assumed, visited[1:], strict=False)) == 9  # of 9 steps inside the grid

    # Told x_0, DDIM must stay on the straight path a_t x_0 + sigma_t eps of one eps.
    x_0, eps = noise(2, 1, 2, 2), noise(2, 1, 2, 2, seed=1)
    x_T = PROCESS.corrupt(x_0, 1000, eps)
    x, off = x_T, []
    for i, following in itertools.pairwise(visited):
        x = scheduler.step(PROCESS.predict(x, i + 1, clean=x_0).noise, i, x).prev_sample
        off.append(float((x - PROCESS.corrupt(x_0, following + 1, eps)).abs().max()))
    assert max(off) > 0.02

    grid = time_grid(SCHEDULE, 10, "linspace")
    assert [t - 1 for t in grid[:-1]] == visited
    for point in trajectory(KnownSample(PROCESS, x_0), DDIM(), grid, x_T):
        assert_close(point.x, PROCESS.corrupt(x_0, point.t, eps), rtol=0, atol=1e-11)


@pytest.mark.parametrize("kind", [DDPMScheduler, DDIMScheduler])
@pytest.mark.parametrize("clip", [True, False])
def test_noise_prediction_at_zero_terminal_snr_is_silently_not_finite(kind, clip):
    x = noise(2, 1, 2, 2)
    scheduler = kind(rescale_betas_zero_snr=True, timestep_spacing="trailing", clip_sample=clip)
    scheduler.set_timesteps(10)
    x_0 = scheduler.step(x, 999, x).prev_sample
    assert not torch.isfinite(x_0).all()

    process = GaussianProcess(SCHEDULE.with_zero_terminal_snr())
    with pytest.raises(UsageError, match="noise prediction says nothing of x_0"):
        process.predict(x, 1000, noise=x)
    for sampler in (Ancestral(), DDIM()):
        end = sample(gaussian(process), sampler, time_grid(process.schedule, 10), x, generator(1))
        assert torch.isfinite(end).all()


@pytest.mark.parametrize("n", [10, 25])
def test_dpm_solver_with_cosine_and_karras_visits_a_step_twice_and_runs_off_its_table(n):
    x = noise(2, 1, 2, 2)
    scheduler = DPMSolverMultistepScheduler(beta_schedule="squaredcos_cap_v2", use_karras_sigmas=True)
    scheduler.set_timesteps(n)
    visited = scheduler.timesteps.tolist()
    assert len(set(visited)) < len(visited)
    with pytest.raises(IndexError):
        theirs_on_exact_noise(scheduler, x)

    cosine = GaussianProcess(NoiseSchedule.cosine())
    grid = time_grid(cosine.schedule, n, "karras")
    assert len(set(grid)) == len(grid)
    end = sample(gaussian(cosine), DPMSolver(), grid, x)
    assert torch.isfinite(end).all()
    assert "say `sigma_max=80`" in str(advice(cosine.schedule, n, "karras"))


@pytest.mark.parametrize("spacing", ["leading", "linspace"])
def test_dpm_solver_on_the_steps_of_its_ddim_leads_past_the_data(spacing):
    """The long step to their step 0 is extrapolated over: a Gaussian ends a fifth too wide, ours within a twentieth."""
    grid = time_grid(SCHEDULE, 20, spacing)
    scheduler, x = DPMSolverMultistepScheduler(), torch.ones(1, 1, 2, 2, dtype=torch.float64)
    scheduler.set_timesteps(timesteps=[t - 1 for t in grid[:-1]])
    wide = float(theirs_on_exact_noise(scheduler, x).mean()) / 0.5  # the flow is linear: 1 ends at the deviation
    assert wide > 1.2

    ours = float(sample(gaussian(), DPMSolver(), grid, x).mean()) / 0.5
    assert abs(ours - 1) < 0.05


def test_one_dpm_solver_scheduler_cannot_serve_two_trajectories():
    first, second = noise(1, 1, 2, 2), noise(1, 1, 2, 2, seed=1)
    scheduler = DPMSolverMultistepScheduler()
    scheduler.set_timesteps(10)
    alone = theirs_on_exact_noise(scheduler, first)
    scheduler.set_timesteps(10)
    x, y = first, second
    with pytest.raises(IndexError):
        for i in scheduler.timesteps.tolist():
            x = scheduler.step(gaussian()(x, i + 1).noise, i, x).prev_sample
            y = scheduler.step(gaussian()(y, i + 1).noise, i, y).prev_sample
    assert float((x - alone).abs().max()) > 0.1

    sampler, grid = DPMSolver(), time_grid(SCHEDULE, 10)
    together = zip(*(trajectory(gaussian(), sampler, grid, start) for start in (first, second)), strict=True)
    *_, (x, y) = together
    assert torch.equal(x.x, sample(gaussian(), sampler, grid, first))
    assert torch.equal(y.x, sample(gaussian(), sampler, grid, second))
