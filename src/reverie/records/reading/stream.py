"""A table that comes in chunks, from front to back: what a large source is, whatever it is kept in."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import polars as pl

from reverie.records.reading.bounds import Bounds

__all__ = ["CHUNK", "File", "Stream", "gathered", "merged", "state_of"]

CHUNK = 100_000
"""Rows of a chunk, at most about."""


def _nothing() -> Any:
    return None


def _silent() -> Sequence[str]:
    return ()


@dataclass(frozen=True)
class Stream:
    """A source of rows.

    Attributes:
        name: what messages call it.
        chunks: begins to read: frames of the same columns and types, in the order of the source. Raises DataError for what
            cannot be read, naming the file; and for what could not be reached.
        rows: about how many there are; None where nothing tells before they are read.
        bytes: about how many their cells take in memory; None where nothing tells.
        state: plain JSON that is another where the source is another: of files {name: [bytes, time]}. None where only
            reading all of it tells.
        notes: what was decided about its form, once it was read.
        path: of the file or folder, absolute; None for an address.
        query: what a database is asked; None for a source that is read as it is.
    """

    name: str
    chunks: Callable[[], Iterator[pl.DataFrame]]
    rows: int | None = None
    bytes: float | None = None
    state: Callable[[], Any] = _nothing
    notes: Callable[[], Sequence[str]] = _silent
    path: Path | None = None
    query: str | None = None


@dataclass(frozen=True)
class File:
    """One of the files of a source.

    Attributes:
        place: a Path, or an address that polars reads.
        name: relative to the source; empty where it is the source itself.
        size: bytes.
        open: begins to read it.
    """

    place: Path | str
    name: str
    size: int
    open: Callable[[], IO[bytes]]

    @classmethod
    def at(cls, path: Path, place: Path) -> File:
        """A file at a path, of a source at `place`."""
        return cls(path, "" if path == place else str(path.relative_to(place)), path.stat().st_size, lambda: path.open("rb"))

    def called(self, source: str) -> str:
        """What messages call it, of a source of this name."""
        return f"{source}/{self.name}" if self.name else source


def gathered(stream: Stream, most: Bounds) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """All rows in memory, and the notes. Raises DataError beyond the bounds, as early as the source says so."""
    chunks: list[pl.DataFrame] = []
    rows = size = 0
    most.check(stream.name, rows=stream.rows or 0, bytes=int(stream.bytes or 0))
    for chunk in stream.chunks():
        chunks.append(chunk)
        rows, size = rows + chunk.height, size + int(chunk.estimated_size())
        most.check(stream.name, columns=chunk.width, rows=rows, cells=rows * chunk.width, bytes=size)
    return pl.concat(chunks) if chunks else pl.DataFrame(), tuple(stream.notes())


def merged(frames: Iterator[pl.DataFrame], rows: int = CHUNK) -> Iterator[pl.DataFrame]:
    """Small frames put together, so that each has about so many rows, and none is empty."""
    waiting: list[pl.DataFrame] = []
    for frame in frames:
        waiting.append(frame)
        if sum(part.height for part in waiting) >= rows:
            yield pl.concat(waiting)
            waiting = []
    if waiting and any(part.height for part in waiting):
        yield pl.concat(waiting)


def state_of(paths: Sequence[Path], place: Path) -> dict[str, list[int]]:
    """The size of each file, and when it was last written (ns); of one that is gone neither."""
    state = {}
    for path in paths:
        name = str(path.relative_to(place)) if path != place else path.name
        try:
            about = path.stat()
            state[name] = [about.st_size, about.st_mtime_ns]
        except OSError:
            state[name] = []
    return state
