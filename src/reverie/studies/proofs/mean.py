"""The reverse mean from the noise, line by line.

    mu(x_t) = posterior mean with x_0-hat for x_0,  x_0-hat = (x_t - sqrt(1 - abar) eps)/sqrt(abar)
            = (x_t - (1 - alpha)/sqrt(1 - abar) eps) / sqrt(alpha)

Each law compares one line of the derivation with the next.
"""

from __future__ import annotations

import torch
from torch import Tensor

from reverie.process import GaussianProcess, NoiseSchedule
from reverie.studies.proofs.check import Case, Chapter, apart, relative

__all__ = ["chapter"]

chapter = Chapter("mean")


def _of_clean(case: Case) -> Tensor:
    return case.prev.sqrt() * case.beta / (1 - case.abar)


def _of_state(case: Case) -> Tensor:
    return case.alpha.sqrt() * (1 - case.prev) / (1 - case.abar)


@chapter.at_every_t("(x_t - sqrt(1 - abar) eps)/sqrt(abar) | x_0, and process.predict(noise=eps).clean", 1e-10)
def clean_estimate(case: Case) -> float:
    estimate = (case.x_t - (1 - case.abar).sqrt() * case.eps) / case.abar.sqrt()
    library = case.process.predict(case.x_t, case.t, noise=case.eps).clean
    return max(apart(estimate, case.x_0), apart(library, case.x_0))


@chapter.at_every_t("weights of x_0 and x_t in the product of prior and likelihood | the posterior's", first=2)
def product_of_gaussians(case: Case) -> float:
    # prior N(sqrt(abar') x_0, 1 - abar'); the likelihood as a density of x_{t-1} is N(x_t/sqrt(alpha), beta/alpha)
    prior, likelihood = 1 / (1 - case.prev), case.alpha / case.beta
    weight_0 = prior * case.prev.sqrt() / (prior + likelihood)
    weight_t = likelihood / case.alpha.sqrt() / (prior + likelihood)
    return max(relative(weight_0, _of_clean(case)), relative(weight_t, _of_state(case)))


@chapter.at_every_t("process.posterior of (x_0, 0) and (0, x_t) | the two weights")
def posterior_weights(case: Case) -> float:
    one, zero = torch.ones_like(case.x_t), torch.zeros_like(case.x_t)
    at = case.process.posterior
    of_clean, of_state = at(one, zero, case.s, case.t).mean, at(zero, one, case.s, case.t).mean
    return max(relative(of_clean, _of_clean(case).expand_as(one)), relative(of_state, _of_state(case).expand_as(one)))


@chapter.at_every_t("posterior mean with x_0-hat put in | the posterior mean with x_0", 1e-10)
def substitution(case: Case) -> float:
    estimate = (case.x_t - (1 - case.abar).sqrt() * case.eps) / case.abar.sqrt()
    return apart(_of_clean(case) * estimate + _of_state(case) * case.x_t, case.mean_of_clean)


@chapter.at_every_t("sqrt(abar')/sqrt(abar) | 1/sqrt(alpha)", 1e-13)
def ratio_of_signals(case: Case) -> float:
    return relative(case.prev.sqrt() / case.abar.sqrt(), 1 / case.alpha.sqrt())


@chapter.at_every_t("beta/((1 - abar) sqrt(alpha)) (x_t - sqrt(1 - abar) eps) + ... | the line before", 1e-10)
def after_the_ratio(case: Case) -> float:
    seen = case.x_t - (1 - case.abar).sqrt() * case.eps
    before = _of_clean(case) / case.abar.sqrt() * seen + _of_state(case) * case.x_t
    after = case.beta / ((1 - case.abar) * case.alpha.sqrt()) * seen + _of_state(case) * case.x_t
    return apart(after, before)


@chapter.at_every_t("the two terms of x_t | (1 - alpha + alpha (1 - abar'))/((1 - abar) sqrt(alpha))")
def state_coefficient_sum(case: Case) -> float:
    terms = case.beta / ((1 - case.abar) * case.alpha.sqrt()) + _of_state(case)
    return relative(terms, (1 - case.alpha + case.alpha * (1 - case.prev)) / ((1 - case.abar) * case.alpha.sqrt()))


@chapter.at_every_t("(1 - alpha + alpha (1 - abar'))/((1 - abar) sqrt(alpha)) | 1/sqrt(alpha)")
def state_coefficient(case: Case) -> float:
    summed = (1 - case.alpha + case.alpha * (1 - case.prev)) / ((1 - case.abar) * case.alpha.sqrt())
    return relative(summed, 1 / case.alpha.sqrt())


@chapter.at_every_t("beta sqrt(1 - abar)/((1 - abar) sqrt(alpha)) | (1 - alpha)/(sqrt(1 - abar) sqrt(alpha))")
def noise_coefficient(case: Case) -> float:
    before = case.beta * (1 - case.abar).sqrt() / ((1 - case.abar) * case.alpha.sqrt())
    return relative(before, (1 - case.alpha) / ((1 - case.abar).sqrt() * case.alpha.sqrt()))


@chapter.at_every_t("(x_t - (1 - alpha)/sqrt(1 - abar) eps)/sqrt(alpha) | step 2's mean; process.reverse_mean")
def result(case: Case) -> float:
    result = (case.x_t - (1 - case.alpha) / (1 - case.abar).sqrt() * case.eps) / case.alpha.sqrt()
    library = case.process.reverse_mean(case.x_t, case.t, case.process.predict(case.x_t, case.t, noise=case.eps))
    return max(apart(result, case.mean_of_clean), apart(library, result))


@chapter.at_every_t("row x_0 of the table | row eps of the table; process.reverse_mean of x_0")
def from_clean(case: Case) -> float:
    row = _of_clean(case) * case.x_0 + _of_state(case) * case.x_t
    library = case.process.reverse_mean(case.x_t, case.t, case.process.predict(case.x_t, case.t, clean=case.x_0))
    return max(apart(row, case.mean_of_noise), apart(library, row))


@chapter.at_every_t("row v of the table | row eps of the table; process.reverse_mean of v")
def from_velocity(case: Case) -> float:
    row = case.alpha.sqrt() * case.x_t - case.beta * case.prev.sqrt() / (1 - case.abar).sqrt() * case.v
    library = case.process.reverse_mean(case.x_t, case.t, case.process.predict(case.x_t, case.t, velocity=case.v))
    return max(apart(row, case.mean_of_noise), apart(library, row))


@chapter.law("reverse_mean of a batch with its own t per sample, 1 to 5 axes | sample by sample", 1e-14)
def any_rank() -> float:
    process, g, worst = GaussianProcess(NoiseSchedule.linear()), torch.Generator().manual_seed(0), 0.0
    t = torch.tensor([1, 2, 500, 1000])
    for shape in ((4,), (4, 3), (4, 3, 5), (4, 1, 3, 5), (4, 2, 1, 3, 2)):
        x_t, eps = torch.randn(2, *shape, generator=g, dtype=torch.float64)
        together = process.reverse_mean(x_t, t, process.predict(x_t, t, noise=eps))
        for i, t_i in enumerate(t.tolist()):
            alone = process.reverse_mean(x_t[i : i + 1], t_i, process.predict(x_t[i : i + 1], t_i, noise=eps[i : i + 1]))
            worst = max(worst, apart(together[i : i + 1], alone))
    return worst
