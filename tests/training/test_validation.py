"""Early stopping: what was set aside is never trained on, and what is kept is the average at its lowest loss."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

import reverie
from reverie.config import resolve
from reverie.denoisers.network import Network
from reverie.errors import DataError
from reverie.models.model import untrained
from reverie.planning import Options
from reverie.planning.plan import prepare
from reverie.process import GaussianProcess, NoiseSchedule
from reverie.records import Table, read_table
from reverie.sources import ImageSource, TableSource
from reverie.training import Batch, Budget, Callbacks, Dataset, Stopped, TrainingSettings, Validator, denoising, fit
from reverie.training.ema import EMA
from reverie.training.metrics import read

pytestmark = pytest.mark.precision

CPU = torch.device("cpu")
SETTINGS = TrainingSettings(
    steps=240, batch=16, warmup=5, learning_rate=0.01, decay="constant", ema=0.9, judge_every=10, patience=8, log_every=40
)


class Points:
    """A few points about 2: their mean is soon learned, and then they themselves are memorised."""

    def __init__(self, count: int, seed: int) -> None:
        self.x = 2 + 0.5 * torch.randn(count, 6, generator=torch.Generator().manual_seed(seed))
        self.seen: list[int] = []

    def __len__(self) -> int:
        return len(self.x)

    def batch(self, indices: Tensor, generator: torch.Generator) -> Batch:
        self.seen += indices.tolist()
        return Batch(self.x[indices])


class Small(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(7, 64), nn.SiLU(), nn.Linear(64, 64), nn.SiLU(), nn.Dropout(0.1), nn.Linear(64, 6)
        )

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        return self.layers(torch.cat([x, t[:, None] / 100], 1))


def network() -> Network:
    with torch.random.fork_rng([]):
        torch.manual_seed(0)
        return Network(GaussianProcess(NoiseSchedule.cosine(100)), Small())


def fitted(
    run: Path,
    network: Network,
    dataset: Dataset,
    settings: TrainingSettings,
    seed: int,
    aside: Dataset | None,
    callbacks: Callbacks | None = None,
) -> dict[str, Tensor]:
    validator = Validator(network, aside, settings, seed, CPU) if aside else None
    return fit(run, denoising(network, dataset, settings, seed, CPU), Budget(settings.entries), callbacks, validator)


def trained(run: Path, settings: TrainingSettings = SETTINGS, callbacks: Callbacks | None = None, aside: int = 40):
    return fitted(run, network(), Points(6, 0), settings, 3, Points(aside, 1) if aside else None, callbacks)


def judgements(run: Path) -> dict[int, float]:
    return {line["step"]: line["loss_aside"] for line in read(run) if "loss_aside" in line}


def interrupted(step: int) -> Callbacks:
    return Callbacks(on_step=lambda done, total: os.kill(os.getpid(), signal.SIGTERM) if done == step else None)


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Tensor], list[str]]:
    run, said = tmp_path_factory.mktemp("aside"), []
    return run, trained(run, callbacks=Callbacks(log=said.append)), said


def test_the_weights_kept_are_those_at_the_lowest_loss_aside(unbroken) -> None:
    run, kept, said = unbroken
    found = judgements(run)
    lowest = min(found, key=found.__getitem__)
    assert 10 < lowest < max(found), "the cohort was not memorised, so this test shows nothing"
    start = network()
    ema = EMA(start.module, 0.9)
    ema.load(kept)
    validator = Validator(start, Points(40, 1), SETTINGS, 3, CPU)
    assert validator.loss(ema) == found[lowest] == validator.loss(ema)
    assert any(f"lowest at step {lowest}" in sentence for sentence in said)


def test_training_ends_when_the_loss_aside_has_not_fallen_for_so_many_judgements(unbroken) -> None:
    run, _, _ = unbroken
    found = judgements(run)
    lowest, last = min(found, key=found.__getitem__), max(found)
    assert last == lowest + SETTINGS.patience * SETTINGS.judge_every < SETTINGS.steps
    assert sorted(found) == list(range(10, last + 1, 10))


def test_without_patients_aside_the_last_average_is_kept(tmp_path: Path) -> None:
    settings = SETTINGS.model_copy(update={"steps": 20})
    kept = trained(tmp_path, settings, aside=0)
    last = load_file(tmp_path / "checkpoints/step-20/average.safetensors")
    assert all(torch.equal(kept[name], last[name]) for name in last) and not judgements(tmp_path)
    assert not (tmp_path / "checkpoints/step-20/best.safetensors").exists()


def test_judging_changes_nothing_of_the_training(tmp_path: Path) -> None:
    settings = SETTINGS.model_copy(update={"steps": 30})
    for name, aside in (("with", 40), ("without", 0)):
        trained(tmp_path / name, settings, aside=aside)
    ours, theirs = (load_file(tmp_path / name / "checkpoints/step-30/weights.safetensors") for name in ("with", "without"))
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


@pytest.mark.parametrize("before_the_lowest", [True, False])
def test_a_run_that_was_stopped_resumes_to_the_same_bits(unbroken, tmp_path: Path, before_the_lowest: bool) -> None:
    run, kept, _ = unbroken
    found = judgements(run)
    lowest = min(found, key=found.__getitem__)
    with pytest.raises(Stopped):
        trained(tmp_path, callbacks=interrupted(lowest - 7 if before_the_lowest else lowest + 23))
    again = trained(tmp_path)
    assert all(torch.equal(again[name], kept[name]) for name in kept)
    assert judgements(tmp_path) == found


def test_a_run_that_was_killed_resumes_to_the_same_bits(unbroken, tmp_path: Path) -> None:
    """As after a kill: the process is gone at a step without a checkpoint, and what was written after the last one stays."""
    run, kept, _ = unbroken

    class Killed(BaseException):
        pass

    def kill(done: int, total: int) -> None:
        if done == 55:
            raise Killed

    settings = SETTINGS.model_copy(update={"checkpoint_every": 20})
    with pytest.raises(Killed):
        trained(tmp_path, settings, Callbacks(on_step=kill))
    assert {path.name for path in (tmp_path / "checkpoints").iterdir()} == {"step-20", "step-40"}
    again = trained(tmp_path, settings)
    assert all(torch.equal(again[name], kept[name]) for name in kept)
    assert judgements(tmp_path) == judgements(run)


def test_no_example_aside_is_in_a_batch(tmp_path: Path) -> None:
    examples, aside = Points(6, 0), Points(40, 1)
    fitted(tmp_path, network(), examples, SETTINGS.model_copy(update={"steps": 30}), 3, aside)
    assert set(examples.seen) == set(range(6)) and set(aside.seen) == set(range(40))


# --- patients -----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def table() -> Table:
    return read_table("pbc2").take(range(80))


def prepared(table: Table, **settings):
    options = {
        "network.width": 16,
        "network.heads": 2,
        "network.layers": 1,
        "batch": 32,
        "steps": 6,
        "judge_every": 2,
    } | settings
    plan = prepare(table, Options(seed=5, settings=options))
    return plan.config, plan.codec, plan.train, plan.validation


def test_patients_aside_are_other_patients_in_the_share_asked_for(table) -> None:
    config = resolve(TableSource(table).about, 5, "records", {"aside": 0.25})
    ours, theirs, held = (set(part.frame["id"]) for part in TableSource(table).split(config))
    assert len(held) == 16 and len(theirs) == 16, "a fifth is held out, and a quarter of the others set aside"
    assert len(ours) + len(theirs) + len(held) == 80 and ours | theirs | held == set(table.frame["id"])
    assert set(TableSource(table).split(config)[1].frame["id"]) == theirs, "the split is a function of the seed"


def test_what_patients_aside_hold_changes_neither_the_weights_nor_the_codec(table, tmp_path: Path) -> None:
    config, codec, examples, aside = prepared(table)
    chosen = set(TableSource(table).split(config)[1].frame["id"])
    there = table.frame["id"].is_in(list(chosen))
    shuffled = table.frame.filter(there)["albumin"].shuffle(seed=0)
    frame = table.frame.with_columns(albumin=table.frame["albumin"].scatter(there.arg_true(), shuffled))
    changed = read_table(frame, schema=table.schema)
    _, codec_2, examples_2, aside_2 = prepared(changed)
    assert not frame.equals(table.frame) and codec_2.config["codes"] == codec.config["codes"]
    for name, ours, theirs in (("one", examples, aside), ("two", examples_2, aside_2)):
        fitted(tmp_path / name, untrained(config, codec.channels), ours, config.training, 5, theirs)
    one, two = (load_file(tmp_path / name / "checkpoints/step-6/weights.safetensors") for name in ("one", "two"))
    assert all(torch.equal(one[name], two[name]) for name in one)
    assert judgements(tmp_path / "one") != judgements(tmp_path / "two")


def test_too_few_patients_to_set_some_aside_are_refused() -> None:
    frame = pl.DataFrame({"id": [1, 1, 1], "time": [0, 1, 2], "x": [1.5, 2.5, 4.0]})
    table = read_table(frame, identifier="id", time="time")
    with pytest.raises(DataError, match=r"too few to set 0\.1 of them aside"):
        prepared(table, aside=0.1, holdout=0)


def test_pictures_can_be_set_aside_too(tmp_path: Path) -> None:
    model = reverie.train(
        "digits", tmp_path / "run", steps=4, settings={"width": 8, "groups": 4, "batch": 16, "aside": 0.1, "judge_every": 2}
    )
    assert sorted(judgements(tmp_path / "run")) == [2, 4]
    subject = ImageSource.read("digits", None, None)
    parts = subject.split(model.config)
    rest, aside = subject.examples(model.config, parts, model.codec)
    assert not np.intersect1d(rest.examples.chosen, aside.examples.chosen).size and len(rest) + len(aside) == len(subject)
