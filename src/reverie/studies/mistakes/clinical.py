"""Mistakes in the clinical recipe: the blend, the start, padding, rejection.

x_0-hat must be made of what sampling has too; x_T must be what sampling starts from; padding must not be seen
"""

from __future__ import annotations

import math

import torch

from reverie.process import loss as losses
from reverie.process.randomness import uniform
from reverie.samplers import DDIM, sample, time_grid
from reverie.studies.mistakes.mistake import Collection, Measured, gaussian, process

__all__ = ["clinical"]

clinical = Collection("clinical recipe")


@clinical.mistake(
    "12a", "the true noise blended into the reconstruction", "x_0-hat of the prediction alone; the blend is an option"
)
def mistake_12a() -> Measured:
    p, g = process(500, 0.01), torch.Generator().manual_seed(0)
    x_0, eps = torch.randn(2, 1, 200_000, generator=g, dtype=torch.float64)
    wrong = eps + 1  # a network wrong by 1 in each element
    by_t = {}
    for t in (1, 500):
        prediction = p.predict(p.corrupt(x_0, t, eps), t, noise=wrong)
        blended = float(losses.reconstruction_loss(prediction, x_0, eps, weight=20, blend=uniform(x_0, g)))
        by_t[t] = blended, float(losses.reconstruction_loss(prediction, x_0, eps, weight=20))
    ratio = by_t[500][0] / by_t[500][1]
    text = (
        f"The term sees {ratio:.2f} of the error that sampling will make; per unit of noise error it weighs "
        f"{by_t[1][0]:.0e} at t = 1 and {by_t[500][0]:.0f} at t = 500 (weight 20)."
    )
    numbers = {"ratio": ratio, "weight at 1": by_t[1][0], "weight at 500": by_t[500][0]}
    abar = float(p.schedule.alpha_bar[500])
    honest = abs(by_t[500][1] / (20 * (1 - abar) / abar) - 1)
    return text, numbers, abs(ratio - 1 / 3) < 0.01 and honest < 1e-9


@clinical.mistake(
    "12b", "x_T taken for N(0, I) though abar_T = 0.079", "a schedule that ends in noise, or zero terminal SNR"
)
def mistake_12b() -> Measured:
    ends, left = {}, {}
    for name, p in (("wrong", process(500, 0.01)), ("right", process(1000, 0.02))):
        x = torch.tensor([[-1.0], [1.0]], dtype=torch.float64)  # mean 0, std 1: the flow is affine, so two points tell all
        end = sample(gaussian(p, std=0.5, mean=1.0), DDIM(), time_grid(p.schedule, p.schedule.steps), x)
        ends[name], left[name] = float(end.mean()), float(p.schedule.alpha_bar[-1])
    text = (
        f"abar_T = {left['wrong']:.4f}: with an exact denoiser, data of mean 1 and std 0.5 are sampled with mean "
        f"{ends['wrong']:.3f}; with abar_T = {left['right']:.1e} with mean {ends['right']:.3f}."
    )
    numbers = {"abar_T": left["wrong"], "wrong": ends["wrong"], "right": ends["right"]}
    return text, numbers, abs(ends["wrong"] - 1) > 0.1 and abs(ends["right"] - 1) < 0.01


@clinical.mistake(
    "13a", "padding by 0 after centring, inside the receptive field", "the mask is seen, and what is under it never read"
)
def mistake_13a() -> Measured:
    series = torch.full((1, 1, 60), -0.9, dtype=torch.float64)  # near the lowest value throughout
    padded = torch.nn.functional.pad(series, (0, 40))
    mask = torch.nn.functional.pad(torch.ones_like(series), (0, 40))
    kernel = torch.full((1, 1, 3), 1 / 3, dtype=torch.float64)
    blurred, seen = (torch.nn.functional.conv1d(z, kernel, padding=1) for z in (padded * mask, mask))
    wrong = float(blurred[0, 0, 59] - series[0, 0, 59])
    right = float(blurred[0, 0, 59] / seen[0, 0, 59] - series[0, 0, 59])
    reach = 2**3 * 3  # months that three halvings and a kernel of 3 look ahead, at least
    level = float((padded[0, 0, -1] + 1) / 2)
    text = (
        f"Padding reads as {level:.0%} of the range. A 3-month average of a series at -0.9 is {wrong:+.2f} off in its last "
        f"month ({abs(right):.0f} when the mask divides it); three halvings of time look {reach} months ahead."
    )
    return text, {"wrong": wrong, "right": right, "level": level}, abs(wrong) > 0.2 and abs(right) < 1e-12


@clinical.mistake(
    "13b", "every series that leaves [-1, 1] rejected and drawn again", "keep all; clip when decoding, and say how many"
)
def mistake_13b() -> Measured:
    g = torch.Generator().manual_seed(0)
    patient = torch.randn(20_000, 1, 2, generator=g, dtype=torch.float64)
    month = torch.randn(20_000, 60, 2, generator=g, dtype=torch.float64)
    x = 0.27 * patient + 0.27 * month  # two numeric columns over 60 months
    kept = x[(x.abs() <= 1).flatten(1).all(1)]
    rejected = 1 - len(kept) / len(x)
    tails = [float((y.abs() > 0.8).double().mean()) for y in (x, kept, x.clamp(-1, 1))]
    twelve = (1 - rejected) ** 6
    text = (
        f"On made-up Gaussian series of 60 months and 2 columns: {rejected:.0%} rejected, std "
        f"{float(x.std()):.3f} becomes {float(kept.std()):.3f}, values beyond 0.8 fall "
        f"from {tails[0]:.2%} to {tails[1]:.2%} "
        f"(clipped: {tails[2]:.2%}); with 12 such columns {twelve:.1%} would pass."
    )
    numbers = {"rejected": rejected, "std": x.std(), "std kept": kept.std(), "tail": tails[0], "tail kept": tails[1]}
    return text, numbers, 0.31 < rejected < 0.59 and tails[1] < 0.8 * tails[0] and math.isclose(tails[2], tails[0])
