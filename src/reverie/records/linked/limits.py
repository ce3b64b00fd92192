"""Orders of times across tables, kept in what is made: nothing after death, no result before its stay.

A time that breaks an order is moved to the bound. But the days of birth and of death of a patient are moved instead, as far
as the events go beyond them, unless they were given: what becomes of a patient is seen to go with the events.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from reverie.records.linked.beside import called
from reverie.records.linked.bonds import Order, dated
from reverie.records.linked.codec import LinkedCodec
from reverie.records.linked.form import PARENT, SINCE
from reverie.records.linked.times import Bounds, by_day, furthest_of, held
from reverie.records.linked.tree import gathered

__all__ = ["Limits"]


@dataclass(frozen=True, eq=False)
class Limits:
    """The orders of a codec.

    Attributes:
        codec: of the tables.
        fixed: by table, columns of its visits that are given and stay.
    """

    codec: LinkedCodec
    fixed: Mapping[str, Collection[str]]

    def of(self, table: str, parents: np.ndarray, out: Mapping[str, Any], all_: bool) -> dict[str, Bounds]:
        """By column of a table, the times that it is not before and not after.

        Args:
            parents: int64 [rows], the row above of each.
            out: the rows of the tables that are done, see making.Rows.
            all_: whether births and deaths stay where they are, too.
        """
        bounds: dict[str, Bounds] = {}
        form, tree = self.codec.forms.forms[table], self.codec.tree
        for rule in self.codec.forms.bonds.orders:
            if rule.table != table or (not all_ and self._moves(rule)):
                continue
            at = tree.up(str(tree[table].parent), rule.above, parents, lambda t: out[t].parents)
            theirs = rule.bounds(gathered(out[rule.above].frame[rule.theirs], at))
            bounds[rule.column] = _both(bounds.get(rule.column, (None, None)), theirs)
        end = form.table.clock.end if form.table.clock else None
        if end in bounds and form.time is not None and bounds[end][1] is not None:  # what must have ended has begun
            bounds[form.time] = _both(bounds.get(form.time, (None, None)), (None, bounds[end][1]))
        return bounds

    def moved(self, visits: pl.DataFrame, out: Mapping[str, Any]) -> dict[str, pl.DataFrame]:
        """Tables whose births and deaths had to move, by name; `visits` are those of the patients."""
        root, tree = self.codec.tree.root, self.codec.tree
        frames: dict[str, pl.DataFrame] = {}
        for rule in filter(self._moves, self.codec.forms.bonds.orders):
            mine, theirs = out[rule.table], frames[rule.above] if rule.above in frames else out[rule.above].frame
            at = tree.up(rule.table, root, np.arange(len(mine.parents)), lambda t: out[t].parents)
            own = np.arange(theirs.height) if rule.above == root else out[rule.above].parents
            bound = furthest_of(mine.frame[rule.column], at, own, rule.sign == "<=")
            was = theirs[rule.theirs]
            now = held(was, bound) if rule.sign == "<=" else held(was, None, bound)
            if not now.equals(was, null_equal=True):
                frames[rule.above] = theirs.with_columns(now.alias(rule.theirs))
        if root in frames and self.codec.codecs[root].keeps_rules:
            frames[root] = self._kept(visits, frames[root], out[root].frame)
        return frames

    def _kept(self, visits: pl.DataFrame, frame: pl.DataFrame, before: pl.DataFrame) -> pl.DataFrame:
        """Patients with what follows from their births and deaths."""
        root = self.codec.tree.root
        same = [c for c in frame.columns if c in visits.columns and not frame[c].equals(before[c], null_equal=True)]
        stay = {c: (frame[c] != before[c]).fill_null(False).to_numpy() for c in same}
        put = visits.with_columns(frame[c] for c in same)
        kept = self.codec.codecs[root].kept(put.drop(PARENT), stay).with_columns(put[PARENT])
        return self.codec.forms.forms[root].rows(kept, None)

    def _moves(self, rule: Order) -> bool:
        """Whether an order is kept by moving a birth or death, rather than the events."""
        tree, root = self.codec.tree, self.codec.tree.root
        beside = rule.above in tree.beside(root)
        if rule.sign == "=" or not (rule.above == root or beside) or rule.table in (root, *tree.beside(root)):
            return False
        form = self.codec.forms.forms[rule.above]
        name = rule.theirs
        if beside:
            name = called(rule.above, SINCE if rule.theirs == form.time else rule.theirs)
        return dated(form.columns[rule.theirs]) and name not in self.fixed.get(root, ())


def _both(one: Bounds, other: Bounds) -> Bounds:
    """The narrower of two bounds."""
    (a, b), (c, d) = one, other
    return _furthest(a, c, True), _furthest(b, d, False)


def _furthest(one: pl.Series | None, other: pl.Series | None, later: bool) -> pl.Series | None:
    if one is None or other is None:
        return other if one is None else one
    one, other = by_day(one, other)
    frame = pl.DataFrame({"a": one, "b": other})
    return frame.select(pl.max_horizontal("a", "b") if later else pl.min_horizontal("a", "b")).to_series()
