"""One driver for all samplers: it asks the denoiser, lets the sampler step, and yields every state.

A sampler is frozen: settings only. What it remembers between steps (the previous prediction of a multistep method) is in
the State, and every draw takes the generator it is given, so one sampler serves any number of threads.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from reverie.denoisers.conditions import Condition
from reverie.denoisers.denoiser import Denoiser
from reverie.errors import UsageError
from reverie.process.gaussian import GaussianProcess
from reverie.process.prediction import Prediction
from reverie.process.randomness import Generators
from reverie.process.schedule import NoiseSchedule
from reverie.samplers.grid import check_grid

__all__ = ["Point", "Sampler", "State", "sample", "trajectory"]


@dataclass(frozen=True, eq=False)
class State:
    """x at the current step and what the sampler remembers of earlier ones (None at the start)."""

    x: Tensor
    history: tuple[Prediction, int] | None = None


@dataclass(frozen=True, eq=False)
class Point:
    """One state of a trajectory: the step t, x_t, and what the denoiser said of it (None at the last).

    residual: of a state that was found by inversion, [B]: how far the sampler's step from it misses, at most over the
    entries of a sample, the state that it was sought for; None for all others.
    """

    t: int
    x: Tensor
    prediction: Prediction | None
    residual: Tensor | None = None


class Sampler:
    """A rule for going from x_t to x_s, s < t, given the prediction at t.

    A new one is a file with its class, and its line in registry.py.
    """

    order: int = 1
    """The global error of the deterministic part falls as steps^-order."""
    calls: int = 1
    """Of the denoiser in a step: with 2, `correct` looks at the prediction made at s and improves x_s, but at s = 0."""

    @property
    def stochastic(self) -> bool:
        """Whether a step draws noise."""
        return False

    def step(
        self, process: GaussianProcess, state: State, t: int, s: int, prediction: Prediction, generator: Generators | None
    ) -> State:
        raise NotImplementedError

    def correct(
        self, process: GaussianProcess, before: State, after: State, t: int, s: int, there: Prediction, here: Prediction
    ) -> State:
        raise NotImplementedError

    def added_variance(self, schedule: NoiseSchedule, t: int, s: int) -> float | None:
        """The variance of the noise that a step from t to s adds; None where it is not one number."""
        return None if self.stochastic else 0.0


def trajectory(
    denoiser: Denoiser,
    sampler: Sampler,
    grid: Sequence[int],
    x: Tensor,
    generator: Generators | None = None,
    condition: Condition | None = None,
    on_step: Callable[[int, int], None] | None = None,
) -> Iterator[Point]:
    """Every state from x at grid[0] to the one at grid[-1], each with its prediction; computed as they are asked for.

    Args:
        grid: falling steps, see time_grid.
        x: the state at grid[0], [B, ...]; standard normal noise to sample from t = T.
        generator: one for the batch or one for each sample; needed by stochastic samplers only.
        condition: passed to the denoiser at every step.
        on_step: called after each step with (steps done, steps in all).
    """
    process = denoiser.process
    grid = check_grid(process.schedule, grid)
    if sampler.stochastic and generator is None:
        raise UsageError(
            f"{type(sampler).__name__} draws noise: give it a generator, e.g. torch.Generator().manual_seed(0)."
        )
    state = State(x)
    for i, (t, s) in enumerate(itertools.pairwise(grid), start=1):
        with torch.no_grad():
            prediction = denoiser(state.x, t, condition)
            after = sampler.step(process, state, t, s, prediction, generator)
            if sampler.calls == 2 and s > 0:
                after = sampler.correct(process, state, after, t, s, prediction, denoiser(after.x, s, condition))
        yield Point(t, state.x, prediction)
        state = after
        if on_step:
            on_step(i, len(grid) - 1)
    yield Point(grid[-1], state.x, None)


def sample(
    denoiser: Denoiser,
    sampler: Sampler,
    grid: Sequence[int],
    x: Tensor,
    generator: Generators | None = None,
    condition: Condition | None = None,
    on_step: Callable[[int, int], None] | None = None,
) -> Tensor:
    """The last state of the trajectory, in memory that does not grow with the number of steps."""
    for point in trajectory(denoiser, sampler, grid, x, generator, condition, on_step):
        x = point.x
    return x
