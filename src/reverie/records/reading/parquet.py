"""Parquet, judged by its footer before a page of it is read."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from reverie.records import footer
from reverie.records.places import damaged, not_one_value, shown
from reverie.records.reading.bounds import Bounds

__all__ = ["read_parquet"]

_FOOTER = 16 * 2**10
"""Bytes of a Parquet footer for each column that there may be: those of some hundred row groups."""


def read_parquet(path: Path, name: str, most: Bounds) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """The table, and no notes. Raises DataError for a damaged file, one beyond the bounds, and cells of several values."""
    try:
        schema = pl.read_parquet_schema(path)
        most.check(name, columns=len(schema))
        for column, dtype in schema.items():
            if dtype.is_nested():  # a cell of these may hold anything, and none is modelled
                raise not_one_value(name, column, dtype)
        rows = pl.scan_parquet(path).select(pl.len()).collect().item()
        most.check(name, rows=rows, cells=rows * len(schema), bytes=footer.unpacked(path, _FOOTER * most.columns))
        return pl.read_parquet(path, hive_partitioning=False), ()
    except (pl.exceptions.PolarsError, OSError, footer.Damaged, pl.exceptions.PanicException) as error:
        raise damaged(name, "Parquet file", shown(str(error).split("\n")[0], 120)) from error
