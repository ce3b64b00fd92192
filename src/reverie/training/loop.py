"""The training loop, to be read once from top to bottom.

Everything random at step k is a function of (seed, k): which examples, which t, which noise. So the state of a run is
step + weights + average + optimiser and no more; a run that was killed goes on from its last checkpoint to the same
weights, bit for bit, as one that was not.
"""

from __future__ import annotations

import copy
import math
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import torch
from torch import Tensor

from reverie.denoisers.network import Network
from reverie.errors import UsageError
from reverie.process.prediction import Prediction
from reverie.process.randomness import draw, generator, sub_seed, uniform
from reverie.training import checkpoint, processes
from reverie.training.advice import Watch, about_data, out_of_memory
from reverie.training.aside import Judge
from reverie.training.average import Average
from reverie.training.checkpoint import TrainingState
from reverie.training.examples import Examples
from reverie.training.hardware import autocast_dtype, cuda_settings
from reverie.training.metrics import Metrics
from reverie.training.objective import losses, noise_accuracy, timesteps
from reverie.training.optimizer import optimizer_of
from reverie.training.order import batch_indices
from reverie.training.plan import Plan
from reverie.training.settings import TrainingSettings
from reverie.training.stopping import Stopped, stop_signals

__all__ = ["Listener", "fit", "seconds_per_step"]

CHECKPOINT_SECONDS = 30.0
"""How much work a kill may cost, where no number of steps is set."""


@dataclass(frozen=True, eq=False)
class Listener:
    """Who wants to hear of a run's progress; each does nothing by default."""

    on_step: Callable[[int, int], None] = lambda done, total: None
    say: Callable[[str], None] = lambda sentence: None
    on_numbers: Callable[[int, Mapping[str, float]], None] = lambda step, numbers: None


def fit(
    run: Path,
    network: Network,
    examples: Examples,
    settings: TrainingSettings,
    seed: int,
    device: torch.device,
    listener: Listener | None = None,
    aside: Examples | None = None,
    plan: Plan | None = None,
) -> dict[str, Tensor]:
    """Trains, or goes on training from the newest whole checkpoint in run/checkpoints, and returns the averaged weights.

    The plan says how many steps, `settings.steps` if left out; afterwards it says how many there were. With examples set
    aside, the averaged weights are those at their lowest loss, and training ends when that has not fallen for
    `settings.patience` judgements.

    Raises Stopped after SIGTERM or Ctrl-C, with a checkpoint written; NotANumber where training broke down; DamagedError
    where there are checkpoints and none is whole.
    """
    listener = listener or Listener()
    network = replace(network, autocast=autocast_dtype(settings.precision, device))
    chief = processes.rank() == 0
    state = begin(network, settings, device, plan)
    folder = run / "checkpoints"
    if path := checkpoint.latest(folder, listener.say):
        checkpoint.restore(path, state)
    watch = Watch(settings)
    metrics = Metrics(run, state.step) if chief else None

    def say(sentence: str) -> None:
        listener.say(sentence)
        if metrics:
            metrics.advise(state.step, sentence)

    if state.step == 0:
        indices = batch_indices(seed, 0, settings.batch, len(examples))
        first = examples.batch(indices, generator(seed, "examples", 0))
        for sentence in about_data(first, network.process.schedule):
            say(sentence)
    work = steps_of(network, state, examples, settings, seed, device)
    judge = Judge(network, aside, settings, seed, device) if aside else None
    saved, logged = Mark(state.step), Mark(state.step)
    try:
        with stop_signals() as stop, cuda_settings(device):
            while state.step < state.plan.steps and not out_of_patience(state, settings):
                report = next(work)
                step = state.step
                state.plan.keep(step, device)
                steps = state.plan.steps
                watch.check(step, report.loss, report.norm)
                if settings.epsilon is None:  # what it would say was taken from the patients without noise
                    for sentence in watch.after(step, report.loss, report.norm):
                        say(sentence)
                if metrics and (step % settings.log_every == 0 or step in (1, steps)):
                    rate = settings.batch * (step - logged.step) / logged.seconds
                    numbers = {**report.numbers(), "samples_per_second": rate}
                    metrics.write(step, numbers)
                    listener.on_numbers(step, numbers)
                    logged = Mark(step)
                if judge and (step % settings.judge_every == 0 or step == steps):
                    loss = judge.loss(state.average)
                    state.best.hear(loss, step, state.average)
                    if metrics:
                        metrics.write(step, {"loss_aside": loss})
                        listener.on_numbers(step, {"loss_aside": loss})
                listener.on_step(step, steps)
                stopped = processes.any_of(stop.number, device)
                every = settings.checkpoint_every
                due = step - saved.step >= every if every else saved.seconds >= CHECKPOINT_SECONDS
                if due or stopped or step == steps:
                    if chief:
                        checkpoint.save(folder, state)
                    saved = Mark(step)
                if stopped and step < steps:
                    raise Stopped(f"stopped at step {step} of {steps}, saved; go on with --resume.", stopped)
        if judge and state.step > state.best.step:
            say(f"the loss on what was set aside was lowest at step {state.best.step}: the weights of then are kept.")
    except (RuntimeError, MemoryError) as error:
        if sentence := out_of_memory(error, settings):
            raise sentence from error
        raise
    finally:
        if metrics:
            metrics.close()
    processes.wait()
    return state.best.weights or state.average.weights


