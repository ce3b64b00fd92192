"""The columns of a table -> intervals of scores: the way there of the codec.

    cells -> values (kinds/) -> both ends of the scores that decode to each (codes.py), float32, NaN where empty

What is given of patients who are to be made is encoded as a table is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import torch
from torch import Tensor

from reverie.errors import DataError, unknown
from reverie.records.encoded import EncodedTable, Records
from reverie.records.intervals import Floats, inside
from reverie.records.layout import Field
from reverie.records.rules import Rows
from reverie.records.rules.deriving import led_back
from reverie.records.settling import draws
from reverie.records.table import Table
from reverie.records.table_cells import cells_of

if TYPE_CHECKING:
    from reverie.records.codec import RecordCodec

__all__ = ["of_statics", "of_table"]


def of_table(codec: RecordCodec, table: Table, holes: bool) -> EncodedTable:
    """The patients of a table, see RecordCodec.encode."""
    if lost := [name for name in codec.schema.names if name not in table.frame.columns]:
        raise DataError(f"{table.name} has no column {lost[0]!r}, which the model was fitted to: add it.")
    sizes = [(codec.stage[token] >= 0).sum() for token in (0, 1)]
    ends = [np.full((2, size, n), np.nan, np.float32) for size, n in zip(sizes, (len(table), len(table.frame)), strict=True)]
    for name, _, _, x in cells_of(table, codec.schema, codec.visit_times.unit, codec.derived):
        if (field := codec.named.get(name)) is None:
            continue
        x = np.repeat(x, table.lengths) if field.token == 1 and len(x) != len(table.frame) else x
        _write(codec, ends[field.token], field, x)
    if not (codec.settings.stages or holes):
        ends = [np.nan_to_num(e, nan=0.0) for e in ends]
    offsets = torch.from_numpy(np.array(table.offsets, dtype=np.int64))
    return EncodedTable(_tensor(ends[0]), _tensor(ends[1]), offsets)


def of_statics(codec: RecordCodec, statics: pl.DataFrame, generator: torch.Generator | None) -> Records:
    """Statics that are given, see RecordCodec.given."""
    columns = {c.name: c for c in codec.schema.static}
    token = 1 if codec.settings.statics == "repeated" else 0
    ends = np.full((2, int((codec.stage[token] >= 0).sum()), len(statics)), np.nan, np.float32)
    cells = {}
    for name in statics.columns:
        if name not in columns:
            raise unknown("static column", name, columns)
        cells[name] = x = columns[name].read(statics[name], "the table of statics")
        lower, upper = columns[name].bounds
        if (bad := np.flatnonzero((x < lower) | (x > upper))).size:
            low, high = ("open" if np.isinf(bound) else f"{bound:g}" for bound in (lower, upper))
            raise DataError(
                f"the table of statics, data row {bad[0] + 1}, column {name!r}: {x[bad[0]]:g} is out of the bounds "
                f"[{low}, {high}]: correct it or leave it empty."
            )
    rows = Rows(statics, columns, np.arange(len(statics)))
    for name, x in led_back(codec.derived, cells, rows, draws(codec, len(statics), generator)).items():
        for field in codec.fields:
            if field.column == name:
                measured = np.where(np.isnan(x), np.nan, 1.0)
                _write(codec, ends, field, measured if field.part == "measured" else x)
    empty = np.full((2, int((codec.stage[1 - token] >= 0).sum()), len(statics)), np.nan, np.float32)
    first, second = (ends, empty) if token == 0 else (empty, ends)
    table = EncodedTable(_tensor(first), _tensor(second), torch.arange(len(statics) + 1) * token)
    return table.records(torch.arange(len(statics)), generator)


def _write(codec: RecordCodec, ends: np.ndarray, field: Field, x: Floats) -> None:
    """The intervals of cells [n] into [2, C, n]; NaN stays NaN."""
    known = ~np.isnan(x)
    lower, upper = inside(*codec.codes[field.name].ends(x[known]))
    for i, channel in enumerate(field.channels):
        ends[0, channel, known], ends[1, channel, known] = lower[:, i], upper[:, i]


def _tensor(ends: np.ndarray) -> Tensor:
    """[2, C, n] -> [2, n, C]."""
    return torch.from_numpy(np.ascontiguousarray(ends.transpose(0, 2, 1)))
