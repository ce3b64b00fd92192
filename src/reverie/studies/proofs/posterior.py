"""Conditioning a denoiser on a measurement, held to the closed form.

For x_0 ~ N(m, C) and y = M x_0 + N(0, R) everything is Gaussian: x_0 given x_t has the covariance (C^-1 + a^2/sigma^2 I)^-1,
and x_0 given x_t and y is what a denoiser of N(m', C'), the conditional, says at x_t.
"""

from __future__ import annotations

import torch
from torch import Tensor

from reverie.denoisers.correlated import CorrelatedMixture
from reverie.process import GaussianProcess, NoiseSchedule
from reverie.samplers import DPMSolver, sample, time_grid
from reverie.samplers.posterior import MMPS, GaussianNoise, Linear, Measurement
from reverie.samplers.posterior.gaussian import Seen
from reverie.studies.proofs.check import Chapter, apart

__all__ = ["chapter"]

chapter = Chapter("posterior")

SIZE, NOISE = 6, 0.3


def _prior() -> CorrelatedMixture:
    """A Gaussian whose entries are correlated by .9 to the power of their distance."""
    places = torch.arange(SIZE, dtype=torch.float64)
    covariance = 0.9 ** (places[:, None] - places).abs()
    return CorrelatedMixture(GaussianProcess(NoiseSchedule.cosine(1000)), places[None] / SIZE, covariance[None])


def _measured(prior: CorrelatedMixture) -> tuple[Measurement, CorrelatedMixture]:
    """Two sums of entries, and what they leave of the Gaussian."""
    matrix = torch.tensor([[1, 1, 0, 0, 0, 0], [0, 0, 1, -1, 0, 1]], dtype=torch.float64)
    y = torch.tensor([0.7, -0.4], dtype=torch.float64)
    return Measurement(Linear(matrix), y[None], GaussianNoise(NOISE)), prior.given(matrix, y, NOISE**2)


def _states() -> Tensor:
    return torch.randn(8, SIZE, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


@chapter.law("sigma^2/a times the derivative of x_0-hat in x_t | the covariance of x_0 given x_t, of Gaussian data", 1e-7)
def covariance() -> float:
    prior, x_t = _prior(), _states()
    measurement, worst = _measured(prior)[0], 0.0
    for t in range(50, 1000, 50):
        seen = Seen.by(prior, measurement, x_t, t)
        signal, noise = prior.process.schedule.powers(t)
        ratio = float(signal) / float(noise)
        exact = torch.linalg.inv(torch.linalg.inv(prior.covariances[0]) + ratio * torch.eye(SIZE))
        for i, row in enumerate(torch.eye(SIZE, dtype=torch.float64)):
            worst = max(worst, apart(seen.covariance(row.expand_as(x_t)), exact[i].expand_as(x_t)))
    return worst


@chapter.law("x_0-hat + V A^T S^-1 (y - A x_0-hat) | E[x_0 | x_t, y], of Gaussian data", 1e-4)
def conditional_mean() -> float:
    prior, x_t = _prior(), _states()
    measurement, exact = _measured(prior)
    guided = MMPS(iterations=2).guided(prior, measurement)
    return max(apart(guided(x_t, t).clean, exact(x_t, t).clean) for t in range(20, 1000, 20))


@chapter.law("mean and covariance of MMPS in 100 steps, carried exactly | those of the conditional", 0.01)
def flow() -> float:
    prior = _prior()
    measurement, exact = _measured(prior)
    grid = time_grid(prior.process.schedule, 100, "angle")
    starts = torch.cat([torch.zeros(1, SIZE), torch.eye(SIZE)]).double()
    ends = sample(MMPS(iterations=2).guided(prior, measurement), DPMSolver(), grid, starts)
    gain = ends[1:] - ends[:1]  # every step is affine in x_t
    return max(apart(ends[:1], exact.means), apart(gain.T @ gain, exact.covariances[0]))
