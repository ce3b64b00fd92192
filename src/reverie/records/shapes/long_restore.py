"""A completed long table in which every row that was given stands as it was given, whatever the pivot leaves out.

given rows (visit, test)  =  completed rows (visit, test):  as given, where its value was;  else filled
given rows of no test that was learned, or given twice:     after the other rows of their visit
completed rows that were not given:                         with the numbers that follow in columns that count rows
"""

from __future__ import annotations

import polars as pl

from reverie.records.dtypes import TYPES
from reverie.records.parsing import parse
from reverie.records.places import ROW
from reverie.records.shapes.long import AGAIN, TEST, VISIT, Counter, Long

__all__ = ["restore"]

_GIVEN, _HAD, _ORDER = "\0given", "\0had", "\0order"
"""The data row that a row was given in, null for a new one; whether its value was given; and where a row stands."""


def restore(long: Long, frame: pl.DataFrame, original: pl.DataFrame, source: pl.DataFrame) -> pl.DataFrame:
    """See Shape.restore. Here VISIT is the data row in which the visit was given, 0 for a new visit."""
    completed, had = (
        long.placed(f).rename({ROW: VISIT}).with_columns(pl.col(VISIT).cast(pl.Int64)) for f in (frame, original)
    )
    completed = completed.with_row_index(_ORDER).with_columns(pl.col(_ORDER).cast(pl.Float64))
    original = _given(long, source, completed)
    columns = [c for c in long.columns if c in frame.columns and c in original.columns]
    both = completed.join(original, on=[VISIT, TEST], how="left", suffix="\0", maintain_order="left")
    both = both.join(had.select(VISIT, TEST, pl.lit(True).alias(_HAD)), on=[VISIT, TEST], how="left", maintain_order="left")
    stands = pl.col(_GIVEN).is_not_null() & pl.col(_HAD).fill_null(False)
    both = both.with_columns(
        pl.when(stands).then(pl.col(f"{c}\0")).otherwise(pl.coalesce(c, f"{c}\0")).alias(c)
        for c in columns
        if c not in long.counters
    ).with_columns(pl.coalesce(f"{c}\0", c).alias(c) for c in columns if c in long.counters)
    left = original.filter(~pl.col(_GIVEN).is_in(both[_GIVEN].drop_nulls().implode()))
    last = completed.group_by(VISIT).agg(pl.col(_ORDER).max() + 0.5)
    left = left.join(last, on=VISIT, how="left", maintain_order="left").with_columns(pl.col(_ORDER).fill_null(float("inf")))
    parts = [part.select(_ORDER, _GIVEN, *columns) for part in (both, left)]
    whole = pl.concat(parts, how="vertical_relaxed").sort(_ORDER, maintain_order=True)
    counters = {c: counter for c, counter in long.counters.items() if c in columns and long.columns[c] != "String"}
    return whole.with_columns(_counted_on(long, c, counter) for c, counter in counters.items()).select(columns)


def _given(long: Long, source: pl.DataFrame, completed: pl.DataFrame) -> pl.DataFrame:
    """The rows of the source, in the types of what was made, with their data row, their test and their visit."""
    placed = long.placed(source)
    rows, visits = long.visits(placed.filter(pl.col(TEST).is_not_null()))
    place = rows.select(pl.col(ROW).alias(_GIVEN), visits[ROW].gather(rows[VISIT]).alias(VISIT))
    first = visits.filter(pl.col(AGAIN) == 0).select(*long.keys, pl.col(ROW).alias("\0first"))
    placed = placed.join(first, on=list(long.keys), how="left", nulls_equal=True, maintain_order="left")
    placed = placed.rename({ROW: _GIVEN}).join(place, on=_GIVEN, how="left", maintain_order="left")
    twice = pl.col(VISIT).is_null()  # then the row is of no test that is known, or given twice: it is no row of the pivot
    placed = placed.with_columns(
        pl.coalesce(VISIT, "\0first").alias(VISIT), pl.when(twice).then(None).otherwise(pl.col(TEST)).alias(TEST)
    )
    columns = [c for c in long.columns if c in placed.columns]
    parsed = parse(source.select(columns), "the table").frame.select(columns)
    whole = [_as_made(source[c], parsed[c], completed.schema.get(c, parsed.schema[c])) for c in columns]
    return placed.select(_GIVEN, TEST, VISIT).with_columns(whole)


def _as_made(text: pl.Series, typed: pl.Series, dtype: pl.DataType) -> pl.Series:
    """The cells of a column in the type of what was made, where all can be: as text the very text that was given."""
    if text.dtype == dtype == pl.String:
        return text.set(text == "", None)
    cast = typed.cast(dtype, strict=False)
    return cast if cast.null_count() == typed.null_count() else typed


def _counted_on(long: Long, column: str, counter: Counter) -> pl.Expr:
    """The numbers that were given, and for new rows those that follow."""
    over = {"table": [], "patient": [long.keys[0]], "visit": list(long.keys[: 1 + long.timed])}[counter.within]
    new = pl.col(_GIVEN).is_null()
    most, count = pl.when(~new).then(pl.col(column)).max(), new.cum_sum()
    most, count = (most.over(over), count.over(over)) if over else (most, count)
    follows = most.fill_null(counter.first - 1) + count
    return pl.when(new).then(follows).otherwise(pl.col(column)).cast(TYPES[long.columns[column]]).alias(column)
