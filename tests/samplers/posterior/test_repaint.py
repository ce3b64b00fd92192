"""Replacement with steps done again: what is known stays, and repeats bring the rest to fit it."""

import pytest
import torch

from reverie.denoisers import Empirical
from reverie.process import GaussianProcess, NoiseSchedule
from reverie.samplers import DDIM, Ancestral, DPMSolver, Heun, time_grid
from reverie.samplers.posterior import Mask, Measurement, RePaint

PROCESS = GaussianProcess(NoiseSchedule.cosine(200))
GRID = time_grid(PROCESS.schedule, 20)


def seeded(number: int) -> torch.Generator:
    return torch.Generator().manual_seed(number)


def measured(x_0: torch.Tensor) -> Measurement:
    """The first of two numbers is known."""
    return Measurement(Mask(torch.tensor([True, False])), x_0)


def pairs(count: int = 600) -> torch.Tensor:
    """Points [count, 2] that nearly lie on the line x = y."""
    along, across = torch.randn(2, count, generator=seeded(0), dtype=torch.float64)
    return torch.stack([along + 0.1 * across, along - 0.1 * across], 1) * 0.7


@pytest.mark.parametrize("sampler", [DDIM(), DDIM(eta=1), Ancestral(), DPMSolver(), DPMSolver(sde=True), Heun()])
@pytest.mark.parametrize("repeats", [1, 2])
def test_what_is_known_comes_out_bit_for_bit(sampler, repeats):
    x_0 = torch.randn(1, 2, generator=seeded(1), dtype=torch.float64)
    x = torch.randn(6, 2, generator=seeded(2), dtype=torch.float64)
    made = RePaint(repeats).sample(Empirical(PROCESS, pairs(50)), measured(x_0), GRID, x, seeded(3), sampler=sampler)
    assert torch.equal(made[:, 0], x_0[:, 0].expand(6))
    assert made.isfinite().all()


def test_steps_done_again_bring_the_rest_to_fit_what_is_known():
    """On the line x = y the unknown half must be the known one, within the 0.14 that the line is thick."""
    denoiser = Empirical(PROCESS, pairs())
    x_0 = torch.tensor([[0.9, 0.0]], dtype=torch.float64)
    x = torch.randn(100, 2, generator=seeded(4), dtype=torch.float64)
    once, often = (
        RePaint(repeats).sample(denoiser, measured(x_0), GRID, x, seeded(5), sampler=DDIM(eta=1))[:, 1] - 0.9
        for repeats in (1, 8)
    )
    assert float(often.abs().mean()) < 0.25
    assert float(often.abs().mean()) < float(once.abs().mean())


def test_progress_counts_each_step_as_often_as_it_is_done():
    seen, x = [], torch.randn(2, 2, generator=seeded(0), dtype=torch.float64)
    hear = {"on_step": lambda *counts: seen.append(counts), "sampler": DDIM()}
    RePaint(2, 4).sample(Empirical(PROCESS, pairs(5)), measured(x), (*GRID[:10], 0), x, seeded(0), **hear)
    assert seen == [(done, 20) for done in (4, 8, 12, 16, 18, 20)]
