"""Denoisers around denoisers.

Each changes the prediction in one view and the others follow: after clipping x_0-hat the noise is derived anew from the
clipped value, so the reverse step stays on the process.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from numbers import Real
from typing import Any

import torch
from torch import Tensor

from reverie.denoisers.conditions import Condition
from reverie.denoisers.denoiser import Denoiser, Evidence
from reverie.errors import UsageError
from reverie.process.gaussian import GaussianProcess, Step
from reverie.process.prediction import Prediction

__all__ = [
    "Autoguided",
    "Boundary",
    "ClassifierGuided",
    "Clipped",
    "DefaultCondition",
    "DenoiserWrapper",
    "Guided",
    "Inpainting",
    "Thresholded",
    "check_guidance",
]

STRONGEST = 100.0
"""The strongest guidance that can be asked for; published ones end at some 30, and far beyond only rounding is followed."""


def check_guidance(scale: Any) -> None:
    """Raises UsageError unless scale is a number above 0, at which nothing that is asked for would be followed, and at most
    STRONGEST."""
    number = isinstance(scale, Real) and not isinstance(scale, bool)
    if not (number and 0 < float(scale) <= STRONGEST):
        raise UsageError(
            f"`guidance` is a number above 0 and at most {STRONGEST:g}, 1 as learned, not {scale!r:.40}: ask for one of "
            "these, or leave it out."
        )


@dataclass(frozen=True, eq=False)
class DenoiserWrapper:
    """What a wrapper has from the denoiser inside it."""

    inner: Denoiser

    @property
    def process(self) -> GaussianProcess:
        return self.inner.process

    @property
    def evidence(self) -> Evidence:
        return self.inner.evidence


@dataclass(frozen=True, eq=False)
class Clipped(DenoiserWrapper):
    """x_0-hat kept inside [low, high]; only for data that truly is in that range."""

    low: float = -1.0
    high: float = 1.0

    def __post_init__(self) -> None:
        if not self.low < self.high:
            raise UsageError(f"clipping needs low < high, but low = {self.low} and high = {self.high}.")

    def __call__(self, x_t: Tensor, t: Step, condition: Condition | None = None) -> Prediction:
        prediction = self.inner(x_t, t, condition)
        return prediction.with_value("clean", prediction.clean.clamp(self.low, self.high))


@dataclass(frozen=True, eq=False)
class Thresholded(DenoiserWrapper):
    """Dynamic thresholding (Saharia et al. 2022, section 2.3): x_0-hat clipped at +-c and divided by c.

    c is the `quantile` of |x_0-hat| over each sample, kept inside [1, largest]; data must be scaled to [-1, 1].
    """

    quantile: float = 0.995
    largest: float = math.inf

    def __post_init__(self) -> None:
        if not 0 < self.quantile <= 1 or self.largest < 1:
            raise UsageError(
                f"thresholding needs 0 < quantile <= 1 and largest >= 1, not {self.quantile} and {self.largest}."
            )

    def __call__(self, x_t: Tensor, t: Step, condition: Condition | None = None) -> Prediction:
        prediction = self.inner(x_t, t, condition)
        clean = prediction.clean
        magnitude = clean[:, None].flatten(1).abs()
        rank = max(1, math.ceil(self.quantile * magnitude.shape[1]))  # kthvalue has no limit of size, unlike quantile
        c = magnitude.kthvalue(rank, dim=1).values.clamp(1.0, self.largest)
        c = c.reshape(-1, *[1] * (clean.ndim - 1))
        return prediction.with_value("clean", clean.clamp(-c, c) / c)


@dataclass(frozen=True, eq=False)
class Boundary(DenoiserWrapper):
    """A consistency function on a table of steps: at t = 1 it is x_t itself (Luo et al. 2023, section 4.1, and appendix C).

        f(x_t, t) = d^2/(u^2 + d^2) x_t + u/sqrt(u^2 + d^2) x_0-hat,   u = scaling (t - 1),  d = 1/2

    Args:
        scaling: of the time; 10 in diffusers' latent consistency models.
    """

    scaling: float = 10.0

    def __post_init__(self) -> None:
        if not self.process.schedule.whole:
            raise UsageError("a boundary condition of steps is for a table of them, and this path is in continuous time.")

    def __call__(self, x_t: Tensor, t: Step, condition: Condition | None = None) -> Prediction:
        prediction = self.inner(x_t, t, condition)
        u = self.scaling * (t - 1)
        power = u * u + BOUNDARY_STD**2
        skip, out = BOUNDARY_STD**2 / power, u / power**0.5
        if isinstance(skip, Tensor):
            skip, out = (c.to(x_t).reshape(-1, *[1] * (x_t.ndim - 1)) for c in (skip, out))
        return prediction.with_value("clean", skip * x_t + out * prediction.clean)


BOUNDARY_STD = 0.5


@dataclass(frozen=True, eq=False)
class DefaultCondition(DenoiserWrapper):
    """A denoiser that always needs a condition, and receives `empty`, of one row, where there is none."""

    empty: Condition

    def __call__(self, x_t: Tensor, t: Step, condition: Condition | None = None) -> Prediction:
        every = self.empty[torch.zeros(len(x_t), dtype=torch.int64)] if condition is None else condition
        return self.inner(x_t, t, every)


@dataclass(frozen=True, eq=False)
class Inpainting(DenoiserWrapper):
    """x_0-hat replaced by what is known of x_0 (Wang et al. 2023, equation 13).

    Where `known` is True the reverse process then leads to x_0, and its state there is x_0 with the noise it has.
    """

    x_0: Tensor
    known: Tensor

    def __call__(self, x_t: Tensor, t: Step, condition: Condition | None = None) -> Prediction:
        prediction = self.inner(x_t, t, condition)
        return prediction.with_value("clean", torch.where(self.known, self.x_0.to(x_t), prediction.clean))


@dataclass(frozen=True, eq=False)
class Guided(DenoiserWrapper):
    """Classifier-free guidance: uncond + scale (cond - uncond) (Ho and Salimans 2022).

    Args:
        inner: a denoiser that answers with a condition and without (see Condition.unconditional).
        scale: 1 is the conditional answer itself, 0 the unconditional one, above 1 strengthens the condition.
        rescale: 0..1, how far the guided answer is brought back to the conditional answer's deviation over each sample
            (Lin et al. 2024, section 3.4).
        interval: (low, high), guidance acts only for low <= t <= high; elsewhere the conditional answer is returned with
            no second call (Kynkaanniemi et al. 2024).
        negative: a condition of one row to steer away from: its answer stands in the place of the unconditional one (a
            negative prompt).

    The views differ by terms that cancel in the formula, so it may be applied to any; velocity is sound at both ends.
    """

    scale: float = 1.0
    rescale: float = 0.0
    interval: tuple[float, float] | None = None
    negative: Condition | None = None

    def __post_init__(self) -> None:
        if not math.isfinite(self.scale) or not 0 <= self.rescale <= 1:
            raise UsageError(f"guidance needs a finite scale and rescale in 0..1, not {self.scale} and {self.rescale}.")
        if self.interval is not None and not self.interval[0] <= self.interval[1]:
            raise UsageError(f"the guidance interval must be (low, high) with low <= high, not {self.interval}.")

    def __call__(self, x_t: Tensor, t: Step, condition: Condition | None = None) -> Prediction:
        given = self.inner(x_t, t, condition)
        if condition is None or self.scale == 1.0 or not self._active(t):
            return given
        other = condition.unconditional() if self.negative is None else self.negative[torch.zeros(len(x_t)).long()]
        uncond, cond = self.inner(x_t, t, other).velocity, given.velocity
        guided = torch.lerp(uncond, cond, self.scale)
        if self.rescale:
            if cond.shape[1:].numel() == 1:
                raise UsageError("rescale compares deviations within each sample, which a single number does not have.")
            over = tuple(range(1, cond.ndim))
            ratio = cond.std(over, keepdim=True) / guided.std(over, keepdim=True)
            guided = guided * (self.rescale * ratio + (1 - self.rescale))
        if self.interval is not None and isinstance(t, Tensor):
            inside = ((t >= self.interval[0]) & (t <= self.interval[1])).to(cond.device)
            guided = torch.where(inside.reshape(-1, *[1] * (cond.ndim - 1)), guided, cond)
        return given.with_value("velocity", guided)

    def _active(self, t: Step) -> bool:
        if self.interval is None:
            return True
        inside = torch.as_tensor((t >= self.interval[0]) & (t <= self.interval[1]))
        return bool(inside.any())


@dataclass(frozen=True, eq=False)
class Autoguided(DenoiserWrapper):
    """Guidance by a worse version of the same model: weak + scale (inner - weak) (Karras et al. 2024).

    Args:
        weak: a denoiser of the same data on the same process, smaller or trained for less long.
        scale: 1 is `inner` itself, above 1 leads away from what only the weak one gets wrong.
    """

    weak: Denoiser
    scale: float = 2.0

    def __post_init__(self) -> None:
        if not math.isfinite(self.scale):
            raise UsageError(f"autoguidance needs a finite scale, not {self.scale}.")
        if self.weak.process != self.process:
            raise UsageError("autoguidance needs two denoisers of one process: train both on the same schedule.")

    def __call__(self, x_t: Tensor, t: Step, condition: Condition | None = None) -> Prediction:
        strong = self.inner(x_t, t, condition)
        if self.scale == 1.0:
            return strong
        weak = self.weak(x_t, t, condition)
        return strong.with_value("velocity", torch.lerp(weak.velocity, strong.velocity, self.scale))


@dataclass(frozen=True, eq=False)
class ClassifierGuided(DenoiserWrapper):
    """Guidance by the gradient of a classifier of noisy states (Dhariwal and Nichol 2021, algorithm 2).

    grad log p(x_t | c) = grad log p(x_t) + grad log p(c | x_t), so:
    x_0-hat' = x_0-hat + scale sigma^2 / a grad log p(c | x_t).

    Args:
        log_probability: (x_t [B, ...], t) -> log p(c | x_t) [B], differentiable in x_t.
        scale: 1 is the conditional distribution, above 1 strengthens the class.
    """

    log_probability: Callable[[Tensor, Step], Tensor]
    scale: float = 1.0

    def __post_init__(self) -> None:
        if not math.isfinite(self.scale):
            raise UsageError(f"guidance needs a finite scale, not {self.scale}.")

    def __call__(self, x_t: Tensor, t: Step, condition: Condition | None = None) -> Prediction:
        prediction = self.inner(x_t, t, condition)
        with torch.enable_grad():
            x = x_t.detach().requires_grad_()
            found = self.log_probability(x, t)
            if found.shape != (len(x_t),):
                raise UsageError(f"a classifier gives one number for each of {len(x_t)} states, not {list(found.shape)}.")
            (gradient,) = torch.autograd.grad(found.sum(), x)
        a, sigma = (torch.as_tensor(c, dtype=torch.float64) for c in (prediction.a, prediction.sigma))
        return prediction.with_value("clean", prediction.clean + (self.scale * sigma**2 / a).to(gradient) * gradient)
