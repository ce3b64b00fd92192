"""Posterior samplers: draws of p(x_0 | y), from a denoiser that was never told of y.

Each is frozen settings and one function, Reverse -> x_0. Most change what the denoiser says, and leave the step to any
sampler: they are wrappers (Guidance). The others step themselves. Each says what a step costs, in calls of the denoiser and
in passes back through it. Such a pass is with respect to the state alone, so it does the products of a call once more.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from reverie.denoisers.conditions import Condition
from reverie.denoisers.denoiser import Denoiser
from reverie.denoisers.wrappers import DenoiserWrapper
from reverie.errors import UsageError
from reverie.process.gaussian import Step
from reverie.process.prediction import Prediction
from reverie.process.randomness import Generators
from reverie.samplers.dpm import DPMSolver
from reverie.samplers.grid import check_grid
from reverie.samplers.posterior.gaussian import Seen
from reverie.samplers.posterior.measurement import Measurement
from reverie.samplers.sampler import Sampler, sample

__all__ = ["Guidance", "Guiding", "OnStep", "PosteriorSampler", "Reverse"]

OnStep = Callable[[int, int], None]


@dataclass(frozen=True, eq=False)
class Reverse:
    """A reverse process that is to end in draws of p(x_0 | y): all that a method is given.

    Attributes:
        denoiser: of the data, as it is without the measurement.
        grid: falling steps, see time_grid.
        x: the states at grid[0], [B, ...].
        generator: one for the batch or one for each sample.
        condition: passed to the denoiser at every step.
        sampler: whose steps are taken, by a method that has none of its own.
        on_step: called with (steps done, in all).
    """

    denoiser: Denoiser
    measurement: Measurement
    grid: tuple[float, ...]
    x: Tensor
    generator: Generators
    condition: Condition | None
    sampler: Sampler
    on_step: OnStep | None

    def steps(self) -> Iterator[tuple[float, float]]:
        """(t, s) of each step, told as done when the next is asked for."""
        for done, step in enumerate(itertools.pairwise(self.grid), start=1):
            yield step
            if self.on_step:
                self.on_step(done, len(self.grid) - 1)

    def seen(self, x: Tensor, t: float, backward: bool = True) -> Seen:
        """One call of the denoiser, held to the measurement."""
        return Seen.by(self.denoiser, self.measurement, x, t, self.condition, backward)


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

    def spent(self, steps: int) -> tuple[int, int]:
        """Calls, and passes back, of so many steps of one sample."""
        return steps * self.calls, steps * self.backward

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
        sampler: Sampler | None = None,
    ) -> Tensor:
        """Samples [B, ...] of x_0 given the measurement; what it knows without noise is kept, bit for bit.

        Args:
            denoiser: of the data, as it is without the measurement.
            grid: falling steps, see time_grid.
            x: the states at grid[0]; standard normal noise at t = T.
            generator: one for the batch or one for each sample.
            condition: passed to the denoiser at every step.
            on_step: called with (steps done, in all).
            sampler: any of samplers, DPM-Solver++ if left out; only of a method that has no steps of its own.

        Raises UsageError for a measurement that does not fit the samples, or that the method cannot take, and for a sampler
        of a method that steps itself.
        """
        if self.steps_itself and sampler is not None:
            name = type(self).__name__
            raise UsageError(f"{name} has steps of its own, so it takes no sampler: leave `sampler` out.")
        grid = check_grid(denoiser.process.schedule, grid)
        if grid[-1] != 0:
            raise UsageError(f"what is drawn given a measurement is x_0, at time 0, but the grid ends at {grid[-1]:g}.")
        denoiser.process.check(grid[0], 1, x)
        measurement.check(x)
        sampler = DPMSolver() if sampler is None else sampler
        made = self.drawn(Reverse(denoiser, measurement, grid, x, generator, condition, sampler, on_step))
        if not bool(torch.isfinite(made).all()):
            raise UsageError(
                "what was drawn is not finite everywhere: the operator must be so wherever a sample may lie, and states of "
                f"{made.dtype} hold what it makes; take float32 or float64."
            )
        return measurement.imposed(made)

    def drawn(self, given: Reverse) -> Tensor:
        """x_0 [B, ...], as `sample` says, before what is known without noise is put in its place."""
        raise NotImplementedError


@dataclass(frozen=True)
class Guidance(PosteriorSampler):
    """A method that moves x_0-hat towards the measurement, whatever sampler then steps."""

    def spent(self, steps: int) -> tuple[int, int]:
        """Calls, and passes back, of so many steps of one sample."""
        return steps * self.calls, steps * self.backward

    @property
    def steps_itself(self) -> bool:
        return False

    def shift(self, seen: Seen) -> Tensor:
        """How far x_0-hat is moved, [B, ...]."""
        raise NotImplementedError

    def guided(self, denoiser: Denoiser, measurement: Measurement) -> Denoiser:
        """The denoiser of x_0 given x_t and the measurement."""
        return Guiding(denoiser, measurement, self)

    def drawn(self, given: Reverse) -> Tensor:
        guided = self.guided(given.denoiser, given.measurement)
        return sample(guided, given.sampler, given.grid, given.x, given.generator, given.condition, given.on_step)


@dataclass(frozen=True, eq=False)
class Guiding(DenoiserWrapper):
    """A denoiser whose x_0-hat is moved towards a measurement by a method."""

    measurement: Measurement
    method: Guidance

    def __call__(self, x_t: Tensor, t: Step, condition: Condition | None = None) -> Prediction:
        seen = Seen.by(self.inner, self.measurement, x_t, t, condition)
        return seen.with_shift(self.method.shift(seen))
