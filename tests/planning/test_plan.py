"""A training is prepared once: from the command down nothing is read, split, fitted, resolved or measured a second time."""

from __future__ import annotations

import pkgutil
from collections import Counter
from pathlib import Path

import polars as pl
import pytest
import torch

import reverie
from reverie.cli import main
from reverie.errors import UsageError
from reverie.planning import Options
from reverie.planning.plan import prepare
from reverie.records import read_table, table
from reverie.sources import TableSource
from reverie.training import Callbacks

COUNTED = {
    "read": ("reverie.records.table:read_source", "reverie.images.sources:_read"),
    "split": ("reverie.sources:TableSource.split", "reverie.sources:ImageSource.split"),
    "fit": ("reverie.records:RecordCodec.fit", "reverie.sources:ImageSource.fit_codec"),
    "resolve": ("reverie.config:resolve",),
    "build": ("reverie.planning.plan:untrained",),
    "estimate": ("reverie.sources.tables:estimate",),
    "measure": ("reverie.sources.estimate:seconds_per_step", "reverie.planning.plan:seconds_per_step"),
    "train": ("reverie.planning.plan:fit",),
}
ONCE = {"read": 1, "split": 1, "fit": 1, "resolve": 1, "build": 1, "train": 1}
PICTURES = {"size": 8, "fit": "pad", "pad": "black", "channels": 0, "bits": 16, "classes": "ab", "latent": True}
SMALL = {
    "pbc2": {"network.width": 8, "network.layers": 1, "training.batch": 16},
    "digits": {"network.width": 8, "network.groups": 4, "network.blocks": 1, "training.batch": 16},
}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"seed": -5}, "a seed is a whole number, 0 or above, not -5"),
        ({"settings": {"weight_decay": float("inf")}}, "weight_decay = inf: Input should be a finite number"),
        ({"settings": {"reconstruction": "inf"}}, "reconstruction = .*finite number"),
        ({"minutes": float("nan")}, "minutes must be a number above 0, not nan"),
    ],
)
def test_numbers_that_no_training_can_have_are_refused_before_anything_is_trained(options, words):
    with pytest.raises(UsageError, match=words):
        prepare("digits", Options(**options))


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often each part of a training is called, in a process that has read nothing yet."""
    counts: Counter[str] = Counter()
    table._bundled.cache_clear()

    def counted(part: str, place: str) -> None:
        original = pkgutil.resolve_name(place)

        def call(*arguments, **options):
            counts[part] += 1
            return original(*arguments, **options)

        monkeypatch.setattr(place.replace(":", "."), call)

    for part, places in COUNTED.items():
        for place in places:
            counted(part, place)
    return counts


@pytest.mark.parametrize(
    ("source", "budget", "counts"),
    [
        ("pbc2", ("--steps", "2"), ONCE | {"estimate": 1, "measure": 1}),
        ("pbc2", ("--minutes", "0.001"), ONCE | {"estimate": 1, "measure": 1}),
        ("digits", ("--steps", "2"), ONCE),
        ("digits", ("--minutes", "0.001"), ONCE | {"measure": 1}),
    ],
)
def test_a_command_reads_splits_fits_resolves_and_measures_once(source, budget, counts, calls, tmp_path: Path) -> None:
    settings = [word for key, value in SMALL[source].items() for word in ("--set", f"{key}={value}")]
    with pytest.raises(SystemExit) as ended:
        main(["train", source, "--out", str(tmp_path / "run"), *budget, *settings])
    assert not ended.value.code and calls == counts


@pytest.mark.parametrize("source", SMALL)
def test_python_does_so_too_and_measures_nothing(source, calls, tmp_path: Path) -> None:
    reverie.train(source, tmp_path / "run", steps=1, settings=SMALL[source])
    calls.pop("estimate", None)
    assert calls == ONCE


def test_a_plan_writes_nothing_and_runs_to_what_training_gives(calls, tmp_path: Path) -> None:
    plan = prepare("digits", Options(out=tmp_path / "planned", steps=2, settings=SMALL["digits"]))
    assert not (tmp_path / "planned").exists() and not calls["train"]
    ours = plan.run().denoiser.module.state_dict()
    theirs = reverie.train("digits", tmp_path / "run", steps=2, settings=SMALL["digits"]).denoiser.module.state_dict()
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


def test_what_is_known_before_training_is_said_before_it(calls, tmp_path: Path) -> None:
    said: list[str] = []
    options = Options(out=tmp_path / "run", steps=2, settings=SMALL["pbc2"])
    plan = prepare("pbc2", options, Callbacks(log=said.append))
    assert plan.estimate and said[0] == plan.estimate.sentence and said[1:] == list(plan.source.notes)
    assert len(plan.train) == len(plan.parts.train) and "measured here" not in said[0]


def test_a_training_that_is_not_admitted_is_not_built(calls, tmp_path: Path) -> None:
    seen = []

    def admit(config, channels: int) -> None:
        seen.append((config.training.batch, channels))
        raise UsageError("it is too large.")

    with pytest.raises(UsageError, match="too large"):
        prepare("digits", Options(out=tmp_path / "run", settings=SMALL["digits"]), admit=admit)
    assert seen == [(16, 1)] and not calls["build"]


def test_a_table_is_estimated_by_some_of_its_patients_as_by_all() -> None:
    table = read_table("pbc2")
    estimate = TableSource(table).first_estimate
    plan = prepare(table, Options())
    assert plan.estimate and estimate.memory == plan.estimate.memory and estimate.parameters == plan.estimate.parameters
    assert estimate.step_seconds and estimate.step_seconds > 0


@pytest.mark.parametrize("option", ["schema", "identifier", "time", "duplicates", "null_values", "date_formats", "epsilon"])
def test_options_of_a_table_are_refused_for_pictures_by_the_field_of_a_request(option: str) -> None:
    field = {"identifier": "id", "schema": "schema_file"}.get(option, option)
    with pytest.raises(UsageError, match=f"`{field}` is for a table of visits, and digits is pictures: leave it out"):
        prepare("digits", Options(**{option: "x"}))


@pytest.mark.parametrize(("option", "value"), PICTURES.items())
def test_options_of_pictures_are_refused_for_a_table(option: str, value) -> None:
    frame = pl.DataFrame({"id": [1, 1], "time": [0, 1], "x": [1.0, 2.0]})
    for source, name in (("pbc2", "pbc2"), (frame, "the source"), (TableSource(read_table("pbc2")), "pbc2")):
        with pytest.raises(UsageError, match=f"`{option}` is for pictures, and {name} is a table of visits"):
            prepare(source, Options(**{option: value}))


@pytest.mark.parametrize(("option", "field"), [("identifier", "id"), ("holdout", "holdout")])
def test_a_source_that_was_read_already_takes_no_option_of_reading(option: str, field: str) -> None:
    with pytest.raises(UsageError, match=f"`{field}` says how a source is read, and pbc2 was read already"):
        prepare(TableSource(read_table("pbc2")), Options(**{option: "x"}))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"steps": 1, "minutes": 1}, "not both"),
        ({"minutes": 0}, "minutes must be"),
        ({"minutes": float("nan")}, "minutes must be"),
        ({"resume": True, "force": True}, "give one of them"),
    ],
)
def test_options_that_do_not_go_together_are_refused_at_once(options, words) -> None:
    with pytest.raises(UsageError, match=words):
        Options(**options)
