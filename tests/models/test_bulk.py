"""Datasets: the same files however they are made, killed and gone on with; what they hold is what `sample` makes."""

import json
import os
import subprocess
import sys
from multiprocessing import Pipe

import numpy as np
import polars as pl
import pytest

import reverie
from reverie.errors import DamagedError, DataError, UsageError
from reverie.images import read_images
from reverie.models.bulk import Patients, Pictures
from reverie.records import generate, read_table, series
from reverie.shards import MANIFEST, InProcess, complete, engines, order, rebuilt


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """A saved model of pictures in ten classes."""
    run = tmp_path_factory.mktemp("runs") / "digits"
    small = {"network.width": 8, "network.groups": 4, "network.blocks": 1, "training.batch": 16}
    reverie.train("digits", out=run, steps=1, settings=small)
    return reverie.load(run)


@pytest.fixture(scope="module")
def run(drawn_model, tmp_path_factory):
    """The folder of a model of patients."""
    return drawn_model(read_table("pbc2").take(range(60))).save(tmp_path_factory.mktemp("runs") / "pbc")


@pytest.fixture
def patients(run, monkeypatch):
    """It, with shards of 16 patients."""
    monkeypatch.setattr(generate, "SHARD", 16)
    monkeypatch.setattr(series, "SHARD", 16)
    return reverie.load(run)


def content(folder):
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_the_files_hold_the_patients_of_sample(patients, tmp_path):
    how = {"where": ["age>40"], "steps": 2}
    whole = patients.sample_to(tmp_path / "d", 70, seed=5, shard_size=32, **how)
    assert sorted(p.name for p in (tmp_path / "d").glob("*.parquet")) == [f"part-{k:05d}.parquet" for k in range(3)]
    frame = pl.read_parquet(tmp_path / "d" / "*.parquet")
    assert frame.equals(patients.sample(70, seed=5, **how))
    manifest = json.loads((tmp_path / "d" / MANIFEST).read_text())
    assert manifest["config"]["count"] == 70 and manifest["config"]["seed"] == 5
    assert manifest["config"]["model"] == patients.digest and manifest["config"]["settings"] == how
    assert manifest["totals"] == whole.totals and whole.totals["rows"] == len(frame)
    assert whole.totals["patients"] == 70 and whole.totals["drawn"] > whole.totals["kept"] == 80


def test_a_table_of_statics_is_cut_with_the_patients(patients, tmp_path):
    given = tmp_path / "statics.csv"
    pl.DataFrame({"sex": ["female", "male", "male"] * 12}).write_csv(given)
    patients.sample_to(tmp_path / "d", given=given, shard_size=16, steps=1)
    frame = pl.read_parquet(tmp_path / "d" / "*.parquet")
    assert frame.group_by("id", maintain_order=True).first()["sex"].to_list() == ["female", "male", "male"] * 12
    given.write_text(given.read_text().replace("female", "male", 1))
    with pytest.raises(UsageError, match=r"given .* there"):
        patients.sample_to(tmp_path / "d", given=given, shard_size=16, steps=1)


def test_the_files_hold_the_pictures_of_sample_and_can_be_trained_on(pictures, tmp_path):
    how = {"where": {"class": ["3", "7"]}, "steps": 2, "guidance": 1.5, "interval": (100, 800)}
    pictures.sample_to(tmp_path, 150, seed=3, shard_size=64, **how)
    read = read_images(tmp_path)
    assert np.array_equal(read.pixels, pictures.sample(150, seed=3, **how))
    assert read.classes == ("3", "7") and read.labels is not None and read.labels[:4].tolist() == [0, 1, 0, 1]
    assert pl.read_parquet_schema(tmp_path / "part-00000.parquet")["label"] == pl.Int64


def test_another_call_is_another_folder(patients, tmp_path):
    patients.sample_to(tmp_path, 20, shard_size=16, steps=1)
    for told, what in (
        ({"count": 40}, "count 20 there, 40 asked for"),
        ({"seed": 1}, "seed 0 there, 1 asked for"),
        ({"steps": 2}, "settings"),
        ({"shard_size": 32}, "shard_size 16 there, 32 asked for"),
    ):
        with pytest.raises(UsageError, match=what):
            patients.sample_to(tmp_path, **{"count": 20, "shard_size": 16, "steps": 1} | told)


def test_a_model_that_was_trained_since_is_found(patients, run, tmp_path):
    patients.sample_to(tmp_path / "d", 20, steps=1)
    text = order(Patients(patients, 20, settings={"steps": 1}))
    assert rebuilt(text).config == json.loads(text)["config"]
    with pytest.raises(UsageError, match="the model is another, or was trained since"):
        other = patients.__class__(patients.config, patients.codec, reverie.load(run).denoiser, path=run)
        next(other.denoiser.module.parameters()).data.add_(1e-3)
        other.sample_to(tmp_path / "d", 20, steps=1)
    with pytest.raises(DataError, match=r"the model .* is not what was asked for"):
        rebuilt(order(Patients(other, 20, settings={"steps": 1})))


