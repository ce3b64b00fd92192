"""Linked tables in the order in which patients lived them: each row with whose it is, when it was and what it is about.

    row -> its patient     by its own key of a patient, or by its parent's
    row -> its time        by its own clock, or by its parent's: days (of a clock of numbers, its unit)
    row -> its code        what it is about: a diagnosis, a test, a drug; the column that plan.py names

What is compared, learned or attacked is computed from these rows, so a table is told alike whoever made it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import polars as pl

from reverie.errors import DataError
from reverie.evaluation.linked.plan import Lane, Plan
from reverie.records.linked import LinkedTables
from reverie.records.places import shown

__all__ = ["AT", "CODE", "END", "ROW", "WHO", "Hospital", "aligned", "apart", "days"]

WHO, AT, END, CODE, ROW = "\0who", "\0at", "\0end", "\0code", "\0row"
"""Columns that are added: the patient's number, the row's time and its end, its code's number, its own number."""
_KEY = "\0key"


@dataclass(frozen=True, eq=False)
class Hospital:
    """The tables of P patients.

    Attributes:
        plan: what is compared.
        tables: as they were read, with the plan's types.
        rows: of each lane the rows that are some patient's, in order of patient, time and code, with the added columns.
        name: what messages call it.
    """

    plan: Plan
    tables: LinkedTables
    rows: dict[str, pl.DataFrame]
    name: str

    @classmethod
    def read(cls, tables: LinkedTables, plan: Plan, name: str) -> Hospital:
        """Raises DataError, naming table and column, where there is none or its cells are of another type."""
        tables = aligned(tables, plan, name)
        rows: dict[str, pl.DataFrame] = {}
        for lane in plan.lanes:
            rows[lane.name] = _placed(tables, plan, lane, rows)
        for lane in plan.lanes:
            order = [WHO, AT, CODE]
            rows[lane.name] = rows[lane.name].filter(pl.col(WHO).is_not_null()).sort(order, nulls_last=True)
        return cls(plan, tables, rows, name)

    def __len__(self) -> int:
        return self.tables.frames[self.plan.entity].height

    @cached_property
    def events(self) -> int:
        """Rows of all tables but the patients'."""
        return sum(self.rows[lane.name].height for lane in self.plan.below)

    @cached_property
    def keys(self) -> pl.Series:
        """The patients' keys as text, in their order."""
        return self.tables.frames[self.plan.entity][self.plan.key].cast(pl.String)

    @cached_property
    def begins(self) -> np.ndarray:
        """When each patient's first event was, float64 [P], NaN where there is none."""
        first = np.full(len(self), np.nan)
        for lane in self.plan.clocked:
            who, at = self.rows[lane.name][WHO].to_numpy(), floats(self.rows[lane.name][AT])
            known = ~np.isnan(at)
            np.fmin.at(first, who[known], at[known])
        return first

    def shuffled(self, seed: int) -> Hospital:
        """The floor: every column of every table, keys of parents and times too, in an order of its own."""
        frames = dict(self.tables.frames)
        for number, lane in enumerate(self.plan.lanes):
            generator, frame = np.random.default_rng([seed, 31, number]), frames[lane.name]
            mixed = [
                frame[column] if column == lane.key else frame[column].gather(generator.permutation(frame.height))
                for column in frame.columns
            ]
            frames[lane.name] = pl.DataFrame(mixed)
        return Hospital.read(_with(self.tables, frames), self.plan, self.name)

    def of(self, patients: np.ndarray) -> LinkedTables:
        """The tables of these patients alone, rows in their order; lookups are whole, rows of nobody are left out."""
        chosen = pl.Series(np.asarray(patients, dtype=np.int64))
        frames = dict(self.tables.frames)
        for lane in self.plan.lanes:
            kept = self.rows[lane.name].filter(pl.col(WHO).is_in(chosen.implode()))[ROW].sort()
            frames[lane.name] = frames[lane.name][kept]
        return _with(self.tables, frames)


def apart(one: Hospital, other: Hospital) -> None:
    """Raises DataError where a patient is in both."""
    if (both := one.keys.filter(one.keys.is_in(other.keys.implode()))).len():
        raise DataError(
            f"{one.name} and {other.name} both have the patient {both[0]}: hold out other patients than were trained on."
        )


def days(cells: pl.Series) -> pl.Series:
    """Times as Float64: days since 1970-01-01 of dates and date-times, numbers as they are."""
    if cells.dtype == pl.Datetime:
        return cells.dt.epoch("us").cast(pl.Float64) / 86_400e6
    return cells.cast(pl.Int32).cast(pl.Float64) if cells.dtype == pl.Date else cells.cast(pl.Float64)


