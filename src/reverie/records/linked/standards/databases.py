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

__all__ = ["DatabaseFile"]

_SQL = {pl.Int64: "BIGINT", pl.Float64: "DOUBLE", pl.Date: "DATE", pl.Datetime: "TIMESTAMP", pl.String: "VARCHAR"}


class DatabaseFile:
    """Tables of a database file; `new` opens one.

    Attributes:
        rows: by table, as far as they are written.
    """

    def __init__(self, connection: Any, folder: Path, duck: bool) -> None:
        self.connection, self.folder, self.duck = connection, folder, duck
        self.rows: dict[str, int] = {}

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
            try:
                import duckdb
            except ImportError:
                raise UsageError("to write a DuckDB file, install it: pip install 'reverie[databases]'.") from None
            with duckdb.connect(str(temporary)) as connection:
                yield cls(connection, temporary.parent, True)

    def add(self, table: str, frame: pl.DataFrame) -> None:
        """Writes further rows of a table, which begins with its first."""
        if table not in self.rows:
            columns = ", ".join(f'"{c}" {_SQL[dtype.base_type()]}' for c, dtype in frame.schema.items())
            self.connection.execute(f'CREATE TABLE "{table}" ({columns})')
        self.rows[table] = self.rows.get(table, 0) + frame.height
        if self.duck:  # by way of a file: to take a frame itself it wants pyarrow
            with tempfile.TemporaryDirectory(dir=self.folder, prefix=".part.") as folder:
                part = Path(folder) / "part.parquet"
                frame.write_parquet(part)
                self.connection.execute(f'INSERT INTO "{table}" SELECT * FROM read_parquet(?)', [str(part)])
            return
        text = frame.with_columns(
            pl.selectors.datetime().dt.to_string("%Y-%m-%dT%H:%M:%S%.f"), pl.selectors.date().dt.to_string("%Y-%m-%d")
        )
        self.connection.executemany(f'INSERT INTO "{table}" VALUES ({", ".join("?" * frame.width)})', text.iter_rows())
