"""Where nothing of the signal is left, noise says nothing of x_0: it is refused, and all else stays finite and right."""

import pytest
import torch
from torch.testing import assert_close

from reverie.denoisers import Clipped, Empirical, GaussianMixture, Guided, Labels, Thresholded
from reverie.errors import UsageError
from reverie.process import GaussianProcess, NoiseSchedule, generator
from reverie.samplers import (
    DDIM,
    DEIS,
    SPACINGS,
    Ancestral,
    DPMSolver,
    Heun,
    Restart,
    StochasticHeun,
    UniPC,
    invert,
    sample,
    time_grid,
    trajectory,
)

PROCESS = GaussianProcess(NoiseSchedule.linear().with_zero_terminal_snr())
SAMPLERS = [
    Ancestral(),
    Ancestral("beta"),
    DDIM(),
    DDIM(0.5),
    DDIM(1.0),
    DPMSolver(),
    DPMSolver(order=1),
    DPMSolver(sde=True),
    DPMSolver(order=1, sde=True),
    Heun(),
    DPMSolver(order=3),
    UniPC(),
    UniPC(3),
    DEIS(),
    StochasticHeun(),
    Restart(),
]


class Velocity:
    """The exact answer, given as a velocity, as a network on such a schedule gives it."""

    process, evidence = PROCESS, "exact"

    def __init__(self) -> None:
        means = torch.tensor([[-0.8, 0.3], [0.5, -0.6]], dtype=torch.float64)
        self.inner = GaussianMixture(PROCESS, means, torch.tensor([0.2, 0.3]), torch.tensor([0.25, 0.75]))

    def __call__(self, x_t, t, condition=None):
        return PROCESS.predict(x_t, t, velocity=self.inner(x_t, t, condition).velocity)


def noise(*shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=generator(0), dtype=torch.float64)


@pytest.mark.parametrize("kind", ["noise", "score"])
@pytest.mark.parametrize("t", [1000, torch.tensor([1, 1000, 3])])
def test_noise_and_score_are_refused_at_zero_snr(kind, t):
    x = noise(3, 2)
    with pytest.raises(UsageError, match=f"{kind} prediction.*predict velocity or clean"):
        PROCESS.predict(x, t, **{kind: x})


@pytest.mark.parametrize("kind", ["noise", "score"])
def test_noise_and_score_are_allowed_below_it(kind):
    x = noise(3, 2)
    assert torch.isfinite(PROCESS.predict(x, 999, **{kind: x}).clean).all()


def test_at_the_end_the_noise_is_the_state_and_velocity_is_minus_the_data():
    x, x_0 = noise(3, 2), noise(3, 2).flip(0)
    assert torch.equal(PROCESS.corrupt(x_0, 1000, x), x)
    prediction = PROCESS.predict(x, 1000, velocity=-x_0)
    assert torch.equal(prediction.clean, x_0)
    assert torch.equal(prediction.noise, x)
    assert torch.equal(PROCESS.predict(x, 1000, clean=x_0).velocity, -x_0)


@pytest.mark.parametrize("sampler", SAMPLERS, ids=repr)
@pytest.mark.parametrize("spacing", SPACINGS)
def test_every_sampler_stays_finite_and_near_the_data(sampler, spacing):
    grid = time_grid(PROCESS.schedule, 25, spacing)
    points = list(trajectory(Velocity(), sampler, grid, noise(64, 2), generator(1)))
    for point in points:
        assert torch.isfinite(point.x).all()
        if point.prediction is not None:
            for kind in ("clean", "noise", "velocity", "score"):
                assert torch.isfinite(point.prediction.view(kind)).all()
    assert float(points[-1].x.abs().max()) < 2.5


@pytest.mark.parametrize("sampler", SAMPLERS, ids=repr)
def test_every_sampler_finds_the_weights_of_the_mixture(sampler):
    """4,000 samples of components 0.25 and 0.75: the share within 0.05 (discretisation and four standard errors)."""
    grid = time_grid(PROCESS.schedule, 60, "log_snr")
    end = sample(Velocity(), sampler, grid, noise(4000, 2), generator(1))
    first = torch.cdist(end, Velocity().inner.means).argmin(1) == 0
    assert abs(float(first.double().mean()) - 0.25) < 0.05


@pytest.mark.parametrize("sampler", SAMPLERS, ids=repr)
def test_one_step_from_pure_noise_is_the_mean_of_the_data(sampler):
    end = sample(Velocity(), sampler, (1000, 0), noise(3, 2), generator(1))
    mean = 0.25 * Velocity().inner.means[0] + 0.75 * Velocity().inner.means[1]
    assert_close(end, mean.expand(3, 2), rtol=0, atol=1e-14)


def test_reverse_steps_from_the_end_are_finite_with_every_variance():
    x, mix = noise(3, 2), torch.full((3, 2), 0.3, dtype=torch.float64)
    for t in (1000, torch.tensor([1000, 1, 500])):
        prediction = PROCESS.predict(x, t, velocity=x, variance_mix=mix)
        for variance in ("beta", "beta_tilde", "learned"):
            step = PROCESS.reverse(x, t, prediction, variance=variance)
            assert torch.isfinite(step.mean).all()
            assert torch.isfinite(step.variance).all()


def test_wrappers_and_the_empirical_denoiser_work_there():
    data = noise(30, 2)
    empirical = Empirical(PROCESS, data, labels=torch.arange(30) % 2)
    assert_close(empirical(noise(4, 2), 1000).clean, data.mean(0).expand(4, 2), rtol=0, atol=1e-13)
    condition = Labels(torch.zeros(4, dtype=torch.long))
    for denoiser in (Clipped(empirical), Thresholded(empirical), Guided(empirical, 3.0, rescale=0.5)):
        prediction = denoiser(noise(4, 2), 1000, condition)
        assert torch.isfinite(prediction.clean).all()
        assert torch.isfinite(prediction.noise).all()


def test_inversion_up_to_zero_snr_is_refused():
    with pytest.raises(UsageError, match="zero SNR"):
        list(invert(Velocity(), (1000, 500, 0), noise(2, 2)))
