"""What a group of processes does in tests: trainings by any number of them, in float64, so that only sums differ."""

from __future__ import annotations

import os
import signal
import tempfile
from dataclasses import dataclass, field, fields
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import torch
from torch import Tensor

import reverie
from reverie.config import resolve
from reverie.denoisers.autoencoder import LatentSettings
from reverie.denoisers.condition_mask import ConditionMask
from reverie.denoisers.network import Network
from reverie.models.model import untrained
from reverie.records import Table, read_table
from reverie.sources import ImageSource, TableSource
from reverie.training import Batch, Budget, Callbacks, TrainingSettings, Update, Validator, denoising, fit, muon, processes
from reverie.training.muon import orthogonal
from reverie.training.privacy import PrivacyBudget
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


@cache
def cohort() -> Table:
    """Patients of one to twelve visits, with holes."""
    draw = np.random.default_rng(0)
    visits = draw.integers(1, 13, 90)
    patient = np.repeat(np.arange(90), visits)
    lab = np.where(draw.random(len(patient)) < 0.2, np.nan, draw.normal(patient % 7, 1).round(2))
    sex = np.array(["f", "m"])[patient % 2]
    days = np.concatenate([np.arange(n) for n in visits])
    frame = pl.DataFrame(
        {"id": patient, "day": 7 * days, "sex": sex, "lab": lab, "drug": draw.choice(list("abc"), len(lab))}
    )
    return read_table(frame.with_columns(pl.col("lab").fill_nan(None)))


PrivacyBudget.noise = 1.0  # pyright: ignore[reportAttributeAccessIssue]  (to find it takes long)


def _double(x: Tensor) -> Tensor:
    return x.double() if x.is_floating_point() else x


def prepared(kind: str, accumulate: int) -> tuple[Network, Doubled, Doubled | None, TrainingSettings]:
    """A small network with drawn weights, examples to train on and to judge by, settings."""
    common = {"training.accumulate": accumulate, "training.precision": "fp32", "training.warmup": 0, "training.steps": STEPS}
    source: Any
    if kind == "pictures":
        source, recipe = ImageSource.read("digits"), "pictures"
        own = {"network.width": 8, "network.groups": 4, "network.dropout": 0.2, "training.flip": True, "training.batch": 80}
        own |= {"training.reconstruction": 2.0, "training.blend": True, "training.learned_variance": True}
    else:
        source, recipe = TableSource(cohort()), "records"
        own = {"network.width": 16, "network.heads": 2, "network.layers": 2, "training.batch": 80, "training.aside": 0.2}
        own |= {"training.epsilon": 8.0, "training.aside": 0.0} if kind == "private" else {}
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
        settings = LatentSettings.model_validate({"width": 8, "channels": 2, "halvings": 1, "batch": 40, "steps": STEPS})
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
        averaged = fit(Path(folder), update, Budget(((0, STEPS),)), validator=validator)
        asked = len(examples.asked)
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


ImageSource.show = lambda *_: None  # pyright: ignore[reportAttributeAccessIssue]  (sheets of samples take long)
SETTINGS = {"width": 8, "groups": 4, "blocks": 1, "batch": 20, "warmup": 2, "log_every": 1, "precision": "fp32"}


def stopped(data: dict[str, Any], tell: Any) -> dict[str, Any]:
    """A training of digits in a run folder, which goes on from there; the last process ends it after `stop` steps."""

    def on_step(done: int, of: int) -> None:
        if done == 3:
            tell({"say": f"step {done}"})
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


def averaged(data: dict[str, Any], tell: Any) -> dict[str, Any]:
    """The gradients of three weights, of which one has none in some processes and one in none, and of a number."""
    rank = processes.rank()
    weights = [torch.nn.Parameter(torch.zeros(2, dtype=torch.float64)) for _ in range(3)]
    weights[0].grad = torch.full((2,), float(rank), dtype=torch.float64)
    weights[1].grad = torch.ones(2, dtype=torch.float64) if rank == 0 else None
    numbers = processes.average(weights, 1.0 + rank, {"loss": 10.0 * rank})
    return {"gradients": [None if w.grad is None else w.grad.tolist() for w in weights], "numbers": numbers}


def agreed(data: dict[str, Any], tell: Any) -> list[bool]:
    """Whether all say the same, where they do and where one does not."""
    return [processes.agree(text, CPU) for text in ("the same", f"{min(processes.rank(), 1)}")]


def told(data: dict[str, Any], tell: Any) -> dict[str, Any]:
    """A long training that tells when it has begun."""

    def on_step(done: int, of: int) -> None:
        if done == 2:
            tell({"step": [done, of]})

    reverie.train("digits", data["out"], steps=data["steps"], callbacks=Callbacks(on_step=on_step), settings=SETTINGS)
    return {}


def directions(data: dict[str, Any], tell: Any) -> dict[str, Any]:
    """Those of muon for a few weights after two steps, and how many of them each process found."""
    found = [0.0]

    def counted(matrices: Tensor, dtype: torch.dtype | None) -> Tensor:
        found[0] += len(matrices)
        return orthogonal(matrices, dtype)

    muon.orthogonal = counted
    draw = torch.Generator().manual_seed(0)
    sizes = (64, 32), (40, 50), (32, 16, 3, 3), (9,), (40, 50)
    weights = [torch.nn.Parameter(torch.randn(size, generator=draw)) for size in sizes]
    optimizer = muon.Muon(weights, 0.01)
    for _ in range(2):
        for weight in weights:
            weight.grad = torch.randn(weight.shape, generator=draw)
        optimizer.step()
    counts = torch.zeros(processes.world())
    counts[processes.rank()] = found[0]
    (counts,) = processes.summed([counts], CPU)
    return {"weights": torch.cat([w.detach().flatten() for w in weights]).tolist(), "found": counts.tolist()}
