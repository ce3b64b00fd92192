"""Mistakes in the derivations of the reverse process and of the reverse mean.

eps = sqrt(abar) v + sqrt(1 - abar) x_t;   log beta-tilde_1 = log 0
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from reverie.process import GaussianProcess, NoiseSchedule
from reverie.process import likelihood as terms
from reverie.studies.mistakes.forms import noise_from_velocity
from reverie.studies.mistakes.mistake import Collection, Measured, process

__all__ = ["course", "logs", "mean"]

course = Collection("course")
logs = Collection("course")
mean = Collection("mean derivation")


@course.mistake("1", "eps = sqrt(abar) v + sqrt(1 - abar) x_t / sqrt(abar)", "eps = sqrt(abar) v + sqrt(1 - abar) x_t")
def mistake_1() -> Measured:
    p = process()
    x_0, eps = torch.tensor([0.5]).double(), torch.tensor([1.3]).double()
    wrong_at, right_at = {}, {}
    for t in (251, 1000):
        x_t, v = p.corrupt(x_0, t, eps), p.velocity(x_0, t, eps)
        prediction = p.predict(x_t, t, velocity=v)
        wrong_at[t] = float((noise_from_velocity(prediction) - eps).abs())
        right_at[t] = float((prediction.noise - eps).abs())
    text = (
        f"For x_0 = 0.5 and eps = 1.3 the noise is wrong by {wrong_at[251]:.2f} at t = 251 and by {wrong_at[1000]:.0f} "
        f"at t = 1000 (linear, T = 1000)."
    )
    numbers = {"error at 251": wrong_at[251], "error at 1000": wrong_at[1000], "right": max(right_at.values())}
    return text, numbers, wrong_at[251] > 0.1 and max(right_at.values()) < 1e-14


@logs.mistake("14a", "log beta-tilde_1 taken as it stands", "the log at t = 1 takes the value at t = 2")
def mistake_14a() -> Measured:
    schedule = process().schedule
    wrong, right = float(schedule.posterior_variance[1].log()), float(schedule.posterior_log_variance[1])
    x, u = torch.ones(1, 1).double(), torch.full((1, 1), 0.5).double()
    learned = process().reverse_variance(x, 1, 0, "learned", u).item()
    text = f"log beta-tilde_1 = {wrong}; with the value of t = 2 it is {right:.2f}, and a learned variance is {learned:.1e}."
    return text, {"wrong": wrong, "right": right, "learned": learned}, math.isinf(wrong) and math.isfinite(right + learned)


@logs.mistake("14b", "1/(1 - abar_{t-1}) at every t", "the posterior's closed form, which has no such term")
def mistake_14b() -> Measured:
    p = process()
    wrong = float(1 / (1 - p.schedule.alpha_bar_prev[1]))
    x = torch.ones(1, 1).double()
    q = p.posterior(x, 2 * x, 0, 1)
    text = f"At t = 1 the term is {wrong}; the closed form gives the mean x_0 and the variance {q.variance.item():.0f}."
    right = float((q.mean - x).abs())
    return text, {"wrong": wrong, "right": right}, math.isinf(wrong) and right == 0 and float(q.variance) == 0


@logs.mistake("14c", "the bound's weight favours large t", "beta^2/(2 sigma^2 alpha (1 - abar)) is largest at small t")
def mistake_14c() -> Measured:
    t = torch.arange(2, 1001)
    weight = terms.bound_weight(process(), t)
    peak, ratio = int(t[weight.argmax()]), float(weight[0] / weight[-1])
    text = f"The weight's peak is at t = {peak}, where it is {ratio:.0f} times that at t = 1000 (linear, beta-tilde)."
    return text, {"peak": peak, "ratio": ratio}, peak == 2 and ratio > 1


@mean.mistake(
    "15a",
    "from v: an interpolation between the eps and the x_0 form",
    "sqrt(alpha) x_t - beta sqrt(abar_{t-1})/sqrt(1 - abar) v",
)
def mistake_15a() -> Measured:
    p, t, g = process(), 500, torch.Generator().manual_seed(0)
    x_0, eps = torch.randn(2, 1, 20_000, generator=g, dtype=torch.float64)
    x_t, v = p.corrupt(x_0, t, eps), p.velocity(x_0, t, eps)
    truth = p.posterior(x_0, x_t, t - 1, t).mean
    as_noise = p.reverse_mean(x_t, t, p.predict(x_t, t, noise=v))
    as_clean = p.reverse_mean(x_t, t, p.predict(x_t, t, clean=v))

    def rms(m: Tensor) -> float:
        return float(((m - truth) ** 2).mean().sqrt())

    by_weight = [rms(torch.lerp(as_clean, as_noise, w)) for w in torch.linspace(0, 1, 101).tolist()]
    best, even = min(by_weight), by_weight[50]
    right = rms(p.reverse_mean(x_t, t, p.predict(x_t, t, velocity=v)))
    spread = float(p.schedule.posterior_variance[t].sqrt())
    text = (
        f"v put into both forms at t = 500: blended evenly the mean is off by {even / spread:.2f} of the step's own noise, "
        f"with the best of 101 weights by {best / spread:.3f}; the formula by {right:.3f}."
    )
    return text, {"even": even, "best": best, "right": right}, best > 1e-3 and right < 1e-13


@mean.mistake("15b", "alpha_t.view(-1, 1, 1, 1) for any data", "as many axes as the data has")
def mistake_15b() -> Measured:
    p, t = process(), torch.tensor([10, 500])
    x_t, eps = torch.randn(2, 2, 3, 8, generator=torch.Generator().manual_seed(0), dtype=torch.float64)  # a series
    alpha, abar = (c[t].view(-1, 1, 1, 1) for c in (p.schedule.alpha, p.schedule.alpha_bar))
    wrong = (x_t - (1 - alpha) / (1 - abar).sqrt() * eps) / alpha.sqrt()
    right = p.reverse_mean(x_t, t, p.predict(x_t, t, noise=eps))
    text = f"Two series of shape {list(x_t.shape)} come back as {list(wrong.shape)}: each mixed with each other's step."
    numbers = {"wrong elements": wrong.numel(), "right elements": right.numel()}
    return text, numbers, wrong.shape != x_t.shape and right.shape == x_t.shape


@mean.mistake("15c", "if t > 0 on a batch of steps", "one table lookup for each sample, none special")
def mistake_15c() -> Measured:
    t = torch.tensor([0, 3])
    failed = 0
    try:
        if t > 0:
            failed = -1
    except RuntimeError:
        failed = 1
    p, x = GaussianProcess(NoiseSchedule.linear()), torch.ones(2, 1).double()
    q = p.posterior(x, 2 * x, t, t + 1)
    text = (
        f"{failed} RuntimeError for a batch of two steps; our posterior takes them, with variance "
        f"{float(q.variance[0]):.0f} at s = 0."
    )
    return text, {"errors": failed, "variance at 0": float(q.variance[0])}, failed == 1 and float(q.variance[0]) == 0
