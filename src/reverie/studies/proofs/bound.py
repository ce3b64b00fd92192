"""The variational bound: its terms against closed forms.

The terms are quadratic in (x_0, eps), so their expectation over Gaussians is, exactly, their mean over the four points
x_0 = +-d, eps = +-1 (each has the right mean, variance and no cross moment): no sampling error is left.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from reverie.process import Gaussian, GaussianProcess, NoiseSchedule
from reverie.process import likelihood as terms
from reverie.process.variance import Variance
from reverie.studies.proofs.check import Chapter, quiet, relative

__all__ = ["chapter"]

chapter = Chapter("bound")

SIGNS = torch.tensor([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]], dtype=torch.float64)


def _expected_bound(process: GaussianProcess[NoiseSchedule], d: float) -> float:
    """Expectation over data N(0, d^2) of every term, with the exact reverse kernel, in nats."""
    x_0, eps = d * SIGNS[:, :1], SIGNS[:, 1:]
    a_bar = process.schedule.alpha_bar

    def kernel(x_t: Tensor, t: int) -> Gaussian:
        before = a_bar[t - 1] * d**2 + 1 - a_bar[t - 1]
        alpha = a_bar[t] / a_bar[t - 1]
        now = alpha * before + 1 - alpha
        return Gaussian(alpha.sqrt() * before / now * x_t, before * (1 - alpha) / now)

    total = terms.prior_term(process, x_0).mean()
    for t in range(2, process.schedule.steps + 1):
        x_t = process.corrupt(x_0, t, eps)
        total = total + terms.step_term(process, x_0, x_t, t, kernel(x_t, t)).mean()
    return float(total + terms.decoder_term(x_0, kernel(process.corrupt(x_0, 1, eps), 1)).mean())


@chapter.law("L_T + sum L_{t-1} + L_0 with the exact reverse kernel | entropy + KL(q(x_T) || N(0, I)), nats", 1e-11)
def entropy() -> float:
    with quiet():
        process = GaussianProcess(NoiseSchedule.linear(100))
    worst = 0.0
    for d in (0.5, 1.0, 2.0):
        spread = float(process.schedule.alpha_bar[-1]) * (d**2 - 1) + 1
        start = 0.5 * (spread - 1 - math.log(spread))  # 0 for d = 1: there the bound is the entropy itself
        entropy = 0.5 * math.log(2 * math.pi * math.e * d**2)
        worst = max(worst, abs(_expected_bound(process, d) - entropy - start))
    return worst


@chapter.law("L_{t-1} of a noise wrong by 1, both variances, all t | beta^2/(2 sigma^2 alpha (1 - abar))", 1e-9)
def weight() -> float:
    process = GaussianProcess(NoiseSchedule.linear())
    x_0, eps = torch.full((1, 1), 0.3, dtype=torch.float64), torch.full((1, 1), -0.7, dtype=torch.float64)
    worst = 0.0
    table = process.schedule
    for t in (2, 3, 10, 100, 500, 999, 1000):
        x_t = process.corrupt(x_0, t, eps)
        kinds: dict[Variance, Tensor] = {"beta": table.beta[t], "beta_tilde": table.posterior_variance[t]}
        for variance, sigma2 in kinds.items():
            steps = [
                terms.step_term(
                    process, x_0, x_t, t, process.reverse(x_t, t, process.predict(x_t, t, noise=e), variance=variance)
                )
                for e in (eps, eps + 1)
            ]
            measured = steps[1] - steps[0]  # the variances' own part of the KL is in both
            written = table.beta[t] ** 2 / (2 * sigma2 * table.alpha[t] * (1 - table.alpha_bar[t]))
            library = terms.bound_weight(process, t, variance)
            worst = max(worst, relative(measured, written.expand_as(measured)), relative(library, written))
    return worst


@chapter.law("t of the largest weight, linear and scaled_linear | the smallest: 1 with beta, 2 with beta-tilde", 0.0)
def weight_peak() -> float:
    with quiet():
        schedules = [NoiseSchedule.linear(), NoiseSchedule.linear(500, beta_max=0.01), NoiseSchedule.scaled_linear()]
    firsts: dict[Variance, int] = {"beta": 1, "beta_tilde": 2}
    worst = 0
    for schedule in schedules:
        for variance, first in firsts.items():
            weight = terms.bound_weight(GaussianProcess(schedule), torch.arange(first, schedule.steps + 1), variance)
            worst = max(worst, int(weight.argmax()))
    return float(worst)


@chapter.law("probabilities of the 256 bins of an 8-bit picture | sum to 1, means inside and outside [-1, 1]", 1e-12)
def decoder() -> float:
    bins = (torch.arange(256, dtype=torch.float64) / 255 * 2 - 1)[:, None]
    worst = 0.0
    for mean in (-1.3, -0.5, 0.0, 0.999):
        for variance in (1e-4, 1e-2, 1.0):
            kernel = Gaussian(torch.full_like(bins, mean), torch.tensor(variance, dtype=torch.float64))
            worst = max(worst, abs(float((-terms.decoder_term(bins, kernel, 2 / 255)).exp().sum()) - 1))
    return worst


@chapter.law("nats / (D log 2) of the entropy of D uniform bits | 1", 1e-15)
def bits_per_dimension() -> float:
    return abs(float(terms.bits_per_dimension(torch.tensor(7 * math.log(2), dtype=torch.float64), 7)) - 1)
