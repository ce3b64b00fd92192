"""Parquet, judged by its footer before a page of it is read: one file, or many as one table.

In a folder of files the names of folders may say more, as Hive writes them: site=3/year=2020/part-0.parquet. Their keys
become columns of text behind the others, so that what they hold is read as a CSV's cells are: 007 is a name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import polars as pl

from reverie.errors import DataError
from reverie.records import footer
from reverie.records.places import damaged, not_one_value, shown
from reverie.records.reading.bounds import Bounds
from reverie.records.reading.stream import CHUNK, Stream, state_of

__all__ = ["parquet_in", "parquet_stream", "read_parquet"]

_FOOTER = 16 * 2**10
"""Bytes of a Parquet footer for each column that there may be: those of some hundred row groups."""
_HIVE = re.compile(r"([^=]+)=(.*)")
_NO_VALUE = "__HIVE_DEFAULT_PARTITION__"
_FAULTS = (pl.exceptions.PolarsError, OSError, footer.Damaged, pl.exceptions.PanicException)


def read_parquet(path: Path, name: str, most: Bounds) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """The table, and no notes. Raises DataError for a damaged file, one beyond the bounds, and cells of several values."""
    try:
        schema, rows, size = _looked_at(path, name, most)
        most.check(name, rows=rows, cells=rows * len(schema), bytes=size)
        return pl.read_parquet(path, hive_partitioning=False), ()
    except _FAULTS as error:
        raise _damaged(name, error) from error


def parquet_in(folder: Path) -> list[Path]:
    """The Parquet files in a folder and below it, by name; not hidden ones, and those that begin with _, as notes of
    writers do."""
    found = (path for path in folder.rglob("*") if path.name.lower().endswith(".parquet") and path.is_file())
    return sorted(path for path in found if not any(part[0] in "._" for part in path.relative_to(folder).parts))


def parquet_stream(place: Path, name: str, most: Bounds) -> Stream:
    """The rows of a Parquet file, or of all those of a folder, one after the other by name, as they are read.

    Raises DataError, naming file and column, for a damaged footer and for files with other columns or types than the first.
    """
    paths = parquet_in(place) if place.is_dir() else [place]
    called = {path: f"{name}/{path.relative_to(place)}" if path != place else name for path in paths}
    looked: dict[Path, tuple[pl.Schema, int, int]] = {}
    for path in paths:
        try:
            looked[path] = _looked_at(path, called[path], most)
        except _FAULTS as error:
            raise _damaged(called[path], error) from error
    schema = _common({called[path]: schema for path, (schema, *_) in looked.items()})
    keys = {path: _keys(path.relative_to(place), called[path]) if path != place else {} for path in paths}
    names = list(keys[paths[0]])
    if odd := next((path for path in paths if list(keys[path]) != names), None):
        raise DataError(
            f"{called[odd]} lies in folders that say {', '.join(keys[odd]) or 'nothing'}, where those of "
            f"{called[paths[0]]} say {', '.join(names) or 'nothing'}: give all files folders of the same names (key=value)."
        )

    def chunks() -> Iterator[pl.DataFrame]:
        for path in paths:
            about = [pl.lit(value, pl.String).alias(key) for key, value in keys[path].items()]
            for start in range(0, looked[path][1], CHUNK):
                try:
                    part = pl.scan_parquet(path, hive_partitioning=False, low_memory=True).slice(start, CHUNK).collect()
                except _FAULTS as error:
                    raise _damaged(called[path], error) from error
                part = part.select(pl.col(column).cast(dtype) for column, dtype in schema.items())
                yield part.drop(keys[path], strict=False).with_columns(about)

    rows, size = (sum(counts) for counts in zip(*((rows, size) for _, rows, size in looked.values()), strict=True))
    notes = (
        f"{len(paths):,} Parquet files were read as one table"
        + (f"; {', '.join(names)} from their folders." * bool(names) or "."),
    )
    return Stream(
        name, chunks, rows, size, lambda: state_of(paths, place), lambda: notes if place.is_dir() else (), place.resolve()
    )


def _looked_at(path: Path, name: str, most: Bounds) -> tuple[pl.Schema, int, int]:
    """Columns, rows, and bytes of all pages unpacked, by the footer."""
    schema = pl.read_parquet_schema(path)
    most.check(name, columns=len(schema))
    for column, dtype in schema.items():
        if dtype.is_nested():  # a cell of these may hold anything, and none is modelled
            raise not_one_value(name, column, dtype)
    rows = pl.scan_parquet(path, hive_partitioning=False).select(pl.len()).collect().item()
    return pl.Schema(schema), rows, footer.unpacked(path, _FOOTER * most.columns)


def _common(schemas: dict[str, pl.Schema]) -> pl.Schema:
    """The columns of all files, in the order of the first; a column without a value in one file has the others' type."""
    first, wanted = next(iter(schemas.items()))
    wanted = dict(wanted)
    for name, schema in schemas.items():
        if lost := next((column for column in wanted if column not in schema), None):
            raise DataError(
                f"{name} has no column {lost!r}, which {first} has: give all files of a folder the same columns."
            )
        if more := next((column for column in schema if column not in wanted), None):
            raise DataError(
                f"{name} has a column {more!r}, which {first} has not: give all files of a folder the same columns."
            )
        for column, dtype in schema.items():
            wanted[column] = dtype if wanted[column] == pl.Null else wanted[column]
            if dtype not in (wanted[column], pl.Null):
                raise DataError(
                    f"{name}, column {column!r}: its cells are {dtype}, and {wanted[column]} in {first}: give them the same "
                    "type in all files."
                )
    return pl.Schema(wanted)


def _keys(place: Path, name: str) -> dict[str, str | None]:
    """What the names of the folders say of a file."""
    pairs = [match.groups() for part in place.parts[:-1] if (match := _HIVE.fullmatch(part))]
    keys = {unquote(key): None if value == _NO_VALUE else unquote(value) for key, value in pairs}
    if len(keys) < len(pairs):
        raise DataError(f"{name} lies in two folders that say the same key: leave one of them out.")
    return keys


def _damaged(name: str, error: BaseException) -> DataError:
    return damaged(name, "Parquet file", shown(str(error).split("\n")[0], 120))
