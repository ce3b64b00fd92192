"""Wrong forms that can stand in the place of the right one in a whole run: in its schedule, its training or its sampling.

    right:  x_t = sqrt(abar_t) x_0 + sqrt(1 - abar_t) eps;   loss |eps-hat(x_t) - eps|^2;   x_s = step(x_t, t, s)

Each is one function of what the right form is given. What they do to drawn points is measured by `studies.playground`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from reverie.denoisers import Clipped, Condition, Denoiser
from reverie.denoisers.wrappers import DenoiserWrapper
from reverie.process import GaussianProcess, NoiseSchedule, Prediction, draw, generator
from reverie.process.gaussian import Step as Time
from reverie.process.schedule import table_of
from reverie.samplers import DPMSolver, Sampler, Step
from reverie.samplers.multistep import moments

__all__ = ["FORMS", "AssumedStride", "Form", "HalvedParabola", "RelabelledStep", "noise_from_velocity"]


# --- schedules ----------------------------------------------------------------------------------------------------------


def root_of_ramp(schedule: NoiseSchedule) -> NoiseSchedule:
    """beta = linspace(b_0, b_1)^(1/2), for scaled_linear's linspace(sqrt b_0, sqrt b_1)^2."""
    first, last = (float(schedule.config[name]) for name in ("beta_min", "beta_max"))
    return NoiseSchedule.from_betas(torch.linspace(first, last, schedule.steps, dtype=torch.float64) ** 0.5)


# --- training -----------------------------------------------------------------------------------------------------------


def one_step_for_all(process: GaussianProcess, x_0: Tensor, t: Tensor, noise: Tensor) -> Tensor:
    """x_t = sqrt(alpha_t) x_0 + sqrt(1 - alpha_t) eps, with alpha for alpha-bar."""
    alpha = table_of(process.schedule, "the mistake").alpha[t][:, None].to(x_0)
    return alpha.sqrt() * x_0 + (1 - alpha).sqrt() * noise


def minus_the_noise(process: GaussianProcess, x_0: Tensor, t: Tensor, noise: Tensor) -> Tensor:
    """x_t = sqrt(abar) x_0 - sqrt(1 - abar) eps."""
    return process.corrupt(x_0, t, -noise)


def fresh_noise(noise: Tensor, stream: torch.Generator) -> Tensor:
    """Other noise than that in x_t, for the loss."""
    return draw(noise, stream)


# --- what a prediction is taken to say ------------------------------------------------------------------------------------


def noise_from_velocity(prediction: Prediction) -> Tensor:
    """eps = sqrt(abar) v + sqrt(1 - abar) x_t / sqrt(abar): the last division is too much."""
    return prediction.a * prediction.velocity + prediction.sigma * prediction.x_t / prediction.a


@dataclass(frozen=True, eq=False)
class DividedVelocity(DenoiserWrapper):
    """The noise read from the velocity with a division too many."""

    def __call__(self, x_t: Tensor, t: Time, condition: Condition | None = None) -> Prediction:
        prediction = self.inner(x_t, t, condition)
        return prediction.with_value("noise", noise_from_velocity(prediction))


@dataclass(frozen=True, eq=False)
class RandomNoise(DenoiserWrapper):
    """Random numbers in the place of what was predicted."""

    def __call__(self, x_t: Tensor, t: Time, condition: Condition | None = None) -> Prediction:
        prediction = self.inner(x_t, t, condition)
        return prediction.with_value("noise", draw(x_t, generator(0, "random prediction", int(torch.as_tensor(t).max()))))


# --- steps --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Ancestral(Sampler):
    """A step with all the noise that eta = 1 adds, put together wrongly."""

    @property
    def stochastic(self) -> bool:
        return True


class FullDirection(_Ancestral):
    """x_s = sqrt(abar_s) x_0-hat + sqrt(1 - abar_s) eps-hat + sigma z: the direction does not make room for the noise."""

    def step(self, now: Step) -> Tensor:
        variance = now.process.reverse_variance(now.start, now.t, now.s, "beta_tilde")
        direction = now.prediction.mix(clean=now.to.alpha, noise=now.to.sigma)
        return direction if now.generator is None else direction + variance.sqrt() * draw(now.start, now.generator)


class CancelledVariance(_Ancestral):
    """Noise of variance (1 - abar_s)(1 - abar_t)/(1 - abar_t) = 1 - abar_s on the posterior's mean."""

    def step(self, now: Step) -> Tensor:
        mean = now.process.reverse_mean(now.start, now.t, now.prediction, now.s)
        return mean if now.generator is None else mean + now.to.sigma * draw(now.start, now.generator)


