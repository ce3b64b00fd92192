"""Mistakes in schedules, from the guide to forward and reverse diffusion.

scaled_linear: (even ramp of sqrt(beta))^2, not sqrt(even ramp of beta)
"""

from __future__ import annotations

import math

import torch

from reverie.errors import UsageError
from reverie.process import NoiseSchedule
from reverie.studies.mistakes.mistake import Collection, Measured, linear

__all__ = ["guide"]

guide = Collection("guide")

T = 1000


@guide.mistake("2", "scaled_linear = linspace(b0, b1)^0.5", "scaled_linear = linspace(sqrt b0, sqrt b1)^2")
def mistake_2() -> Measured:
    beta = torch.linspace(1e-4, 0.02, T, dtype=torch.float64) ** 0.5
    abar = torch.cumprod(1 - beta, 0)
    right = NoiseSchedule.scaled_linear(T)
    gone = int((abar < 1e-3).nonzero()[0])
    text = (
        f"beta runs from {beta[0]:.2f} to {beta[-1]:.3f} and abar_T = {abar[-1]:.0e}, for {right.alpha_bar[-1]:.1e}; less "
        f"than 0.1 % of the signal's power is left at index {gone} (t = {gone + 1})."
    )
    numbers = {"beta_1": beta[0], "beta_T": beta[-1], "abar_T": abar[-1], "gone": gone, "right": right.alpha_bar[-1]}
    ends = abs(float(right.beta[1]) - 1e-4) + abs(float(right.beta[-1]) - 0.02)
    return text, numbers, float(beta[-1]) > 0.1 and ends < 1e-15


@guide.mistake("3a", "cosine: beta = b0 + (b1 - b0) cos(pi t/2T)^2", "cosine: abar follows the squared cosine")
def mistake_3a() -> Measured:
    t = torch.arange(T, dtype=torch.float64)
    wrong = NoiseSchedule.from_betas(1e-4 + (0.02 - 1e-4) * torch.cos(math.pi * t / (2 * T)) ** 2)
    right = NoiseSchedule.cosine(T)
    halved = [int((s.alpha_bar < 0.5).nonzero()[0]) for s in (wrong, right)]
    falls = [float((s.beta[1:].diff() < 0).double().mean()) for s in (wrong, right)]
    text = (
        f"beta falls at {falls[0]:.0%} of the steps, for {falls[1]:.0%}; half of the signal's power is gone at "
        f"t = {halved[0]}, for {halved[1]}."
    )
    numbers = {"falls": falls[0], "right falls": falls[1], "half at": halved[0], "right half at": halved[1]}
    return text, numbers, falls[0] == 1 and falls[1] == 0


@guide.mistake("3b", "linear: beta = b0 + (b1 - b0) t/T, t from 0", "linear: T values, both ends included")
def mistake_3b() -> Measured:
    wrong = 1e-4 + (0.02 - 1e-4) * torch.arange(T, dtype=torch.float64) / T
    short = 1e-4 + (0.02 - 1e-4) * torch.arange(10, dtype=torch.float64) / 10
    right = linear(T)
    text = (
        f"The last beta is {wrong[-1]:.5f}, not 0.02, and with T = 10 it is {short[-1]:.4f}; abar_T = "
        f"{float(torch.cumprod(1 - wrong, 0)[-1]):.3e} for {float(right.alpha_bar[-1]):.3e}."
    )
    numbers = {"last": wrong[-1], "last of 10": short[-1], "right": right.beta[-1]}
    return text, numbers, float(wrong[-1]) < 0.02 and float(right.beta[-1]) == 0.02


def _betas_for_alpha_bar(steps: int, alpha_transform_type: str = "cosine") -> list[float]:
    if alpha_transform_type == "cosine":

        def alpha_bar(u: float) -> float:
            return math.cos((u + 0.008) / 1.008 * math.pi / 2) ** 2

    return [min(1 - alpha_bar((i + 1) / steps) / alpha_bar(i / steps), 0.999) for i in range(steps)]  # pyright: ignore


@guide.mistake("4", "an unknown transform falls through to a function that is not defined", "an error that names it")
def mistake_4() -> Measured:
    said = {}
    for form, build in (
        ("wrong", lambda: _betas_for_alpha_bar(10, "exp")),
        ("right", lambda: NoiseSchedule.named("cosin", steps=10)),
    ):
        try:
            build()
        except Exception as error:
            said[form] = error
    kind = next(base for base in (NameError, Exception) if isinstance(said["wrong"], base)).__name__
    text = f"It ends in a {kind}; ours in a sentence: {str(said['right']).split('? ')[0]}?"
    named = isinstance(said["right"], UsageError) and "cosin" in str(said["right"])
    return text, {"errors": len(said)}, isinstance(said["wrong"], NameError) and named
