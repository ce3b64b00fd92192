"""Linked tables whose making was killed are made on from there, and are the same to the byte."""

import signal
import subprocess
import sys
import time
import zipfile

import pytest

import reverie
from reverie.errors import UsageError
from reverie.export import hospital
from reverie.models import LinkedModel
from reverie.records.linked import read_linked

from .conftest import made_up

COUNT = 300  # three shards
CALL = [sys.executable, "-m", "reverie", "sample"]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    out = tmp_path_factory.mktemp("going_on") / "run"
    settings = {"network.width": 16, "network.layers": 1, "network.heads": 2, "batch": 16}
    reverie.train(made_up(60), out=out, steps=2, settings=settings)
    return out


@pytest.fixture(scope="module")
def model(run):
    return reverie.load(run)


@pytest.fixture(scope="module")
def whole(model, tmp_path_factory):
    out = tmp_path_factory.mktemp("whole") / "made"
    hospital(model, COUNT, out, seed=1)
    return {path.name: path.read_bytes() for path in out.iterdir()}


def stopped(model, out, after, error=KeyboardInterrupt, **settings):
    """A call that ends after so many parts."""
    heard = []

    def hear(tables):
        heard.append(tables)
        if len(heard) > after:
            raise error

    with pytest.raises(error):
        hospital(model, COUNT, out, seed=1, settings=settings, hear=hear)


def begun_with(monkeypatch):
    """Which shards calls begin with from now on."""
    found, numbered = [], LinkedModel.numbered

    def noted(self, *args, first=0, **told):
        found.append(first)
        return numbered(self, *args, first=first, **told)

    monkeypatch.setattr(LinkedModel, "numbered", noted)
    return found


def files(out):
    return {path.name: path.read_bytes() for path in out.iterdir()}


def half_made(folder):
    (folder / "parts" / "0" / "00000001.parquet").write_bytes(b"half")


def half_told(folder):
    (folder / "shards" / "00000001.json").write_text("{")


@pytest.mark.parametrize("harm", [None, half_made, half_told])
def test_what_was_stopped_goes_on_and_nothing_half_made_is_taken_for_whole(model, whole, tmp_path, monkeypatch, harm):
    out, begun = tmp_path / "made", begun_with(monkeypatch)
    stopped(model, out, 2)
    assert not out.exists()
    if harm:
        harm(tmp_path / ".made.making")
    heard = []
    done = hospital(model, COUNT, out, seed=1, hear=heard.append)
    assert begun == [0, 1 if harm else 2] and done["kept"] == 128 * begun[1] and len(heard) == 3
    assert files(out) == whole and done["patients"] == COUNT
    assert {table: len(whole[f"{table}.csv"].splitlines()) - 1 for table in done["rows"]} == done["rows"]
    assert [path.name for path in tmp_path.iterdir()] == ["made"]


def test_another_request_starts_again_and_an_error_leaves_nothing(model, whole, tmp_path, monkeypatch):
    out, begun = tmp_path / "made", begun_with(monkeypatch)
    stopped(model, out, 1, steps=2)
    stopped(model, out, 1)
    hospital(model, COUNT, out, seed=1)
    assert begun == [0, 0, 1] and files(out) == whole
    stopped(model, tmp_path / "other", 1, UsageError)
    assert [path.name for path in tmp_path.iterdir()] == ["made"]


@pytest.mark.parametrize("suffix", [".duckdb", ".sqlite"])
def test_a_database_whose_making_was_stopped_goes_on_to_the_same_rows(model, tmp_path, monkeypatch, suffix):
    out, whole = (tmp_path / f"{name}{suffix}" for name in ("made", "whole"))
    hospital(model, COUNT, whole, seed=1)
    begun = begun_with(monkeypatch)
    stopped(model, out, 1)
    hospital(model, COUNT, out, seed=1)
    assert begun == [0, 1] and sorted(tmp_path.iterdir()) == [out, whole]
    ours, theirs = read_linked(out).frames, read_linked(whole).frames
    assert ours.keys() == theirs.keys() and all(ours[name].equals(theirs[name]) for name in theirs)
    assert suffix == ".duckdb" or out.read_bytes() == whole.read_bytes()


def packed(out):
    with zipfile.ZipFile(out) as whole:
        return {name: whole.read(name) for name in whole.namelist()}


@pytest.mark.parametrize(("number", "name"), [(signal.SIGTERM, "made"), (signal.SIGKILL, "made.zip")])
def test_a_call_of_the_command_line_that_was_killed_goes_on(run, whole, tmp_path, number, name):
    out = tmp_path / name
    call = [*CALL, str(run), "--count", str(COUNT), "--seed", "1", "--out", str(out), "--workers", "1"]
    first = tmp_path / f".{name}.making" / "shards" / "00000000.json"
    going = subprocess.Popen(call, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while going.poll() is None and not first.exists():
        time.sleep(0.002)
    going.send_signal(number)
    assert going.wait() != 0 and first.exists() and not out.exists()
    done = subprocess.run(call, capture_output=True, text=True, check=True)
    assert "were there, and are kept" in done.stdout + done.stderr
    assert (packed if out.is_file() else files)(out) == whole and [path.name for path in tmp_path.iterdir()] == [name]
