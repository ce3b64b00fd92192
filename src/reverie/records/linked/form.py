"""A table of a tree as a table of visits: its parents' rows are the patients, its own rows their visits.

    when a row was     -> since its parent began (absolute where the parent has no time); sets have none, and are counted
    ends, other times  -> how long after its own
    keys               -> gone, and new on the way back (names.py); of those that may be empty, whether there is one
    what follows from another column (the name of a code, the unit of a test)  -> gone, and looked up on the way back
    numbers that mean something else for each code  -> how high they are among those of their code (scored.py)
    lists of a few things in one cell  -> whether each of them is in it (lists.py)

So all that is known of tables of visits (kinds, units, rules, codes) holds for each of them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
import polars as pl

from reverie.records.dtypes import dtype_name, dtype_named, framed
from reverie.records.kinds.text import is_prose
from reverie.records.linked.lists import Listed
from reverie.records.linked.schema import LinkedTable
from reverie.records.linked.scored import Scored, depends
from reverie.records.linked.times import Bounds, alike, apart_from, counted_in, held, squeezed, times_at, unit_of
from reverie.records.patterns import identifying
from reverie.records.shapes import TIME

__all__ = ["PARENT", "SINCE", "Form"]

PARENT, SINCE = "\0parent", "\0since"
"""The columns that say whose a row is, and when it was; patients have the time of tables without one."""
FEWEST = 20
"""Rows from which on what follows from what can be seen."""
NAMED = 50
"""Texts of more values than so many are no names where they are sentences."""


@dataclass(frozen=True)
class Form:
    """How one table is brought into the form of visits.

    Attributes:
        table: what is known of it.
        time: the column that says when its rows were; none of sets.
        columns: its columns, in order, and their types.
        since: the column of its parent's table from which its times are counted; none for times as they are.
        unit: of its clock, in seconds; 0 for numbers.
        after: columns that are counted from its own clock, and their units.
        follows: by column, the one it follows from, and its value for each of that one's.
        scored: by column, the scores of its numbers.
        gone: columns that are not learned: keys, and those of other tables that it refers to.
        optional: of those that refer to another table than the parent, those that are empty at times.
        lists: by column, how its lists are written.
    """

    table: LinkedTable
    columns: Mapping[str, pl.DataType]
    time: str | None = None
    since: str | None = None
    unit: float = 0
    after: Mapping[str, float] = field(default_factory=dict)
    follows: Mapping[str, tuple[str, pl.DataFrame]] = field(default_factory=dict)
    scored: Mapping[str, Scored] = field(default_factory=dict)
    gone: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    lists: Mapping[str, Listed] = field(default_factory=dict)

    @classmethod
    def fit(
        cls,
        table: LinkedTable,
        frame: pl.DataFrame,
        keys: frozenset[str],
        time: str | None = None,
        above: str | None = None,
        begun: pl.Series | None = None,
    ) -> Self:
        """The form of a table.

        Args:
            frame: its rows.
            keys: its columns that are keys of tables that are made.
            time: the column that says when its rows were.
            above: the column of its parent's table that says when those were, and `begun` that time, for each row.
        """
        gone, since = tuple(c for c in frame.columns if c in keys), None
        stated = {column.name for column in table.columns}  # what a column is said to be, it is
        unit, after = 0.0, {}
        if time is not None:
            mine = frame[time]
            if above is not None and begun is not None and alike(mine.dtype, begun.dtype):
                since = above
            unit = unit_of(apart_from(mine, begun if since else None)) if mine.dtype.is_temporal() else 0.0
            end = table.clock.end if table.clock else None
            for column, dtype in frame.schema.items():
                a_time = column not in (time, *gone, *stated) and (column == end or dtype in (pl.Date, pl.Datetime))
                if a_time and alike(dtype, mine.dtype):
                    after[column] = unit_of(apart_from(frame[column], mine)) if dtype.is_temporal() else 0.0
        left = [c for c in frame.columns if c not in gone and c not in after and c != time]
        lists = {c: listed for c in left if c not in stated and (listed := Listed.of(frame[c])) is not None}
        left = [c for c in left if c not in lists]
        follows = _follows(frame.select(left), stated) if table.kind != "entities" else {}
        left = [c for c in left if c not in follows]
        codes = [c for c in left if frame.schema[c] == pl.String and not is_prose(frame[c].drop_nulls())]
        codes = [c for c in codes if not frame[c].null_count()]
        numbers = [c for c in left if frame.schema[c].is_numeric() and c not in stated] if table.kind == "long" else []
        by = {c: code for c in numbers if (code := depends(frame, c, codes)) is not None}
        scored = {c: Scored.fit(frame, c, code) for c, code in by.items()}
        optional = tuple(c for c in gone if 0 < frame[c].null_count() < frame.height)
        return cls(table, dict(frame.schema), time, since, unit, after, follows, scored, gone, optional, lists)

    @property
    def counts(self) -> bool:
        """Whether the clock stands in visits as it does in the table: a number, which is counted from no row above."""
        return self.time is not None and self.since is None and not self.columns[self.time].is_temporal()

    @property
    def numbers(self) -> tuple[str, ...]:
        """The columns that are numbers in visits, whatever they are called and stand for in the table."""
        return (*self.after, *self.scored)

    def visits(self, frame: pl.DataFrame, parents: np.ndarray, above: pl.DataFrame | None) -> pl.DataFrame:
        """The table as one of visits.

        Args:
            parents: int64 [rows], the row of `above` that each hangs on; rising.
            above: the parent's table; None of the patients, who are one row each.
        """
        time, cells = self.time, [pl.Series(PARENT, parents, dtype=pl.Int64)]
        if time is not None:
            base = above[self.since].gather(parents) if self.since is not None and above is not None else None
            cells.append(counted_in(apart_from(frame[time], base), self.unit).alias(SINCE))
        else:
            none = pl.Series([0]).new_from_index(0, len(parents)).alias(TIME)
            cells.append(none if above is None else _places(parents).alias(SINCE))
        cells += [frame[column].is_not_null() for column in self.optional]
        for column in frame.columns:
            if column in self.gone or column in self.follows or column == time:
                continue
            if column in self.lists:
                cells += self.lists[column].visits(frame[column])
                continue
            x = frame[column]
            if time is not None and column in self.after:
                x = counted_in(apart_from(x, frame[time]), self.after[column])
            elif (scored := self.scored.get(column)) is not None:
                x = scored.scores(x, frame[scored.code])
            cells.append(x.alias(column))
        return framed(cells)

    def rows(
        self,
        visits: pl.DataFrame,
        above: pl.DataFrame | None,
        within: pl.Series | None = None,
        until: str | None = None,
        bounds: Mapping[str, Bounds] | None = None,
    ) -> pl.DataFrame:
        """The table of such visits, but for its keys, of which only is told whether there is one (Boolean) where one may be
        empty; its rows come as the visits do.

        Args:
            above: the parent's table, its rows numbered as in PARENT.
            within: how long each parent's row lasted, in this table's unit, where rows must lie in that time; null for any.
            until: the column of the parent's table that no row ends after.
            bounds: by column, times that it is not before and not after, for each row; null for any.
        """
        time, cells, bounds = self.time, {}, bounds or {}
        if time is not None:
            since = visits[SINCE].cast(pl.Float64)
            if within is not None:
                since = squeezed(since, visits[PARENT], within)
            base = above[self.since].gather(visits[PARENT]) if self.since is not None and above is not None else None
            cells[time] = held(times_at(since, base, self.unit, self.columns[time]), *bounds.get(time, ()))
        for column, dtype in self.columns.items():
            if column in cells or (column in self.gone and column not in self.optional) or column in self.follows:
                continue
            if column in self.lists:
                cells[column] = self.lists[column].cells(visits)
                continue
            x = visits[column] if column in visits.columns else pl.Series([None]).new_from_index(0, visits.height)
            if time is not None and column in self.after:
                cells[column] = times_at(x.cast(pl.Float64), cells[time], self.after[column], dtype)
                if until is not None and above is not None and self.table.clock and column == self.table.clock.end:
                    cells[column] = held(cells[column], None, above[until].gather(visits[PARENT]))
                cells[column] = held(cells[column], *bounds.get(column, ()))
            elif (scored := self.scored.get(column)) is not None:
                cells[column] = scored.cells(x, visits[scored.code], dtype)
            else:
                cells[column] = x
        for column, (other, values) in reversed(list(self.follows.items())):
            keys, found = values[:, 0], values[:, 1]
            place = pl.Series(range(keys.len()), dtype=pl.Int64)
            cells[column] = found.gather(
                cells[other].cast(keys.dtype).replace_strict(keys, place, default=None, return_dtype=pl.Int64)
            )
        return framed(cells[c].alias(c) for c in self.columns if c in cells)

    @property
    def config(self) -> dict[str, Any]:
        return {
            "table": self.table.model_dump(mode="json"),
            "columns": {name: dtype_name(dtype) for name, dtype in self.columns.items()},
            "time": self.time,
            "since": self.since,
            "unit": self.unit,
            "after": dict(self.after),
            "follows": {c: [other, *(x.cast(pl.String).to_list() for x in of)] for c, (other, of) in self.follows.items()},
            "scored": {column: scored.config for column, scored in self.scored.items()},
            "gone": list(self.gone),
            "optional": list(self.optional),
            "lists": {column: listed.config for column, listed in self.lists.items()},
        }

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        columns = {name: dtype_named(text) for name, text in config["columns"].items()}
        follows = {
            column: (
                other,
                pl.DataFrame(
                    [
                        pl.Series("key", keys, dtype=pl.String).cast(columns[other]),
                        pl.Series("value", values, dtype=pl.String).cast(columns[column]),
                    ]
                ),
            )
            for column, (other, keys, values) in config["follows"].items()
        }
        return cls(
            LinkedTable.model_validate(config["table"]),
            columns,
            config["time"],
            config["since"],
            config["unit"],
            dict(config["after"]),
            follows,
            {column: Scored.from_config(scored) for column, scored in config["scored"].items()},
            tuple(config["gone"]),
            tuple(config["optional"]),
            {column: Listed(column, of[0], tuple(of[1])) for column, of in config["lists"].items()},
        )


def _places(parents: np.ndarray) -> pl.Series:
    """0, 1, 2 ... among the rows of a parent."""
    first = np.searchsorted(parents, parents, "left")
    return pl.Series(np.arange(len(parents)) - first, dtype=pl.Int64)


def _follows(frame: pl.DataFrame, learned: Collection[str] = ()) -> dict[str, tuple[str, pl.DataFrame]]:
    """Columns that follow from another: for each of its values they have one. What follows may itself be followed from;
    those that are `learned` follow from none."""
    if frame.height < FEWEST:
        return {}
    plain = [c for c, dtype in frame.schema.items() if dtype == pl.String or dtype.is_integer()]
    values = {c: frame[c].n_unique() for c in plain}
    names = [
        c
        for c in plain
        if 2 < values[c] <= frame.height / 2
        and not frame[c].null_count()
        and not (values[c] > NAMED and _prose(frame[c]))
        and not (frame.schema[c] == pl.String and identifying(c, frame[c], "varying"))
    ]
    found: dict[str, tuple[str, pl.DataFrame]] = {}
    for other in sorted(names, key=lambda c: -values[c]):
        for column in frame.columns:
            if column == other or {column, other} & found.keys() or column in learned or frame.schema[column] != pl.String:
                continue
            if 1 < frame[column].n_unique() <= values[other]:
                pairs = frame.select(other, column).unique(maintain_order=True)
                if pairs.height == values[other]:
                    found[column] = (other, pairs.drop_nulls(other))
    return found


def _prose(cells: pl.Series) -> bool:
    return cells.dtype == pl.String and is_prose(cells.drop_nulls())
