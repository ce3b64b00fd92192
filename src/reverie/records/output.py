"""Writing a table that comes in parts, in memory that does not grow with their number.

    frames -> temporary file beside `path` -> `path`, by one rename

The bytes are a function of the rows and of how they are cut into frames alone: a gzip holds neither name nor time, and a
Parquet file has row groups of one size.
"""

from __future__ import annotations

import gzip
import io
import tempfile
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from pathlib import Path

import polars as pl

from reverie.errors import UsageError
from reverie.files import writing

__all__ = ["SUFFIXES", "check_table_output", "write_parquet", "write_table"]

SUFFIXES = (".csv", ".csv.gz", ".parquet")
GROUP = 2**16
"""Rows of a Parquet row group."""


def check_table_output(path: Path) -> str:
    """The suffix of a table to write. Raises UsageError if no table can have that name."""
    if path.is_dir():
        raise UsageError(f"{path} is a folder: name a file in it, with the suffix .csv, .csv.gz or .parquet.")
    suffix = next((s for s in reversed(SUFFIXES) if path.name.lower().endswith(s) and len(path.name) > len(s)), None)
    if suffix is None:
        raise UsageError(f"a table is written as .csv, .csv.gz or .parquet, so it cannot be named {path.name!r}.")
    return suffix


def write_table(
    path: Path, frames: Iterable[pl.DataFrame], spelled: Callable[[pl.DataFrame], pl.DataFrame] | None = None
) -> int:
    """Writes the rows of all frames, one after the other, and returns their number.

    Args:
        path: its suffix says how; what is there is replaced, when all is written.
        frames: at least one, all of the same columns.
        spelled: gives a frame the digits that the source's numbers have in text; for a file of text (Schema.spelled).

    Raises UsageError for a path that cannot be a table, and what `frames` raises; then `path` is as it was.
    """
    write = {".csv": _csv, ".csv.gz": _csv_gz, ".parquet": write_parquet}[check_table_output(path)]
    as_text = None if path.suffix.lower() == ".parquet" else spelled
    parts = map(as_text, frames) if as_text is not None else iter(frames)
    first = next(parts)  # before anything is made on disk: what is wrong with a request shows at its first frame
    rows = 0

    def counted() -> Iterator[pl.DataFrame]:
        nonlocal rows
        for frame in chain([first], parts):
            rows += frame.height
            yield frame

    with writing(path) as temporary:
        write(temporary, counted())
    return rows


def _csv(path: Path, frames: Iterator[pl.DataFrame]) -> None:
    with path.open("wb") as file:
        _lines(file, frames)


def _csv_gz(path: Path, frames: Iterator[pl.DataFrame]) -> None:
    with path.open("wb") as raw, gzip.GzipFile("", "wb", 6, raw, mtime=0) as file:
        _lines(file, frames)


def _lines(file: io.BufferedIOBase, frames: Iterator[pl.DataFrame]) -> None:
    for number, frame in enumerate(frames):
        file.write(frame.write_csv(include_header=number == 0).encode())


def write_parquet(path: Path, frames: Iterator[pl.DataFrame]) -> None:
    """Writes the rows of all frames to a Parquet file, under its very name.

    By way of a file for each GROUP rows or so: polars writes a Parquet file in one go, but reads many as a stream.
    """
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=f"{path.name}.parts.") as folder:
        parts = []
        for number, frame in enumerate(_groups(frames)):
            parts.append(Path(folder) / f"{number:08d}.parquet")
            frame.write_parquet(parts[-1], compression="lz4", statistics=False)
        pl.scan_parquet(parts).sink_parquet(path, row_group_size=GROUP, maintain_order=True)


def _groups(frames: Iterator[pl.DataFrame]) -> Iterator[pl.DataFrame]:
    held: list[pl.DataFrame] = []
    for frame in frames:
        held.append(frame)
        if sum(f.height for f in held) >= GROUP:
            yield pl.concat(held)
            held = []
    if held:
        yield pl.concat(held)
