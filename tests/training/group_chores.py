"""What a group of processes does in tests: the same trainings by any number of them, in float64, so that only sums differ."""

from __future__ import annotations

import os
import signal
import tempfile
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

import reverie
from reverie.config import resolve
from reverie.denoisers.autoencoder import LatentSettings
from reverie.denoisers.condition_mask import ConditionMask
from reverie.denoisers.network import Network
from reverie.models.model import untrained
from reverie.records import read_table
from reverie.sources import ImageSource, TableSource
from reverie.training import Batch, Budget, Callbacks, TrainingSettings, Update, Validator, denoising, fit, processes
from reverie.training.updates import AutoencoderUpdate

CPU = torch.device("cpu")
STEPS = 3


@dataclass(eq=False)
class Doubled:
    """Examples in float64, and which were asked for."""

    examples: Any
    asked: list[int] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.examples)

    @property
    def encoded(self) -> Any:
        return self.examples.encoded

    def batch(self, indices: Tensor, generator: torch.Generator) -> Batch:
        self.asked += indices.tolist()
        batch = self.examples.batch(indices, generator)
        given = batch.given
        if isinstance(given, ConditionMask):
            given = ConditionMask(*(_double(getattr(given, each.name)) for each in fields(given)))
        return Batch(batch.x_0.double(), None if batch.mask is None else _double(batch.mask), given)


def _double(x: Tensor) -> Tensor:
    return x.double() if x.is_floating_point() else x


def prepared(kind: str, accumulate: int) -> tuple[Network, Doubled, Doubled | None, TrainingSettings]:
    """A small network with drawn weights, examples to train on and to judge by, settings."""
    common = {"training.accumulate": accumulate, "training.precision": "fp32", "training.warmup": 0, "training.steps": STEPS}
    if kind == "pictures":
        source, recipe = ImageSource.read("digits"), "pictures"
        own = {"network.width": 8, "network.groups": 4, "network.dropout": 0.2, "training.flip": True, "training.batch": 40}
        own |= {"training.reconstruction": 2.0, "training.blend": True, "training.learned_variance": True}
    else:
        source, recipe = TableSource(read_table("pbc2").take(range(90))), "records"
        own = {"network.width": 16, "network.heads": 2, "network.layers": 2, "training.batch": 40, "training.aside": 0.2}
        own |= {"training.epsilon": 8.0, "training.aside": 0.0} if kind == "private" else {}
        own |= {"network.mixing": kind} if kind in ("recurrent", "convolution") else {}
    config = resolve(source.about, 0, recipe, common | own)
    parts = source.split(config)
    codec = source.fit_codec(config, parts, lambda sentence: None)
    train, aside = source.examples(config, parts, codec)
    network = untrained(config, codec.channels)
    network.module.double()
    with torch.no_grad():  # else most gradients are 0, behind layers that begin at 0
        for weight in network.module.parameters():
            weight.add_(0.1 * torch.randn(weight.shape, generator=torch.Generator().manual_seed(weight.numel())))
    return network, Doubled(train), Doubled(aside) if aside else None, config.training


def trained(data: dict[str, Any], tell: Any = None) -> dict[str, Any]:
    """The weights of each of `kinds` after a few steps, how many examples each process asked for, and the losses aside."""
    torch.set_num_threads(1)
    return {kind: _trained(kind, data["accumulate"]) for kind in data["kinds"]}


def _trained(kind: str, accumulate: int) -> dict[str, Any]:
    update: Update
    validator, examples = None, None
    if kind == "autoencoder":
        source = ImageSource.read("digits")
        config = resolve(source.about, 0, "pictures", {})
        examples = Doubled(source.examples(config, source.split(config), source.codec)[0])
        settings = LatentSettings(width=8, channels=2, halvings=1, batch=20, steps=STEPS)
        with torch.random.fork_rng([]):
            torch.manual_seed(0)
            module = settings.build(1).double()
        update = AutoencoderUpdate(module, examples, settings, 0, CPU)
    else:
        network, examples, aside, settings = prepared(kind, accumulate)
        module = network.module
        update = denoising(network, examples, settings, 0, CPU)
        validator = Validator(network, aside, settings, 0, CPU) if aside else None
    with tempfile.TemporaryDirectory() as folder:
        before = len(examples.asked)
        averaged = fit(Path(folder), update, Budget(((0, STEPS),)), validator=validator)
        asked = len(examples.asked) - before
        lines = reverie.training.metrics.read(Path(folder)) if processes.rank() == 0 else []
        if isinstance(update, AutoencoderUpdate):
            update.finish(averaged)
    numbers = torch.cat([value.double().flatten() for value in (*module.state_dict().values(), *averaged.values())])
    asked_by = torch.zeros(processes.world())
    asked_by[processes.rank()] = asked
    (asked_by,) = processes.summed([asked_by], CPU)
    return {
        "weights": numbers.tolist(),
        "asked": asked_by.tolist(),
        "loss": [line["loss"] for line in lines if "loss" in line],
        "aside": [line["loss_aside"] for line in lines if "loss_aside" in line],
    }


SETTINGS = {"width": 8, "groups": 4, "blocks": 1, "batch": 20, "warmup": 2, "log_every": 1, "precision": "fp32"}


def stopped(data: dict[str, Any], tell: Any) -> dict[str, Any]:
    """A training of digits in a run folder, which goes on from there; the last process ends it after `stop` steps."""

    def on_step(done: int, of: int) -> None:
        if done == data.get("stop") and processes.rank() == processes.world() - 1:
            os.kill(os.getpid(), data.get("signal", signal.SIGTERM))

    torch.set_num_threads(1)
    options = {"steps": data["steps"], "seed": 3, "settings": SETTINGS, "resume": Path(data["out"]).exists()}
    processes.wait()
    reverie.train("digits", data["out"], callbacks=Callbacks(on_step=on_step), **options)
    return {}


def refused(data: dict[str, Any], tell: Any) -> dict[str, Any]:
    """One of the processes finds a fault, and the others wait for it."""
    if processes.rank() == data["rank"]:
        if data.get("killed"):
            os.kill(os.getpid(), signal.SIGKILL)
        raise reverie.errors.DataError("row 3 of visits.csv has no patient: give it one.")
    tell({"say": "all is well"})
    processes.wait()
    return {"rank": processes.rank()}
