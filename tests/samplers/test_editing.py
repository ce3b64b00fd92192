"""Editing against exact denoisers: what is known stays, what is not fits it, and the ends of an arc are its ends."""

import pytest
import torch
from torch.testing import assert_close

from reverie.denoisers import Empirical, GaussianMixture, Inpainting
from reverie.errors import UsageError
from reverie.process import GaussianProcess, NoiseSchedule
from reverie.samplers import DDIM, Ancestral, DPMSolver, Heun, time_grid
from reverie.samplers.editing import grid_from, img2img, inpaint, interpolate

PROCESS = GaussianProcess(NoiseSchedule.cosine(200))
GRID = time_grid(PROCESS.schedule, 20)


def seeded(number: int) -> torch.Generator:
    return torch.Generator().manual_seed(number)


def pairs(count: int = 600) -> torch.Tensor:
    """Points [count, 2] that nearly lie on the line x = y."""
    along, across = torch.randn(2, count, generator=seeded(0), dtype=torch.float64)
    return torch.stack([along + 0.1 * across, along - 0.1 * across], 1) * 0.7


@pytest.mark.parametrize("sampler", [DDIM(), DDIM(eta=1), Ancestral(), DPMSolver(), DPMSolver(sde=True), Heun()])
@pytest.mark.parametrize("repeats", [1, 2])
def test_what_is_known_comes_out_bit_for_bit(sampler, repeats):
    x_0 = torch.randn(1, 2, generator=seeded(1), dtype=torch.float64)
    known = torch.tensor([True, False])
    x = torch.randn(6, 2, generator=seeded(2), dtype=torch.float64)
    made = inpaint(Empirical(PROCESS, pairs(50)), sampler, GRID, x, x_0, known, seeded(3), repeats=repeats)
    assert torch.equal(made[:, 0], x_0[:, 0].expand(6))
    assert made.isfinite().all()


def test_steps_done_again_bring_the_rest_to_fit_what_is_known():
    """On the line x = y the unknown half must be the known one, within the 0.14 that the line is thick."""
    denoiser, known = Empirical(PROCESS, pairs()), torch.tensor([True, False])
    x_0 = torch.tensor([[0.9, 0.0]], dtype=torch.float64)
    x = torch.randn(100, 2, generator=seeded(4), dtype=torch.float64)
    once, often = (
        inpaint(denoiser, DDIM(eta=1), GRID, x, x_0, known, seeded(5), repeats=repeats)[:, 1] - 0.9 for repeats in (1, 8)
    )
    assert float(often.abs().mean()) < 0.25
    assert float(often.abs().mean()) < float(once.abs().mean())


def test_progress_counts_each_step_as_often_as_it_is_done():
    seen, x = [], torch.randn(2, 2, generator=seeded(0), dtype=torch.float64)
    options = {"on_step": lambda *counts: seen.append(counts), "repeats": 2, "stretch": 4}
    inpaint(Empirical(PROCESS, pairs(5)), DDIM(), GRID[:11], x, x, torch.tensor([True, False]), seeded(0), **options)
    assert seen == [(done, 20) for done in (4, 8, 12, 16, 18, 20)]


def test_the_known_part_of_a_state_keeps_its_noise():
    """So it is q(x_t | x_0) at every level, with the noise of the start."""
    x_0 = torch.randn(3, 2, generator=seeded(6), dtype=torch.float64)
    eps = torch.randn(3, 2, generator=seeded(7), dtype=torch.float64)
    told = Inpainting(Empirical(PROCESS, pairs(50)), x_0, torch.tensor([True, False]))
    prediction = told(PROCESS.corrupt(x_0, 120, eps), 120)
    assert_close(prediction.noise[:, 0], eps[:, 0])


def test_from_a_low_level_little_changes_and_from_the_top_everything():
    mixture = GaussianMixture(PROCESS, torch.tensor([[-2.0], [2.0]], dtype=torch.float64), torch.tensor([0.1, 0.1]))
    x_0 = torch.full((400, 1), 2.0, dtype=torch.float64)
    low, high = (img2img(mixture, DDIM(eta=1), grid_from(GRID, t), x_0, seeded(8)) for t in (20, 200))
    assert (low > 0).all()
    assert 0.4 < float((high < 0).double().mean()) < 0.6


def test_a_grid_from_a_level_begins_there_and_follows_the_grid():
    assert grid_from((100, 50, 20, 0), 60) == (60, 50, 20, 0)
    assert grid_from((100, 50, 20, 0), 50) == (50, 20, 0)


def test_the_arc_keeps_the_length_and_its_ends():
    a, b = torch.randn(2, 3, 8, 8, generator=seeded(9), dtype=torch.float64)
    b = b * a.norm() / b.norm()
    states = interpolate(a, b, torch.linspace(0, 1, 5))
    assert torch.equal(states[0], a) and torch.equal(states[-1], b)
    assert_close(states.flatten(1).norm(dim=1), a.norm().expand(5))
    assert_close(interpolate(a, a, torch.tensor([0.5]))[0], a)


def test_repeats_below_one_are_refused():
    x = torch.zeros(1, 2, dtype=torch.float64)
    with pytest.raises(UsageError, match="repeats and stretch"):
        inpaint(Empirical(PROCESS, pairs(5)), DDIM(), GRID, x, x, torch.tensor([True, False]), seeded(0), repeats=0)
