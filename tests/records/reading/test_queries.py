"""What a query gives is the table that the same rows in a file are, from every database; nothing is written, nor told."""

from __future__ import annotations

import re
import sqlite3
import sys
from pathlib import Path

import polars as pl
import pytest

from reverie.errors import DataError, ReverieError, UsageError
from reverie.records import read_table
from reverie.records.reading import Query, read_source
from reverie.records.reading.queries import query, redacted

PBC2 = pl.read_csv(Path(query.__file__).parents[2] / "data" / "pbc2.csv", infer_schema_length=None, null_values=["NA"])
ALL = "SELECT * FROM visits ORDER BY n"
KINDS = ("duckdb", "sqlite", "postgresql")


@pytest.fixture(scope="module")
def places(tmp_path_factory, request) -> dict[str, str]:
    """pbc2 as a table `visits` of each database, its rows numbered in n."""
    psycopg, duckdb = pytest.importorskip("psycopg"), pytest.importorskip("duckdb")
    folder, frame = tmp_path_factory.mktemp("databases"), PBC2.with_row_index("n")
    frame.write_parquet(folder / "visits.parquet")
    with duckdb.connect(str(folder / "all.duckdb")) as connection:
        connection.execute(f"CREATE TABLE visits AS FROM '{folder / 'visits.parquet'}'")
    address = request.getfixturevalue("postgresql")
    columns = ", ".join(
        f'"{c}" {"float8" if t.is_float() else "int8" if t.is_integer() else "text"}' for c, t in frame.schema.items()
    )
    with psycopg.connect(address) as connection, connection.cursor() as cursor:
        cursor.execute(f"CREATE TABLE visits ({columns})")
        with cursor.copy("COPY visits FROM STDIN") as copy:
            for row in frame.iter_rows():
                copy.write_row(row)
    lite = sqlite3.connect(folder / "all.db")
    lite.execute(f"CREATE TABLE visits ({columns})")
    lite.executemany(f"INSERT INTO visits VALUES ({','.join('?' * frame.width)})", frame.iter_rows())
    lite.commit()
    lite.close()
    return {
        "duckdb": str(folder / "all.duckdb"),
        "sqlite": str(folder / "all.db"),
        "postgresql": address.replace("reverie@", "reverie:hush%21@"),
        "parquet": str(folder / "visits.parquet"),
    }


@pytest.mark.parametrize("kind", [*KINDS, "parquet"])
def test_a_query_gives_the_table_that_a_file_of_its_rows_is(places, kind, tmp_path, monkeypatch):
    monkeypatch.setattr(query, "BATCH", 500)
    PBC2.write_csv(tmp_path / "pbc2.csv")
    columns = ", ".join(f'"{c}"' for c in PBC2.columns)
    asked = Query(places[kind], f"SELECT {columns} FROM {'source' if kind == 'parquet' else 'visits'} ORDER BY n")
    found, wanted = read_table(asked), read_table(tmp_path / "pbc2.csv")
    assert found.frame.equals(wanted.frame) and len(found) == 312
    roles = [[(c.name, c.role, c.kind, c.levels) for c in table.schema.columns] for table in (found, wanted)]
    assert roles[0] == roles[1]
    assert found.path == (None if kind == "postgresql" else Path(places[kind]).resolve())


def test_types_come_as_the_database_has_them(places):
    said = (
        "SELECT 7::bigint AS i, 0.5::float8 AS x, true AS b, '007'::text AS t, 1.50::numeric(10,2) AS d, "
        "date '2020-02-03' AS seen, timestamp '2020-02-03 04:05:06' AS written, time '04:05' AS clock, "
        "interval '1 hour' AS wait, NULL::text AS nothing"
    )
    for kind in ("duckdb", "postgresql"):
        frame = read_source(Query(places[kind], said)).frame
        assert frame.dtypes == [
            *(pl.Int64, pl.Float64, pl.Boolean, pl.String, pl.String, pl.Date, pl.Datetime("us"), pl.Time),
            *(pl.Duration("us"), pl.String),
        ]
        assert [str(cell) for cell in frame.row(0)] == [
            *("7", "0.5", "True", "007", "1.50", "2020-02-03", "2020-02-03 04:05:06", "04:05:00", "1:00:00", "None")
        ]
    mixed = read_source(Query(places["sqlite"], "SELECT 7 i, 0.5 x, '007' t, NULL e UNION ALL SELECT 'seven', 1.0, '8', 2"))
    assert mixed.frame.rows() == [("7", "0.5", "007", None), ("seven", "1.0", "8", "2")]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("SELECT nothing FROM visits", r"the query fails \(.*nothing.*\): correct it"),
        ("SELEC id FROM visits", r"(?i)the query fails \(.*selec.*\): correct it"),
        ("SELECT * FROM nowhere", r"the query fails \(.*nowhere.*\): correct it"),
        ("SELECT * FROM visits WHERE n < 0", r"the query gives no rows: a table needs at least one"),
        ("SELECT id, year, id FROM visits", r"several columns named 'id' \(columns 1 and 3\)"),
        ("DELETE FROM visits", "one statement that only reads, a SELECT"),
        ("DROP TABLE visits", "one statement that only reads, a SELECT"),
        ("INSERT INTO visits (n) VALUES (1) RETURNING n", "one statement that only reads, a SELECT"),
        ("SELECT 1 AS one; DROP TABLE visits", r"one statement|multiple commands"),
        ("SELECT 1 AS one; COMMIT; DROP TABLE visits", r"one statement|multiple commands"),
    ],
)
def test_a_query_that_cannot_be_read_is_said_in_a_sentence_and_changes_nothing(places, kind, statement, words):
    with pytest.raises(ReverieError, match=words) as caught:
        read_source(Query(places[kind], statement))
    said = str(caught.value)
    assert "hush" not in said and "\n" not in said and said.startswith(Query(places[kind], "").name)
    assert read_source(Query(places[kind], "SELECT count(*) AS n FROM visits")).frame.row(0) in [(1945,), ("1945",)]


