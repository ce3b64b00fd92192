"""Editing against exact denoisers: the level decides how much stays, and the ends of an arc are its ends."""

import torch
from torch.testing import assert_close

from reverie.denoisers import Empirical, GaussianMixture, Inpainting
from reverie.process import GaussianProcess, NoiseSchedule
from reverie.samplers import DDIM, time_grid
from reverie.samplers.editing import grid_from, img2img, interpolate

PROCESS = GaussianProcess(NoiseSchedule.cosine(200))
GRID = time_grid(PROCESS.schedule, 20)


def seeded(number: int) -> torch.Generator:
    return torch.Generator().manual_seed(number)


def pairs(count: int = 600) -> torch.Tensor:
    """Points [count, 2] that nearly lie on the line x = y."""
    along, across = torch.randn(2, count, generator=seeded(0), dtype=torch.float64)
    return torch.stack([along + 0.1 * across, along - 0.1 * across], 1) * 0.7


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
