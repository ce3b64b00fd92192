"""What is counted of each patient's life through the tables: samples of values, and pairs of codes.

    children   rows of a table for each row that they refer to
    start      the first event of a patient, on the calendar; begin: the first row of a table since then
    gap        from one moment to the next of a table; panel: rows at one moment; duration: from start to end
    hour       time of the day
    delay      since the parent's start, or the last stay's; place: the same as a share of the parent's time
    code       what rows are about; carried: once a patient; next: (code, next code); order: (table, next table)
    value      of each test; change: from one to the next

A sample is (whose, value): all comparisons are of sums over patients, so that they weigh whole patients and no rows.
Rows of one moment have no order of their own, and stand in that of their codes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl

from reverie.evaluation.linked.hospital import AT, CODE, END, WHO, Hospital, floats
from reverie.evaluation.linked.plan import Lane

__all__ = ["Key", "Named", "Sample", "parents_times", "samples"]

Key = tuple[str, ...]
"""What is counted, and of which tables: ("children", "labs", "stays")."""
TESTS = 25
"""Tests, the commonest, whose values are compared."""
STEPS = 40
"""Codes, the commonest, whose successors are compared; all others are one."""


@dataclass(frozen=True, eq=False)
class Sample:
    """Numbers, whose order and distances mean something.

    Attributes:
        who: whose each is, int64 [N].
        values: float64 [N], no NaN.
    """

    who: np.ndarray
    values: np.ndarray


@dataclass(frozen=True, eq=False)
class Named:
    """Names by number.

    Attributes:
        who: whose each is, int64 [N].
        values: int64 [N], below `size`.
        size: how many there are.
        given: of pairs (a, b) as a * given + b, how many b there are; 0 where they are no pairs.
    """

    who: np.ndarray
    values: np.ndarray
    size: int
    given: int = 0


def samples(hospital: Hospital) -> dict[Key, Sample | Named]:
    """All samples of a hospital, by what they are of."""
    return dict(_all(hospital))


def _all(hospital: Hospital) -> Iterator[tuple[Key, Sample | Named]]:
    plan = hospital.plan
    begins = hospital.begins
    known = np.flatnonzero(~np.isnan(begins))
    yield ("start",), Sample(known, begins[known])
    for lane in plan.below:
        rows = hospital.rows[lane.name]
        yield from _children(hospital, lane)
        if lane.start is not None:
            who, at = rows[WHO].to_numpy(), floats(rows[AT])
            yield from _moments(lane, who, at, begins)
            if lane.of_day:
                yield ("hour", lane.name), _there(who, at % 1 * 24)
            if lane.end is not None:
                yield ("duration", lane.name), _there(who, floats(rows[END]) - at)
            yield from _within(hospital, lane, at)
        if lane.code is not None:
            yield from _codes(lane, rows)
        if lane.value is not None:
            yield from _values(lane, rows)
    if len(plan.clocked) > 1:
        yield ("order",), _order(hospital)


def _there(who: np.ndarray, values: np.ndarray) -> Sample:
    known = ~np.isnan(values)
    return Sample(who[known], values[known])


def _children(hospital: Hospital, lane: Lane) -> Iterator[tuple[Key, Sample]]:
    """How many rows refer to each row of each table above."""
    rows = hospital.rows[lane.name]
    for column, table in lane.upwards:
        parent, key = hospital.rows[table], hospital.plan[table].key
        counts = rows.group_by(pl.col(column).cast(pl.String).alias("\0key")).len("\0n")
        mine = parent.select(WHO, pl.col(str(key)).cast(pl.String).alias("\0key")).join(counts, on="\0key", how="left")
        yield ("children", lane.name, table), Sample(mine[WHO].to_numpy(), floats(mine["\0n"].fill_null(0)))


def _moments(lane: Lane, who: np.ndarray, at: np.ndarray, begins: np.ndarray) -> Iterator[tuple[Key, Sample]]:
    """Gaps, rows at one moment, and the first moment of each patient."""
    known = ~np.isnan(at)
    who, at = who[known], at[known]
    new = np.ones(len(at), dtype=bool)
    new[1:] = (who[1:] != who[:-1]) | (at[1:] != at[:-1])
    first = np.flatnonzero(new)
    moments, whose = at[first], who[first]
    again = whose[1:] == whose[:-1]
    yield ("gap", lane.name), Sample(whose[1:][again], np.diff(moments)[again])
    yield ("panel", lane.name), Sample(whose, np.diff(np.append(first, len(at))).astype(float))
    begin = np.ones(len(whose), dtype=bool)
    begin[1:] = ~again
    yield ("begin", lane.name), Sample(whose[begin], moments[begin] - begins[whose[begin]])


def parents_times(hospital: Hospital, lane: Lane) -> Iterator[tuple[str, np.ndarray, np.ndarray | None]]:
    """(table, start [N], end [N] or None) of the rows that the rows of a lane lie in: of its parent, and, where nothing ties
    it to a stay, of the last one that began before."""
    plan, rows = hospital.plan, hospital.rows[lane.name]
    tied = {table for _, table in lane.upwards}
    for column, table in lane.upwards:
        parent = plan[table]
        if table == plan.entity or (parent.start is None and not parent.borrows):
            continue
        there = hospital.rows[table].select(pl.col(str(parent.key)).cast(pl.String).alias("\0key"), AT, END)
        mine = rows.select(pl.col(column).cast(pl.String).alias("\0key"))
        both = mine.join(there.unique("\0key", keep="first"), on="\0key", how="left", maintain_order="left")
        yield table, floats(both[AT]), floats(both[END]) if parent.end else None
    for stay in plan.stays:
        if stay.name != lane.name and stay.name not in tied and stay.name not in plan.schema.above(lane.name):
            ours = rows.select(WHO, AT).with_row_index("\0i").filter(pl.col(AT).is_not_null()).sort(AT)
            theirs = (
                hospital.rows[stay.name].select(WHO, pl.col(AT).alias("\0from"), END).drop_nulls("\0from").sort("\0from")
            )
            found = ours.join_asof(theirs, left_on=AT, right_on="\0from", by=WHO, check_sortedness=False)
            start, end = np.full(rows.height, np.nan), np.full(rows.height, np.nan)
            start[found["\0i"].to_numpy()], end[found["\0i"].to_numpy()] = floats(found["\0from"]), floats(found[END])
            yield stay.name, start, end


def _within(hospital: Hospital, lane: Lane, at: np.ndarray) -> Iterator[tuple[Key, Sample]]:
    """Since when the row lasts that each row lies in, and what share of its time that is."""
    who = hospital.rows[lane.name][WHO].to_numpy()
    for table, start, end in parents_times(hospital, lane):
        yield ("delay", lane.name, table), _there(who, at - start)
        if end is not None:
            length = end - start
            with np.errstate(all="ignore"):
                yield ("place", lane.name, table), _there(who, np.where(length > 0, (at - start) / length, np.nan))


def _codes(lane: Lane, rows: pl.DataFrame) -> Iterator[tuple[Key, Named]]:
    """What rows are about, in how many patients that occurs, and what follows on what."""
    coded = rows.filter(pl.col(CODE).is_not_null())
    who, code, size = coded[WHO].to_numpy(), coded[CODE].to_numpy(), len(lane.levels) + 1
    yield ("code", lane.name), Named(who, code, size)
    once = coded.select(WHO, CODE).unique()
    yield ("carried", lane.name), Named(once[WHO].to_numpy(), once[CODE].to_numpy(), size)
    if lane.start is not None and size > 2:
        few = min(size - 1, STEPS)
        of = np.minimum(code, few)
        again = who[1:] == who[:-1]
        yield (
            ("next", lane.name),
            Named(who[1:][again], (of[:-1] * (few + 1) + of[1:])[again], (few + 1) ** 2, few + 1),
        )


def _values(lane: Lane, rows: pl.DataFrame) -> Iterator[tuple[Key, Sample]]:
    """Values of each of the commonest tests, and their changes within patients."""
    some = rows.select(WHO, AT, CODE, pl.col(str(lane.value)).cast(pl.Float64, strict=False).alias("\0value"))
    some = some.filter(pl.col(CODE) < min(TESTS, len(lane.levels))).drop_nulls("\0value")
    for number, level in enumerate(lane.levels[:TESTS]):
        of = some.filter(pl.col(CODE) == number)
        who, values = of[WHO].to_numpy(), floats(of["\0value"])
        yield ("value", lane.name, level), Sample(who, values)
        again = who[1:] == who[:-1]
        if lane.start is not None:
            yield ("change", lane.name, level), Sample(who[1:][again], np.diff(values)[again])


def _order(hospital: Hospital) -> Named:
    """Of each two neighbours in time of any tables, which tables they are of; at one moment in the order of the schema."""
    lanes = hospital.plan.clocked
    parts = [
        hospital.rows[lane.name].select(WHO, AT, pl.lit(number, pl.Int64).alias("\0lane")).drop_nulls(AT)
        for number, lane in enumerate(lanes)
    ]
    every = pl.concat(parts).sort([WHO, AT, "\0lane"])
    who, of, count = every[WHO].to_numpy(), every["\0lane"].to_numpy(), len(lanes)
    again = who[1:] == who[:-1]
    return Named(who[1:][again], (of[:-1] * count + of[1:])[again], count**2, count)
