"""What Heun's corrector may and may not do where hardly any signal is left."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import torch

from reverie.denoisers import GaussianMixture
from reverie.process import GaussianProcess, NoiseSchedule
from reverie.samplers import DDIM, Heun, sample, time_grid


@dataclass(frozen=True)
class Imperfect:
    """The exact answer but for a small error in velocity that changes with t, as a network's does."""

    inner: GaussianMixture
    evidence = "learned"

    @property
    def process(self) -> GaussianProcess:
        return self.inner.process

    def __call__(self, x_t, t, condition=None):
        prediction = self.inner(x_t, t, condition)
        level = float(t.flatten()[0]) if isinstance(t, torch.Tensor) else float(t)
        return prediction.with_value("velocity", prediction.velocity + 0.02 * torch.cos(torch.tensor(level / 30)))


@pytest.mark.parametrize("steps", [6, 10, 20])
def test_a_small_error_of_the_network_is_not_magnified_where_hardly_any_signal_is_left(steps):
    process = GaussianProcess(NoiseSchedule.cosine(1000))
    mean = torch.tensor([[0.5, -0.5]], dtype=torch.float64)
    denoiser = Imperfect(GaussianMixture(process, mean, torch.tensor([0.3], dtype=torch.float64)))
    x_T = torch.randn(256, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    grid = time_grid(process.schedule, steps)
    by_heun, by_euler = (sample(denoiser, rule, grid, x_T) for rule in (Heun(), DDIM()))
    assert (by_heun - by_euler).abs().mean() < 0.2
