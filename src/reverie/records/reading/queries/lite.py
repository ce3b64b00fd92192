"""SQLite, by the driver that Python brings.

A cell has a type of its own there, and a column none: all are taken as text, and what they are is told as of a CSV.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import polars as pl

from reverie.errors import UsageError
from reverie.records.reading.queries.query import Columns, Query, failed

__all__ = ["declared", "fetched", "types"]

_READS = {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE}
_LOADS = "load_extension"

LONGEST = 2**26
"""Bytes of one cell: a column may say that it is computed, and to what."""


@contextmanager
def fetched(query: Query) -> Iterator[tuple[Columns, Any]]:
    """See query.Fetched. Raises UsageError for a statement that fails, or does more than read."""
    refused: list[int] = []

    def allow(action: int, first: str | None, second: str | None, *_: str | None) -> int:
        if action in _READS and second != _LOADS:
            return sqlite3.SQLITE_OK
        refused.append(action)
        return sqlite3.SQLITE_DENY

    try:
        with closing(_opened(query.place)) as connection:
            connection.set_authorizer(allow)
            cursor = connection.execute(query.statement)
            if cursor.description is None:
                raise _writes(query)
            columns = [(about[0], pl.String) for about in cursor.description]

            def fetch(count: int) -> Sequence[Sequence[Any]]:
                try:
                    return cursor.fetchmany(count)
                except sqlite3.Error as error:  # the file is damaged further on
                    raise failed(query, error) from error

            yield columns, fetch
    except (sqlite3.Error, sqlite3.Warning) as error:
        raise (_writes(query) if refused else failed(query, error)) from error


def declared(place: str) -> list[tuple[str, str, str | None, str | None]]:
    """The keys of one column that a file declares: table and column; of one that refers to another table, that table, and
    the column there, None if that is its key. Nothing of a file that is none."""
    found: list[tuple[str, str, str | None, str | None]] = []
    try:
        with closing(_opened(place)) as connection:
            names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY rowid").fetchall()
            for (table,) in names:
                key = connection.execute("SELECT name FROM pragma_table_info(?) WHERE pk > 0", (table,)).fetchall()
                found += [(table, column, None, None) for (column,) in key if len(key) == 1]
                ties = connection.execute(
                    'SELECT id, "from", "table", "to" FROM pragma_foreign_key_list(?)', (table,)
                ).fetchall()
                of = [tie[0] for tie in ties]
                found += [(table, *tie[1:]) for tie in ties if of.count(tie[0]) == 1]
    except (sqlite3.Error, sqlite3.Warning):
        return []
    return found


def types(place: str) -> list[tuple[str, str, str]]:
    """Table, column and the type that a file declares of it, "" for none. Nothing of a file that is none."""
    try:
        with closing(_opened(place)) as connection:
            return connection.execute(
                "SELECT m.name, c.name, c.type FROM sqlite_master m, pragma_table_info(m.name) c WHERE m.type = 'table'"
            ).fetchall()
    except (sqlite3.Error, sqlite3.Warning):
        return []


def _opened(place: str) -> sqlite3.Connection:
    """A file, opened to be read only."""
    connection = sqlite3.connect(f"file:{quote(str(Path(place).resolve()))}?mode=ro", uri=True)
    try:
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, LONGEST)
        connection.execute("PRAGMA trusted_schema = OFF")  # what a foreign file has columns computed by
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _writes(query: Query) -> UsageError:
    return UsageError(f"{query.name}: --query takes one statement that only reads, a SELECT.")
