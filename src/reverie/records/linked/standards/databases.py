"""A DuckDB or SQLite file of tables, which grow by frames. It takes its place when all is written."""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import polars as pl

from reverie.errors import UsageError
from reverie.files import writing

__all__ = ["DatabaseFile", "quoted"]

_SQL = {pl.Int64: "BIGINT", pl.Float64: "DOUBLE", pl.Date: "DATE", pl.Datetime: "TIMESTAMP", pl.String: "VARCHAR"}


class DatabaseFile:
    """Tables of a database file; `new` opens one.

    Attributes:
        rows: by table, as far as they are written.
    """

    def __init__(self, connection: Any, folder: Path, duck: bool) -> None:
        self.connection, self.folder, self.duck = connection, folder, duck
        self.rows: dict[str, int] = {}

    @staticmethod
    def check(place: Path) -> None:
        """Raises UsageError where DuckDB is not installed, for a .duckdb file."""
        if place.suffix.lower() == ".duckdb":
            _duckdb()

    @classmethod
    @contextmanager
    def new(cls, place: Path) -> Iterator[DatabaseFile]:
        """Yields the tables of a new file; what is at `place` is replaced when the block ends well.

        Raises UsageError where DuckDB is not installed, for a .duckdb file.
        """
        with writing(place) as temporary:
            temporary.unlink()  # DuckDB opens no empty file
            if place.suffix.lower() != ".duckdb":
                connection = sqlite3.connect(temporary)
                try:
                    yield cls(connection, temporary.parent, False)
                    connection.commit()
                finally:
                    connection.close()
                return
            duckdb = _duckdb()
            with duckdb.connect(str(temporary)) as connection:
                yield cls(connection, temporary.parent, True)

    def create(self, table: str, definition: str) -> None:
        """Begins a table, of columns and keys as SQL has them."""
        self.connection.execute(f"CREATE TABLE {quoted(table)} ({definition})")
        self.rows[table] = 0

    def add(self, table: str, frame: pl.DataFrame) -> None:
        """Writes further rows of a table, which begins with its first unless `create` has begun it."""
        if table not in self.rows:
            self.create(table, ", ".join(f"{quoted(c)} {_SQL[dtype.base_type()]}" for c, dtype in frame.schema.items()))
        self.rows[table] = self.rows.get(table, 0) + frame.height
        if self.duck:  # by way of a file: to take a frame itself it wants pyarrow
            with tempfile.TemporaryDirectory(dir=self.folder, prefix=".part.") as folder:
                part = Path(folder) / "part.parquet"
                frame.write_parquet(part)
                self.connection.execute(f"INSERT INTO {quoted(table)} SELECT * FROM read_parquet(?)", [str(part)])
            return
        of = pl.selectors
        text = frame.with_columns(
            of.datetime().dt.to_string("%Y-%m-%dT%H:%M:%S%.f"), of.date().dt.to_string("%Y-%m-%d"),
            of.time().dt.to_string("%H:%M:%S%.f"), of.decimal().cast(pl.Float64),
            (of.duration() | of.categorical() | of.enum()).cast(pl.String),
        )  # fmt: skip
        marks = ", ".join("?" * frame.width)
        self.connection.executemany(f"INSERT INTO {quoted(table)} VALUES ({marks})", text.iter_rows())


def quoted(name: str) -> str:
    """A name as SQL has it, whatever is in it."""
    return '"' + name.replace('"', '""') + '"'


def _duckdb() -> Any:
    try:
        import duckdb
    except ImportError:
        raise UsageError("to write a DuckDB file, install it: pip install 'reverie[databases]'.") from None
    return duckdb
