"""Whose a row is, decided by the first rows of a source as it is by all rows of a small one."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl

from reverie.errors import unknown
from reverie.records.places import ROW
from reverie.records.reading import Query, stream_of
from reverie.records.reading.stream import Stream
from reverie.records.roles import EACH_ROW, find_roles
from reverie.records.schema import Schema
from reverie.records.shapes import Alone, Asked, Joined
from reverie.records.shaping import shape
from reverie.records.streaming.spool import Spool
from reverie.records.streaming.spooling import OnStep, spool

__all__ = ["spooled", "whose"]


def spooled(
    source: Any, options: Mapping[str, Any], cache: Path, on_step: OnStep = lambda done, of: None, **settings: Any
) -> Spool:
    """The spool of a source in the folder `cache`: the one that is there, if the files are what they were, or a new one.

    Args:
        source: a Stream, or what read_table takes.
        options: of reading, by name, see read_table; the schema as a Schema.
        on_step: receives how many rows were read, and of how many where that is known.

    Raises UsageError for a source that cannot be streamed, and what reading raises.
    """
    if options.get("query") is not None:
        source = Query.of(source, options["query"])
    stream = source if isinstance(source, Stream) else stream_of(source)
    return spool(stream, partial(whose, name=stream.name, options=options), cache, on_step, **settings)


def whose(head: pl.DataFrame, name: str, options: Mapping[str, Any]) -> tuple[str, ...]:
    """The columns that together say whose a row is; none if each row is a patient of its own.

    Raises UsageError and DataError as read_table does where nothing tells.
    """
    schema: Schema | None = options.get("schema")
    if schema is not None:
        return _lost(_by_shapes(schema.shapes, schema.identifier.name), head, name)
    asked = Asked.of(options.get("identifier"), options.get("time"), options.get("long"))
    if asked.identifier == (EACH_ROW,) and EACH_ROW not in head.columns:
        return ()
    if asked.identifier:
        return _lost(asked.identifier, head, name)
    parsed, shapes, asked = shape(head, name, asked, options.get("null_values") or (), options.get("date_formats"))
    frame = parsed.frame.drop(ROW).unique(maintain_order=True)
    return _by_shapes(shapes, asked.patient or find_roles(frame, name, None, asked.time)[0])


def _by_shapes(shapes: tuple[Any, ...], identifier: str) -> tuple[str, ...]:
    for one in shapes:
        if isinstance(one, Joined):
            return one.columns
        if isinstance(one, Alone):
            return ()
    return (identifier,)


def _lost(columns: tuple[str, ...], head: pl.DataFrame, name: str) -> tuple[str, ...]:
    for column in columns:
        if column not in head.columns:
            raise unknown("column for `id`", column, head.columns)
    return columns
