"""Parquet, judged by its footer before a page of it is read: one file, or many as one table.

In a folder of files the names of folders may say more, as Hive writes them: site=3/year=2020/part-0.parquet. Their keys
become columns of text behind the others, so that what they hold is read as a CSV's cells are: 007 is a name.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote

import polars as pl

from reverie.errors import DataError
from reverie.records import footer
from reverie.records.places import damaged, not_one_value, shown
from reverie.records.reading.bounds import Bounds
from reverie.records.reading.stream import CHUNK, File, Stream

__all__ = ["parquet_in", "parquet_stream", "read_parquet"]

_FOOTER = 16 * 2**10
"""Bytes of a Parquet footer for each column that there may be: those of some hundred row groups."""
_TEXT = 24
"""Bytes of a cell of text in memory: a view of 16, and what is longer than 12 apart."""
_HIVE = re.compile(r"([^=]+)=(.*)")
_NO_VALUE = "__HIVE_DEFAULT_PARTITION__"
_FAULTS = (pl.exceptions.PolarsError, OSError, footer.Damaged, pl.exceptions.PanicException)


def read_parquet(path: Path, name: str, most: Bounds) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """The table, and no notes. Raises DataError for a damaged file, one beyond the bounds, and cells of several values."""
    try:
        schema, rows, _ = _looked_at(path, name, most)
        most.check(name, rows=rows, cells=rows * len(schema), bytes=footer.unpacked(path, _FOOTER * most.columns))
        return pl.read_parquet(path, hive_partitioning=False), ()
    except _FAULTS as error:
        raise _damaged(name, error) from error


def parquet_in(folder: Path) -> list[Path]:
    """The Parquet files in a folder and below it, by name; not hidden ones, and those that begin with _, as notes of
    writers do."""
    found = (path for path in folder.rglob("*") if path.name.lower().endswith(".parquet") and path.is_file())
    return sorted(path for path in found if not any(part[0] in "._" for part in path.relative_to(folder).parts))


def parquet_stream(
    files: Sequence[File],
    name: str,
    most: Bounds,
    state: Callable[[], Any],
    path: Path | None,
    told: Callable[[str], AbstractContextManager[None]] = nullcontext,
) -> Stream:
    """The rows of Parquet files, one after the other, as they are read.

    Args:
        state, path: of the stream.
        told: turns what reading raises into a sentence, given the name of the source.

    Raises DataError, naming file and column, for a damaged footer and for files with other columns or types than the first.
    """
    called = [file.called(name) for file in files]
    looked: list[tuple[pl.Schema, int, float]] = []
    for file, of in zip(files, called, strict=True):
        with told(name), _whole(file, of):
            looked.append(_looked_at(file.place, of, most))
    schema = _common({of: schema for of, (schema, *_) in zip(called, looked, strict=True)})
    keys = [_keys(PurePosixPath(file.name.replace("\\", "/")), of) for file, of in zip(files, called, strict=True)]
    names = list(keys[0])
    if odd := next((number for number, said in enumerate(keys) if list(said) != names), None):
        raise DataError(
            f"{called[odd]} lies in folders that say {', '.join(keys[odd]) or 'nothing'}, where those of "
            f"{called[0]} say {', '.join(names) or 'nothing'}: give all files folders of the same names (key=value)."
        )

    def chunks() -> Iterator[pl.DataFrame]:
        for file, of, said, (_, rows, _) in zip(files, called, keys, looked, strict=True):
            about = [pl.lit(value, pl.String).alias(key) for key, value in said.items()]
            with told(name), _whole(file, of):
                for part in _parts(file.place, rows):
                    typed = part.select(pl.col(column).cast(dtype) for column, dtype in schema.items())
                    yield typed.drop(said, strict=False).with_columns(about)

    rows, size = sum(rows for _, rows, _ in looked), sum(size for *_, size in looked)
    more = f"; {', '.join(names)} from their folders." if names else "."
    notes = (f"{len(files):,} Parquet files were read as one table{more}",) if files[0].name else ()
    return Stream(name, chunks, rows, size, state, lambda: notes, path)


def _parts(place: Path | str, rows: int) -> Iterator[pl.DataFrame]:
    """What is far away is fetched once, ahead of its use; what is near is read as it is used, which takes less memory."""
    if isinstance(place, str):
        yield from pl.scan_parquet(place, hive_partitioning=False).collect_batches(
            chunk_size=CHUNK, maintain_order=True, lazy=True, engine="streaming"
        )
        return
    for start in range(0, rows, CHUNK):
        yield pl.scan_parquet(place, hive_partitioning=False, low_memory=True).slice(start, CHUNK).collect()


@contextmanager
def _whole(file: File, name: str) -> Iterator[None]:
    """Says which file is damaged. What is far away is not there, or not to be read, rather."""
    try:
        yield
    except _FAULTS as error:
        if isinstance(file.place, str) and isinstance(error, OSError):
            raise
        raise _damaged(name, error) from error


def _looked_at(place: Path | str, name: str, most: Bounds) -> tuple[pl.Schema, int, float]:
    """Columns, rows, and about how many bytes the cells take, by the footer."""
    schema = pl.read_parquet_schema(place)
    most.check(name, columns=len(schema))
    for column, dtype in schema.items():
        if dtype.is_nested():  # a cell of these may hold anything, and none is modelled
            raise not_one_value(name, column, dtype)
    rows = pl.scan_parquet(place, hive_partitioning=False).select(pl.len()).collect().item()
    pages = footer.unpacked(place, _FOOTER * most.columns) if isinstance(place, Path) else 0
    return pl.Schema(schema), rows, max(pages, rows * sum(_TEXT if dtype == pl.String else 8 for dtype in schema.values()))


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


def _keys(place: PurePosixPath, name: str) -> dict[str, str | None]:
    """What the names of the folders say of a file."""
    pairs = [match.groups() for part in place.parts[:-1] if (match := _HIVE.fullmatch(part))]
    keys = {unquote(key): None if value == _NO_VALUE else unquote(value) for key, value in pairs}
    if len(keys) < len(pairs):
        raise DataError(f"{name} lies in two folders that say the same key: leave one of them out.")
    return keys


def _damaged(name: str, error: BaseException) -> DataError:
    return damaged(name, "Parquet file", shown(str(error).split("\n")[0], 120))
