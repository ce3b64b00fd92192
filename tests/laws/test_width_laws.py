"""On every kind of grid and every schedule, samples of a Gaussian end nearly as wide as it is.

For data N(0, s^2) the exact denoiser is linear, so x_0 is a sum of x_T and of the noise of each step, each times a number.
One run carries these numbers, a row for each source, and the root of their sum of squares is the final deviation: exact,
without a draw. It begins at the deviation that x_T has, so what is missing at the end is the sampler's own error.
"""

import itertools
import math
from dataclasses import dataclass

import pytest
import torch

from reverie.process import GaussianProcess, NoiseSchedule
from reverie.samplers import AdamsBashforth, DPMSolver, sample, time_grid
from reverie.samplers import sampler as driver
from reverie.samplers.multistep import lookahead

NAMES = ("linear", "scaled_linear", "cosine", "sigmoid", "quadratic", "exponential")
STDS = torch.tensor([0.5, 1.0, 2.0], dtype=torch.float64)
VARIANCES = STDS**2
SAMPLERS = {"ODE": DPMSolver(), "SDE": DPMSolver(sde=True), "angular": AdamsBashforth()}
STEPS = (5, 10, 20, 50, 200)
ANY = torch.Generator()


@dataclass(frozen=True)
class Linear:
    """The exact denoiser of data N(0, s^2), s each of STDS."""

    process: GaussianProcess

    def __call__(self, x_t, t, condition=None):
        a, sigma, _ = self.process.schedule.levels[t]
        return self.process.predict(x_t, t, clean=a * VARIANCES / (a**2 * VARIANCES + sigma**2) * x_t)


@pytest.fixture(scope="module")
def processes() -> list[GaussianProcess]:
    pairs = itertools.product(NAMES, (False, True))
    with pytest.warns(UserWarning, match="still carries signal"):  # the exponential one; here x_T begins as it is
        return [GaussianProcess(NoiseSchedule.named(name, zero_terminal_snr=zero)) for name, zero in pairs]


def final_widths(process: GaussianProcess, sampler, grid: tuple[int, ...], monkeypatch) -> torch.Tensor:
    """The final deviation over the true one, for data of each of STDS."""
    sources = torch.eye(len(grid) if sampler.stochastic else 1, dtype=torch.float64)[:, :, None].expand(-1, -1, len(STDS))
    noise = iter(sources[1:])
    monkeypatch.setattr(driver, "draw", lambda x, generator: next(noise))
    a, sigma, _ = process.schedule.levels[grid[0]]
    x = (a**2 * VARIANCES + sigma**2).sqrt() * sources[0]
    return sample(Linear(process), sampler, grid, x, ANY).norm(dim=0) / STDS


RANGES = {  # narrowest and widest over all schedules and STDS, outward to the next hundredth, for each of STEPS
    ("ODE", "trailing"): ((0.54, 0.95), (0.80, 1.01), (0.95, 1.01), (0.99, 1.01), (0.99, 1.01)),
    ("ODE", "leading"): ((0.38, 0.99), (0.70, 1.05), (0.90, 1.03), (0.98, 1.02), (0.99, 1.01)),
    ("ODE", "linspace"): ((0.58, 1.04), (0.84, 1.06), (0.95, 1.03), (0.99, 1.03), (0.99, 1.01)),
    ("ODE", "log_snr"): ((0.46, 0.99), (0.98, 1.04), (1.00, 1.03), (1.00, 1.01), (0.99, 1.01)),
    ("ODE", "karras"): ((0.10, 1.15), (0.89, 1.17), (1.00, 1.17), (1.00, 1.05), (0.99, 1.01)),
    ("ODE", "angle"): ((0.88, 1.02), (0.99, 1.06), (0.99, 1.03), (0.99, 1.01), (0.99, 1.01)),
    ("SDE", "trailing"): ((0.50, 0.91), (0.77, 1.05), (0.97, 1.04), (0.99, 1.03), (0.99, 1.01)),
    ("SDE", "leading"): ((0.46, 0.99), (0.83, 1.11), (0.96, 1.08), (0.99, 1.07), (0.99, 1.01)),
    ("SDE", "linspace"): ((0.63, 0.97), (0.88, 1.11), (0.97, 1.08), (0.99, 1.08), (0.99, 1.01)),
    ("SDE", "log_snr"): ((0.34, 0.95), (0.88, 1.06), (1.01, 1.06), (1.00, 1.02), (0.99, 1.01)),
    ("SDE", "karras"): ((0.09, 1.13), (0.74, 1.17), (1.02, 1.18), (1.00, 1.10), (0.99, 1.01)),
    ("SDE", "angle"): ((0.83, 1.02), (1.03, 1.14), (1.00, 1.09), (1.00, 1.02), (0.99, 1.01)),
    ("angular", "trailing"): ((0.64, 1.23), (0.88, 1.09), (0.96, 1.03), (0.99, 1.01), (0.99, 1.01)),
    ("angular", "leading"): ((0.63, 1.24), (0.83, 1.09), (0.95, 1.03), (0.99, 1.01), (0.99, 1.01)),
    ("angular", "linspace"): ((0.54, 1.27), (0.86, 1.10), (0.96, 1.03), (0.99, 1.01), (0.99, 1.01)),
    ("angular", "log_snr"): ((0.65, 1.50), (0.82, 1.15), (0.91, 1.12), (0.98, 1.02), (0.99, 1.01)),
    ("angular", "karras"): ((0.56, 1.77), (0.77, 1.21), (0.81, 1.17), (0.95, 1.05), (0.99, 1.01)),
    ("angular", "angle"): ((0.85, 1.15), (0.94, 1.07), (0.98, 1.02), (0.99, 1.01), (0.99, 1.01)),
}


@pytest.mark.parametrize(("name", "spacing"), RANGES)
def test_a_gaussian_ends_as_wide_as_it_is(processes, name, spacing, monkeypatch):
    for steps, (low, high) in zip(STEPS, RANGES[name, spacing], strict=True):
        for process in processes:
            widths = final_widths(process, SAMPLERS[name], time_grid(process.schedule, steps, spacing), monkeypatch)
            assert low <= float(widths.min()) and float(widths.max()) <= high, (steps, process.schedule, widths)


def test_the_weight_is_the_published_one_up_to_a_step_twice_as_long_and_falls_beyond():
    assert [lookahead(h, 1.0) for h in (0.5, 1.0, 2.0)] == [0.25, 0.5, 1.0]
    assert [lookahead(h, 1.0) for h in (4.0, 20.0)] == [0.5, 0.1]
    assert [lookahead(*lengths) for lengths in itertools.product((1.0, math.inf), repeat=2)] == [0.5, 0.0, 0.0, 0.0]
