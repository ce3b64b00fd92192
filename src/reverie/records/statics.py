"""A table of statics, one row for each patient to be made."""

from __future__ import annotations

from typing import Any

import polars as pl

from reverie.errors import DataError, unknown
from reverie.records.nulls import emptied
from reverie.records.reading import read_source
from reverie.records.schema import Schema

__all__ = ["read_statics"]


def read_statics(source: Any, schema: Schema) -> pl.DataFrame:
    """Some of the static columns of `schema`, from a file or a frame; other columns are refused.

    Raises UsageError for a file that is not there, DataError, naming the column, for one that is not a static of the schema.
    """
    cells = read_source(source)
    name = cells.name
    frame = cells.frame.drop(schema.identifier.name, strict=False)
    known = {column.name for column in schema.static}
    for column in frame.columns:
        if column not in known:
            raise DataError(f"{name}: {unknown('static column', column, known)}")
    if not frame.width:
        raise DataError(
            f"{name} has no static column: give some of {', '.join(sorted(known)) or 'them, of which there are none'}."
        )
    return frame.with_columns(emptied(frame[column], schema.nulls(column)) for column in frame.columns)
