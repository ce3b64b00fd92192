"""A file of separated text read in blocks of whole rows, so that it may be larger than memory.

A row ends at a line end before which the number of quotes is even (RFC 4180: a quote inside a quoted cell is written twice).
Each block is read as a file of its own, below the header that the first one has.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import polars as pl

from reverie.errors import DataError
from reverie.records.places import damaged
from reverie.records.reading.bounds import Bounds
from reverie.records.reading.separated import header_of, read_separated
from reverie.records.reading.stream import Stream, state_of

__all__ = ["BLOCK", "WIDER", "first_rows", "in_blocks", "text_stream", "unpacked_size"]

BLOCK = 8 * 2**20
"""Bytes of text that are read at a time, unpacked."""

WIDER = 3
"""Bytes of a cell of text in memory, over those in the file: a view of 16 bytes for some 4 to 8 of text."""
PACKED = 5
"""Times that a gzip of a table grows, about."""
LONGEST = 16
"""Blocks without the end of a row."""

_UTF_16 = (b"\xff\xfe", b"\xfe\xff")


def in_blocks(path: Path, name: str, most: Bounds) -> Iterator[tuple[pl.DataFrame, tuple[str, ...]]]:
    """(rows, notes) of one block after the other. Raises DataError, naming the data row, for a fault of form."""
    above, rows = b"", 0
    for block, last in _blocks(path, name, BLOCK):
        frame, notes = read_separated(above + block, name, most, rows, last)
        rows += frame.height
        above = above or header_of(block, name, most)
        yield frame, notes


def text_stream(path: Path, name: str, most: Bounds) -> Stream:
    """One file of separated text, a block after the other."""
    said: dict[str, None] = {}

    def chunks() -> Iterator[pl.DataFrame]:
        columns: list[str] = []
        for frame, notes in in_blocks(path, name, most):
            said.update(dict.fromkeys(notes))
            columns = columns or frame.columns
            if frame.columns != columns:
                raise DataError(f"{name} has cells in a column without a name, in some rows alone: give it one.")
            yield frame

    return Stream(
        name,
        chunks,
        bytes=WIDER * unpacked_size(path),
        state=lambda: state_of([path], path),
        notes=lambda: tuple(said),
        path=path.resolve(),
    )


def unpacked_size(path: Path) -> int:
    """Bytes of text, about."""
    return path.stat().st_size * (PACKED if path.name.lower().endswith(".gz") else 1)


def first_rows(path: Path, name: str, most: Bounds) -> pl.DataFrame:
    """Some rows from the beginning of a file."""
    block, _ = next(_blocks(path, name, 2**16))
    return read_separated(block, name, most)[0]


def _blocks(path: Path, name: str, size: int) -> Iterator[tuple[bytes, bool]]:
    """(whole rows, whether they are the last) of a file, which may be packed."""
    kept = b""
    try:
        with _opened(path) as file:
            while piece := file.read(size):
                if not kept and piece.startswith(_UTF_16):
                    yield piece + file.read(), True  # a line end is two bytes there
                    return
                kept += piece
                if end := _end(kept):
                    following = file.read(1)
                    yield kept[:end], not following and end == len(kept)
                    kept = kept[end:] + following
                elif len(kept) > LONGEST * size:
                    raise DataError(f"{name} has quotes that are not closed, or no line ends: save it as plain CSV again.")
        if kept:
            yield kept, True
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise damaged(name, "gzip file", error) from error
    except OSError as error:
        raise DataError(f"{name} cannot be read ({error.strerror or error}): copy it again.") from error


def _opened(path: Path) -> IO[bytes]:
    return gzip.open(path) if path.name.lower().endswith(".gz") else path.open("rb")


def _end(text: bytes) -> int:
    """Where the last whole row ends; 0 if none does."""
    end = len(text)
    while (end := text.rfind(b"\n", 0, end)) >= 0:
        if text.count(b'"', 0, end) % 2 == 0:
            return end + 1
    return 0
