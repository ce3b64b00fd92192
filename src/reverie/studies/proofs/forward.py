"""The noising process: steps compose to marginals, and Bayes' rule turns them round.

q(x_t | x_s) q(x_s | x_0) = q(x_s | x_t, x_0) q(x_t | x_0)
"""

from __future__ import annotations

import torch
from torch import Tensor

from reverie.studies.proofs.check import Case, Chapter, apart, relative

__all__ = ["chapter"]

chapter = Chapter("forward")


def _earlier(case: Case) -> Tensor:
    """For each t some s, 1 <= s < t, irregularly chosen."""
    g = torch.Generator().manual_seed(7)
    share = torch.rand(len(case.t), generator=g, dtype=torch.float64)
    return (1 + (share * (case.t - 1)).floor().long()).clamp(max=case.t - 1)


def _bayes(case: Case, s: Tensor) -> float:
    process = case.process
    x_s = torch.flip(case.x_0, (0,)) * 0.1 + process.marginal(case.x_0, s).mean
    joint = process.transition(x_s, s, case.t).log_density(case.x_t) + process.marginal(case.x_0, s).log_density(x_s)
    turned = process.posterior(case.x_0, case.x_t, s, case.t).log_density(x_s)
    return apart(turned + process.marginal(case.x_0, case.t).log_density(case.x_t), joint)


@chapter.at_every_t("x_t from the definition | process.corrupt and the marginal's mean + std eps", 1e-13)
def corruption(case: Case) -> float:
    marginal = case.process.marginal(case.x_0, case.t)
    drawn = marginal.mean + marginal.std * case.eps
    return max(apart(case.process.corrupt(case.x_0, case.t, case.eps), case.x_t), apart(drawn, case.x_t))


@chapter.at_every_t("q(x_t|x_{t-1}) from beta_t | process.transition at s = t - 1")
def one_step(case: Case) -> float:
    q = case.process.transition(case.x_0, case.s, case.t)
    return max(apart(q.mean, (1 - case.beta).sqrt() * case.x_0), relative(q.variance, case.beta))


@chapter.at_every_t("one step after q(x_{t-1}|x_0) | q(x_t|x_0), mean and variance")
def marginal(case: Case) -> float:
    before, after = case.process.marginal(case.x_0, case.s), case.process.marginal(case.x_0, case.t)
    step = case.process.transition(before.mean, case.s, case.t)
    spread = case.alpha * before.variance + step.variance
    return max(apart(step.mean, after.mean), relative(spread, after.variance))


@chapter.at_every_t("q(x_t|x_s) after q(x_s|x_r) | q(x_t|x_r), r < s < t", 1e-11, first=2)
def composition(case: Case) -> float:
    s = _earlier(case)
    r = s // 2  # 0 where s = 1: then both sides begin at the data
    first = case.process.transition(case.x_0, r, s)
    second = case.process.transition(first.mean, s, case.t)
    whole = case.process.transition(case.x_0, r, case.t)
    a2 = (case.process.schedule.alpha_bar[case.t] / case.process.schedule.alpha_bar[s])[:, None]
    return max(apart(second.mean, whole.mean), relative(a2 * first.variance + second.variance, whole.variance))


@chapter.at_every_t("log q(x_t|x_{t-1}) + log q(x_{t-1}|x_0) | log of posterior times marginal", 1e-9, first=2)
def bayes(case: Case) -> float:
    return _bayes(case, case.s)


@chapter.at_every_t("the same for some s < t - 1: the posterior of a strided grid", 1e-9, first=2)
def bayes_strided(case: Case) -> float:
    return _bayes(case, _earlier(case))


@chapter.at_every_t("q(x_0|x_t, x_0) | x_0 itself, variance 0, to the last bit", 0.0)
def posterior_at_zero(case: Case) -> float:
    q = case.process.posterior(case.x_0, case.x_t, torch.zeros_like(case.t), case.t)
    return max(float((q.mean - case.x_0).abs().max()), float(q.variance.abs().max()))
