"""The reverse step: its variance by completing the square, and the three forms of its mean (Ho et al. 2020, section 3).

    -1/2 [(x_t - sqrt(alpha) x)^2 / beta + (x - sqrt(abar') x_0)^2 / (1 - abar')],  abar' = abar_{t-1},

is a quadratic in x = x_{t-1}: its second derivative is the precision, its vertex the mean.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from reverie.denoisers import GaussianMixture
from reverie.process import GaussianProcess, NoiseSchedule
from reverie.process.prediction import KINDS
from reverie.samplers import Ancestral, sample
from reverie.studies.proofs.check import Case, Chapter, apart, relative

__all__ = ["chapter", "variance"]

variance = Chapter("variance")
chapter = Chapter("reverse")


def _energy(case: Case, x: Tensor) -> Tensor:
    likelihood = (case.x_t - case.alpha.sqrt() * x) ** 2 / case.beta
    prior = (x - case.prev.sqrt() * case.x_0) ** 2 / (1 - case.prev)
    return (likelihood + prior) / 2


def _precision(case: Case) -> Tensor:
    return case.alpha / case.beta + 1 / (1 - case.prev)


# --- the variance ---------------------------------------------------------------------------------------------------


@variance.at_every_t("curvature of the exponent in x_{t-1} | alpha/beta + 1/(1 - abar')", 1e-11, first=2)
def square(case: Case) -> float:
    x, h = case.x_0, 1.0  # for a quadratic the second difference is the second derivative, whatever h
    curvature = (_energy(case, x + h) - 2 * _energy(case, x) + _energy(case, x - h)) / h**2
    return relative(curvature, _precision(case).expand_as(x))


@variance.at_every_t("alpha/beta + 1/(1 - abar') | (alpha (1 - abar') + beta) / (beta (1 - abar'))", first=2)
def one_fraction(case: Case) -> float:
    top = case.alpha * (1 - case.prev) + case.beta
    return relative(_precision(case), top / (case.beta * (1 - case.prev)))


@variance.at_every_t("alpha (1 - abar') + beta | alpha - alpha abar' + 1 - alpha")
def expand(case: Case) -> float:
    alpha = case.alpha
    return relative(alpha * (1 - case.prev) + case.beta, alpha - alpha * case.prev + 1 - alpha)


@variance.at_every_t("alpha - alpha abar' + 1 - alpha | 1 - abar")
def collapse(case: Case) -> float:
    return relative(case.alpha - case.alpha * case.prev + 1 - case.alpha, 1 - case.abar)


@variance.at_every_t("alpha/beta + 1/(1 - abar') | (1 - abar) / (beta (1 - abar'))", first=2)
def precision(case: Case) -> float:
    return relative(_precision(case), (1 - case.abar) / (case.beta * (1 - case.prev)))


@variance.at_every_t("1 / precision | schedule.posterior_variance and process.posterior", first=2)
def inverse(case: Case) -> float:
    expected = 1 / _precision(case)
    table = case.process.schedule.posterior_variance[case.t][:, None]
    return max(
        relative(table, expected),
        relative(case.process.posterior(case.x_0, case.x_t, case.s, case.t).variance, expected),
    )


@variance.law("beta-tilde_1 | 0; its log stands at t = 2's value and is finite", 0.0)
def first_step() -> float:
    schedule = NoiseSchedule.linear()
    log = schedule.posterior_log_variance
    return abs(float(schedule.posterior_variance[1])) + abs(float(log[1] - schedule.posterior_variance[2].log()))


@variance.at_every_t("beta-tilde <= learned <= beta: how far outside, any u in [0, 1]", 1e-12, first=2)
def bounds(case: Case) -> float:
    u = torch.linspace(0, 1, 4, dtype=torch.float64).expand_as(case.x_t)
    at = case.process.reverse_variance
    learned = at(case.x_t, case.t, case.s, "learned", u)
    low, high = at(case.x_t, case.t, case.s, "beta_tilde"), at(case.x_t, case.t, case.s, "beta")
    return float(torch.maximum((low - learned) / low, (learned - high) / high).max().clamp(min=0))


@variance.at_every_t("learned variance at u = 0, 1 | beta-tilde, beta", 1e-11, first=2)
def learned_ends(case: Case) -> float:
    at, zero, one = case.process.reverse_variance, torch.zeros_like(case.x_t), torch.ones_like(case.x_t)
    low = case.beta * (1 - case.prev) / (1 - case.abar)
    return max(
        relative(at(case.x_t, case.t, case.s, "learned", zero), low.expand_as(zero)),
        relative(at(case.x_t, case.t, case.s, "learned", one), case.beta.expand_as(one)),
    )


@variance.at_every_t("true Var(x_{t-1}|x_t), data N(0, d^2), d = 0 and 1 | beta-tilde, beta", first=2)
def point_and_unit_data(case: Case) -> float:
    def true(d2: float) -> Tensor:
        before = case.prev * d2 + 1 - case.prev  # Var x_{t-1}
        return before * case.beta / (case.alpha * before + case.beta)

    at = case.process.reverse_variance
    lower, upper = at(case.x_t, case.t, case.s, "beta_tilde"), at(case.x_t, case.t, case.s, "beta")
    return max(relative(true(0.0), lower), relative(true(1.0), upper))


# --- the mean -------------------------------------------------------------------------------------------------------


@chapter.at_every_t("slope of the exponent at the posterior mean, in posterior deviations | 0", 1e-9, first=2)
def vertex(case: Case) -> float:
    at, h = case.process.posterior(case.x_0, case.x_t, case.s, case.t), 1.0
    slope = (_energy(case, at.mean + h) - _energy(case, at.mean - h)) / (2 * h)
    return float((slope * at.std).abs().max())


@chapter.at_every_t("(sqrt(alpha)/beta x_t + sqrt(abar')/(1 - abar') x_0) / precision | process.posterior", first=2)
def posterior_mean(case: Case) -> float:
    linear = case.alpha.sqrt() / case.beta * case.x_t + case.prev.sqrt() / (1 - case.prev) * case.x_0
    return apart(case.process.posterior(case.x_0, case.x_t, case.s, case.t).mean, linear / _precision(case))


@chapter.at_every_t("process.reverse_mean of a clean prediction | the posterior mean written with x_0")
def clean_form(case: Case) -> float:
    prediction = case.process.predict(case.x_t, case.t, clean=case.x_0)
    return apart(case.process.reverse_mean(case.x_t, case.t, prediction), case.mean_of_clean)


@chapter.at_every_t("process.reverse_mean of a noise prediction | (x_t - beta/sqrt(1 - abar) eps)/sqrt(alpha)")
def noise_form(case: Case) -> float:
    prediction = case.process.predict(case.x_t, case.t, noise=case.eps)
    return apart(case.process.reverse_mean(case.x_t, case.t, prediction), case.mean_of_noise)


@chapter.at_every_t("the mean written with x_0 | the mean written with eps")
def equivalence(case: Case) -> float:
    return apart(case.mean_of_clean, case.mean_of_noise)


@chapter.at_every_t("sqrt(abar) v + sqrt(1 - abar) x_t | eps", 1e-14)
def velocity_noise(case: Case) -> float:
    return apart(case.abar.sqrt() * case.v + (1 - case.abar).sqrt() * case.x_t, case.eps)


@chapter.at_every_t("sqrt(abar) x_t - sqrt(1 - abar) v | x_0", 1e-14)
def velocity_clean(case: Case) -> float:
    return apart(case.abar.sqrt() * case.x_t - (1 - case.abar).sqrt() * case.v, case.x_0)


@chapter.at_every_t("sqrt(alpha) x_t - beta sqrt(abar')/sqrt(1 - abar) v | the mean from x_0; reverse_mean of v")
def velocity_form(case: Case) -> float:
    written = case.alpha.sqrt() * case.x_t - case.beta * case.prev.sqrt() / (1 - case.abar).sqrt() * case.v
    prediction = case.process.predict(case.x_t, case.t, velocity=case.v)
    library = case.process.reverse_mean(case.x_t, case.t, prediction)
    return max(apart(written, case.mean_of_clean), apart(library, written))


@chapter.at_every_t("process.reverse_mean from noise, clean, velocity and score, pairwise")
def means_agree(case: Case) -> float:
    truth = case.process.predict(case.x_t, case.t, clean=case.x_0)
    means = [
        case.process.reverse_mean(case.x_t, case.t, case.process.predict(case.x_t, case.t, **{kind: truth.view(kind)}))
        for kind in KINDS
    ]
    return max(apart(a, b) for a in means for b in means)


# --- the reverse process of unknown data ----------------------------------------------------------------------------


@chapter.at_every_t("p(x_{t-1}|x_t) by Bayes, data N(0, 1/4) | reverse mean of the optimal denoiser", first=2)
def bayes_unknown(case: Case) -> float:
    before = case.prev / 4 + 1 - case.prev  # Var x_{t-1}, the marginal that Bayes' rule asks for
    exact = case.alpha.sqrt() * before / (case.alpha * before + case.beta) * case.x_t
    zero = torch.zeros(1, 4, dtype=torch.float64)
    oracle = GaussianMixture(case.process, zero, torch.full((1,), 0.5, dtype=torch.float64))
    return apart(case.process.reverse_mean(case.x_t, case.t, oracle(case.x_t, case.t)), exact)


@chapter.law("power of beta with which the skewness of p(x_{t-1}|x_t) falls | 3/2, a mixture", 0.05)
def gaussian_for_small_beta() -> float:
    def skewness(beta: float) -> float:
        x = torch.linspace(-6, 6, 200_001, dtype=torch.float64)
        modes = torch.stack([-((x - m) ** 2) / (2 * 0.09) for m in (-1.0, 1.0)])  # two modes of std 0.3
        log_p = torch.logsumexp(modes, 0) - (0.4 - math.sqrt(1 - beta) * x) ** 2 / (2 * beta)
        p = torch.softmax(log_p, 0)
        mean = (p * x).sum()
        second, third = (p * (x - mean) ** 2).sum(), (p * (x - mean) ** 3).sum()
        return abs(float(third / second**1.5))

    return abs(math.log2(skewness(2e-4) / skewness(1e-4)) - 1.5)


@chapter.law("the sampling loop written out, noise on all steps but the last | the Ancestral sampler", 1e-12)
def algorithm() -> float:
    process = GaussianProcess(NoiseSchedule.cosine(60))
    b, a_bar = process.schedule.beta, process.schedule.alpha_bar
    oracle = GaussianMixture(process, torch.tensor([[-1.0, 0.5], [1.0, 0.0]]).double(), torch.tensor([0.2, 0.3]).double())
    x_T = torch.randn(16, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    g, x = torch.Generator().manual_seed(1), x_T
    for t in range(60, 0, -1):
        eps = oracle(x, t).noise
        x = (x - b[t] / (1 - a_bar[t]).sqrt() * eps) / (1 - b[t]).sqrt()
        if t > 1:
            z = torch.randn(x.shape, generator=g, dtype=torch.float64)
            x = x + (b[t] * (1 - a_bar[t - 1]) / (1 - a_bar[t])).sqrt() * z
    return apart(sample(oracle, Ancestral(), range(60, -1, -1), x_T, torch.Generator().manual_seed(1)), x)
