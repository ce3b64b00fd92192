"""The losses: one error in three currencies, a mean under a mask, and the reconstruction term.

|x_0 error|^2 = |eps error|^2 / SNR = |v error|^2 / (SNR + 1)
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from reverie.process import GaussianProcess, NoiseSchedule
from reverie.process import loss as losses
from reverie.process.prediction import Kind
from reverie.process.randomness import uniform
from reverie.studies.proofs.check import Case, Chapter, apart, digits, quiet, relative

__all__ = ["chapter"]

chapter = Chapter("loss")


@chapter.at_every_t("x_0 error^2 | noise error^2 / SNR and velocity error^2 / (SNR + 1)", 1e-9)
def currencies(case: Case) -> float:
    snr = case.abar / (1 - case.abar)
    prediction = case.process.predict(case.x_t, case.t, velocity=case.v + 1 + case.x_0**2)
    clean = losses.element_loss(prediction, case.x_0, "clean")
    noise = losses.element_loss(prediction, case.eps, "noise")
    velocity = losses.element_loss(prediction, case.v, "velocity")
    return max(relative(noise / snr, clean), relative(velocity / (snr + 1), clean))


@chapter.at_every_t("weight x error in noise and in velocity | in x_0, for every weighting but uniform", 1e-12)
def weightings(case: Case) -> float:
    schedule, t, worst = case.process.schedule, case.t, 0.0
    snr = (case.abar / (1 - case.abar))[:, 0]
    for weighting in ("snr", "min_snr", "truncated_snr", "p2", "bound"):
        on_clean = losses.loss_weight(schedule, t, "clean", weighting)
        worst = max(worst, relative(losses.loss_weight(schedule, t, "noise", weighting) * snr, on_clean))
        worst = max(worst, relative(losses.loss_weight(schedule, t, "velocity", weighting) * (snr + 1), on_clean))
    return worst


@chapter.at_every_t("process.velocity and the losses' targets | eps, x_0 and sqrt(abar) eps - sqrt(1 - abar) x_0", 1e-14)
def targets(case: Case) -> float:
    truth: dict[Kind, Tensor] = {"noise": case.eps, "clean": case.x_0, "velocity": case.v}
    return max(apart(losses.target(case.process, case.x_0, case.eps, case.t, kind), y) for kind, y in truth.items())


@chapter.law("masked mean, anything (nan too) under the mask and any padding | the mean of what is measured", 1e-15)
def masked_mean() -> float:
    e = torch.rand(3, 2, 10, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    plain, worst = e[:, :, :6].mean(), 0.0
    for junk in (0.0, 1e300, math.inf, math.nan):
        for longer in (0, 1, 7, 90):
            padded = torch.nn.functional.pad(e, (0, longer), value=junk)
            padded[:, :, 6:] = junk
            mask = torch.zeros(3, 1, 10 + longer)  # one mask for both channels
            mask[:, :, :6] = 1
            worst = max(worst, float((losses.masked_mean(padded, mask) - plain).abs().nan_to_num(math.inf)))
    return worst


@chapter.law("masked mean where nothing was measured | 0", 0.0)
def empty_mask() -> float:
    e = torch.ones(2, 3, dtype=torch.float64)
    return float(losses.masked_mean(e, torch.zeros(2, 3)).abs())


@chapter.at_every_t("reconstruction term, weight 20 | 20 (1 - abar)/abar x noise MSE", 1e-9)
def reconstruction(case: Case) -> float:
    worst = 0.0
    for i in (0, len(case.t) // 2, len(case.t) - 1):
        t, row = int(case.t[i]), slice(i, i + 1)
        wrong = case.eps[row] + 0.5 + case.x_0[row] ** 2
        prediction = case.process.predict(case.x_t[row], t, noise=wrong)
        term = losses.reconstruction_loss(prediction, case.x_0[row], case.eps[row], weight=20.0)
        noise_mse = ((wrong - case.eps[row]) ** 2).mean()
        worst = max(worst, relative(term, 20 * (1 - case.abar[i, 0]) / case.abar[i, 0] * noise_mse))
    return worst


@chapter.law("the term with the blend over the term without, 1 million draws | 1/3", 2e-3)
def blend() -> float:
    process, g = GaussianProcess(NoiseSchedule.linear()), torch.Generator().manual_seed(0)
    x_0, eps = torch.randn(2, 1, 1_000_000, generator=g, dtype=torch.float64)
    prediction = process.predict(process.corrupt(x_0, 250, eps), 250, noise=eps + 1)
    blended = losses.reconstruction_loss(prediction, x_0, eps, blend=uniform(x_0, g))
    return abs(float(blended / losses.reconstruction_loss(prediction, x_0, eps)) - 1 / 3)


@chapter.law("(20/3)(1 - abar)/abar at t = 1 and 500 of the clinical schedule | 7e-4 and 77, last digit", 0.5)
def blend_weight() -> float:
    with quiet():
        abar = NoiseSchedule.linear(500, beta_max=0.01).alpha_bar
    weight = 20 / 3 * (1 - abar[1:]) / abar[1:]
    return max(digits(float(weight[0]), "7e-4"), digits(float(weight[-1]), "77"))