def out_of_patience(state: TrainingState, settings: TrainingSettings) -> bool:
    return state.step - state.best.step >= settings.patience * settings.judge_every and bool(state.best.weights)


@dataclass(frozen=True)
class Mark:
    """A step and when it was reached."""

    step: int
    at: float = field(default_factory=time.monotonic)

    @property
    def seconds(self) -> float:
        """Since then."""
        return max(time.monotonic() - self.at, 1e-9)


def begin(network: Network, settings: TrainingSettings, device: torch.device, plan: Plan | None = None) -> TrainingState:
    """The state before the first step; the module is moved to the device in place."""
    module = network.module.to(device).train()
    if settings.gradient_checkpointing:
        module.checkpointing = True  # pyright: ignore[reportArgumentType]
    scaler = torch.amp.GradScaler(device.type, enabled=settings.precision == "fp16")
    plan = plan or Plan(settings.entries)
    return TrainingState(module, Average(module, settings.ema), optimizer_of(module, settings), scaler, plan)


@dataclass(frozen=True, eq=False)
class Report:
    """The numbers of one step."""

    parts: dict[str, float]
    norm: float
    learning_rate: float
    accuracy: Callable[[], dict[str, float]]

    @property
    def loss(self) -> float:
        return sum(self.parts.values())

    def numbers(self) -> dict[str, Any]:
        return {
            "loss": self.loss,
            **{f"loss/{name}": value for name, value in self.parts.items()},
            "gradient_norm": self.norm,
            "learning_rate": self.learning_rate,
            **{f"noise_accuracy/{level}": value for level, value in self.accuracy().items()},
        }


def steps_of(
    network: Network, state: TrainingState, examples: Examples, settings: TrainingSettings, seed: int, device: torch.device
) -> Iterator[Report]:
    """The steps of these settings: `stepper`, or the private one where there is an epsilon to keep to."""
    if settings.epsilon is None:
        return stepper(network, state, examples, settings, seed, device)
    from reverie.training.private import private_stepper  # which leans on this module

    return private_stepper(network, state, examples, settings, seed, device)


