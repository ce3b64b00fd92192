"""Whether a table is read at once or in parts.

in parts  <=>  asked for, or  READING x bytes of its cells  >  SHARE x the memory of this machine

The bytes are told by the footers of Parquet, guessed from the size of text, and of a query counted as it answers.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl

from reverie.errors import UsageError
from reverie.memory import available
from reverie.records.reading import Cells, Query, stream_of
from reverie.records.reading.stream import Stream
from reverie.sources.estimate import READING

__all__ = ["whole_or_parts"]

SHARE = 0.5
"""Of the memory, for reading."""


def whole_or_parts(source: Any, stream: bool) -> Any:
    """A Stream of what is to be read in parts; else what read_table takes.

    Args:
        source: what read_table takes.
        stream: whether the user asks for parts.

    Raises UsageError for what cannot be read in parts and is to be, and what reading raises.
    """
    if not isinstance(source, str | Path | Query):
        if stream:
            stream_of(source)
        return source
    try:
        found = stream_of(source)
    except UsageError:  # a spreadsheet, or nothing at all: reading says so
        if stream or isinstance(source, Query):
            raise
        return source
    memory = available()
    if stream or memory is None:
        return found if stream else source
    most = SHARE * memory / READING
    if found.bytes is None:
        return _taken(found, most)
    return found if found.bytes > most else source


def _taken(stream: Stream, most: float) -> Cells | Stream:
    """The rows themselves, if their cells have no more bytes than these."""
    chunks, frames, size = stream.chunks(), [], 0
    for chunk in chunks:
        frames.append(chunk)
        size += int(chunk.estimated_size())
        if size > most:
            return stream
    return Cells(pl.concat(frames), stream.name, tuple(stream.notes()), stream.path, stream.query)
