"""The cells of a table that a model can read: the others are taken away for it, and said, so that none refuses the table.

unreadable as the column's type, a level not known  ->  not seen
beyond a bound that was learned                     ->  at the bound
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import polars as pl

from reverie.errors import DataError
from reverie.records import nulls
from reverie.records.parsing import parse
from reverie.records.places import counted, shown
from reverie.records.schema import Column, Schema
from reverie.records.spelling import spelled

__all__ = ["alike", "bounded", "either", "filled", "readable"]


def readable(cells: pl.DataFrame, schema: Schema) -> tuple[list[pl.Series], list[str], dict[str, dict[str, str]], list[str]]:
    """The columns of the schema without the cells that it cannot read; notes; how levels are spelled; and those columns of
    which all cells could be read as they are."""
    seen, notes, spelling, whole = [], [], {}, []
    for column in schema.columns:
        if column.name not in cells.columns:
            seen.append(pl.Series(column.name, [None], dtype=pl.String).new_from_index(0, cells.height))
            continue
        came = cells[column.name]
        if column.levels:
            read, said, spelling[column.name] = spelled(came, column, schema.nulls(column.name))
        else:
            read, said = _legible(came, column, schema)
        notes += said
        seen.append(read)
        if came.dtype == pl.String and read is came:
            whole.append(column.name)
    return seen, notes, spelling, whole


def _legible(cells: pl.Series, column: Column, schema: Schema) -> tuple[pl.Series, list[str]]:
    """The cells without those that are not of the column's type, and a note on them."""
    if not (column.numeric or column.role == "time"):
        return cells, []
    bad = _refused(cells.unique(), lambda some: parse(some.to_frame(), column.name, (), schema))
    if cells.dtype.is_float() or cells.dtype == pl.String:
        bad += cells.filter(cells.cast(pl.Float64, strict=False).is_infinite().fill_null(False)).unique().to_list()
    if not bad:
        return cells, []
    lost = cells.is_in(pl.Series(bad, dtype=cells.dtype).implode())
    count = counted(int(lost.sum()), "given value", "is are")
    note = f"In {column.name}, {count} not {column.what} ({shown(bad[0])}): as given, and not seen by the model."
    return either(lost, pl.Series([None], dtype=cells.dtype).new_from_index(0, len(cells)), cells), [note]


def _refused(values: pl.Series, read: Callable[[pl.Series], object]) -> list[Any]:
    """Those of some values that cannot be read, found by halving."""
    try:
        read(values)
    except DataError:
        if len(values) == 1:
            return [values[0]]
        half = len(values) // 2
        return _refused(values[:half], read) + _refused(values[half:], read)
    return []


def bounded(frame: pl.DataFrame, schema: Schema) -> tuple[pl.DataFrame, list[str]]:
    """Numbers beyond a bound that the model has learned are at the bound for it; with notes."""
    notes = []
    for column in schema.columns:
        cells = frame[column.name]
        if not column.numeric or not cells.dtype.is_numeric() or column.role == "time":
            continue
        for bound, word, beyond in (
            (column.lower, "below", lambda c, b: c < b),
            (column.upper, "above", lambda c, b: c > b),
        ):
            if bound is None or not (out := beyond(cells, bound).fill_null(False)).any():
                continue
            limit = pl.Series([bound]).cast(cells.dtype).new_from_index(0, len(cells))
            count = counted(int(out.sum()), "given value", "is are")
            notes.append(
                f"In {column.name}, {count} {word} {bound:g}, which the model takes for a bound ({cells.filter(out)[0]}): "
                f"as given, and seen by the model as {bound:g}."
            )
            cells = either(out, limit, cells)
        frame = frame.with_columns(cells.alias(column.name))
    return frame, notes


def filled(cells: pl.Series, words: Sequence[str]) -> pl.Series:
    """Which cells hold something that does not mean "missing"."""
    cells = cells.fill_nan(None) if cells.dtype.is_float() else cells
    if isinstance(cells.dtype, pl.Categorical | pl.Enum):
        cells = cells.cast(pl.String)
    return nulls.emptied(cells.str.strip_chars() if cells.dtype == pl.String else cells, words).is_not_null()


def either(first: pl.Series, one: pl.Series, other: pl.Series) -> pl.Series:
    """`one` where `first`, else `other`, in the type of `one` if it can hold all of the other's values."""
    one, other = alike(one, other)
    return pl.select(pl.when(first).then(one).otherwise(other).alias(other.name)).to_series()


def alike(one: pl.Series, other: pl.Series) -> tuple[pl.Series, pl.Series]:
    """Both in one type: that of the first, unless it cannot hold the other."""
    if one.dtype == other.dtype:
        return one, other
    if one.dtype != pl.Null:
        if one.dtype == pl.Boolean and other.dtype == pl.String:
            other = other.str.to_lowercase().replace_strict({"true": True, "false": False}, default=None)
        cast = other.cast(one.dtype, strict=False)
        lost = cast.null_count() > other.null_count()
        if not lost and (not one.dtype.is_integer() or (cast.cast(pl.Float64) == other.cast(pl.Float64)).all()):
            return one, cast
    if one.null_count() == len(one):
        return one.cast(other.dtype), other
    wanted = pl.Float64 if one.dtype.is_numeric() and other.dtype.is_numeric() else pl.String
    return one.cast(wanted), other.cast(wanted)
