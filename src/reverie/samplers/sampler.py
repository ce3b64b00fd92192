"""One driver for all samplers: it asks the denoiser, lets the sampler step, and yields every state.

A sampler is frozen settings and one function, Step -> x_s. What is known on the way from t to s is in the Step, with what a
rule may do there: ask the denoiser again, draw noise, look back at steps before. One sampler serves any number of threads.
"""

from __future__ import annotations

import itertools
from collections import deque
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
from reverie.process.randomness import Again, Generators, draw
from reverie.samplers.grid import check_grid

__all__ = ["Point", "Sampler", "Step", "sample", "trajectory"]


@dataclass(slots=True, eq=False)
class Memory:
    """Memory that is written to again rather than asked of the system at each step, which costs more than the arithmetic.

    Attributes:
        state: of a state that nobody holds any more, or of x_t where nobody but the step does; None where there is none.
        noise: the generators, and what they drew last.
    """

    state: Tensor | None = None
    noise: Again | None = None


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
        memory: what x_s and the noise may be written to.
        made: what `mix` made last, which nobody holds but who called it.
    """

    process: GaussianProcess
    t: float
    s: float
    prediction: Prediction
    generator: Generators | None = None
    denoiser: Callable[[Tensor, float], Prediction] | None = None
    past: tuple[Step, ...] = ()
    steps: int = 1
    memory: Memory | None = None
    made: Tensor | None = field(default=None, init=False)
    at: Level = field(init=False)
    to: Level = field(init=False)
    final: bool = field(init=False)
    start: Tensor = field(init=False)

    def __post_init__(self) -> None:
        level = self.process.schedule.level
        self.at, self.to = level(self.t), level(self.s)
        self.final, self.start = self.s == 0, self.prediction.x_t

    def mix(self, x_t: float = 0.0, clean: float = 0.0, noise: float = 0.0) -> Tensor:
        """x_t * state + clean * x_0-hat + noise * eps-hat, see Prediction.mix; for x_s."""
        memory, out = self.memory, None
        if memory is not None and memory.state is not None:
            out, memory.state = memory.state, None
            out = None if _share(out, self.prediction.value) else out
        self.made = self.prediction.mix(x_t, clean, noise, out=out)
        return self.made

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
        again = self.memory.noise if self.memory else None
        z = draw(x, self.generator if again is None else again)
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
    overwrites: bool = False
    """Whether `step`, of the same class, is done with x_t where it calls `Step.mix`, which may then write x_s over it."""

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
    begun = _Begun(denoiser, sampler, grid, generator, condition)
    past: tuple[Step, ...] = ()
    for i, (t, s) in enumerate(itertools.pairwise(begun.grid), start=1):
        with torch.no_grad():
            now = begun.step(x, t, s, past)
            x_s = sampler.step(now)
        yield Point(t, x, now.prediction)
        x, past = x_s, begun.remembered(now, past)
        if on_step:
            on_step(i, begun.steps)
    yield Point(begun.grid[-1], x, None)


def sample(
    denoiser: Denoiser,
    sampler: Sampler,
    grid: Sequence[float],
    x: Tensor,
    generator: Generators | None = None,
    condition: Condition | None = None,
    on_step: Callable[[int, int], None] | None = None,
) -> Tensor:
    """The last state of the trajectory, in memory that does not grow with the number of steps, and is used again."""
    begun = _Begun(denoiser, sampler, grid, generator, condition)
    past: tuple[Step, ...] = ()
    memory, own = Memory(noise=None if generator is None else Again(generator)), deque[Tensor]()
    held = 0 if _overwrites(sampler) else sampler.remembers + 1
    with torch.no_grad():
        for i, (t, s) in enumerate(itertools.pairwise(begun.grid), start=1):
            now = begun.step(x, t, s, past, memory)
            x, past = sampler.step(now), begun.remembered(now, past)
            if x is now.made:  # and so neither the start, nor anything of the denoiser's
                own.append(x)
            if len(own) > held:
                memory.state = own.popleft()
            if on_step:
                on_step(i, begun.steps)
    return x


def _overwrites(sampler: Sampler) -> bool:
    """Whether the class that has the step says so, of that step: what is built upon it may look at x_t once more."""
    of_step = next(kind for kind in type(sampler).__mro__ if "step" in vars(kind))
    return sampler.remembers == 0 and bool(vars(of_step).get("overwrites"))


def _share(one: Tensor, other: Tensor) -> bool:
    return one.untyped_storage().data_ptr() == other.untyped_storage().data_ptr()


class _Begun:
    """What stays the same from step to step.

    Raises UsageError for a grid that does not fit the path, and for a sampler that draws noise without a generator.
    """

    def __init__(
        self,
        denoiser: Denoiser,
        sampler: Sampler,
        grid: Sequence[float],
        generator: Generators | None,
        condition: Condition | None,
    ) -> None:
        self.process = denoiser.process
        self.grid = check_grid(self.process.schedule, grid)
        if not isinstance(sampler, Sampler):
            raise UsageError(f"a sampler is made by its name, as samplers.named('ddim') is, but this is {sampler!r:.40}.")
        if sampler.stochastic and generator is None:
            raise UsageError(
                f"{type(sampler).__name__} draws noise: give it a generator, e.g. torch.Generator().manual_seed(0)."
            )
        self.generator, self.steps, self.remembers = generator, len(self.grid) - 1, sampler.remembers
        self.ask: Callable[[Tensor, float], Prediction] = lambda x, t: denoiser(x, t, condition)

    def step(self, x: Tensor, t: float, s: float, past: tuple[Step, ...], memory: Memory | None = None) -> Step:
        return Step(self.process, t, s, self.ask(x, t), self.generator, self.ask, past, self.steps, memory)

    def remembered(self, now: Step, past: tuple[Step, ...]) -> tuple[Step, ...]:
        """The steps that the next one looks back at; what is remembered does not grow with the number of steps."""
        now.past = ()
        return (now, *past)[: self.remembers]
