"""What training on a table will take, said before it begins.

memory   process + max(reading, tables kept + weights, gradients, moments, averages + activations of the largest part)
time     steps x the median time of a few steps, measured here on some of the patients

The constants are fits to peak memory measured on tables of 300 to 10,000 patients and 16 to 240 visits; "about" means within
half as much again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from reverie.config import RunConfig
from reverie.denoisers.visits import VisitNetworkConfig
from reverie.errors import UsageError
from reverie.memory import available
from reverie.models.model import untrained
from reverie.plain import size
from reverie.records import Table
from reverie.subjects import Patients
from reverie.training import denoising, seconds_per_step
from reverie.training.hardware import choose_device

__all__ = ["Estimate", "check_memory", "estimate"]

PROCESS = 350e6
"""Bytes of Python with torch and polars loaded, and what they keep for themselves."""
READING = 6
"""Peak bytes in reading a table, over the bytes of its columns."""
COPIES = 7
"""Of the weights: they, the gradient, two moments, the average, the best average, and those judged."""
SOME = 256
"""Patients that steps are measured on."""
TOKENS = 2048
"""Tokens in a measured step, more or less; a larger batch takes as much longer."""


@dataclass(frozen=True)
class Estimate:
    """Sizes of a training, and what they come to.

    Attributes:
        patients, rows: of the table.
        channels, parameters: of the codec and of the network.
        tokens: in a step on average: a token of statics for each patient of the batch, and one for each visit.
        steps: at most.
        memory: bytes at the peak.
        machine: bytes of memory that may be had here; none if nothing says.
        step_seconds: time of a step, measured; none where it was not.
        remedy: settings with which it fits, as key=value; empty if it fits as it is, none if nothing helps.
    """

    patients: int
    rows: int
    channels: int
    parameters: int
    tokens: float
    steps: int
    memory: float
    machine: float | None
    step_seconds: float | None
    remedy: tuple[str, ...] | None

    @property
    def seconds(self) -> float | None:
        """Time of all steps, if that of one is known."""
        return None if self.step_seconds is None else self.steps * self.step_seconds


def estimate(table: Table, config: RunConfig, measure: bool = True) -> Estimate:
    """What training on the table takes with these settings. Raises what preparing the table raises.

    Args:
        measure: whether to measure the time of a step, in a few seconds; it is not where the memory does not suffice.
    """
    rest = Patients(table).split(config).train
    some = np.sort(np.random.default_rng(config.seed).permutation(len(table))[:SOME])
    codec, examples, _ = Patients(table.take(some)).prepare(config)
    network = untrained(config, codec.channels)
    parameters = sum(p.numel() for p in network.module.parameters())
    machine = available()

    def memory(config: RunConfig) -> float:
        return _memory(table, config, codec.channels, parameters)

    remedy: tuple[str, ...] | None = ()
    if machine is not None and memory(config) > machine:
        remedy = next((told for told, changed in _cheaper(config) if memory(changed) <= machine), None)
    per_patient = 1 + float(rest.lengths.mean())
    pace = None
    if measure and remedy == ():
        batch = min(config.training.batch, max(1, round(TOKENS / per_patient)))
        small = config.training.model_copy(update={"batch": batch, "accumulate": 1})
        device = choose_device(config.training.device)
        measured = seconds_per_step(denoising(network, examples, small, config.seed, device), seconds=0.5)
        pace = measured * config.training.batch / batch
    return Estimate(
        len(table),
        len(table.frame),
        codec.channels,
        parameters,
        config.training.batch * per_patient,
        config.training.steps,
        memory(config),
        machine,
        pace,
        remedy,
    )


def check_memory(guess: Estimate, name: str) -> None:
    """Raises UsageError, naming what would fit, if the machine has not enough memory for training on the table `name`."""
    if guess.remedy == ():
        return
    told = " ".join(f"--set {pair}" for pair in guess.remedy or ())
    help_ = f"{told} makes it fit" if told else "give fewer patients, or fewer visits for each"
    raise UsageError(
        f"training on {name} with these settings takes about {size(guess.memory)} of memory, and this machine has "
        f"{size(guess.machine or 0)}: {help_}."
    )


def _memory(table: Table, config: RunConfig, channels: int, parameters: int) -> float:
    """Bytes at the peak of reading or of training."""
    frame = table.frame.estimated_size()
    codes = 16 * channels * (len(table) + len(table.frame))
    longest = 1 + int(table.lengths.max())
    part = config.training.batch // config.training.accumulate
    tokens = min(part * (1 + 2 * float(table.lengths.mean())), part * longest)  # a batch may have more than its share
    batches = (100 * config.training.batch + 16 * 1024) * longest * channels  # of a step, and those judged again and again
    network = 4 * (COPIES * parameters + _activations(config, part, tokens, longest))
    return PROCESS + max(READING * frame, 2 * frame + codes + batches + network)


def _activations(config: RunConfig, part: int, tokens: float, longest: int) -> float:
    """Numbers kept for the way back."""
    network = config.network
    if not isinstance(network, VisitNetworkConfig):
        return 130 * part * longest * network.width
    kept = network.layers * (26 + 5 * network.expansion) * network.width * tokens
    attention = network.heads * (network.layers + 2) * part * longest**2
    return kept + (attention if network.mixing == "attention" else 0)


def _cheaper(config: RunConfig) -> Iterator[tuple[tuple[str, ...], RunConfig]]:
    """Settings that take less memory, the least change first: parts of a batch (the same result), then another mixing."""
    batch, network = config.training.batch, config.network
    attends = isinstance(network, VisitNetworkConfig) and network.mixing == "attention"
    for mixing in ("", "convolution") if attends else ("",):
        for parts in range(config.training.accumulate, batch + 1):
            if batch % parts or (not mixing and parts == config.training.accumulate):
                continue
            told = (*([f"network.mixing={mixing}"] if mixing else []), *([f"accumulate={parts}"] if parts > 1 else []))
            yield (
                told,
                config.model_copy(
                    update={
                        "training": config.training.model_copy(update={"accumulate": parts}),
                        "network": network.model_copy(update={"mixing": mixing}) if mixing else network,
                    }
                ),
            )
