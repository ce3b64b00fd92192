"""Posterior samplers: draws of p(x_0 | y), from a denoiser that was never told of y.

Most change what the denoiser says, and leave the step to any sampler: they are wrappers (Guidance). The others step
themselves. All are frozen; each says what a step costs, in calls of the denoiser and in passes back through it. Such a pass
is with respect to the state alone, so it does the products of a call once more.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from torch import Tensor

from reverie.denoisers.conditions import Condition
from reverie.denoisers.denoiser import Denoiser
from reverie.denoisers.wrappers import DenoiserWrapper
from reverie.process.gaussian import Step
from reverie.process.prediction import Prediction
from reverie.process.randomness import Generators
from reverie.samplers.posterior.gaussian import Seen
from reverie.samplers.posterior.measurement import Measurement
from reverie.samplers.sampler import Sampler, sample

__all__ = ["Guidance", "Guiding", "OnStep", "PosteriorSampler"]

OnStep = Callable[[int, int], None]


@dataclass(frozen=True)
class PosteriorSampler:
    """A way to draw from p(x_0 | y). A new one is a file with its class, and its line in registry.py."""

    @property
    def calls(self) -> int:
        """Of the denoiser, for a step of one sample."""
        return 1

    @property
    def backward(self) -> int:
        """Passes back through the denoiser, for a step of one sample, at most."""
        return 0

    @property
    def passes(self) -> int:
        """Forward and back, for a step of one sample."""
        return self.calls + self.backward

    @property
    def steps_itself(self) -> bool:
        """Whether it has a step of its own, and takes no sampler."""
        return True

    def sample(
        self,
        denoiser: Denoiser,
        measurement: Measurement,
        grid: Sequence[float],
        x: Tensor,
        generator: Generators,
        condition: Condition | None = None,
        on_step: OnStep | None = None,
    ) -> Tensor:
        """Samples [B, ...] of x_0 given the measurement; what it knows without noise is kept, bit for bit.

        Args:
            denoiser: of the data, as it is without the measurement.
            grid: falling steps, see time_grid.
            x: the states at grid[0]; standard normal noise at t = T.
            generator: one for the batch or one for each sample.
            condition: passed to the denoiser at every step.
            on_step: called with (steps done, in all).

        Raises UsageError for a measurement that does not fit the samples, or that the method cannot take.
        """
        raise NotImplementedError


@dataclass(frozen=True)
class Guidance(PosteriorSampler):
    """A method that moves x_0-hat towards the measurement, whatever sampler then steps."""

    @property
    def steps_itself(self) -> bool:
        return False

    def shift(self, seen: Seen) -> Tensor:
        """How far x_0-hat is moved, [B, ...]."""
        raise NotImplementedError

    def guided(self, denoiser: Denoiser, measurement: Measurement) -> Denoiser:
        """The denoiser of x_0 given x_t and the measurement."""
        return Guiding(denoiser, measurement, self)

    def sample(
        self,
        denoiser: Denoiser,
        measurement: Measurement,
        grid: Sequence[float],
        x: Tensor,
        generator: Generators,
        condition: Condition | None = None,
        on_step: OnStep | None = None,
        sampler: Sampler | None = None,
    ) -> Tensor:
        """As of every method; `sampler` is any of samplers, DPM-Solver++ if left out."""
        if sampler is None:
            from reverie.samplers.dpm import DPMSolver

            sampler = DPMSolver()
        guided = self.guided(denoiser, measurement)
        return measurement.imposed(sample(guided, sampler, grid, x, generator, condition, on_step))


@dataclass(frozen=True, eq=False)
class Guiding(DenoiserWrapper):
    """A denoiser whose x_0-hat is moved towards a measurement by a method."""

    measurement: Measurement
    method: Guidance

    def __call__(self, x_t: Tensor, t: Step, condition: Condition | None = None) -> Prediction:
        seen = Seen.by(self.inner, self.measurement, x_t, t, condition)
        return seen.with_shift(self.method.shift(seen))