def floats(cells: pl.Series) -> np.ndarray:
    """Float64 [N], NaN where missing."""
    return cells.cast(pl.Float64).fill_null(float("nan")).to_numpy()


def aligned(tables: LinkedTables, plan: Plan, name: str) -> LinkedTables:
    """The tables with the types of the plan; see Hospital.read."""
    frames = dict(tables.frames)
    for table, types in plan.types.items():
        if table not in frames:
            raise DataError(f"{name} has no table {table}: give all tables of the real ones.")
        frame, cells = frames[table], []
        for column, dtype in types.items():
            if column not in frame.columns:
                raise DataError(f"{name}/{table} has no column {column!r}: give all columns of the real table.")
            cells.append(_cast(frame[column], dtype, f"{name}/{table}"))
        frames[table] = pl.DataFrame(cells) if cells else frame
    if not frames[plan.entity].height:
        raise DataError(f"{name}/{plan.entity} has no rows: there is nothing to compare.")
    return _with(tables, frames)


def _cast(cells: pl.Series, dtype: pl.DataType, name: str) -> pl.Series:
    if cells.dtype == dtype or (cells.dtype.is_numeric() and dtype.is_numeric()):
        return cells
    if cells.dtype == pl.String and dtype in (pl.Date, pl.Datetime):
        typed = cells.str.to_datetime("%Y-%m-%dT%H:%M:%S%.f", time_unit="us", strict=False).cast(dtype)
    else:
        typed = cells.cast(dtype, strict=False)
    lost = cells.is_not_null() & typed.is_null()
    if dtype == pl.Date and cells.dtype == pl.Datetime:
        lost |= typed.cast(cells.dtype) != cells
    if lost.any():
        row = int(lost.arg_max() or 0)
        raise DataError(
            f"{name}: column {cells.name!r} has {shown(cells[row])} in data row {row + 1}, and the real column holds "
            f"{_KINDS.get(dtype.base_type(), 'numbers')}: write it as the real one is written."
        )
    return typed


_KINDS = {pl.String: "text", pl.Date: "dates", pl.Datetime: "date-times", pl.Boolean: "true and false"}


def _with(tables: LinkedTables, frames: dict[str, pl.DataFrame]) -> LinkedTables:
    return replace(tables, frames=frames)


def _placed(tables: LinkedTables, plan: Plan, lane: Lane, above: dict[str, pl.DataFrame]) -> pl.DataFrame:
    """The rows of a lane with the columns that are added; whose they are may be unknown."""
    frame = tables.frames[lane.name].with_row_index(ROW).with_columns(pl.col(ROW).cast(pl.Int64))
    if lane.name == plan.entity:
        frame = frame.with_columns(pl.int_range(pl.len(), dtype=pl.Int64).alias(WHO))
    else:
        own = [_found(frame, column, above[table], plan[table].key, WHO) for column, table in lane.upwards]
        frame = frame.with_columns(pl.coalesce(own).alias(WHO))
    for name, column in ((AT, lane.start), (END, lane.end)):
        if column is not None:
            frame = frame.with_columns(days(frame[column]).alias(name))
        elif name == AT and lane.borrows and lane.tie is not None and lane.parent is not None:
            parent = plan[lane.parent]
            frame = frame.with_columns(_found(frame, lane.tie, above[lane.parent], parent.key, AT).alias(AT))
        else:
            frame = frame.with_columns(pl.lit(None, pl.Float64).alias(name))
    if lane.code is None:
        return frame.with_columns(pl.lit(None, pl.Int64).alias(CODE))
    cells = frame[lane.code].cast(pl.String)
    known = cells.replace_strict(list(lane.levels), range(len(lane.levels)), default=len(lane.levels), return_dtype=pl.Int64)
    return frame.with_columns(pl.when(cells.is_null()).then(None).otherwise(known).alias(CODE))


def _found(frame: pl.DataFrame, column: str, parent: pl.DataFrame, key: str | None, wanted: str) -> pl.Series:
    """What the row of the parent that each row refers to has as `wanted`; null where there is none."""
    assert key is not None
    there = parent.select(pl.col(key).cast(pl.String).alias(_KEY), wanted).unique(_KEY, keep="first")
    mine = frame.select(pl.col(column).cast(pl.String).alias(_KEY))
    return mine.join(there, on=_KEY, how="left", maintain_order="left")[wanted]
