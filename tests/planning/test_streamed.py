"""A table that is read in parts is trained on as the same table in memory: the same patients, codec and weights."""

import json
import os
import signal

import numpy as np
import polars as pl
import pytest
import torch

from reverie.errors import DataError, UsageError
from reverie.planning.options import Options
from reverie.planning.plan import prepare, train
from reverie.records.cohort import simulate_art4hiv
from reverie.records.reading import BUNDLED
from reverie.records.streaming import spooled
from reverie.records.streaming.codes import stored
from reverie.records.streaming.table import survey
from reverie.sources import TableSource
from reverie.sources.streamed import StreamedSource
from reverie.training import Callbacks, Stopped

SETTINGS = {"network.width": 16, "network.layers": 1, "batch": 16, "aside": 0.1, "holdout": 0.2}
ALIKE = ("codec.json", "model.safetensors")


@pytest.fixture(autouse=True)
def _only_trained(monkeypatch):
    """Without the samples that follow: they are drawn from the weights and the codes, which are compared here."""
    monkeypatch.setattr(TableSource, "finished", lambda self, model, parts, say: model)
    monkeypatch.setattr(TableSource, "show", lambda self, model, parts, out: None)


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    """A table in memory and the same in parts, by name."""
    tmp_path = tmp_path_factory.mktemp("tables")

    def of(frame: pl.DataFrame, name: str, **options):
        place = tmp_path / f"{name}.parquet"
        frame.write_parquet(place)
        spool = spooled(place, options, tmp_path / "cache", rows=150)
        return TableSource.read(place, **options), StreamedSource(survey(spool, options), None, False, tmp_path / "cache")

    return of


def pbc2() -> pl.DataFrame:
    return pl.read_csv(BUNDLED["pbc2"]).filter(pl.col("id") <= 60)


def test_weights_and_codec_are_those_of_the_table_in_memory(tables, tmp_path):
    whole, parts = tables(pbc2(), "pbc2")
    assert len(parts.table.spool) > 3
    for source, out in ((whole, tmp_path / "whole"), (parts, tmp_path / "parts")):
        train(source, out=out, steps=4, settings=SETTINGS)
    for name in ALIKE:
        assert (tmp_path / "whole" / name).read_bytes() == (tmp_path / "parts" / name).read_bytes()
    lines = [json.loads((tmp_path / side / "metrics.jsonl").read_text().splitlines()[-1]) for side in ("whole", "parts")]
    assert lines[0]["loss_aside"] == lines[1]["loss_aside"]


def test_patients_are_in_the_same_part_and_the_holdout_is_in_no_code(tables):
    whole, parts = tables(pbc2(), "pbc2")
    plans = [prepare(source, Options(steps=2, settings=SETTINGS)) for source in (whole, parts)]
    for ours, theirs in zip(plans[0].parts, plans[1].parts, strict=True):
        assert theirs.sample(10**6, 0).frame.equals(ours.frame)
    for ours, theirs in ((plans[0].train, plans[1].train), (plans[0].validation, plans[1].validation)):
        drawn = [some.encoded.records([2, 0, 2], torch.Generator().manual_seed(1)) for some in (ours, theirs)]
        assert all(torch.equal(getattr(drawn[0], what), getattr(drawn[1], what)) for what in ("values", "known", "visits"))
    stored_, held = plans[1].train.encoded, plans[1].parts.holdout
    assert len(stored_) + len(plans[1].validation.encoded) + len(held) == len(parts.table)
    every = stored(parts.table, plans[1].codec, ~held.chosen, parts.cache)
    assert (every.starts[held.indices] == -1).all() and (np.delete(every.starts, held.indices) >= 0).all()


def test_a_run_that_was_stopped_ends_with_the_same_weights(tables, tmp_path):
    _, parts = tables(pbc2(), "pbc2")
    train(parts, out=tmp_path / "once", steps=6, settings=SETTINGS)

    stop = Callbacks(on_step=lambda done, total: os.kill(os.getpid(), signal.SIGTERM) if done == 3 else None)
    with pytest.raises(Stopped):
        train(parts, out=tmp_path / "twice", steps=6, settings=SETTINGS, callbacks=stop)
    train(parts, out=tmp_path / "twice", steps=6, settings=SETTINGS, resume=True)
    assert (tmp_path / "once/model.safetensors").read_bytes() == (tmp_path / "twice/model.safetensors").read_bytes()


def test_differential_privacy_is_that_of_the_table_in_memory(tables, tmp_path):
    whole, parts = tables(simulate_art4hiv(60, 1), "art", identifier="PatientID", time="Timestep")
    for source, out in ((whole, tmp_path / "whole"), (parts, tmp_path / "parts")):
        train(source, out=out, steps=2, settings={**SETTINGS, "aside": 0.0}, epsilon=8.0)
    assert (tmp_path / "whole/model.safetensors").read_bytes() == (tmp_path / "parts/model.safetensors").read_bytes()


def test_a_holdout_of_its_own_is_read_in_parts_and_nobody_is_in_both(tmp_path):
    places = [tmp_path / "ours.parquet", tmp_path / "theirs.parquet", tmp_path / "both.parquet"]
    for place, which in zip(places, (pl.col("id") <= 40, pl.col("id") > 40, pl.col("id") > 39), strict=True):
        pbc2().filter(which).write_parquet(place)
    source = StreamedSource.read(places[0], holdout=places[1], cache=tmp_path / "cache")
    whole = TableSource.read(places[0], holdout=places[1])
    plan = prepare(source, Options(steps=2, settings=SETTINGS | {"holdout": 0.0}))
    assert plan.parts.holdout.sample(10**6, 0).frame.equals(whole.holdout.frame)
    assert plan.config.holdout.fingerprint == source.holdout.table.fingerprint and plan.config.holdout.stream
    with pytest.raises(DataError, match=r"patient '40' is in ours\.parquet and in both\.parquet"):
        StreamedSource.read(places[0], holdout=places[2], cache=tmp_path / "cache")


def test_a_recipe_for_pictures_is_refused(tables):
    _, parts = tables(pbc2(), "pbc2")
    with pytest.raises(UsageError, match="for pictures"):
        prepare(parts, Options(steps=1, recipe="pictures"))


def test_codes_are_written_once_and_damage_is_found(tables):
    _, parts = tables(pbc2(), "pbc2")
    plan = prepare(parts, Options(steps=2, settings=SETTINGS))
    folder = plan.train.encoded.file.parent
    before = (folder / "codes.bin").stat().st_mtime_ns
    prepare(parts, Options(steps=2, settings=SETTINGS))
    assert (folder / "codes.bin").stat().st_mtime_ns == before
    size = (folder / "codes.bin").stat().st_size
    with (folder / "codes.bin").open("r+b") as file:
        file.truncate(size // 2)
    with pytest.raises(Exception, match="cut short"):
        plan.train.encoded.records(np.arange(len(plan.train)), None)
    with pytest.raises(Exception, match="is damaged"):
        prepare(parts, Options(steps=2, settings=SETTINGS))
