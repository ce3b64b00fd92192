"""Heun's method on the probability-flow ODE (Karras et al. 2022, algorithm 1, deterministic).

In x / sqrt(alpha_bar) and sigma = sqrt(1 - alpha_bar) / sqrt(alpha_bar) the ODE is dx/dsigma = eps-hat(x, sigma). Euler's
step is DDIM(eta = 0); the corrector takes the mean of eps-hat at both ends, at one more network call.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch

from reverie.process.gaussian import GaussianProcess
from reverie.process.prediction import Prediction
from reverie.process.randomness import Generators
from reverie.samplers.sampler import State

__all__ = ["Heun"]


@dataclass(frozen=True)
class Heun:
    """Second order, two network calls a step; a step to t = 0 or from zero SNR stays Euler's (one call for the former)."""

    order: int = field(default=2, init=False, repr=False)
    stochastic: bool = field(default=False, init=False, repr=False)

    def step(
        self,
        process: GaussianProcess,
        state: State,
        t: int,
        s: int,
        prediction: Prediction,
        generator: Generators | None,
    ) -> State:
        signal, sigma, _ = process.schedule.levels[s]
        return State(prediction.mix(clean=signal, noise=sigma))

    def correct(
        self, process: GaussianProcess, before: State, after: State, t: int, s: int, there: Prediction, here: Prediction
    ) -> State:
        (a_s, sigma_s, _), (a_t, sigma_t, _) = process.schedule.levels[s], process.schedule.levels[t]
        if a_t == 0:
            return after
        half = 0.5 * (sigma_s - a_s / a_t * sigma_t)
        # Euler's x_s already holds 2 half eps-hat(x_t); put the mean of both ends in its place.
        return State(torch.add(after.x, here.noise - there.noise, alpha=half))
