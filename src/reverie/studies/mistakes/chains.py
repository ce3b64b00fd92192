"""Mistakes that surround the guide: how states, SNR, noise levels and demonstrations are made.

x_t is made from x_0 in one go; a chain of states uses the transition q(x_t | x_s), not the marginal again
"""

from __future__ import annotations

import itertools
import math

import torch

from reverie.denoisers import KnownSample
from reverie.samplers import DDIM, Step, sample, time_grid
from reverie.studies.mistakes.mistake import Collection, Measured, process

__all__ = ["around"]

around = Collection("around the guide")


@around.mistake("9a", "x_t fed back into x_t = sqrt(abar) x + sqrt(1 - abar) eps", "each state from x_0, or by q(x_t|x_s)")
def mistake_9a() -> Measured:
    p = process()
    levels = [int(999 * i / 19) + 1 for i in range(20)]
    compounded, composed, s = 1.0, 1.0, 0
    one = torch.ones(1, 1, dtype=torch.float64)
    for t in levels[:10]:
        compounded *= float(p.marginal(one, t).mean)
        composed *= float(p.transition(one, s, t).mean)
        s = t
    direct = float(p.marginal(one, s).mean)
    text = f"At the tenth of twenty states (t = {s}) {compounded:.3f} of the signal is left, for {direct:.3f}."
    return text, {"wrong": compounded, "right": direct}, compounded < direct / 2 and abs(composed - direct) < 1e-12


@around.mistake("9b", "an SNR of the picture and a unit noise, without t", "abar_t/(1 - abar_t) times the picture's power")
def mistake_9b() -> Measured:
    p, g = process(), torch.Generator().manual_seed(0)
    x_0, eps = torch.randn(2, 1, 100_000, generator=g, dtype=torch.float64)
    wrong, right, table = {}, {}, {}
    for t in (1, 500, 1000):
        wrong[t] = 10 * math.log10(float((x_0**2).mean() / (eps**2).mean()))
        noise = p.corrupt(x_0, t, eps) - p.marginal(x_0, t).mean
        right[t] = 10 * math.log10(float((p.marginal(x_0, t).mean ** 2).mean() / (noise**2).mean()))
        table[t] = float(p.schedule.snr_db[t])
    text = (
        f"It says {wrong[1]:.1f} dB at every t; measured on x_t it is {right[1]:.1f} dB at t = 1, {right[500]:.1f} at 500, "
        f"{right[1000]:.1f} at 1000."
    )
    far = max(abs(right[t] - table[t]) for t in table)
    numbers = {"wrong": wrong[1], **{f"right at {t}": right[t] for t in right}}
    return text, numbers, wrong[1] == wrong[1000] and far < 0.1 and right[1] - right[1000] > 50


@around.mistake("9c", "Karras levels as a geometric series", "sigma^(1/7) even: (top^(1/7) + u (low^(1/7) - top^(1/7)))^7")
def mistake_9c() -> Measured:
    p = process()
    top, low = (math.exp(-0.5 * float(p.schedule.log_snr[t])) for t in (1000, 1))
    right = ((top ** (1 / 7) + low ** (1 / 7)) / 2) ** 7
    wrong = math.sqrt(top * low)
    grid = time_grid(p.schedule, 20, "karras", rho=7.0)
    n = len(grid) - 1
    at = [math.exp(-0.5 * float(p.schedule.log_snr[t])) for t in grid[:-1]]
    wanted = [(top ** (1 / 7) + i / 19 * (low ** (1 / 7) - top ** (1 / 7))) ** 7 for i in range(20)]
    off = max(min(abs(math.log(w / sigma)) for sigma in at) for w in wanted[:15])
    text = (
        f"Half-way from sigma = {top:.0f} to {low:.2f} the geometric series is at {wrong:.2f}, the rule with rho = 7 at "
        f"{right:.2f}; our grid of {n} steps keeps to it within {off:.1%} (the rounding to whole t)."
    )
    return text, {"wrong": wrong, "right": right, "grid off": off}, right / wrong > 1.5 and off < 0.05


@around.mistake(
    "9d", "a reverse demonstrated with random numbers for a prediction", "an oracle or a trained network, named as such"
)
def mistake_9d() -> Measured:
    p, g = process(), torch.Generator().manual_seed(0)
    x_0 = torch.sin(torch.linspace(0, 12, 4096, dtype=torch.float64))[None]
    grid = time_grid(p.schedule, 50)
    x = x_T = torch.randn(x_0.shape, generator=g, dtype=torch.float64)
    for t, s in itertools.pairwise(grid):
        random = torch.randn(x.shape, generator=g, dtype=torch.float64)
        x = DDIM().step(Step(p, t, s, p.predict(x, t, noise=random)))
    oracle = sample(KnownSample(p, x_0), DDIM(), grid, x_T)
    share = float(torch.corrcoef(torch.cat([x, x_0]))[0, 1])
    error = float((oracle - x_0).abs().max())
    text = (
        f"50 steps end in noise of std {float(x.std()):.0f} that correlates {abs(share):.2f} with the picture; the "
        f"oracle ends at it, {error:.3f} away."
    )
    return text, {"std": x.std(), "correlation": share, "right": error}, abs(share) < 0.1 and error < 1e-12
