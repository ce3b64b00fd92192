"""Mistakes in wide use.

the step before t on a grid is the grid's next entry, whatever its spacing
"""

from __future__ import annotations

import itertools
import math

import torch

from reverie.denoisers import Clipped, KnownSample
from reverie.errors import UsageError
from reverie.process import GaussianProcess
from reverie.process.loss import loss_weight
from reverie.samplers import DDIM, DPMSolver, Step, sample, time_grid
from reverie.studies.mistakes.forms import AssumedStride, HalvedParabola
from reverie.studies.mistakes.mistake import Collection, Measured, gaussian, process
from reverie.studies.proofs.sampler import final_deviation, measured_order

__all__ = ["practice"]

practice = Collection("in wide use")

ONE = torch.ones(1, 1, dtype=torch.float64)


@practice.mistake("16a", "DDIM's previous step taken as t - T//n on a linspace grid", "the grid's next entry")
def mistake_16a() -> Measured:
    p, n = process(), 10
    grid, y = time_grid(p.schedule, n, "linspace"), ONE
    missed = sum(s != t - 1000 // n for t, s in itertools.pairwise(grid[:-1]))
    known = KnownSample(p, 0 * ONE)  # of x_0 = 0 the state is noise alone
    left = {}
    for name in ("wrong", "right"):
        x = ONE
        for t, s in itertools.pairwise(grid[:-1]):
            x = DDIM().step(Step(p, t, t - 1000 // n if name == "wrong" else s, known(x, t)))
        left[name] = float(x / p.schedule.sigma[grid[-2]])
    wrong, right = float(sample(gaussian(p), AssumedStride(DDIM(), n), grid, y)), final_deviation(p, grid, None)
    text = (
        f"n = {n}: the assumed step is wrong at {missed} of {n - 1} steps; the last state before t = 0 holds "
        f"{left['wrong']:.1f} times the noise of its level, for {left['right']:.1f}; data of std 0.5 end "
        f"with {wrong:.3f} instead of {right:.3f}."
    )
    numbers = {"missed": missed, "noise": left["wrong"], "right noise": left["right"], "wrong": wrong, "right": right}
    return text, numbers, missed == n - 1 and left["wrong"] > 1.5 and abs(left["right"] - 1) < 0.01


@practice.mistake(
    "16b", "noise prediction on a schedule of zero terminal SNR", "refused with a sentence; velocity or clean instead"
)
def mistake_16b() -> Measured:
    p = GaussianProcess(process().schedule.with_zero_terminal_snr())
    x_T = torch.randn(1000, 1, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    wrong = (x_T - p.schedule.sigma[-1] * x_T) / p.schedule.signal[-1]  # the perfect noise: x_T itself
    lost = float((~torch.isfinite(wrong)).double().mean())
    try:
        p.predict(x_T, 1000, noise=x_T)
        refused = False
    except UsageError:
        refused = True
    end = sample(gaussian(p), DDIM(), time_grid(p.schedule, 50), x_T)
    right = float((~torch.isfinite(end)).double().mean())
    text = (
        f"{lost:.0%} of x_0-hat is not a number at t = T, silently; here it is an error, and the clean form gives "
        f"{right:.0%} (final std {float(end.std()):.2f} for 0.5)."
    )
    return text, {"not finite": lost, "right": right, "std": end.std()}, lost == 1 and refused and right == 0


@practice.mistake("16c", "Min-SNR weight for velocity: min(SNR, 5)/SNR", "min(SNR, 5)/(SNR + 1)")
def mistake_16c() -> Measured:
    schedule = process().schedule
    t = torch.arange(1, 1001)
    snr = schedule.snr[1:]
    wrong, right = snr.clamp(max=5) / snr, loss_weight(schedule, t, "velocity", "min_snr")
    on_clean = loss_weight(schedule, t, "clean", "min_snr")
    far = float((right * (snr + 1) / on_clean - 1).abs().max())
    factor = wrong / right
    first, last = factor[0].item(), factor[-1].item()
    text = f"The weight is {first:.4f} times what it should be at t = 1 and {last:.0f} times at t = 1000."
    return text, {"at 1": first, "at 1000": last, "right": far}, last > 1000 and far < 1e-12


@practice.mistake("16d", "x_0-hat clipped to [-1, 1] by default", "clipping only for data known to lie in the range")
def mistake_16d() -> Measured:
    p, g = process(), torch.Generator().manual_seed(0)
    x_T = torch.randn(4000, 1, generator=g, dtype=torch.float64)
    oracle, grid = gaussian(p, std=2.0), time_grid(p.schedule, 100)
    wrong, right = (float(sample(d, DDIM(), grid, x_T).std()) for d in (Clipped(oracle), oracle))
    text = f"Standardised data of std 2 and an exact denoiser: samples of std {wrong:.2f} clipped, {right:.2f} not."
    return text, {"wrong": wrong, "right": right}, abs(wrong - 2) > 0.5 and math.isclose(right, 2, rel_tol=0.1)


@practice.mistake(
    "16e",
    "DPM-Solver++ 3M: the second difference times 1/2 - 1/h + (1 - e^-h)/h^2",
    "twice that: its integral",
)
def mistake_16e() -> Measured:
    wrong, right = measured_order(HalvedParabola(), 640), measured_order(DPMSolver(order=3), 640)
    text = f"On Gaussian data, from 640 steps to 1,280, the error falls as n^-{wrong:.1f} instead of n^-{right:.1f}."
    return text, {"wrong": wrong, "right": right}, abs(wrong - 2) < 0.2 and abs(right - 3) < 0.2
