"""A .zip of linked tables is the folder in it; what it says of itself is held against it, and nothing leads out of it."""

import sqlite3
import tempfile
import zipfile

import polars as pl
import pytest

from reverie import zips
from reverie.errors import DataError, ReverieError, UsageError
from reverie.records.linked import is_linked, read_linked
from reverie.records.linked.opening import opened
from reverie.records.reading import Bounds

from .conftest import made_up

TABLES = [(f"{name}.csv", frame.write_csv()) for name, frame in made_up(12).items()]


def packed(path, files):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files:
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return path


@pytest.mark.parametrize("above", ["", "ward/of/hospital/"])
def test_a_zip_is_the_folder_that_it_holds(above, tmp_path):
    folder = tmp_path / "hospital"
    folder.mkdir()
    for name, content in TABLES:
        (folder / name).write_text(content)
    files = [(f"{above}{name}", content) for name, content in TABLES]
    path = packed(tmp_path / "h.zip", [*files, ("__MACOSX/._stays.csv", "a"), (f"{above}notes.docx", "b")])
    one, other = read_linked(folder), read_linked(path)
    assert is_linked(path) and other.schema == one.schema and other.path == path
    assert all(other.frames[name].equals(frame) for name, frame in one.frames.items())


def test_a_folder_is_packed_to_the_same_bytes_and_comes_back(tmp_path):
    for name, content in (("a/b/x.csv", "1\n"), ("y.csv", "2\n" * 9)):
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / name).write_text(content)
    for name in ("one.zip", "two.zip"):
        zips.pack(tmp_path / "in", tmp_path / name)
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()
    with zipfile.ZipFile(tmp_path / "one.zip") as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == {"a/b/x.csv": b"1\n", "y.csv": b"2\n" * 9}


def test_nothing_is_unpacked_where_its_name_leads(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "among"))
    (tmp_path / "among").mkdir()
    names = ["../../out.csv", "/etc/out2.csv", "..\\..\\out3.csv", "C:/out4.csv"]
    with opened(packed(tmp_path / "h.zip", [*TABLES, *((name, "a,b\n1,2\n") for name in names)])) as folder:
        there = {path.relative_to(folder).as_posix() for path in folder.rglob("*.csv")}
    assert there == {"out.csv", "etc/out2.csv", "out3.csv", "C:/out4.csv", *(name for name, _ in TABLES)}
    assert {path.name for path in tmp_path.rglob("*")} == {"among", "h.zip"}


def test_what_cannot_be_read_of_a_zip_is_refused_in_a_sentence(tmp_path):
    refused = {
        "notes": ([("a.docx", "x")], "holds no tables"),
        "one": (TABLES[:1], "no tables with different columns"),
        "draws": ([(f"{draw}/{name}", content) for draw in "12" for name, content in TABLES], "several folders, 1, 2"),
        "twice": ([*TABLES, ("./patients.csv", "a")], "two files called patients.csv"),
        "inside": ([*TABLES, ("stays.csv/a.csv", "a")], "two files called stays.csv"),
        "long": ([*TABLES, (f"{'x' * 300}.csv", "a")], "more than 255 bytes"),
        "bomb": ([*TABLES, ("zero.csv", b"0" * 40_000_000)], "times its size"),
    }
    for name, (files, words) in refused.items():
        with pytest.raises(ReverieError, match=words):
            read_linked(packed(tmp_path / f"{name}.zip", files))
    whole = packed(tmp_path / "h.zip", TABLES)
    with pytest.raises(DataError, match=r"more than the 9,000 bytes"):
        read_linked(whole, most=Bounds(bytes=9000))
    (tmp_path / "cut.zip").write_bytes(whole.read_bytes()[:3000])
    for name in ("cut.zip", "text.zip"):
        (tmp_path / "text.zip").write_text("a,b\n1,2\n")
        with pytest.raises(DataError, match="not a whole zip file"):
            read_linked(tmp_path / name)
    (damaged := bytearray(whole.read_bytes()))[200:260] = b"\0" * 60
    (tmp_path / "worn.zip").write_bytes(damaged)
    with pytest.raises(DataError, match="not a whole zip file"):
        read_linked(tmp_path / "worn.zip")


def test_a_database_that_is_none_or_is_cut_is_refused_in_a_sentence(tmp_path):
    with sqlite3.connect(tmp_path / "h.db") as there:
        for name, frame in made_up(12).items():
            there.execute(f"CREATE TABLE {name} ({', '.join(frame.columns)})")
            rows = [[None if cell is None else str(cell) for cell in row] for row in frame.rows()]
            there.executemany(f"INSERT INTO {name} VALUES ({', '.join('?' * frame.width)})", rows)
        there.execute("CREATE TABLE far (patient_id, much GENERATED ALWAYS AS (hex(zeroblob(60000000))) VIRTUAL)")
        there.execute("INSERT INTO far VALUES ('P0001')")
    with pytest.raises(DataError, match=r"h.db.far is not a whole table .*too big"):
        read_linked(tmp_path / "h.db")
    with sqlite3.connect(tmp_path / "seen.db") as there:
        there.executescript("CREATE TABLE p (patient_id); CREATE TABLE seen (patient_id, scan); INSERT INTO p VALUES (1);")
        there.execute("INSERT INTO seen VALUES (1, x'00')")
    with pytest.raises(DataError, match=r"^seen\.db\.seen, data row 1, column 'scan': the cell holds bytes.*: make it text"):
        read_linked(tmp_path / "seen.db")
    (tmp_path / "cut.db").write_bytes((tmp_path / "h.db").read_bytes()[:9000])
    (tmp_path / "text.duckdb").write_text("hello")
    sqlite3.connect(tmp_path / "empty.db").execute("CREATE TABLE a (b)").connection.close()
    for name, words in (("cut.db", "not a whole database"), ("text.duckdb", "neither a DuckDB"), ("empty.db", "no table")):
        with pytest.raises((DataError, UsageError), match=words):
            read_linked(tmp_path / name)


def test_days_among_instants_are_told_and_not_made_midnight_without_a_word(tmp_path):
    tables, rows = made_up(40), pl.int_range(pl.len())
    days = pl.col("discharged").dt.strftime("%Y-%m-%d")
    instants = pl.col("discharged").dt.strftime("%Y-%m-%d %H:%M:%S")
    tables["stays"] = tables["stays"].with_columns(discharged=pl.when(rows % 3 == 0).then(days).otherwise(instants))
    for name, frame in tables.items():
        frame.write_csv(tmp_path / f"{name}.csv")
    (told,) = [note for note in read_linked(tmp_path).notes if "midnight" in note]
    count, height = -(-tables["stays"].height // 3), tables["stays"].height
    assert f"discharged, {count} of {height} date-times are days without a time of day, and are read as midnight" in told


def test_suffixes_in_capitals_are_read_beside_others(tmp_path):
    tables = made_up(12)
    for name, frame in tables.items():
        if name == "stays":
            frame.write_parquet(tmp_path / "stays.PARQUET")
        else:
            frame.write_csv(tmp_path / f"{name}.csv")
    assert read_linked(tmp_path).frames["stays"].height == tables["stays"].height