def stepper(
    network: Network, state: TrainingState, examples: Examples, settings: TrainingSettings, seed: int, device: torch.device
) -> Iterator[Report]:
    """Does one optimiser step each time it is asked, for ever; `state.step` counts them."""
    trained = replace(network, module=processes.parallel(state.module))
    mine = processes.share(settings.batch)
    T = network.process.schedule.steps
    size = settings.batch // processes.world() // settings.accumulate
    if size * settings.accumulate * processes.world() != settings.batch:
        raise UsageError(
            f"a batch of {settings.batch} cannot be cut into {settings.accumulate} equal parts for each of "
            f"{processes.world()} processes: change batch or accumulate."
        )
    while True:
        step = state.step
        t = timesteps(settings.batch, T, settings.timesteps, generator(seed, "t", step))[mine]
        indices = batch_indices(seed, step, settings.batch, len(examples))
        whole = examples.batch(indices, generator(seed, "examples", step))
        batch = whole[mine]
        noise = draw(whole.x_0, generator(seed, "noise", step))[mine]
        blend = uniform(whole.x_0, generator(seed, "blend", step))[mine] if settings.blend else None
        rate = learning_rate(settings, step, state.plan)
        for group in state.optimizer.param_groups:
            group["lr"] = rate
        state.optimizer.zero_grad(set_to_none=True)
        totals: dict[str, float] = defaultdict(float)
        seen: list[tuple[Prediction, Tensor, Tensor, int, Tensor | None]] = []
        # A part counts by what is measured in it, so the loss is the mean over the whole batch however it is cut.
        whole_share = processes.total(batch.measured, device) / processes.world()
        with dropout_of(seed, step, device):
            for first in range(0, len(batch), size):
                rows = slice(first, first + size)
                part, eps = batch[rows].to(device), noise[rows].to(device)
                u = None if blend is None else blend[rows].to(device)
                parts, prediction = losses(trained, part, t[rows], eps, settings, u)
                weight = part.measured / max(whole_share, 1)
                loss = torch.stack(list(parts.values())).sum() * weight
                state.scaler.scale(loss).backward()
                for name, value in parts.items():
                    totals[name] += float(value.detach()) * weight
                seen = [(prediction, eps, t[rows], T, part.mask)]
        state.scaler.unscale_(state.optimizer)
        limit = settings.clip_norm or math.inf
        norm = float(torch.nn.utils.clip_grad_norm_(state.module.parameters(), limit, foreach=True))
        scaling = state.scaler.is_enabled()
        if scaling or (math.isfinite(norm) and all(map(math.isfinite, totals.values()))):
            state.scaler.step(state.optimizer)  # skips a step that overflowed, where it scales
            state.scaler.update()
            state.average.update(state.module, step + 1)
        state.step = step + 1
        norm = norm if math.isfinite(norm) or not scaling else 0.0
        yield Report(dict(totals), norm, rate, partial(noise_accuracy, *seen[-1]))


@contextmanager
def dropout_of(seed: int, step: int, device: torch.device) -> Iterator[None]:
    """Makes what modules draw from torch's global generators (dropout) a function of (seed, step) too."""
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        torch.manual_seed(sub_seed(seed, "dropout", step, processes.rank()))
        yield


def learning_rate(settings: TrainingSettings, step: int, plan: Plan) -> float:
    """The learning rate of step 0, 1, ...: a linear rise, then constant or half a cosine down to 0."""
    rise = min(1.0, (step + 1) / (settings.warmup + 1))
    if settings.decay == "constant":
        return settings.learning_rate * rise
    return settings.learning_rate * rise * 0.5 * (1 + math.cos(math.pi * plan.progress(step, settings.warmup)))


def seconds_per_step(
    network: Network, examples: Examples, settings: TrainingSettings, seed: int, device: torch.device, seconds: float = 1.0
) -> float:
    """The median time of a step, measured over some seconds, and two steps at least, of training a copy of the network."""
    precision = autocast_dtype(settings.precision, device)
    network = replace(network, module=copy.deepcopy(network.module), autocast=precision)
    state = begin(network, settings, device)
    work = steps_of(network, state, examples, settings, seed, device)
    times: list[float] = []
    with cuda_settings(device):
        deadline = time.monotonic() + seconds
        while len(times) < 2 or time.monotonic() < deadline:
            began = time.monotonic()
            next(work)
            times.append(time.monotonic() - began)
    return median(times[1 + len(times) // 5 :])  # the first steps allocate, and choose their kernels
