"""Noise, clean, velocity and score are one prediction, and wrappers keep it one.

x_t = a x_0 + sigma eps,  v = a eps - sigma x_0,  score = -eps / sigma
"""

from __future__ import annotations

import torch
from torch import Tensor

from reverie.denoisers import Clipped, Empirical, GaussianMixture, Guided, KnownSample, Labels, Thresholded
from reverie.process import GaussianProcess, NoiseSchedule, Prediction
from reverie.process.prediction import KINDS
from reverie.samplers import Ancestral, sample
from reverie.studies.proofs.check import Case, Chapter, apart

__all__ = ["chapter"]

chapter = Chapter("conversion")


@chapter.at_every_t("each of noise, clean, velocity, score from each other | its definition (12 pairs)", 1e-9)
def all_pairs(case: Case) -> float:
    truth = {"noise": case.eps, "clean": case.x_0, "velocity": case.v, "score": -case.eps / (1 - case.abar).sqrt()}
    given = {kind: case.process.predict(case.x_t, case.t, **{kind: value}) for kind, value in truth.items()}
    return max(apart(given[one].view(other), truth[other]) for one in KINDS for other in KINDS)


@chapter.at_every_t("there and back between each pair of the four | the value given", 1e-9)
def round_trip(case: Case) -> float:
    worst = 0.0
    for one in KINDS:
        prediction = case.process.predict(case.x_t, case.t, **{one: case.eps})
        for other in KINDS:
            back = case.process.predict(case.x_t, case.t, **{other: prediction.view(other)}).view(one)
            worst = max(worst, apart(back, case.eps))
    return worst


@chapter.at_every_t("x_t^2 + v^2 | x_0^2 + eps^2", 1e-14)
def rotation(case: Case) -> float:
    velocity = case.process.velocity(case.x_0, case.t, case.eps)
    return apart(case.x_t**2 + velocity**2, case.x_0**2 + case.eps**2)


@chapter.at_every_t("prediction.score | gradient of log q(x_t|x_0) by differentiation", 1e-11)
def score_of_the_marginal(case: Case) -> float:
    x = case.x_t.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(case.process.marginal(case.x_0, case.t).log_density(x).sum(), x)
    return apart(case.process.predict(case.x_t, case.t, clean=case.x_0).score, gradient)


def _mixture() -> tuple[GaussianMixture, Tensor]:
    process = GaussianProcess(NoiseSchedule.linear())
    means = torch.tensor([[-1.0, 0.5], [0.8, 0.0], [0.0, -0.7]]).double()
    oracle = GaussianMixture(process, means, torch.tensor([0.2, 0.3, 0.5]).double(), torch.tensor([1.0, 2.0, 1.0]))
    return oracle, torch.randn(32, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


@chapter.law("score of the mixture's exact denoiser | gradient of log of its marginal density", 1e-11)
def score_of_data() -> float:
    oracle, x_t = _mixture()
    worst = 0.0
    for t in (1, 10, 100, 300, 600, 1000):
        abar = float(oracle.process.schedule.powers(t)[0])
        x = x_t.clone().requires_grad_()
        spread = abar * oracle.stds**2 + 1 - abar
        distance = ((x[:, None] - abar**0.5 * oracle.means) ** 2).sum(-1)
        log_density = torch.logsumexp(
            torch.tensor([1.0, 2.0, 1.0]).double().log() - distance / (2 * spread) - spread.log(), 1
        )
        (gradient,) = torch.autograd.grad(log_density.sum(), x)
        worst = max(worst, apart(oracle(x_t, t).score, gradient))
    return worst


@chapter.law("Empirical | weighted mean of the data, weights by Bayes' rule; and a mixture of std 0", 1e-11)
def empirical_denoiser() -> float:
    oracle, x_t = _mixture()
    data = torch.randn(20, 2, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    empirical = Empirical(oracle.process, data, columns=7)
    points = GaussianMixture(oracle.process, data, torch.zeros(20, dtype=torch.float64))
    worst = 0.0
    for t in (1, 100, 1000):
        q = oracle.process.marginal(data[None].expand(32, -1, -1), t)
        weights = torch.softmax(q.log_density(x_t[:, None]).sum(-1), 1)
        clean = empirical(x_t, t).clean
        worst = max(worst, apart(clean, weights @ data), apart(clean, points(x_t, t).clean))
    return worst


@chapter.law("end of the reverse with the true x_0 known | x_0, whatever the noise drawn", 0.0)
def known_sample() -> float:
    oracle, x_T = _mixture()
    x_0 = torch.linspace(-1, 1, 64, dtype=torch.float64).reshape(32, 2)
    known = KnownSample(oracle.process, x_0)
    end = sample(known, Ancestral(), range(1000, -1, -20), x_T, torch.Generator().manual_seed(0))
    return float((end - x_0).abs().max())


@chapter.law("a x_0-hat + sigma eps-hat after clipping and thresholding | x_t: the noise is derived anew", 1e-13)
def clipping() -> float:
    oracle, x_t = _mixture()
    process, x_t = oracle.process, 5 * x_t
    worst = 0.0
    for wrapped in (Clipped(oracle, -0.5, 0.5), Thresholded(oracle, 0.6)):
        for t in (1, 300, 1000):
            prediction = wrapped(x_t, t)
            signal, sigma, _ = process.schedule.level(t)
            worst = max(worst, apart(signal * prediction.clean + sigma * prediction.noise, x_t))
            outside = float((prediction.clean.abs() - 1).max())
            worst = max(worst, outside)
    return worst


@chapter.law("Guided's noise, clean, velocity, score | uncond + w (cond - uncond) in each; w = 0, 1 plain", 1e-10)
def guidance() -> float:
    oracle, x_t = _mixture()
    condition = Labels(torch.arange(32) % 3)

    def guided(w: float, t: int) -> Prediction:
        return Guided(oracle, w)(x_t, t, condition)

    worst = 0.0
    for t in (1, 300, 1000):
        cond, uncond = oracle(x_t, t, condition), oracle(x_t, t)
        for kind in KINDS:
            for w in (0.0, 1.0, 4.0):
                by_hand = uncond.view(kind) + w * (cond.view(kind) - uncond.view(kind))
                worst = max(worst, apart(guided(w, t).view(kind), by_hand))
    return worst
