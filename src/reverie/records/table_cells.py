"""The cells of all that a record could hold, read off a table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import polars as pl

from reverie.records.intervals import Floats
from reverie.records.kinds import Column
from reverie.records.layout import parts
from reverie.records.rules.deriving import Derivation
from reverie.records.schema import Schema
from reverie.records.table import Table
from reverie.records.visit_times import gaps

__all__ = ["cells_of"]


def cells_of(
    table: Table, schema: Schema, unit: float | None, derived: Sequence[Derivation]
) -> Iterator[tuple[str, str, Column | None, Floats]]:
    """(name, part, column, cells) of all that a record could hold; cells are NaN where empty, or derived, [P] or [R]."""
    first = np.zeros(len(table.frame), dtype=bool)
    first[table.offsets[:-1]] = True
    later = {one.column for one in derived if one.later}
    times = schema.time.read(table.frame[schema.time.name], table.name)
    patient = pl.Series("patient", np.repeat(np.arange(len(table)), table.lengths))
    for name, part, column, of_patient in parts(schema):
        if part == "visits":
            yield name, part, None, table.lengths.astype(np.float64)
        elif part == "start":
            yield name, part, None, times[table.offsets[:-1]]
        elif part == "gap":
            yield name, part, None, gaps(times, table.offsets, unit)
        elif column is not None:
            cells = table.frame[column]
            if of_patient:
                pairs = pl.DataFrame({"patient": patient, "cells": cells}).group_by("patient", maintain_order=True)
                cells = pairs.agg(pl.col("cells").drop_nulls().first())["cells"]
            x = cells.is_not_null().to_numpy().astype(np.float64)
            if part == "value":
                x = schema[column].read(cells, table.name)
                x = np.where(first, x, np.nan) if column in later else x
            yield name, part, schema[column], x
