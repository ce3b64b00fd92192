"""Tables of databases and tables that are read in parts, as a user gives them."""

from __future__ import annotations

import errno
import re
import sqlite3
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from reverie import config
from reverie.records import Table
from reverie.records.describe import counts, nearly_rules, rules_of
from reverie.records.reading import Query, read_source
from reverie.records.streaming.table import StreamedTable
from reverie.reports.evidence import again
from reverie.sources import open_table

SMALL = ("--set", "width=16", "--set", "layers=1", "--set", "batch=32", "--steps", 1)


@pytest.fixture
def few(tmp_path) -> Path:
    """A table of few columns, whose schema is inferred at once."""
    path = tmp_path / "few.csv"
    rows = [(f"p{p}", 30 * v, 60 + p + v / 10, "fm"[p % 2]) for p in range(60) for v in range(1 + p % 4)]
    pl.DataFrame(rows, schema=["patient", "day", "weight", "sex"], orient="row").write_csv(path)
    return path


def opened(tmp_path, source, **options):
    """The table, and what was said."""
    said: list[str] = []
    table = open_table(source, {"cache": tmp_path / "cache", **options}, said.append).table
    return table, " ".join(said)


def test_a_table_in_parts_is_described_as_it_is_in_memory(few, tmp_path):
    whole, parts = (opened(tmp_path, few, stream=stream)[0] for stream in (False, True))
    assert counts(parts) == counts(whole) and len(whole) == 60
    assert [column.about for column in parts.schema.shown] == [column.about for column in whole.schema.shown]
    assert parts.fingerprint != whole.fingerprint  # of text, and of what it was read as
    (more,) = set(parts.notes) - set(whole.notes)
    assert "inferred from 150 of 150 rows" in more and counts(whole)["rows"] == 150


def test_rules_are_counted_over_all_parts_and_near_ones_looked_for_in_some_patients(tmp_path, monkeypatch):
    rows = [(p, v, 10 + v, 20 + v - 15 * (p == 9 and v == 2)) for p in range(400) for v in range(3)]
    frame = pl.DataFrame(rows, schema=["patient", "day", "low", "high"], orient="row")
    frame.write_parquet(tmp_path / "a.parquet")
    monkeypatch.setattr("reverie.records.streaming.spooling.spool.__defaults__", (lambda done, of: None, 100))
    (whole, _), (parts, _) = (opened(tmp_path, tmp_path / "a.parquet", stream=stream) for stream in (False, True))
    assert len(parts.spool) > 5
    rule = whole.schema.model_copy(update={"rules": ("low < high",)})
    (one,), (other,) = (rules_of(replace(table, schema=rule)) for table in (whole, parts))
    assert one.about == other.about == {"rule": "low < high", "rows": 1200, "patients": 400, "broken": [30]}
    monkeypatch.setattr("reverie.records.describe.SAMPLED", 50)
    assert nearly_rules(parts)[1] == "of 50 patients drawn at random" and nearly_rules(whole)[1] == ""


def test_a_table_is_read_in_parts_by_itself_where_memory_is_too_small(few, tmp_path, monkeypatch):
    rows = read_source(few).frame
    rows.write_parquet(tmp_path / "few.parquet")
    names = ", ".join(f'"{name}"' for name in rows.columns)
    lite = sqlite3.connect(tmp_path / "few.db")
    lite.execute(f"CREATE TABLE visits ({names})")
    lite.executemany(f"INSERT INTO visits VALUES ({','.join('?' * rows.width)})", rows.iter_rows())
    lite.commit()
    lite.close()
    asked = {"query": "SELECT * FROM visits ORDER BY rowid"}
    for source, options in ((few, {}), (tmp_path / "few.parquet", {}), (tmp_path / "few.db", asked)):
        monkeypatch.setattr("reverie.sources.large.available", lambda: 2**40)
        whole, said = opened(tmp_path, source, **options)
        assert isinstance(whole, Table) and said == "" and whole.query == options.get("query")
        monkeypatch.setattr("reverie.sources.large.available", lambda: 10_000)
        parts, said = opened(tmp_path, source, **options)
        assert isinstance(parts, StreamedTable) and f"its patients' rows are kept in {tmp_path / 'cache'}" in said
        assert parts.schema == whole.schema and (parts.path, parts.query) == (whole.path, whole.query)
        assert whole.path == source.resolve()


