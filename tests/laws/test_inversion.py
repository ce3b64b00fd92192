"""Inverting DDIM and sampling from the result retraces the same states."""

import pytest
import torch
from torch.testing import assert_close

from reverie.denoisers import Empirical, GaussianMixture
from reverie.process import GaussianProcess, NoiseSchedule
from reverie.samplers import DDIM, InversionError, invert, time_grid, trajectory

PROCESS = GaussianProcess(NoiseSchedule.linear())


def mixture() -> GaussianMixture:
    means = torch.tensor([[-0.8, 0.3], [0.5, -0.6], [0.9, 0.9]], dtype=torch.float64)
    return GaussianMixture(PROCESS, means, torch.tensor([0.4, 0.5, 0.3]))


def empirical() -> Empirical:
    data = torch.randn(40, 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    return Empirical(PROCESS, data)


@pytest.mark.parametrize("spacing", ["trailing", "log_snr"])
@pytest.mark.parametrize("steps", [25, 100])
def test_inversion_then_sampling_retraces_every_state_of_a_mixture(steps, spacing):
    x_0 = mixture().sample(16, torch.Generator().manual_seed(1))
    grid = time_grid(PROCESS.schedule, steps, spacing)
    up = list(invert(mixture(), grid, x_0))
    down = list(trajectory(mixture(), DDIM(), grid, up[-1].x))
    assert [p.t for p in up] == list(reversed(grid))
    for p, q in zip(reversed(up), down, strict=True):
        assert_close(p.x, q.x, rtol=0, atol=1e-11)
    assert torch.equal(up[0].x, x_0)


def test_inversion_then_sampling_retraces_every_state_of_a_data_set():
    """The empirical denoiser jumps between points at small t, so the walk stops at t = 300, where it is smooth."""
    denoiser = empirical()
    grid = [t for t in time_grid(PROCESS.schedule, 200) if t >= 300]
    x = torch.randn(8, 6, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    up = list(invert(denoiser, grid, x))
    down = list(trajectory(denoiser, DDIM(), grid, up[-1].x))
    for p, q in zip(reversed(up), down, strict=True):
        assert_close(p.x, q.x, rtol=0, atol=1e-11)


def test_inverted_data_have_the_deviation_of_the_noise():
    """The flow carries the mixture to almost N(0, I): 3,000 points, mean and deviation within 0.08, four standard errors."""
    x_0 = mixture().sample(3000, torch.Generator().manual_seed(3))
    *_, last = invert(mixture(), time_grid(PROCESS.schedule, 60, "log_snr"), x_0)
    assert float(last.x.mean(0).abs().max()) < 0.08
    assert float((last.x.std(0) - 1).abs().max()) < 0.08


def test_the_common_shortcut_does_not_retrace():
    """eps-hat taken at the wrong end of each step: what the fixed-point iteration is for."""
    schedule, denoiser = PROCESS.schedule, mixture()
    x = x_0 = denoiser.sample(16, torch.Generator().manual_seed(1))
    grid = time_grid(schedule, 25)
    for s, t in zip(reversed(grid), list(reversed(grid))[1:], strict=False):
        noise = denoiser(x, max(s, 1)).noise
        ratio = schedule.signal[t] / schedule.signal[s]
        x = ratio * x + (schedule.sigma[t] - ratio * schedule.sigma[s]) * noise
    *_, end = trajectory(denoiser, DDIM(), grid, x)
    assert float((end.x - x_0).abs().max()) > 1e-2


def test_an_inversion_that_cannot_converge_names_its_step():
    far = torch.full((1, 6), 0.05, dtype=torch.float64)
    with pytest.raises(InversionError, match="from 0 to 1000"):
        list(invert(empirical(), (1000, 0), far, iterations=3))
