"""DDIM and its inverse (Song, Meng and Ermon 2021, equation 12).

    sigma^2 = eta^2 (1 - alpha_bar_s)/(1 - alpha_bar_t) (1 - alpha_bar_t/alpha_bar_s)
    x_s     = sqrt(alpha_bar_s) x_0-hat + sqrt(1 - alpha_bar_s - sigma^2) eps-hat + sigma z

eta = 0 is the first-order step of the probability-flow ODE, eta = 1 the posterior: ancestral sampling with beta-tilde.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from reverie.denoisers.conditions import Condition
from reverie.denoisers.denoiser import Denoiser
from reverie.errors import ReverieError, UsageError
from reverie.process import variance
from reverie.process.gaussian import GaussianProcess
from reverie.process.prediction import Prediction
from reverie.process.randomness import Generators, draw
from reverie.process.schedule import NoiseSchedule
from reverie.samplers.grid import check_grid
from reverie.samplers.sampler import Point, Sampler, State

__all__ = ["DDIM", "InversionError", "invert"]


@dataclass(frozen=True)
class DDIM(Sampler):
    """DDIM with any eta >= 0; s is the true next level of the grid, whatever its spacing."""

    eta: float = 0.0

    def __post_init__(self) -> None:
        if not (math.isfinite(self.eta) and self.eta >= 0):
            raise UsageError(f"eta must be a number >= 0, not {self.eta}.")

    @property
    def stochastic(self) -> bool:
        return self.eta > 0

    def step(
        self, process: GaussianProcess, state: State, t: int, s: int, prediction: Prediction, generator: Generators | None
    ) -> State:
        signal, sigma, _ = process.schedule.levels[s]
        if self.eta == 0:
            return State(prediction.mix(clean=signal, noise=sigma))
        sigma2 = self.added_variance(process.schedule, t, s)
        x_s = prediction.mix(clean=signal, noise=math.sqrt(max(sigma**2 - sigma2, 0.0)))
        if sigma2 > 0 and generator is not None:
            x_s.add_(draw(x_s, generator), alpha=math.sqrt(sigma2))
        return State(x_s)

    def added_variance(self, schedule: NoiseSchedule, t: int, s: int) -> float:
        return self.eta**2 * variance.lower(schedule, s, t).item()


class InversionError(ReverieError):
    """The inverse step did not converge: the grid is too coarse for this denoiser."""


def invert(
    denoiser: Denoiser,
    grid: Sequence[int],
    x: Tensor,
    condition: Condition | None = None,
    tolerance: float | None = None,
    iterations: int = 200,
) -> Iterator[Point]:
    """The states that DDIM (eta = 0) would have come from: from x at grid[-1] up to grid[0], each with its prediction.

    Each step solves its own reverse for x_t, by fixed-point iteration on
        x_t <- r x_s + (sigma_t - r sigma_s) eps-hat(x_t, t),   r = sqrt(alpha_bar_t / alpha_bar_s),
    until no entry moves by more than `tolerance` (default: 64 roundings of the largest entry). So sampling from the result
    retraces the inversion, unlike the formula in common use, which takes eps-hat at the wrong end of the step and needs no
    iteration. Raises InversionError where it does not converge, naming the step.
    """
    process = denoiser.process
    grid = check_grid(process.schedule, grid)
    signal, sigma = process.schedule.signal.tolist(), process.schedule.sigma.tolist()
    if signal[grid[0]] == 0:
        raise UsageError("a state at zero SNR keeps nothing of x_0: invert up to a step with alpha_bar > 0.")
    yield Point(grid[-1], x, None)
    with torch.no_grad():
        for s, t in zip(reversed(grid), list(reversed(grid))[1:], strict=False):
            ratio = signal[t] / signal[s]
            x_t, gap = x * ratio, math.inf
            for _ in range(iterations):
                prediction = denoiser(x_t, t, condition)
                update = torch.add(x * ratio, prediction.noise, alpha=sigma[t] - ratio * sigma[s])
                gap, x_t = float((update - x_t).abs().max()), update
                enough = 64 * torch.finfo(x.dtype).eps * float(x_t.abs().max()) if tolerance is None else tolerance
                if gap <= enough:
                    break
            else:
                raise InversionError(
                    f"inverting the step from {s} to {t} still moved by {gap:.2g} after {iterations} iterations: "
                    "use a finer grid or a larger tolerance."
                )
            yield Point(t, x_t, prediction)
            x = x_t
