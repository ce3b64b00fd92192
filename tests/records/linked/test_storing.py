"""Linked tables in a database file: what is written there is what came, in its types, with its keys declared."""

import sqlite3
from pathlib import Path

import polars as pl
import pytest

import reverie
from reverie.errors import UsageError
from reverie.export import complete_hospital, hospital
from reverie.files import folder_beside, take_place
from reverie.records.linked import read_linked
from reverie.records.linked.databases import declared, types
from reverie.records.linked.fitting import fit_tables
from reverie.records.linked.storing import store

from .conftest import made_up

TABLES = {
    "wards": ("ward_id INTEGER PRIMARY KEY, name VARCHAR", [(1, "N"), (2, "S")]),
    "patients": (
        "patient_id BIGINT PRIMARY KEY, born DATE, weight DECIMAL(6,2)",
        [(i, "1960-02-03", 70.25) for i in range(9)],
    ),
    "stays": (
        "stay_id INTEGER PRIMARY KEY, patient_id BIGINT REFERENCES patients(patient_id), came TIMESTAMP, ok BOOLEAN, "
        "ward_id INTEGER REFERENCES wards(ward_id)",
        [(100 + i, i % 9, f"2026-01-{1 + i:02d} 08:30:00", i % 2, 1 + i % 2) for i in range(20)],
    ),
}


def written(place):
    """A database with three tables, in types that files do not have."""
    connection = pytest.importorskip("duckdb").connect(str(place)) if place.suffix == ".duckdb" else sqlite3.connect(place)
    for table, (columns, rows) in TABLES.items():
        connection.execute(f"CREATE TABLE {table} ({columns})")
        connection.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * len(rows[0]))})", rows)
    connection.commit()
    connection.close()
    return place


def parted(frames, folder):
    """Tables as files of Parquet, two for each that has rows enough."""
    parts = {}
    for name, frame in frames.items():
        parts[name] = []
        for number, part in enumerate((frame.head(5), frame.slice(5))):
            parts[name].append(folder / f"{name}{number}.parquet")
            part.write_parquet(parts[name][-1])
    return parts


@pytest.mark.parametrize("suffix", [".duckdb", ".sqlite"])
def test_types_and_keys_of_a_database_are_those_of_what_is_written(tmp_path, suffix):
    place, again = written(tmp_path / f"one{suffix}"), tmp_path / f"again{suffix}"
    tables = read_linked(place)
    store(again, tables.schema, parted(tables.frames, tmp_path), tables.types)
    back = read_linked(again)
    assert types(str(again), "again") == types(str(place), "one") == tables.types
    assert declared(str(again), "again") == declared(str(place), "one")
    assert all(back.frames[name].equals(frame) for name, frame in tables.frames.items())


@pytest.mark.parametrize("suffix", [".duckdb", ".sqlite"])
def test_only_what_is_a_key_is_declared(tmp_path, suffix):
    pytest.importorskip("duckdb")
    tables = read_linked(written(tmp_path / "one.sqlite"))
    frames = dict(tables.frames)
    frames["stays"] = frames["stays"].with_columns(ward_id=pl.lit(7))
    frames["patients"] = pl.concat([frames["patients"], frames["patients"]])
    store(tmp_path / f"made{suffix}", tables.schema, parted(frames, tmp_path))
    found = declared(str(tmp_path / f"made{suffix}"), "made")
    assert found.keys == {"wards": "ward_id", "stays": "stay_id"} and not found.refers


@pytest.mark.parametrize("suffix", [".duckdb", ".sqlite"])
def test_what_is_made_and_completed_is_in_the_database_what_it_is_in_files(tmp_path, suffix):
    pytest.importorskip("duckdb")
    settings = {"network.width": 16, "network.layers": 1, "network.heads": 2, "batch": 16}
    given = {name: frame.drop("diabetic", strict=False) for name, frame in made_up(30).items()}  # SQLite has no truth values
    model = reverie.train(given, out=tmp_path / "run", steps=1, settings=settings)
    hospital(model, 6, tmp_path / f"made{suffix}", seed=3)
    hospital(model, 6, tmp_path / "made", seed=3)
    (tmp_path / "given").mkdir()
    for name, frame in given.items():
        frame.write_csv(tmp_path / "given" / f"{name}.csv")
    fitted = fit_tables(model.codec, tmp_path / "given")
    for how in ({"columns": ["results.value"]}, {"forecast": 1}):
        kind = next(iter(how))
        complete_hospital(model, fitted, tmp_path / f"{kind}{suffix}", seed=3, **how)
        complete_hospital(model, fitted, tmp_path / kind, seed=3, **how)
    for name in ("made", "columns", "forecast"):
        one, other = read_linked(tmp_path / f"{name}{suffix}"), read_linked(tmp_path / name)
        for table, frame in other.frames.items():
            assert one.frames[table].cast(frame.schema).equals(frame), (name, table)
        assert declared(str(tmp_path / f"{name}{suffix}"), name).refers["drugs"]["stay_id"] == ("stays", "stay_id")
    with pytest.raises(UsageError, match=f"two{suffix} holds one draw: leave `draws` out"):
        complete_hospital(model, fitted, tmp_path / f"two{suffix}", draws=2)
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_what_killed_calls_left_is_removed_and_what_others_work_in_is_not(tmp_path):
    place = tmp_path / "made"
    left, other = tmp_path / ".made.abc.unfinished", tmp_path / ".made2.abc.unfinished"
    left.mkdir()
    other.mkdir()
    with folder_beside(place) as working:
        assert not left.exists() and other.exists()
        with folder_beside(place):
            assert working.exists()
    assert list(tmp_path.iterdir()) == [other]


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="there is no such folder here")
def test_a_place_that_cannot_be_written_to_is_told_in_a_sentence():
    for place in ("/proc/made", "/proc/new/made", f"{__file__}/made"):
        with pytest.raises(UsageError, match=r"cannot be written to \(.*\): name another place"), folder_beside(Path(place)):
            raise AssertionError


def test_a_folder_takes_its_place_whole_and_leaves_what_else_is_there(tmp_path):
    for before in (None, [], ["notes.txt", "a.csv"]):
        made, place = tmp_path / "made", tmp_path / f"place{before}"
        made.mkdir()
        (made / "a.csv").write_text("new")
        if before is not None:
            place.mkdir()
            for name in before:
                (place / name).write_text("old")
        take_place(made, place)
        assert (place / "a.csv").read_text() == "new" and {path.name for path in place.iterdir()} == {
            "a.csv",
            *(before or ()),
        }
        if made.exists():
            made.rmdir()
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    made.mkdir()
    (made / "a.csv").write_text("new")
    take_place(made, tmp_path / "link")
    assert (tmp_path / "real" / "a.csv").read_text() == "new"


def test_a_type_that_is_more_than_a_type_is_none_of_duckdb(tmp_path):
    tables = read_linked(written(tmp_path / "one.duckdb"))
    more = "BIGINT) IS NULL AND (SELECT count(*) FROM read_text('/etc/hostname')) > 0 AND (1"
    types = {"patients": {"weight": more, "born": "TIMESTAMP"}}
    store(tmp_path / "again.duckdb", tables.schema, parted(tables.frames, tmp_path), types)
    columns = dict(read_linked(tmp_path / "again.duckdb").types["patients"])
    assert columns["born"] == "TIMESTAMP" and "SELECT" not in str(columns["weight"])
