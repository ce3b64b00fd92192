"""What training on a table will take, said before it begins.

memory   processes of this machine x
         (process + max(reading, tables kept + weights, gradients, moments, averages + activations of the largest part))
time     steps x the median time of a few steps, measured here on some of the patients

The constants are fits to peak memory measured on tables of 300 to 10,000 patients and 16 to 240 visits; "about" means within
half as much again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch

from reverie.config import RunConfig
from reverie.denoisers.network import Network
from reverie.errors import UsageError
from reverie.memory import available
from reverie.plain import duration, size
from reverie.records import Table
from reverie.training import Dataset, denoising, processes, seconds_per_step

__all__ = ["READING", "Estimate", "Held", "estimate"]

PROCESS = 350e6
"""Bytes of Python with torch and polars loaded, and what they keep for themselves."""
READING = 6
"""Peak bytes in reading a table, over the bytes of its columns."""
COPIES = 7
"""Of the weights: they, the gradient, two moments, the average, the best average, and those judged."""
TOKENS = 2048
"""Tokens in a measured step, more or less; a larger batch takes as much longer."""


@dataclass(frozen=True)
class Estimate:
    """What a training comes to.

    Attributes:
        config: its settings.
        channels, parameters: of the codec and of the network.
        per_patient: tokens on average: one of statics, and one for each visit.
        memory: bytes at the peak.
        machine: bytes of memory that may be had here; none if nothing says.
        remedy: settings with which it fits, as key=value; empty if it fits as it is, none if nothing helps.
        step_seconds: time of a step, measured; none where it was not.
    """

    config: RunConfig
    channels: int
    parameters: int
    per_patient: float
    memory: float
    machine: float | None
    remedy: tuple[str, ...] | None
    step_seconds: float | None = None

    @property
    def help(self) -> str | None:
        """The remedy as options of the command line; None if nothing helps."""
        return None if self.remedy is None else " ".join(f"--set {pair}" for pair in self.remedy)

    @property
    def sentence(self) -> str:
        """One line: how much there is to learn from, and what that takes."""
        steps, tokens = self.config.training.steps, self.config.training.batch * self.per_patient
        time = (
            f"at most {steps:,} steps of {self.step_seconds:.2g} s, {duration(steps * self.step_seconds)} (measured here); "
            if self.step_seconds is not None
            else ""
        )
        of = f" of the machine's {size(self.machine)}" if self.machine else ""
        of += f" for its {processes.local_world()} processes" if processes.local_world() > 1 else ""
        return (
            f"estimate for training: {self.channels} channels, about {tokens:,.0f} tokens a step, "
            f"{self.parameters:,} parameters; {time}memory about {size(self.memory)}{of}"
        )

    def check_memory(self) -> None:
        """Raises UsageError, naming what would fit, if the machine has not enough memory."""
        if self.remedy == ():
            return
        help_ = f"{self.help} makes it fit" if self.remedy else "give fewer patients, or fewer visits for each"
        raise UsageError(
            f"training on {self.config.source.name} with these settings takes about {size(self.memory)} of memory, and this "
            f"machine has {size(self.machine or 0)}: {help_}."
        )

    def measured(self, network: Network, examples: Dataset, device: torch.device) -> Estimate:
        """With the time of a step, measured in a second or so; as it is where the memory does not suffice."""
        if self.remedy != ():
            return self
        training = self.config.training
        batch = min(training.batch, max(1, round(TOKENS / self.per_patient)) * processes.world())
        small = training.model_copy(update={"batch": batch, "accumulate": 1})
        pace = seconds_per_step(denoising(network, examples, small, self.config.seed, device), seconds=0.5)
        return replace(self, step_seconds=pace * training.batch / batch)


@dataclass(frozen=True, eq=False)
class Held:
    """What a table takes in memory.

    Attributes:
        lengths: visits of each patient, int [P].
        reading: bytes at the peak of reading it.
        kept: bytes that stay while it is trained on.
    """

    lengths: np.ndarray
    reading: float
    kept: float

    @classmethod
    def whole(cls, table: Table, channels: int) -> Held:
        """A table that is in memory, with its codes."""
        frame = table.frame.estimated_size()
        return cls(table.lengths, READING * frame, 2 * frame + 16 * channels * (len(table) + len(table.frame)))


def estimate(held: Held, train: np.ndarray, config: RunConfig, channels: int, network: Network) -> Estimate:
    """What training on patients with so many visits, int [P], of a table coded in so many channels takes with these
    settings."""
    parameters = sum(p.numel() for p in network.module.parameters())
    machine = available()

    def memory(config: RunConfig) -> float:
        return _memory(held, config, channels, parameters)

    remedy: tuple[str, ...] | None = ()
    if machine is not None and memory(config) > machine:
        remedy = next((pairs for pairs, cheaper in _cheaper(config) if memory(cheaper) <= machine), None)
    tokens = 1 + float(train.mean())
    return Estimate(config, channels, parameters, tokens, memory(config), machine, remedy)


def _memory(held: Held, config: RunConfig, channels: int, parameters: int) -> float:
    """Bytes at the peak of reading or of training."""
    longest = 1 + int(held.lengths.max())
    beside = processes.local_world()  # each with a copy of the table, of the network, and its part of a batch
    batch = -(-config.training.batch // processes.world())
    part = -(-batch // config.training.accumulate)
    tokens = min(part * (1 + 2 * float(held.lengths.mean())), part * longest)  # a batch may have more than its share
    batches = (
        (100 * batch + 16 * 1024 / processes.world()) * longest * channels
    )  # of a step, and those judged again and again
    network = 4 * (COPIES * parameters + config.network.activations(part, tokens, longest))
    return beside * (PROCESS + max(held.reading, held.kept + batches + network))


def _cheaper(config: RunConfig) -> Iterator[tuple[tuple[str, ...], RunConfig]]:
    """Settings that take less memory, the least change first: parts of a batch (the same result), then what the network
    declares."""
    batch, network = config.training.batch, config.network
    for lighter in ({}, *network.lighter):
        for parts in range(config.training.accumulate, batch + 1):
            if batch % parts or (not lighter and parts == config.training.accumulate):
                continue
            of_network = (f"network.{key}={value}" for key, value in lighter.items())
            training = config.training.model_copy(update={"accumulate": parts})
            changed = {"training": training, "network": network.model_copy(update=lighter)}
            yield (*of_network, *([f"accumulate={parts}"] if parts > 1 else [])), config.model_copy(update=changed)
