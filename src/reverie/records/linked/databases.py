"""What a database says of its tables: their names, how a statement calls them, the keys and types that it declares.

A table is called as it is there; where two schemas of a DuckDB file have one of a name, schema.table. A key of several
columns is left out: what refers to it is found out.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl

from reverie.errors import DataError, UsageError
from reverie.modality import DATABASES
from reverie.records.linked.declared import Declared
from reverie.records.places import damaged, few
from reverie.records.reading import Query, read_source
from reverie.records.reading.queries import Failed, asks_a_server, kind_of, lite, redacted

__all__ = ["counted_rows", "declared", "relations", "types", "views", "whole"]

_TABLES = {
    "duckdb": "SELECT schema_name AS place, table_name AS called, database_name AS root FROM duckdb_tables() "
    "WHERE NOT internal ORDER BY table_oid",
    "sqlite": "SELECT '' AS place, name AS called FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' "
    "ORDER BY rowid",
    "postgresql": "SELECT '' AS place, table_name AS called FROM information_schema.tables "
    "WHERE table_schema = current_schema() ORDER BY table_name",
}
_VIEWS = {
    "duckdb": "SELECT view_name AS called FROM duckdb_views() WHERE NOT internal ORDER BY view_oid",
    "sqlite": "SELECT name AS called FROM sqlite_master WHERE type = 'view' ORDER BY rowid",
}
"""A server is asked for views as for tables: there they are how a part of its tables is shown."""
_TYPES = (
    "SELECT schema_name AS place, table_name AS called, column_name AS own, data_type AS other FROM duckdb_columns() "
    "WHERE NOT internal"
)
_KEYS = {
    "duckdb": """
        SELECT schema_name AS place, table_name AS called, constraint_column_names[1] AS own,
            CASE constraint_type WHEN 'FOREIGN KEY' THEN referenced_table END AS other,
            CASE constraint_type WHEN 'FOREIGN KEY' THEN referenced_column_names[1] END AS theirs
        FROM duckdb_constraints()
        WHERE constraint_type IN ('PRIMARY KEY', 'FOREIGN KEY') AND len(constraint_column_names) = 1
        ORDER BY table_oid, constraint_index""",
    "postgresql": """
        SELECT '' AS place, t.relname::text AS called, a.attname::text AS own, r.relname::text AS other,
            b.attname::text AS theirs
        FROM pg_constraint c
        JOIN pg_class t ON t.oid = c.conrelid
        JOIN pg_namespace n ON n.oid = t.relnamespace AND n.nspname = current_schema()
        JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = c.conkey[1]
        LEFT JOIN pg_class r ON r.oid = c.confrelid AND r.relnamespace = n.oid
        LEFT JOIN pg_attribute b ON b.attrelid = r.oid AND b.attnum = c.confkey[1]
        WHERE cardinality(c.conkey) = 1 AND (c.contype = 'p' OR (c.contype = 'f' AND r.oid IS NOT NULL))
        ORDER BY t.relname, c.conname""",
}


def relations(place: str, name: str) -> dict[str, str]:
    """What each table of a database is in a statement, by its name. Raises UsageError for a database of none, and DataError
    for one that does not answer."""
    if not asks_a_server(place) and not place.lower().endswith(DATABASES):
        held = "is one file" if Path(place).is_file() else "is not there"
        raise UsageError(f"{name} {held}: give a folder of tables, .csv or .parquet, or a DuckDB or SQLite file.")
    frame = _told(place, name, _TABLES[_kind(place)])
    if not frame.height:
        said = f"{redacted(name)} holds no table: give one that does."
        if alone := views(place, name):
            said = f"{redacted(name)} holds views alone ({few(alone)}): make tables of them (CREATE TABLE t AS SELECT ...)."
        raise UsageError(said)
    root = frame["root"][0] if "root" in frame.columns else ""  # a schema may be called as the file
    return {called: _quoted(root, of, table) for called, (of, table) in _called(frame).items()}


def views(place: str, name: str) -> list[str]:
    """The views that are no tables of a database."""
    return [] if asks_a_server(place) else _told(place, name, _VIEWS[_kind(place)])["called"].to_list()


def declared(place: str, name: str) -> Declared:
    """The keys that a database declares; none where it does not tell."""
    names = _called(_told(place, name, _TABLES[_kind(place)]))
    lower = {(of, table.lower()): called for called, (of, table) in names.items()}
    keys: dict[str, str] = {}
    refers: dict[str, dict[str, tuple[str, str | None]]] = {}
    for of, table, own, other, theirs in _declared(place, name):
        here, there = lower.get((of, table.lower())), lower.get((of, (other or "").lower()))
        if here is not None and other is None:
            keys[here] = own
        elif here is not None and there is not None:
            refers.setdefault(here, {})[own] = (there, theirs)
    return Declared(keys, refers)


def types(place: str, name: str) -> dict[str, dict[str, str]]:
    """By table and column, the type that a DuckDB or SQLite file declares; none of a server."""
    if asks_a_server(place):
        return {}
    names = {called: table for table, called in _called(_told(place, name, _TABLES[_kind(place)])).items()}
    if _kind(place) == "sqlite":
        found = [("", *each) for each in lite.types(place)]
    else:
        found = _told(place, name, _TYPES).select("place", "called", "own", "other").rows()
    out: dict[str, dict[str, str]] = {}
    for of, table, column, declared in found:
        if declared and (of, table) in names:
            out.setdefault(names[of, table], {})[column] = declared
    return out


def _declared(place: str, name: str) -> list[tuple[str, str, str, str | None, str | None]]:
    """Schema, table and column of each key; of one that refers to another table, that table, and the column there."""
    if (kind := _kind(place)) == "sqlite":
        return [("", *key) for key in lite.declared(place)]
    try:
        frame = _told(place, name, _KEYS[kind])
    except DataError:  # an older DuckDB has no such columns
        return []
    return frame.select("place", "called", "own", "other", "theirs").rows()


def counted_rows(place: str, relation: str) -> int:
    """How many rows a table of a database has."""
    counting = Query.of(place, f"SELECT count(*) AS n FROM {relation}")
    with whole(counting.name):
        return int(read_source(counting).frame["n"][0])


@contextmanager
def whole(name: str) -> Iterator[None]:
    """Where all of a table is asked for, and the database does not answer, that is damaged, or lets nobody read it."""
    try:
        yield
    except Failed as error:
        raise damaged(name, "table of a database that can be read", error.said) from error


def _kind(place: str) -> str:
    if asks_a_server(place):
        return "postgresql"
    return kind_of(Path(place)) or ("duckdb" if place.lower().endswith(".duckdb") else "sqlite")


def _told(place: str, name: str, statement: str) -> pl.DataFrame:
    """What a database answers, as text; no column where that is no row. Raises DataError where it does not."""
    try:
        frame = read_source(Query.of(place, statement)).frame
    except Failed as error:
        raise damaged(redacted(name), "database", error.said) from error
    except DataError:  # an answer without a row
        return pl.DataFrame(schema=dict.fromkeys(("place", "called", "own", "other", "theirs"), pl.String))
    place_of = pl.col("place").fill_null("") if "place" in frame.columns else pl.lit("").alias("place")
    return frame.with_columns(pl.all().cast(pl.String)).with_columns(place_of)


def _called(tables: pl.DataFrame) -> dict[str, tuple[str, str]]:
    """The schema and the name of each table, by what it is called here."""
    twice = set(tables["called"].filter(tables["called"].is_duplicated()))
    return {
        f"{of}.{table}" if table in twice else table: (of, table)
        for of, table in tables.select("place", "called").iter_rows()
    }


def _quoted(*parts: str) -> str:
    return ".".join('"' + part.replace('"', '""') + '"' for part in parts if part)