def test_a_worker_without_the_model_says_what_it_misses(patients, tmp_path):
    text = order(Patients(patients, 20)).replace(str(patients.path), str(tmp_path / "gone"))
    with pytest.raises(DataError, match=r"has no .*gone: put the model where every worker sees it"):
        rebuilt(text)


def test_what_other_processes_cannot_have_is_said(drawn_model, patients, tmp_path):
    unsaved = drawn_model(read_table("pbc2").take(range(60)))
    with pytest.raises(UsageError, match="load the model from a folder: save it"):
        unsaved.sample_to(tmp_path, 64, shard_size=16, workers=2)
    with pytest.raises(UsageError, match="write it to one, and give its name"):
        patients.sample_to(tmp_path / "d", given=pl.DataFrame({"sex": ["male"] * 40}), shard_size=16, workers=2)
    with pytest.raises(UsageError, match="numbers and words"):
        Pictures(None, 20, settings={"states": object()})  # pyright: ignore[reportArgumentType]


def test_a_disk_that_was_full_loses_nothing(patients, tmp_path):
    place, size = tmp_path / "disk", ["-o", "size=160k"]
    place.mkdir()
    if os.geteuid() or subprocess.run(["mount", "-t", "tmpfs", *size, "tmpfs", place], capture_output=True).returncode:
        pytest.skip("only root mounts a small disk")
    try:
        with pytest.raises(DataError, match="is full: make room there and call again"):
            patients.sample_to(place / "d", 400, shard_size=16, steps=1)
        kept = list((place / "d").glob("part-*"))
        assert kept and not (place / "d" / MANIFEST).exists() and not list((place / "d" / "_shards").glob(".*"))
        subprocess.run(["mount", "-o", "remount,size=10m", place], check=True)
        assert patients.sample_to(place / "d", 400, shard_size=16, steps=1).kept == len(kept)
        patients.sample_to(tmp_path / "d", 400, shard_size=16, steps=1)
        assert content(place / "d") == content(tmp_path / "d")
    finally:
        subprocess.run(["umount", place], check=True)


KILLING = """
import os, signal, sys, time
from pathlib import Path
from reverie.cli import main
import reverie.models.bulk  # loaded once, not by each that is killed

for workers, parts in ((1, 2), (1, 4), (2, 7)):
    child = os.fork()
    if not child:
        main([*sys.argv[2:], "--workers", str(workers)])
    while len(list(Path(sys.argv[1]).glob("part-*"))) < parts and not os.waitpid(child, os.WNOHANG)[0]:
        time.sleep(0.001)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
"""


def test_killed_and_gone_on_with_by_any_number_of_workers_the_bytes_are_the_same(pictures, tmp_path):
    work = Pictures(pictures, 64 * 12, 1, {"steps": 2}, 64)
    complete(work, tmp_path / "whole", InProcess())
    told = ("--count", 64 * 12, "--seed", 1, "--steps", 2, "--shard-size", 64, "--out", f"{tmp_path}/killed/")
    command = [sys.executable, "-c", KILLING, tmp_path / "killed", "sample", pictures.path, *told]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"}
    subprocess.run([*map(str, command)], env=environment, stderr=subprocess.DEVNULL, check=True, timeout=300)
    last = complete(work, tmp_path / "killed", InProcess())
    assert last.kept >= 7 and last.missing == 0
    assert content(tmp_path / "killed") == content(tmp_path / "whole")


def test_what_a_worker_raises_is_raised_by_the_driver(pictures, tmp_path):
    text = order(Pictures(pictures, 128, 1, {"steps": 1}, 64)).replace(str(pictures.path), str(tmp_path / "gone"))
    ours, theirs = Pipe()
    engines._say(ours, 0)
    engines._serve(theirs, text, str(tmp_path))
    with pytest.raises(DataError, match="gone: put the model"):
        engines._answer(ours)
    theirs.close()
    with pytest.raises(DataError, match="a worker was ended from outside"):
        engines._answer(ours)


def test_a_damaged_file_is_found_by_a_call_that_has_nothing_to_do(patients, tmp_path):
    patients.sample_to(tmp_path, 20, shard_size=16, steps=1)
    part = tmp_path / "part-00001.parquet"
    pl.read_parquet(part).head(3).write_parquet(part)
    with pytest.raises(DamagedError, match=r"part-00001\.parquet was changed since it was made: delete it, and call again"):
        patients.sample_to(tmp_path, 20, shard_size=16, steps=1)
