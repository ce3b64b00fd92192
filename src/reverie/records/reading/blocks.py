"""A file of separated text read in blocks of whole rows, so that it may be larger than memory.

A row ends at a line end before which the number of quotes is even (RFC 4180: a quote inside a quoted cell is written twice).
Each block is read as a file of its own, below the header that the first one has.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import IO, Any

import polars as pl

from reverie.errors import DataError
from reverie.records.places import damaged
from reverie.records.reading.bounds import Bounds
from reverie.records.reading.separated import header_of, read_separated
from reverie.records.reading.stream import File, Stream, merged

__all__ = ["BLOCK", "WIDER", "differs", "first_rows", "in_blocks", "text_stream", "unpacked_size"]

BLOCK = 8 * 2**20
"""Bytes of text that are read at a time, unpacked."""

WIDER = 3
"""Bytes of a cell of text in memory, over those in the file: a view of 16 bytes for some 4 to 8 of text."""
PACKED = 5
"""Times that a gzip of a table grows, about."""
LONGEST = 16
"""Blocks without the end of a row."""

_UTF_16 = (b"\xff\xfe", b"\xfe\xff")


def in_blocks(file: File, name: str, most: Bounds) -> Iterator[tuple[pl.DataFrame, tuple[str, ...]]]:
    """(rows, notes) of one block after the other. Raises DataError, naming the data row, for a fault of form."""
    above, rows = b"", 0
    for block, last in _blocks(file, name, BLOCK):
        frame, notes = read_separated(above + block, name, most, rows, last)
        rows += frame.height
        above = above or header_of(block, name, most)
        yield frame, notes


def text_stream(
    files: Sequence[File],
    name: str,
    most: Bounds,
    state: Callable[[], Any],
    path: Path | None,
    told: Callable[[str], AbstractContextManager[None]] = nullcontext,
) -> Stream:
    """The rows of files of separated text, one block after the other: of one file, or of the parts of one table.

    Args:
        state, path: of the stream.
        told: turns what reading raises into a sentence, given the name of the source.

    Raises DataError, naming the file, for what cannot be read and for other columns than the first file's.
    """
    said: dict[str, None] = {}

    def chunks() -> Iterator[pl.DataFrame]:
        columns: list[str] = []
        for file in files:
            called = file.called(name)
            with told(name):
                for frame, notes in in_blocks(file, called, most):
                    said.update(dict.fromkeys(notes))
                    columns = columns or frame.columns
                    if frame.columns != columns:
                        raise differs(called, files[0].called(name), columns, frame.columns)
                    yield frame

    if len(files) > 1:
        said[f"{len(files):,} files were read as parts of one table."] = None
    bytes_ = WIDER * sum(unpacked_size(file) for file in files)
    return Stream(name, lambda: merged(chunks()), bytes=bytes_, state=state, notes=lambda: tuple(said), path=path)


def differs(name: str, first: str, wanted: list[str], columns: list[str]) -> DataError:
    """The error for a file whose columns are not those of the first."""
    if name == first:
        return DataError(f"{name} has cells in a column without a name, in some rows alone: give it one.")
    first = first.rpartition("/")[2]
    if lost := next((column for column in wanted if column not in columns), None):
        what = f"has no column {lost!r}, which {first} has"
    elif more := next((column for column in columns if column not in wanted), None):
        what = f"has a column {more!r}, which {first} has not"
    else:
        what = f"has its columns in another order than {first}"
    return DataError(f"{name} {what}: a folder is read as one table, so give all its files the same columns.")


def unpacked_size(file: File) -> int:
    """Bytes of text, about."""
    return file.size * (PACKED if _packed(file) else 1)


def first_rows(file: File, name: str, most: Bounds) -> pl.DataFrame:
    """Some rows from the beginning of a file."""
    block, _ = next(_blocks(file, name, 2**16), (b"", True))
    return read_separated(block, name, most)[0]


def _blocks(file: File, name: str, size: int) -> Iterator[tuple[bytes, bool]]:
    """(whole rows, whether they are the last) of a file, which may be packed."""
    kept = b""
    try:
        with _opened(file) as opened:
            while piece := opened.read(size):
                if not kept and piece.startswith(_UTF_16):
                    yield piece + opened.read(), True  # a line end is two bytes there
                    return
                kept += piece
                if end := _end(kept):
                    following = opened.read(1)
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


def _packed(file: File) -> bool:
    return str(file.place).lower().endswith(".gz")


@contextmanager
def _opened(file: File) -> Iterator[IO[bytes]]:
    with file.open() as content:
        if not _packed(file):
            yield content
            return
        with gzip.open(content) as unpacked:
            yield unpacked  # pyright: ignore[reportReturnType]


def _end(text: bytes) -> int:
    """Where the last whole row ends; 0 if none does."""
    end = len(text)
    while (end := text.rfind(b"\n", 0, end)) >= 0:
        if text.count(b'"', 0, end) % 2 == 0:
            return end + 1
    return 0
