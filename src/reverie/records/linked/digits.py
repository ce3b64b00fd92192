"""Which codes of linked tables are made of digits, and in which order their levels are.

A level is told by what else is there: in its row, in the rows near it of the same row above, and in that row.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from reverie.records.codec import RecordCodec
from reverie.records.codes import Code
from reverie.records.digits import Digits
from reverie.records.kinds.leveled import Leveled
from reverie.records.levels import Indices
from reverie.records.linked.tree import Grown
from reverie.records.nearness import nearest_order
from reverie.records.table import Table

__all__ = ["in_digits", "levels_in"]

FEWEST, WIDEST, NEAR = 5, 300, 3
"""Levels from which on a column is made of digits; levels of what another is told by, at most; and rows to either side."""


def levels_in(codec: RecordCodec, table: Table) -> dict[str, Indices]:
    """By column of names, int64 [rows], the level of each row; -1 where there is none."""
    found = {}
    for column in table.schema.columns:
        if isinstance(column, Leveled):
            places = column.read(table.frame[column.name])
            found[column.name] = np.where(np.isnan(places), -1, places).astype(np.int64)
    return found


def in_digits(
    codec: RecordCodec, table: str, levels: Mapping[str, Mapping[str, Indices]], grown: Grown, parent: str | None
) -> RecordCodec:
    """The codec of a table with its columns of many unordered names as digits.

    Args:
        levels: by table, of it and of all above, see `levels_in`.
    """
    mine, codes = levels[table], dict[str, Code]()
    for field in codec.fields:
        column = next((c for c in codec.schema.columns if c.name == field.column), None)
        if field.part != "value" or not isinstance(column, Leveled) or column.ordered or column.ranked:
            continue
        if len(column.levels) < FEWEST:
            continue
        cells, count = mine[column.name], len(column.levels)
        above = {} if parent is None else levels[parent]
        at = None if parent is None else grown.parents[table]
        order = nearest_order(cells, count, list(_seen_with(column.name, cells, mine, above, at)))
        counts = np.bincount(cells[cells >= 0], minlength=count)
        codes[field.name] = Digits.fit(counts, order)
    return codec.recoded(codes) if codes else codec


def _seen_with(
    name: str, cells: Indices, mine: Mapping[str, Indices], above: Mapping[str, Indices], at: Indices | None
) -> Iterator[tuple[Indices, Indices]]:
    rows = np.arange(len(cells))
    yield from ((rows, other) for column, other in mine.items() if column != name and other.max(initial=-1) < WIDEST)
    if at is None:
        return
    yield from ((rows, other[at]) for other in above.values() if other.max(initial=-1) < WIDEST)
    for step in range(1, NEAR + 1):
        if cells.max(initial=-1) < WIDEST:
            first = np.flatnonzero(at[:-step] == at[step:])
            yield np.concatenate([first, first + step]), np.concatenate([cells[first + step], cells[first]])