@dataclass(frozen=True)
class _OtherLevel(Sampler):
    """Another sampler that steps to a level which is not the next of the grid; its state is taken for that of the next."""

    inner: Sampler

    @property
    def calls(self) -> int:  # pyright: ignore[reportIncompatibleVariableOverride]
        return self.inner.calls

    @property
    def remembers(self) -> int:  # pyright: ignore[reportIncompatibleVariableOverride]
        return self.inner.remembers

    @property
    def stochastic(self) -> bool:
        return self.inner.stochastic

    def level(self, process: GaussianProcess, t: float, s: float) -> float:
        raise NotImplementedError

    def step(self, now: Step) -> Tensor:
        other = self.level(now.process, now.t, now.s)
        # asked again at that level, the denoiser is told the next of the grid, as the driver will tell it
        taken = replace(now, s=other, denoiser=lambda x, t: now.ask(x, now.s if t == other else t))
        taken.final = now.final
        x_s = self.inner.step(taken)
        now.start = taken.start
        return x_s


class RelabelledStep(_OtherLevel):
    """The level before t taken for t - 1, on any grid."""

    def level(self, process: GaussianProcess, t: float, s: float) -> float:
        return t - 1


@dataclass(frozen=True)
class AssumedStride(_OtherLevel):
    """The level before t taken for t - T // n, also on a grid of other strides."""

    steps: int = 1

    def level(self, process: GaussianProcess, t: float, s: float) -> float:
        return max(t - int(process.schedule.end) // self.steps, 0)


@dataclass(frozen=True)
class HalvedParabola(DPMSolver):
    """DPM-Solver++(3M) with half of the term of the second differences."""

    order: int = 3

    def step(self, now: Step) -> Tensor:
        right = super().step(now)
        if len(now.past) < 2:
            return right
        at, (p, q) = now.at.half_log_snr, (each.at.half_log_snr for each in now.past)
        here, before, first = (each.prediction.clean for each in (now, *now.past))
        second = ((here - before) / (at - p) - (before - first) / (p - q)) / (at - q)
        return right - now.to.alpha * moments(now.to.half_log_snr - at, 2)[2] * second / 2


# --- the list -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Form:
    """A wrong form, in one of these places; where none is given, the right form stays.

    Attributes:
        says: what goes wrong, in a sentence for who watches.
        needs: settings of the run without which there is no such mistake to make.
        schedule: of the right schedule.
        state: x_t of (process, x_0, t, noise).
        noise: what the loss takes for the noise, of (noise, generator).
        denoiser: of the right denoiser.
        sampler: of (the right sampler, number of steps).
    """

    says: str
    needs: Mapping[str, str] = field(default_factory=dict)
    schedule: Callable[[NoiseSchedule], NoiseSchedule] | None = None
    state: Callable[[GaussianProcess, Tensor, Tensor, Tensor], Tensor] | None = None
    noise: Callable[[Tensor, torch.Generator], Tensor] | None = None
    denoiser: Callable[[Denoiser], Denoiser] | None = None
    sampler: Callable[[Sampler, int], Sampler] | None = None

    @property
    def place(self) -> str:
        """Where it is made: "schedule", "training" or "sampling"."""
        return "schedule" if self.schedule else "training" if self.state or self.noise else "sampling"


FORMS: dict[str, Form] = {
    "1": Form(
        "The noise is read too large from the velocity, most of all where little signal is left: samples fly apart.",
        {"prediction": "velocity"},
        denoiser=DividedVelocity,
    ),
    "2": Form(
        "All signal is gone in the first tenth of the steps; the few that are left there are too long, and training spends "
        "the rest on pure noise.",
        {"schedule": "scaled_linear"},
        schedule=root_of_ramp,
    ),
    "5a": Form(
        "Each step adds noise without making room for it: too much is left in every state, and the samples end blurred.",
        {"sampler": "ancestral"},
        sampler=lambda right, steps: FullDirection(),
    ),
    "5b": Form(
        "Each step draws as much noise as the state is to have in all, on top of what is left: all states are too noisy.",
        {"sampler": "ancestral"},
        sampler=lambda right, steps: CancelledVariance(),
    ),
    "6b": Form(
        "Training hardly noises anything, so the network never sees the states that sampling starts from.",
        state=one_step_for_all,
    ),
    "7": Form(
        "Each step removes the noise of one step of the schedule, but is taken for the next of the grid: most of it stays.",
        sampler=lambda right, steps: RelabelledStep(right),
    ),
    "8a": Form(
        "The loss asks for noise that is not in the state: the best answer is nothing, and nothing is learned.",
        noise=fresh_noise,
    ),
    "9d": Form(
        "Random numbers stand where a prediction should: the points wander, wherever the drawing is.",
        denoiser=RandomNoise,
    ),
    "10": Form(
        "The noise enters with a minus, and training asks for it with a plus: the network points away from the drawing.",
        state=minus_the_noise,
    ),
    "16d": Form(
        "Whatever lies outside [-1, 1] is cut off at every step: the drawing is pressed into a square.",
        denoiser=Clipped,
    ),
}
"""By the number of the mistake, as in docs/mistakes.md."""
