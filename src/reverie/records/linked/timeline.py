"""One patient of linked tables in time: stays as bands, what lasts inside them as bars, all else as marks.

    an interval that others hang on   -> a band        an interval that none does -> a bar
    an instant, a day                 -> a mark        a row without a time       -> a mark where the row above begins

Times are days since the patient's first row (numbers stay numbers): when it was has nothing to do with how it went.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from reverie.records.column_names import words
from reverie.records.linked.drawn import Drawn
from reverie.records.linked.lookups import names_of_codes
from reverie.records.linked.schema import LinkedSchema
from reverie.records.linked.tree import Branch, Grown
from reverie.records.shapes.long_words import CODE, TEST

__all__ = ["timelines"]

ROWS = 400
"""Rows of a table that are told of one patient."""
TEXT = 120
"""Characters of a cell."""
DAY = 86_400


def timelines(
    grown: Grown,
    schema: LinkedSchema,
    first: int,
    count: int,
    lookups: Mapping[str, pl.DataFrame] | None = None,
    drawn: Drawn | None = None,
) -> list[dict[str, Any]]:
    """Some patients, in the order of their table, from row `first` on: who, what is said of them, and what happened when.

    Args:
        lookups: the tables that are carried over, which say what codes are called.
        drawn: which rows and cells a model drew; none are taken to be if it is left out.
    """
    branches = grown.tree.branches[1:]
    temporal = any(_temporal(branch, grown) for branch in branches)
    lanes = [_Lane.of(branch, grown, schema, temporal, lookups or {}) for branch in branches]
    unit = "day" if temporal else None
    several = range(first, min(first + count, len(grown)))
    return [{**_of(patient, grown, schema, lanes, drawn), "unit": unit} for patient in several]


@dataclass(frozen=True, eq=False)
class _Lane:
    """One table: whose its rows are, and when.

    Attributes:
        patients: int64 [rows], rising where rows of a table are together.
        start, end: of each row, in seconds or as they are; `end` is null where a row has none, and `ends` its column.
        label: the column that names a row.
        names: by column, what its codes are called.
        shown: the columns that are told of it.
    """

    branch: Branch
    shape: str
    patients: np.ndarray
    start: pl.Series
    end: pl.Series | None
    ends: str | None
    label: str | None
    names: Mapping[str, Mapping[str, str]]
    shown: tuple[str, ...]

    @classmethod
    def of(
        cls, branch: Branch, grown: Grown, schema: LinkedSchema, temporal: bool, lookups: Mapping[str, pl.DataFrame]
    ) -> _Lane:
        """`temporal`: whether there are dates, beside which numbers are no times."""
        table, frame = schema[branch.table], grown.frames[branch.table]
        end = table.clock.end if table.clock is not None and branch.time is not None else None
        start = _begun(branch, grown)
        ends = None if end is None else _seconds(frame[end])
        if temporal and not _temporal(branch, grown):
            start, ends = start.clear(len(start)), None
        below = bool(grown.tree.children(branch.table) or grown.tree.beside(branch.table))
        shape = "mark" if ends is None else "band" if below else "bar"
        times = {branch.time, *((table.clock.start, table.clock.end) if table.clock else ())}
        gone = {table.key, *(tie.column for tie in table.refers if tie.table not in lookups), *times}
        shown = tuple(column for column in frame.columns if column not in gone)
        texts = [c for c in shown if frame.schema[c] == pl.String and frame[c].null_count() < frame.height]
        codes = [c for c in shown if (c in texts or frame.schema[c].is_integer()) and (CODE | TEST) & {*words(c)}]
        label = next(iter([*codes, *texts]), None)  # by names alone, so that real and made rows are called alike
        names = names_of_codes(schema, branch.table, lookups)
        ended = None if ends is None else end
        return cls(branch, shape, grown.patients(branch.table), start, ends, ended, label, names, shown)


def _of(patient: int, grown: Grown, schema: LinkedSchema, lanes: list[_Lane], drawn: Drawn | None) -> dict[str, Any]:
    root = grown.tree.root
    key = schema[root].key
    who = grown.frames[root].row(patient, named=True)
    rows = [np.flatnonzero(lane.patients == patient) for lane in lanes]
    begun = [lane.start[at].min() for lane, at in zip(lanes, rows, strict=True) if len(at)]
    zero = min((float(x) for x in begun if x is not None), default=0.0)  # pyright: ignore[reportArgumentType]
    tables = [_table(lane, grown, at, zero, drawn) for lane, at in zip(lanes, rows, strict=True)]
    known = [row[edge] for table in tables for row in table["rows"] for edge in ("start", "end") if row[edge] is not None]
    return {
        "patient": str(patient + 1) if key is None else _text(who[key]),
        "facts": {name: _text(cell) for name, cell in who.items() if name != key and cell is not None},
        "filled": [name for name in who if drawn is not None and drawn.cells(root, name)[patient]],
        "lasts": max(known, default=0.0),
        "tables": tables,
    }


def _table(lane: _Lane, grown: Grown, at: np.ndarray, zero: float, drawn: Drawn | None) -> dict[str, Any]:
    scale, table = DAY if _temporal(lane.branch, grown) else 1, lane.branch.table
    made = None if drawn is None else drawn.rows(table)
    filled = {} if drawn is None else {c: drawn.cells(table, c) for c in (*lane.shown, lane.ends) if c is not None}
    told = []
    for i, cells in zip(at[:ROWS], grown.frames[table][at[:ROWS]].iter_rows(named=True), strict=True):
        start, end = lane.start[int(i)], None if lane.end is None else lane.end[int(i)]
        told.append(
            {
                "start": None if start is None else round((start - zero) / scale, 5),
                "end": None if end is None else round((end - zero) / scale, 5),
                "label": _label(lane, cells),
                "cells": {name: _cell(lane, name, cells[name]) for name in lane.shown if cells[name] is not None},
                "made": made is not None and bool(made[i]),
                "filled": [name for name, where in filled.items() if where[i]],
            }
        )
    told.sort(key=lambda row: (row["start"] is None, row["start"] or 0.0))
    return {
        "table": table,
        "parent": lane.branch.parent,
        "shape": lane.shape,
        "timed": lane.branch.time is not None,
        "ends": lane.ends,
        "rows": told,
        "left": max(0, len(at) - ROWS),
    }


def _label(lane: _Lane, cells: Mapping[str, Any]) -> str:
    if lane.label is None or (cell := cells[lane.label]) is None:
        return ""
    return _text(lane.names.get(lane.label, {}).get(str(cell), cell))


def _cell(lane: _Lane, column: str, cell: Any) -> str:
    """A cell; of a code what it is called, too, unless the row is called so."""
    name = None if column == lane.label else lane.names.get(column, {}).get(str(cell))
    return _text(cell if name is None else name if name.endswith(f"({cell})") else f"{name} ({cell})")


def _begun(branch: Branch, grown: Grown) -> pl.Series:
    """When each row of a table was; of one without a time when the row above it began."""
    if branch.time is not None:
        return _seconds(grown.frames[branch.table][branch.time])
    if branch.parent is None or branch.parent == grown.tree.root:
        return pl.Series([None], dtype=pl.Float64).new_from_index(0, grown.frames[branch.table].height)
    return _begun(grown.tree[branch.parent], grown).gather(grown.parents[branch.table])


def _temporal(branch: Branch, grown: Grown) -> bool:
    """Whether the times of a table are dates, rather than numbers."""
    if branch.time is not None:
        return grown.frames[branch.table].schema[branch.time].is_temporal()
    return branch.parent is not None and _temporal(grown.tree[branch.parent], grown)


def _seconds(times: pl.Series) -> pl.Series:
    """Seconds since 1970; numbers as they are."""
    if not times.dtype.is_temporal():
        return times.cast(pl.Float64)
    return times.cast(pl.Datetime("us")).cast(pl.Int64) / 1_000_000


def _text(cell: Any) -> str:
    text = f"{cell:g}" if isinstance(cell, float) else str(cell)
    return text if len(text) <= TEXT else f"{text[: TEXT - 1]}…"
