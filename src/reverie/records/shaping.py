"""Which shapes a table needs, found when its schema is inferred: each of the registry is asked in turn.

cells -> types -> shapes -> cells in the modelled form -> types
"""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from reverie.records.parsing import Parsed, parse
from reverie.records.places import ROW
from reverie.records.schema import Schema
from reverie.records.shapes import SHAPES, AnyShape, Asked

__all__ = ["numbered", "shape", "with_shapes"]


def shape(
    cells: pl.DataFrame,
    name: str,
    asked: Asked,
    null_values: tuple[str, ...] = (),
    date_formats: Mapping[str, str] | None = None,
) -> tuple[Parsed, tuple[AnyShape, ...], Asked]:
    """The table in the modelled form and typed; the shapes that brought it there; and what is known of its roles.

    Raises DataError and UsageError as parse() and Shape.recognise() do.
    """
    parsed = parse(cells, name, null_values, None, date_formats, asked.identifier)
    frame, shapes = parsed.frame.drop(ROW), []
    for kind in SHAPES:
        recognised = kind.recognise(frame, name, asked)
        if recognised is not None:
            shapes.append(recognised)
            frame, asked = recognised.apply(frame, name), recognised.asked(asked)
    if shapes:
        cells = numbered(cells)
        for one in shapes:
            cells = one.apply(cells, name)
        kept = {column: form for column, form in (date_formats or {}).items() if column in ("", *cells.columns)}
        parsed = parse(cells, name, null_values, None, kept, asked.identifier)
        parsed.notes += [one.note for one in shapes if one.note]
    return parsed, tuple(shapes), asked


def with_shapes(schema: Schema, shapes: tuple[AnyShape, ...]) -> Schema:
    """The schema of a shaped table, with the shapes and the reasons that they give for columns."""
    whys = {column: why for shape in shapes for column, why in shape.whys.items()}
    columns = (c.model_copy(update={"why": whys.get(c.name, c.why)}) for c in schema.columns)
    return schema.model_copy(update={"columns": tuple(columns), "shapes": shapes})


def numbered(cells: pl.DataFrame) -> pl.DataFrame:
    """With the number of each data row, counted from 1, in the column ROW."""
    return cells if ROW in cells.columns else cells.with_columns(pl.int_range(1, pl.len() + 1, dtype=pl.Int64).alias(ROW))
