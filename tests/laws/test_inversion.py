"""Inverting DDIM and sampling from the result retraces the same states; a step that has no solution says by how much."""

import itertools

import pytest
import torch
from torch.testing import assert_close

from reverie.denoisers import Empirical, GaussianMixture
from reverie.denoisers.network import Network
from reverie.denoisers.unet import UNet, UNetConfig
from reverie.process import GaussianProcess, NoiseSchedule
from reverie.samplers import DDIM, Step, invert, time_grid, trajectory

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


def network(scale: float, dtype: torch.dtype = torch.float64) -> Network:
    """An untrained network whose weights are drawn with the deviation `scale`: the larger, the stiffer."""
    torch.manual_seed(0)
    module = UNet(1, 1, UNetConfig(width=8, groups=4, multipliers=(1, 2)))
    for parameter in module.parameters():
        torch.nn.init.normal_(parameter, std=scale)
    return Network(PROCESS, module.to(dtype).eval())


def missed(denoiser, points) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Of each step (the residual told, how far DDIM run again from the state misses), [B] each."""
    found = []
    for below, above in itertools.pairwise(points):
        with torch.no_grad():
            again = DDIM().step(Step(PROCESS, above.t, below.t, denoiser(above.x, above.t)))
        found.append((above.residual, (again - below.x).flatten(1).abs().amax(1)))
    return found


@pytest.mark.parametrize(("scale", "solved"), [(0.05, True), (0.2, True), (1.0, False)], ids=["untrained", "wild", "stiff"])
def test_the_residual_is_what_running_forward_again_gives(scale, solved):
    """Whether a step could be solved or not; plain iteration solves none of the last two."""
    denoiser = network(scale)
    x = torch.randn(2, 1, 8, 8, generator=torch.Generator().manual_seed(4), dtype=torch.float64).clamp(-1, 1)
    grid = [t for t in time_grid(PROCESS.schedule, 10) if t < 1000]
    points = list(invert(denoiser, grid, x, tolerance=1e-8, iterations=60))
    assert [point.t for point in points] == grid[::-1] and points[0].residual is None
    for told, run in missed(denoiser, points):
        assert told.shape == (2,)
        assert_close(told, run, rtol=1e-6, atol=1e-12)
        assert not solved or float(told.max()) <= 1e-8


def test_samples_are_inverted_as_if_each_were_alone():
    x = torch.randn(3, 1, 8, 8, generator=torch.Generator().manual_seed(5), dtype=torch.float64).clamp(-1, 1)
    denoiser, grid = network(0.2), (600, 300, 0)
    *_, together = invert(denoiser, grid, x, tolerance=1e-8)
    for i in range(3):
        *_, alone = invert(denoiser, grid, x[i : i + 1], tolerance=1e-8)
        assert_close(together.x[i : i + 1], alone.x, rtol=0, atol=1e-7)


def test_where_it_is_stopped_early_the_nearest_state_that_was_met_is_given():
    """One jump of an empirical denoiser ends in its points, so a state between them is hard to come from."""
    far = torch.full((1, 6), 0.05, dtype=torch.float64)
    residuals = []
    for count in (1, 3, 50):
        points = list(invert(empirical(), (1000, 0), far, iterations=count))
        ((told, run),) = missed(empirical(), points)
        assert_close(told, run, rtol=1e-6, atol=1e-12)
        residuals.append(float(told))
    assert residuals == sorted(residuals, reverse=True) and residuals[0] > 0.01
