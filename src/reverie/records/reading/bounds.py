"""How much is read of a file at most: compared with what it says of itself first, with what it holds once it is read."""

from __future__ import annotations

import gzip
import zlib
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from reverie.errors import DataError
from reverie.records.places import damaged

__all__ = ["MAX_RATIO", "Bounds", "check_growth", "check_text", "unzip"]


@dataclass(frozen=True)
class Bounds:
    """The most that is read of a file. What the file says of itself is compared first; what it holds, once it is read.

    Attributes:
        bytes: of text or pages, unpacked, and of the text of all cells.
        rows, columns, cells: of the table.
        text: bytes of the text in one cell (that of a CSV is held to 131,072 characters besides).
    """

    bytes: int = 8 * 2**30
    rows: int = 2**30
    columns: int = 2**30
    cells: int = 2**30
    text: int = 2**31

    def check(self, name: str, **found: int) -> None:
        """Raises DataError for the first of `found`, named as the attributes are, that is above its bound."""
        for what, count in found.items():
            if count > (most := getattr(self, what)):
                words, remedy = _SAID[what]
                raise DataError(f"{name} has more than the {most:,} {words} that are read: {remedy}.")


_SPLIT = "split it into files of some patients each"
_SAID = {
    "bytes": ("bytes of content", _SPLIT),
    "rows": ("rows", _SPLIT),
    "columns": ("columns", "leave out those that are not needed"),
    "cells": ("cells", f"{_SPLIT}, or leave out columns"),
    "text": ("bytes of text in one cell", "shorten it, or leave out its column"),
}

MAX_RATIO = 200
"""A gzip that grows by more than this is a bomb: text of tables shrinks 3 to 50 times, a file of one repeated byte 1,000."""

_GRACE = 16 * 2**20
"""So many bytes may come out of a gzip before the ratio counts."""


def check_text(frame: pl.DataFrame, name: str, most: Bounds) -> None:
    """In memory a text that many cells share is there once; whatever is done with it copies it."""
    total = 0
    for cells in frame.select(pl.selectors.string() | pl.selectors.categorical() | pl.selectors.enum()).iter_columns():
        lengths = cells.cast(pl.String).str.len_bytes()
        most.check(name, text=int(lengths.max() or 0))  # pyright: ignore[reportArgumentType]
        total += int(lengths.cast(pl.Int64).sum())
    most.check(name, bytes=total)


def check_growth(path: Path, name: str, size: int) -> None:
    """Raises DataError where a packed file unpacks, past a grace, to more than MAX_RATIO times its own size."""
    limit = max(_GRACE, MAX_RATIO * path.stat().st_size)
    if size > limit:
        raise DataError(
            f"{name} unpacks to more than {limit:,} bytes, {limit // path.stat().st_size:,} times its size: "
            "that is no table of visits; if it is, unpack it first or save it as Parquet."
        )


def unzip(path: Path, name: str, most: Bounds) -> bytes:
    """The bytes inside a gzip, within the bounds, and past a grace at most MAX_RATIO times its size."""
    content = bytearray()
    try:
        with gzip.open(path) as file:
            while piece := file.read(2**20):
                content += piece
                most.check(name, bytes=len(content))
                check_growth(path, name, len(content))
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise damaged(name, "gzip file", error) from error
    return bytes(content)