def test_a_run_on_a_query_tells_the_password_to_nobody_and_knows_when_the_table_changed(
    reverie, visits, tmp_path, postgresql, capsys
):
    psycopg = pytest.importorskip("psycopg")
    frame, out = pl.read_csv(visits), tmp_path / "run"
    kinds = {c: "float8" if t.is_float() else "int8" if t.is_integer() else "text" for c, t in frame.schema.items()}
    with psycopg.connect(postgresql, autocommit=True) as connection:
        columns = ", ".join(f'"{name}" {kind}' for name, kind in kinds.items())
        connection.execute(f"CREATE TABLE seen (row int8, {columns})")
        with connection.cursor() as cursor, cursor.copy("COPY seen FROM STDIN") as copy:
            for row in frame.with_row_index().iter_rows():
                copy.write_row(row)
        asked = "SELECT {} FROM seen ORDER BY row".format(", ".join(f'"{name}"' for name in frame.columns))
        address = postgresql.replace("reverie@", "reverie:hush@")
        given = ("train", address, "--query", asked, "--out", out, "--stream", *SMALL)
        assert reverie(*given) == 0
        connection.execute('UPDATE seen SET "serBilir" = 7.7 WHERE row = 40')
        capsys.readouterr()
        assert reverie(*given, "--resume") == 2
    printed = capsys.readouterr()
    assert re.search(
        r"the data is not what this run was trained on \(postgresql://reverie@127.0.0.1:\d+/postgres", printed.err
    )
    assert "hush" not in printed.out + printed.err
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and b"hush" in path.read_bytes()]
    assert again(config.read(out).source, "--source") == Query(postgresql, asked)


def test_a_database_without_a_query_asks_for_one(reverie, tmp_path, capsys):
    sqlite3.connect(tmp_path / "a.db").executescript("CREATE TABLE t (a)")
    for place, name in ((tmp_path / "a.db", "a.db"), ("postgresql://me:hush@host/x", "postgresql://me@host/x")):
        for command in (("data", "describe", place), ("train", place, "--out", tmp_path / "run")):
            assert reverie(*command) == 2
            said = capsys.readouterr().err
            assert f"{name} is a database: say which rows, with --query" in said and "hush" not in said
    assert not (tmp_path / "run").exists()


def test_a_query_on_pictures_and_parts_of_a_spreadsheet_are_refused(reverie, tmp_path, capsys):
    (tmp_path / "a.xlsx").write_bytes(b"PK\3\4")
    for arguments, words in (
        (("train", "digits", "--out", tmp_path / "run", "--stream"), "--stream is for a table of visits"),
        (("data", tmp_path / "a.xlsx", "--stream"), "a.xlsx cannot be read in parts: save it as Parquet or CSV"),
        (("data", tmp_path / "none.db", "--query", "SELECT 1"), "there is no file"),
    ):
        assert reverie(*arguments) == 2 and words in capsys.readouterr().err


def test_a_full_disk_ends_the_command_with_a_sentence(reverie, visits, tmp_path, capsys, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("reverie.records.streaming.spooling._part", full)
    assert reverie("data", visits, "--stream", "--cache", tmp_path / "cache") == 1
    said = capsys.readouterr().err
    assert f"no space is left to keep the rows of visits.csv (--cache may name another folder): {tmp_path / 'cache'}" in said
    assert list(Path(tmp_path / "cache").iterdir()) == []
