"""One driver for all samplers: it asks the denoiser, lets the sampler step, and yields every state.

A sampler is frozen settings and one function, Step -> x_s. What is known on the way from t to s is in the Step, with what a
rule may do there: ask the denoiser again, draw noise, look back at steps before. One sampler serves any number of threads.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from reverie.denoisers.conditions import Condition
from reverie.denoisers.denoiser import Denoiser
from reverie.errors import UsageError
from reverie.process.gaussian import GaussianProcess
from reverie.process.path import Level, NoisePath
from reverie.process.prediction import Prediction
from reverie.process.randomness import Generators, draw
from reverie.samplers.grid import check_grid

__all__ = ["Point", "Sampler", "Step", "sample", "trajectory"]


@dataclass(slots=True, eq=False)
class Step:
    """From x_t to x_s, s < t: all that a rule is given.

    Attributes:
        prediction: what the denoiser says of x_t.
        generator: of the noise of the step; without one a rule gives the mean.
        denoiser: what `ask` asks, (x, t) -> Prediction.
        past: the steps before, the last first, as many as the sampler remembers.
        steps: how many the grid has.
        at, to: the levels of noise at t and at s.
        final: whether x_s is clean data, of which a denoiser is asked nothing.
        start: what the step sets out from: x_t, or what the rule has put in its place.
    """

    process: GaussianProcess
    t: float
    s: float
    prediction: Prediction
    generator: Generators | None = None
    denoiser: Callable[[Tensor, float], Prediction] | None = None
    past: tuple[Step, ...] = ()
    steps: int = 1
    at: Level = field(init=False)
    to: Level = field(init=False)
    final: bool = field(init=False)
    start: Tensor = field(init=False)

    def __post_init__(self) -> None:
        level = self.process.schedule.level
        self.at, self.to = level(self.t), level(self.s)
        self.final, self.start = self.s == 0, self.prediction.x_t

    def ask(self, x: Tensor, t: float) -> Prediction:
        """What the denoiser says of another state."""
        if self.denoiser is None:
            raise UsageError("this sampler asks the denoiser again on its way: give the step a denoiser.")
        return self.denoiser(x, t)

    def inside(self, x: Tensor, t: float, s: float) -> Step:
        """A step on the way of this one, from another state x at t to s: one more call of the denoiser."""
        return Step(self.process, t, s, self.ask(x, t), self.generator, self.denoiser, steps=self.steps)

    def toward(self, s: float) -> Step:
        """The step from x_t to another time."""
        return replace(self, s=s)

    def nearest(self, half_log_snr: float) -> float:
        """The time of a level of noise, kept between those of least and most noise; of a table the nearest step."""
        schedule = self.process.schedule
        least, most = schedule.ends
        bounded = max(min(half_log_snr, schedule.level(least).half_log_snr), schedule.level(most).half_log_snr)
        time = schedule.time(bounded)
        return round(time) if schedule.whole else time

    def raised(self, x: Tensor, s: float, t: float, by: float = 1.0) -> Tensor:
        """x at s with the noise added that it has more at t > s, `by` times."""
        way = self.process.transition(x, s, t)
        return self.add_noise(way.mean, by * way.std)

    def add_noise(self, x: Tensor, std: float | Tensor) -> Tensor:
        """x + std z, in place; x itself where there is no generator, or std is 0."""
        if self.generator is None or (isinstance(std, float) and std == 0):
            return x
        z = draw(x, self.generator)
        return x.addcmul_(std, z) if isinstance(std, Tensor) else x.add_(z, alpha=std)


@dataclass(frozen=True, eq=False)
class Point:
    """One state of a trajectory: the step t, x_t, and what the denoiser said of it (None at the last).

    residual: of a state that was found by inversion, [B]: how far the sampler's step from it misses, at most over the
    entries of a sample, the state that it was sought for; None for all others.
    """

    t: float
    x: Tensor
    prediction: Prediction | None
    residual: Tensor | None = None


class Sampler:
    """A rule for going from x_t to x_s, s < t: frozen settings and one function of a Step.

    A new one is a file with its class, and its line in registry.py.
    """

    order: int = 1
    """The global error of the deterministic part falls as steps^-order."""
    calls: int = 1
    """Of the denoiser in a step, at most."""
    remembers: int = 0
    """How many steps it looks back."""

    @property
    def stochastic(self) -> bool:
        """Whether a step draws noise."""
        return False

    def cost(self, steps: int) -> int:
        """Calls of the denoiser on a grid of so many steps, at most."""
        return self.calls * steps

    def step(self, now: Step) -> Tensor:
        """x_s. Where the step has no generator, its mean."""
        raise NotImplementedError

    def added_variance(self, schedule: NoisePath, t: float, s: float) -> float | None:
        """The variance of the noise that a step from t to s adds; None where it is not one number."""
        return None if self.stochastic else 0.0


def trajectory(
    denoiser: Denoiser,
    sampler: Sampler,
    grid: Sequence[float],
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
    steps, past, remembers = len(grid) - 1, (), sampler.remembers

    def ask(x: Tensor, t: float) -> Prediction:
        return denoiser(x, t, condition)

    for i, (t, s) in enumerate(itertools.pairwise(grid), start=1):
        with torch.no_grad():
            now = Step(process, t, s, ask(x, t), generator, ask, past, steps)
            x_s = sampler.step(now)
        yield Point(t, x, now.prediction)
        now.past = ()  # what is remembered does not grow with the number of steps
        x, past = x_s, (now, *past)[:remembers]
        if on_step:
            on_step(i, steps)
    yield Point(grid[-1], x, None)


def sample(
    denoiser: Denoiser,
    sampler: Sampler,
    grid: Sequence[float],
    x: Tensor,
    generator: Generators | None = None,
    condition: Condition | None = None,
    on_step: Callable[[int, int], None] | None = None,
) -> Tensor:
    """The last state of the trajectory, in memory that does not grow with the number of steps."""
    for point in trajectory(denoiser, sampler, grid, x, generator, condition, on_step):
        x = point.x
    return x
