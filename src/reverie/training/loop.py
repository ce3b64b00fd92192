"""The training loop, to be read once from top to bottom: begin, restore, step, log, validate, checkpoint, stop.

What a step does is the update's (training/update.py). A run that was killed goes on from its last checkpoint to the same
weights, bit for bit, as one that was not.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from torch import Tensor

from reverie.errors import UsageError
from reverie.training import checkpoint, processes
from reverie.training.budget import Budget
from reverie.training.hardware import cuda_settings
from reverie.training.metrics import Metrics
from reverie.training.stopping import Stopped, stop_signals
from reverie.training.update import Update
from reverie.training.validation import Validator

__all__ = ["Callbacks", "fit", "seconds_per_step"]

CHECKPOINT_SECONDS = 30.0
"""How much work a kill may cost, where no number of steps is set."""


@dataclass(frozen=True, eq=False)
class Callbacks:
    """What is called as a run goes on; each does nothing by default."""

    on_step: Callable[[int, int], None] = lambda done, total: None
    log: Callable[[str], None] = lambda sentence: None
    on_numbers: Callable[[int, Mapping[str, float]], None] = lambda step, numbers: None


def fit(
    run: Path,
    update: Update,
    budget: Budget,
    callbacks: Callbacks | None = None,
    validator: Validator | None = None,
) -> dict[str, Tensor]:
    """Trains, or goes on training from the newest whole checkpoint in run/checkpoints, and returns the averaged weights.

    The budget says how many steps, and afterwards how many there were. With a validator, the averaged weights are those at
    their lowest loss, and training ends when that has not fallen for a while.

    Raises Stopped after SIGTERM or Ctrl-C, with a checkpoint written; NotANumber where training broke down; DamagedError
    where there are checkpoints and none is whole.
    """
    callbacks = callbacks or Callbacks()
    state, device = update.begin(budget), update.device
    if path := checkpoint.latest(run / "checkpoints", callbacks.log):
        checkpoint.restore(path, state)
    planned = budget.steps
    goes_on = budget.go_on(state.step) and state.step > 0
    if not processes.agree(f"step {state.step}", device):
        raise UsageError(f"the processes see different checkpoints in {run}: give --out a folder that all machines share.")
    chief = processes.rank() == 0
    metrics = Metrics(run, state.step) if chief else None

    def advise(sentences: Iterable[str]) -> None:
        for sentence in sentences:
            callbacks.log(sentence)
            if metrics:
                metrics.advise(state.step, sentence)

    def write(numbers: dict[str, float]) -> None:
        if metrics:
            metrics.write(state.step, numbers)
            callbacks.on_numbers(state.step, numbers)

    try:
        if state.step == 0:
            advise(update.prepare(state))
            processes.same(state.module)
            state.ema.load(state.module.state_dict())
        if goes_on:
            advise(update.going_on(state, planned))
            advise(validator.going_on(state.step, state.lowest) if validator else ())
        watch = update.watch()
        saved, logged = Mark(state.step), Mark(state.step)
        with stop_signals() as stop, cuda_settings(device, update.fast):
            while state.step < budget.steps and not (validator and validator.out_of_patience(state.step, state.lowest)):
                report = update.step(state)
                state.step += 1
                budget.keep(state.step, device)
                step, steps = state.step, budget.steps
                advise(watch(step, report))

                if chief and (step % update.log_every == 0 or step in (1, steps)):
                    rate = report.examples * (step - logged.step) / logged.seconds
                    write(report.numbers() | ({"samples_per_second": rate} if report.examples else {}))
                    logged = Mark(step)

                if validator and validator.due(step, steps):
                    loss = validator.loss(state.ema)
                    state.lowest.update(loss, step, state.ema)
                    write({"loss_aside": loss})

                callbacks.on_step(step, steps)
                stopped = processes.any_of(stop.number, device)
                every = update.checkpoint_every
                due = step - saved.step >= every if every else saved.seconds >= CHECKPOINT_SECONDS
                if due or stopped or step == steps:
                    if chief:
                        checkpoint.save(run / "checkpoints", state)
                    saved = Mark(step)

                if stopped and step < steps:
                    raise Stopped(f"stopped at step {step} of {steps}{update.subject}, saved; go on with --resume.", stopped)
        if validator and state.step > state.lowest.step:
            advise([f"the loss on what was set aside was lowest at step {state.lowest.step}: the weights of then are kept."])
    except (RuntimeError, MemoryError) as error:
        if sentence := update.out_of_memory(error):
            raise sentence from error
        raise
    finally:
        if metrics:
            metrics.close()
    processes.wait()
    return state.lowest.weights or state.ema.weights


@dataclass(frozen=True)
class Mark:
    """A step and when it was reached."""

    step: int
    at: float = field(default_factory=time.monotonic)

    @property
    def seconds(self) -> float:
        """Since then."""
        return max(time.monotonic() - self.at, 1e-9)


def seconds_per_step(update: Update, seconds: float = 1.0) -> float:
    """The median time of a step, measured over some seconds, and two steps at least. The weights are put back."""
    state = update.begin(Budget(((0, 1_000_000),)))
    weights = copy.deepcopy(state.module.state_dict())
    times: list[float] = []
    with cuda_settings(update.device, update.fast):
        deadline = time.monotonic() + seconds
        while len(times) < 2 or processes.any_of(int(time.monotonic() < deadline), update.device):
            began = time.monotonic()
            update.step(state)
            times.append(time.monotonic() - began)
            state.step += 1
    state.module.load_state_dict(weights)
    return median(times[1 + len(times) // 5 :])  # the first steps allocate, and choose their kernels
