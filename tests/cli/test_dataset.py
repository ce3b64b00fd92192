"""reverie sample into a folder, as a user runs it: begun, shared, gone on with and refused."""

import json

import polars as pl
import pytest

from reverie.images import read_images
from reverie.records import generate

SMALL = ("--steps", 1, "--shard-size", 16, "--workers", 1)


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Shards of few patients."""
    monkeypatch.setattr(generate, "SHARD", 16)


def test_a_folder_is_made_once_and_checked_after(reverie, patients, tmp_path, capsys):
    out = tmp_path / "new"
    command = ("sample", patients, "--count", 40, "--seed", 1, *SMALL, "--json")
    assert reverie(*command, "--out", out) == 0
    told = json.loads(capsys.readouterr().out)
    frame = pl.read_parquet(out / "*.parquet")
    assert (told["files"], told["kept"], told["made"], told["missing"]) == (3, 0, 3, None)
    assert told["patients"] == frame["id"].n_unique() == 40 and told["rows"] == len(frame)
    one = tmp_path / "new.parquet"
    assert reverie("sample", patients, "--count", 40, "--seed", 1, "--steps", 1, "--out", one) == 0
    assert frame.equals(pl.read_parquet(one))
    capsys.readouterr()
    (out / "part-00001.parquet").unlink()
    assert reverie(*command, "--out", out) == 0
    assert "2 of 3 files were there, and are kept as they are." in capsys.readouterr().err
    assert reverie(*command, "--out", out) == 0
    assert "Nothing was left to make: the folder is whole" in capsys.readouterr().err
    assert reverie(*command[:5], 2, *SMALL, "--out", out) == 2
    assert "seed 1 there, 2 asked for" in capsys.readouterr().err
    assert reverie(*command[:5], 2, *SMALL, "--out", out, "--force") == 0
    assert not frame.equals(pl.read_parquet(out / "*.parquet"))


def test_tasks_share_a_folder(reverie, patients, tmp_path, capsys):
    command = ("sample", patients, "--count", 40, *SMALL, "--out", f"{tmp_path}/new/", "--shard")
    assert reverie(*command, "2/2") == 0
    assert "2 files of other shares are not there yet" in capsys.readouterr().err
    assert not (tmp_path / "new" / "_manifest.json").exists()
    assert reverie(*command, "1/2") == 0
    assert json.loads((tmp_path / "new" / "_manifest.json").read_text())["totals"]["patients"] == 40
    assert reverie(*command, "3/2") == 2
    assert "of 2 shares there is no number 3" in capsys.readouterr().err


def test_pictures_with_a_slash_are_a_dataset_and_without_one_files(reverie, pictures, tmp_path):
    command = ("sample", pictures, "--count", 70, "--steps", 1, "--where", "class=*", "--out")
    assert reverie(*command, f"{tmp_path}/set/", "--workers", 1) == 0
    assert reverie(*command, tmp_path / "files") == 0
    assert len(list((tmp_path / "files").glob("*.png"))) == 70
    read = read_images(tmp_path / "set")
    assert (read.pixels == read_images(tmp_path / "files").pixels).all()
    assert read.classes == tuple("0123456789")
    assert reverie(*command, tmp_path / "set", "--workers", 1) == 0  # it is known by what is in it
    assert not list((tmp_path / "set").glob("*.png"))


def test_what_belongs_to_a_folder_is_refused_for_a_file(reverie, patients, pictures, tmp_path, capsys):
    out = tmp_path / "new.parquet"
    for option in (("--shard", "1/2"), ("--shard-size", 16)):
        assert reverie("sample", patients, "--count", 2, "--out", out, *option) == 2
        assert f"{option[0]} is for a folder of Parquet files" in capsys.readouterr().err
    assert reverie("sample", pictures, "--count", 2, "--out", tmp_path / "new.png", "--workers", 2) == 2
    assert "--workers is for a folder of Parquet files" in capsys.readouterr().err
    assert reverie("sample", pictures, "--count", 2, "--out", f"{tmp_path}/s/", "--animate", tmp_path / "a.gif") == 2
    assert "--animate is for pictures in one file" in capsys.readouterr().err
    assert reverie("sample", patients, "--count", 2, "--out", tmp_path / "new.tsv") == 2
    assert "cannot be named 'new.tsv'" in capsys.readouterr().err


def test_a_folder_of_something_else_is_refused(reverie, patients, tmp_path, capsys):
    (tmp_path / "notes.txt").write_text("mine")
    assert reverie("sample", patients, "--count", 2, "--out", f"{tmp_path}/", "--force") == 2
    assert "holds notes.txt, not made by this" in capsys.readouterr().err
    assert reverie("sample", patients, "--count", 2, "--out", f"{tmp_path}/notes.txt/") == 2
    assert "is a file: name a folder" in capsys.readouterr().err
