"""Between which times a time that is filled may be, as what is given around it says.

Starts are before ends whatever else is said: where what is given leaves no time at all, bounds from below are kept.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import polars as pl

from reverie.records.linked.broken import Tied
from reverie.records.linked.times import Bounds, furthest_of, held

__all__ = ["bounded"]


def bounded(table: str, column: str, now: Tied, given: Tied) -> pl.Series | None:
    """The cells of a column of a table, none before and none after what its times may be; None where that says nothing.

    Args:
        now: the tables with what is filled, those above the table done.
        given: the tables as they are given, which what is filled goes round.
    """
    bounds = [*_structural(table, column, now, given), *_ordered(table, column, now, given)]
    times = now.frames[table][column]
    for end in (0, 1, 0):  # what is moved to a day keeps its time of day, which may be before a bound on that day
        for one in bounds:
            times = held(times, one[0]) if end == 0 else held(times, None, one[1])
    return times if bounds else None


def _ordered(table: str, column: str, now: Tied, given: Tied) -> Iterator[Bounds]:
    """As orders say that hold without exception."""
    for rule in now.forms.bonds.orders:
        if (rule.table, rule.column) == (table, column):
            yield rule.bounds(now.theirs(table, rule.above, rule.theirs))
        elif (rule.above, rule.theirs) == (table, column):
            below = given.frames[rule.table][rule.column]
            last, first = (_of(rule.table, table, below, given, most) for most in (True, False))
            yield last if rule.sign != ">=" else None, first if rule.sign != "<=" else None


def _structural(table: str, column: str, now: Tied, given: Tied) -> Iterator[Bounds]:
    """An end is after its start and all that lies in its time, and before what comes after it; and in the time above."""
    forms, form = now.forms, now.forms.forms[table]
    clock = form.table.clock
    if clock is None or column != clock.end:
        return
    yield now.frames[table][clock.start], None
    if table in forms.ends:
        parent = str(forms.tree[table].parent)
        above = forms.forms[parent].table.clock
        if above is not None and above.end is not None:
            yield None, now.theirs(table, parent, above.end)
    for branch in forms.tree.branches:
        below = forms.forms[branch.table]
        if branch.parent != table or below.time is None:
            continue
        times = given.frames[branch.table]
        if branch.table in forms.within:
            last = below.table.clock.end if below.table.clock and branch.table in forms.ends else None
            for name in (below.time, last):
                if name is not None:
                    yield _of(branch.table, table, times[name], given, True), None
        elif below.since == clock.end:
            yield None, _of(branch.table, table, times[below.time], given, False)


def _of(table: str, above: str, times: pl.Series, given: Tied, most: bool) -> pl.Series:
    """For each row of a table above, the last (or first) of the times of the rows below it."""
    return furthest_of(times, given.up(table, above), np.arange(given.frames[above].height), most)
