"""Heun's method on the probability-flow ODE (Karras et al. 2022, algorithm 1, deterministic).

In x / sqrt(alpha_bar) and sigma = sqrt(1 - alpha_bar) / sqrt(alpha_bar) the ODE is dx/dsigma = eps-hat(x, sigma). Euler's
step is DDIM(eta = 0); the corrector takes the mean of eps-hat at both ends, at one more network call.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from reverie.samplers.sampler import Sampler, Step

__all__ = ["Heun"]

LARGEST = 1.0
"""Of |factor| of the corrector; eps-hat has deviation 1, as the state has. Steps of usual schedules have 0.01 to 0.5."""


@dataclass(frozen=True)
class Heun(Sampler):
    """Second order, two network calls a step; one to t = 0 (a single call) or from nearly zero SNR stays Euler's.

    From where hardly any signal is left, sigma falls a hundredfold in one step, and the corrector would multiply the
    network's error in eps-hat by as much: its factor is held to at most LARGEST.
    """

    order = 2
    calls = 2

    def step(self, now: Step) -> Tensor:
        (a_s, sigma_s, _), (a_t, sigma_t, _) = now.to, now.at
        x_s = now.prediction.mix(clean=a_s, noise=sigma_s)
        if now.final:
            return x_s
        half = 0.5 * (sigma_s - a_s / a_t * sigma_t) if a_t else -math.inf
        half = max(-LARGEST, min(half, LARGEST))
        # Euler's x_s already holds 2 half eps-hat(x_t); put the mean of both ends in its place.
        return torch.add(x_s, now.ask(x_s, now.s).noise - now.prediction.noise, alpha=half)
