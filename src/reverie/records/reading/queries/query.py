"""The rows of a query as a table: what a database answers, taken from it some rows at a time.

A query only reads. A DuckDB or SQLite file is opened so that nothing can be written to it, PostgreSQL is asked in a
transaction that is READ ONLY; no statement but one that gives rows is run. The password of an address goes to the server,
and stands in no message, note or file.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import polars as pl

from reverie.errors import DataError, UsageError
from reverie.records.places import at, shown, twice
from reverie.records.reading.stream import Stream, state_of

__all__ = ["Columns", "Failed", "Fetched", "Query", "asks_a_server", "failed", "kind_of", "query_stream", "redacted"]

BATCH = 25_000
"""Rows that are taken from a database at a time: each is some objects of Python before it is a row of a frame."""

_SERVERS = ("postgresql://", "postgres://", "postgresql+psycopg://")
_ORDERED = re.compile(r"\border\s+by\b", re.IGNORECASE)

Columns = Sequence[tuple[str, pl.DataType | type[pl.DataType]]]
"""Names and types; a String column takes the text of whatever comes."""
Fetched = AbstractContextManager[tuple[Columns, Callable[[int], Sequence[Sequence[Any]]]]]
"""What an adapter opens: the columns, and what gives the next rows, at most so many; none at the end."""


@dataclass(frozen=True)
class Query:
    """Rows that a statement asks of a database.

    Attributes:
        place: a DuckDB or SQLite file, a folder or a file of Parquet or CSV, or an address postgresql://user@host/database.
        statement: one SELECT, in the language of that database.
        table: of which it asks all that is there; empty of a statement that somebody wrote.
    """

    place: str = field(repr=False)
    statement: str
    table: str = ""

    @classmethod
    def of(cls, source: Any, statement: str, table: str = "") -> Query:
        """Raises UsageError where the source is no place."""
        if not isinstance(source, str | Path):
            raise UsageError(f"a query asks a database, in a file or at an address, not a {type(source).__name__}.")
        return cls(str(source), statement, table)

    @property
    def name(self) -> str:
        """What messages call it."""
        called = redacted(self.place) if asks_a_server(self.place) else Path(self.place).name
        return f"{called}.{self.table}" if self.table else called

    @property
    def path(self) -> Path | None:
        return None if asks_a_server(self.place) else Path(self.place).resolve()


def asks_a_server(place: str) -> bool:
    """Whether a place is the address of a server."""
    return place.lower().startswith(_SERVERS)


def redacted(place: str) -> str:
    """An address without its password."""
    place = re.sub(r"^(\w[\w+]*://[^:/@]*):.*@", r"\1@", place)  # up to the last @, for who forgets to write it as %40
    return re.sub(r"(?i)([?&])(password|sslpassword|passfile)=[^&]*&?", r"\1", place).rstrip("?&")


class Failed(UsageError):
    """A statement that a database does not run; `said` is why, in its own words."""

    def __init__(self, name: str, said: str) -> None:
        super().__init__(f"{name}: the query fails ({said}): correct it.")
        self.said = said


def failed(query: Query, error: BaseException) -> Failed:
    """The error for a statement that a database does not run."""
    said = next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
    return Failed(query.name, _without_password(said, query.place))


def _without_password(said: str, place: str) -> str:
    """Words of a database, in which an address may be quoted."""
    said = redacted(said)
    password = urlsplit(place).password if asks_a_server(place) else None
    for secret in {password, unquote(password)} if password else ():
        said = said.replace(secret, "***")
    return said if len(said) <= 300 else said[:297] + "..."


def query_stream(query: Query) -> Stream:
    """The rows that a query gives, in the order in which they come.

    Raises UsageError for a place that cannot be asked, a statement that fails or that does not only read, and where the
    driver of the database is not installed; DataError for columns that cannot be in a table.
    """
    fetched = _adapter(query)
    files = [] if query.path is None else _files(query.path)
    notes = ("The query has no ORDER BY: its rows may come in another order the next time, and are another table then.",) * (
        not _ORDERED.search(query.statement)
    )

    def state() -> Any:
        return {"query": query.statement, **state_of(files, files[0])} if files else None

    return Stream(
        query.name,
        lambda: _chunks(query, fetched),
        state=state,
        notes=lambda: notes,
        path=query.path,
        query=query.statement,
    )


def _files(path: Path) -> list[Path]:
    """The files that hold a database: it, and what was written to it last."""
    if path.is_dir():
        return sorted(found for found in path.rglob("*") if found.is_file())
    return [path, *(log for log in (Path(f"{path}-wal"), Path(f"{path}.wal")) if log.exists())]


def _adapter(query: Query) -> Callable[[Query], Fetched]:
    if asks_a_server(query.place):
        from reverie.records.reading.queries import postgresql

        return postgresql.fetched
    if "://" in query.place:
        raise UsageError(
            f"--query asks a DuckDB or SQLite file or a server at postgresql://..., not {redacted(query.place)}."
        )
    from reverie.records.reading.queries import duck, lite

    path = Path(query.place)
    if path.is_dir():
        return duck.fetched
    if not path.is_file():
        raise UsageError(f"there is no file {path} to ask: give a DuckDB or SQLite file, or an address postgresql://...")
    kind = kind_of(path)
    if kind == "sqlite":
        return lite.fetched
    if kind == "duckdb" or path.name.lower().endswith(duck.SUFFIXES):
        return duck.fetched
    raise UsageError(
        f"{path.name} is neither a DuckDB nor a SQLite file, nor Parquet or CSV: it cannot be asked for rows, so save it as "
        "one of these."
    )


def kind_of(file: Path) -> str:
    """What a file is by its first bytes, whatever it is called: "sqlite", "duckdb", or "" of neither."""
    with file.open("rb") as content:
        start = content.read(16)
    return "sqlite" if start == b"SQLite format 3\0" else "duckdb" if start[8:12] == b"DUCK" else ""


def _chunks(query: Query, fetched: Callable[[Query], Fetched]) -> Iterator[pl.DataFrame]:
    with fetched(query) as (columns, fetch):
        names = [name for name, _ in columns]
        if again := next((name for name, count in Counter(names).items() if count > 1), None):
            raise twice(query.name, again, [place for place, name in enumerate(names) if name == again])
        row = 0
        while rows := fetch(BATCH):
            cells = zip(*rows, strict=True)
            yield pl.DataFrame([_series(n, t, v, row, query) for (n, t), v in zip(columns, cells, strict=True)])
            row += len(rows)
        if not row:
            raise DataError(f"{query.name}: the query gives no rows: a table needs at least one.")


def _series(name: str, dtype: pl.DataType | type[pl.DataType], values: Sequence[Any], row: int, query: Query) -> pl.Series:
    if dtype == pl.String:
        odd = next(
            (place for place, v in enumerate(values) if isinstance(v, bytes | memoryview | list | dict | tuple)), None
        )
        if odd is not None:
            what = "make it text or a number" if query.table else "cast it to text or numbers in the query"
            raise DataError(
                f"{at(query.name, row + odd + 1, name)}the cell holds {type(values[odd]).__name__}, not one value: {what}, "
                "or leave the column out."
            )
        return pl.Series(name, [v if v is None or isinstance(v, str) else str(v) for v in values], dtype=dtype)
    try:
        return pl.Series(name, values, dtype=dtype, strict=True)
    except (TypeError, ValueError, OverflowError, pl.exceptions.PolarsError) as error:
        said = shown(str(error).splitlines()[0], 120)
        raise DataError(
            f"{at(query.name, None, name)}a cell of the rows {row + 1:,} to {row + len(values):,} cannot be read as {dtype} "
            f"({said}): cast it in the query."
        ) from error