def test_no_query_reaches_beyond_its_database(places, tmp_path):
    other = tmp_path / "other.csv"
    other.write_text("a\n1\n")
    for kind, statement in (("duckdb", f"SELECT * FROM '{other}'"), ("parquet", f"SELECT * FROM read_csv('{other}')")):
        with pytest.raises(UsageError, match="the query fails"):
            read_source(Query(places[kind], statement))
    with pytest.raises(UsageError, match="only reads"):
        read_source(Query(places["sqlite"], f"ATTACH '{tmp_path / 'new.db'}' AS new"))
    assert not (tmp_path / "new.db").exists()


def test_a_server_that_is_not_there_and_one_that_refuses_are_told_apart(places, postgresql, monkeypatch, tmp_path):
    import psycopg

    monkeypatch.delenv("PGPASSWORD", raising=False)
    monkeypatch.setenv("PGPASSFILE", str(tmp_path / "none"))
    gone = re.sub(r":\d+/", ":1/", places["postgresql"])
    with pytest.raises(UsageError, match=r"cannot be reached \(.*refused.*\): start the server") as caught:
        read_source(Query(gone, ALL))
    assert "hush" not in str(caught.value) and "postgresql://reverie@127.0.0.1:1/postgres" in str(caught.value)
    with pytest.raises(UsageError, match=r"cannot be reached \(.*\"nowhere\" does not exist"):
        read_source(Query(postgresql.replace("/postgres", "/nowhere"), ALL))
    with psycopg.connect(postgresql, autocommit=True) as connection:
        connection.execute("CREATE DATABASE guarded")
    guarded = places["postgresql"].replace("/postgres", "/guarded")
    for place in (guarded, guarded.replace(":hush%21", "")):
        with pytest.raises(UsageError, match=r"user and password: put the right one in ~/.pgpass or PGPASSWORD") as caught:
            read_source(Query(place, "SELECT 1 AS one"))
        assert "hush" not in str(caught.value)
    monkeypatch.setenv("PGPASSWORD", "open sesame")
    assert read_source(Query(guarded.replace(":hush%21", ""), "SELECT 1 AS one")).frame.row(0) == (1,)


def test_an_address_that_is_none_is_told_without_its_password(places):
    for password in ("hush/up", "hush@up", "hush:1/2"):
        with pytest.raises(UsageError, match="postgresql://me@host/x is no address: write postgresql://user@host") as caught:
            read_source(Query(f"postgresql://me:{password}@host/x", ALL))
        assert "hush" not in str(caught.value)


def test_a_folder_of_text_is_asked_as_text(tmp_path):
    for number in range(2):
        (tmp_path / f"{number}.csv").write_text(f"patient,day\n007,{number}\n008,{number}\n")
    asked = Query(str(tmp_path), "SELECT * FROM source WHERE patient = '007' ORDER BY day")
    assert read_source(asked).frame.rows() == [("007", "0"), ("007", "1")]


def test_cells_of_several_values_are_refused_by_name(places):
    for kind, cell, words in (
        ("postgresql", "'{}'::jsonb", "cells of type jsonb"),
        ("postgresql", "array[1]", "cells of type int4"),
        ("duckdb", "[1]", r"cells of type INTEGER\[\]"),
        ("sqlite", "x'00'", "the cell holds bytes"),
    ):
        with pytest.raises(DataError, match=rf"column 'bad': {words}"):
            read_source(Query(places[kind], f"SELECT 1 AS a, {cell} AS bad"))


def test_what_fails_in_the_middle_is_said_in_the_databases_own_words(places):
    for kind in ("duckdb", "postgresql"):
        with pytest.raises(UsageError, match=r"(?i)the query fails \(.*division by zero|could not convert|invalid input"):
            read_source(Query(places[kind], "SELECT CAST(CASE WHEN n = 1900 THEN 'x' ELSE '1' END AS int) AS c FROM visits"))


@pytest.mark.parametrize(("kind", "module"), [("duckdb", "duckdb"), ("postgresql", "psycopg")])
def test_without_the_driver_the_extra_is_named(places, kind, module, monkeypatch):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(UsageError, match=r"pip install 'reverie\[databases\]'"):
        read_source(Query(places[kind], ALL))


def test_places_that_cannot_be_asked_are_named(tmp_path):
    (tmp_path / "x.sav").write_bytes(b"$FL2")
    for place, words in (
        (tmp_path / "none.db", "there is no file"),
        (tmp_path / "x.sav", r"x.sav is neither a DuckDB nor a SQLite file"),
        ("mysql://me:secret@host/x", "not mysql://me@host/x"),
    ):
        with pytest.raises(UsageError, match=words):
            read_source(Query(str(place), ALL))


def test_a_password_is_taken_out_of_an_address_wherever_it_stands():
    assert redacted("postgresql://me:a%40b:c@host:5432/x?sslmode=require") == "postgresql://me@host:5432/x?sslmode=require"
    assert (
        redacted("postgresql://host/x?user=me&password=hush&sslmode=require")
        == "postgresql://host/x?user=me&sslmode=require"
    )
    assert redacted("postgresql://host/x?password=hush") == "postgresql://host/x"
    for password in ("p@ss", "p/ss", "p:s/s@", "p#s"):
        place = f"postgresql://me:{password}@host/x"
        assert redacted(place) == "postgresql://me@host/x"
    assert "hush" not in repr(Query("postgresql://me:hush@host/x", ALL))
