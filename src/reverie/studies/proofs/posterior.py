"""Conditioning a denoiser on a measurement, held to the closed form.

For x_0 ~ N(m, C) and y = M x_0 + N(0, R) everything is Gaussian: x_0 given x_t has the covariance (C^-1 + a^2/sigma^2 I)^-1,
and x_0 given x_t and y is what a denoiser of N(m', C'), the conditional, says at x_t. Of points, the conditional weighs
each by N(y; M x_k, R).
"""

from __future__ import annotations

import torch
from torch import Tensor

from reverie.denoisers.correlated import CorrelatedMixture
from reverie.denoisers.oracles import GaussianMixture
from reverie.process import GaussianProcess, NoiseSchedule
from reverie.samplers import DPMSolver, sample, time_grid
from reverie.samplers.posterior import MMPS, GaussianNoise, Linear, Mask, Measurement, Twisted, named
from reverie.samplers.posterior.gaussian import Seen
from reverie.samplers.posterior.registry import USUAL
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
    ends = sample(MMPS(iterations=2).guided(prior, measurement), DPMSolver(), grid, _starts())
    return _from_exact(ends, exact)


@chapter.law("mean and covariance that the usual sampler gives a hole in 25 steps | those of the conditional", 0.01)
def hole() -> float:
    prior, known = _prior(), torch.arange(SIZE) < SIZE // 2
    x_0 = torch.tensor([[0.7, -0.4, 0.2, 0, 0, 0]], dtype=torch.float64)
    grid = time_grid(prior.process.schedule, 25, "angle")
    ends = named(USUAL).sample(prior, Measurement(Mask(known), x_0), grid, _starts(), torch.Generator())
    return _from_exact(ends, prior.given(torch.eye(SIZE)[known], x_0[0, known]))


@chapter.law("shares of four points in 1,500 twisted draws | their weights in the conditional", 0.04)
def points() -> float:
    data = torch.tensor([[-1, -1], [-1, 1], [1, -1], [1.2, 1]], dtype=torch.float64)
    prior = GaussianMixture(GaussianProcess(NoiseSchedule.cosine(1000)), data, torch.zeros(4))
    measurement = Measurement(
        Linear(torch.tensor([[1.0, 0.5]])), torch.tensor([[0.4]], dtype=torch.float64), GaussianNoise(0.8)
    )
    stream = torch.Generator().manual_seed(0)
    noise = torch.randn(1500, 2, generator=stream, dtype=torch.float64)
    grid = time_grid(prior.process.schedule, 25, "angle")
    drawn = Twisted(particles=1, shared=True).sample(prior, measurement, grid, noise, stream)
    shares = torch.cdist(drawn, data).argmin(1).bincount(minlength=4) / len(drawn)
    return float((shares - torch.softmax(measurement.log_likelihood(data), 0)).abs().max())


def _starts() -> Tensor:
    """Zero and the unit vectors: where all steps are affine in x_t, what comes of them says what comes of N(0, I)."""
    return torch.cat([torch.zeros(1, SIZE), torch.eye(SIZE)]).double()


def _from_exact(ends: Tensor, exact: CorrelatedMixture) -> float:
    gain = ends[1:] - ends[:1]
    return max(apart(ends[:1], exact.means), apart(gain.T @ gain, exact.covariances[0]))
