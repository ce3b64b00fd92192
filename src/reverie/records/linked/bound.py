"""What is made, as tables of visits that keep the rules across tables (bonds.py).

    numbers    a row that must have some rows below it, and none of whose flags says so, gets them where its flag is nearest
               to that; one that must have none loses them to those of the shard whose flags are nearest
    codes      a code that cannot be is drawn again among those that can, as common as they are where the row above is so
    same       is copied
    orders     are kept in making.py, where times are

Nothing here draws: what is decided hangs on the scores alone, so it is the same wherever a patient is made.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

import numpy as np
import polars as pl
import torch
from torch import Tensor

from reverie.records.codes import Code
from reverie.records.intervals import drawn_in, inside
from reverie.records.linked.beside import NOTHING, called, has
from reverie.records.linked.bonds import Goes, Number, base_of, told_of
from reverie.records.linked.codec import LinkedCodec
from reverie.records.linked.form import PARENT
from reverie.records.linked.redraws import Draws
from reverie.records.linked.scores import TableScores
from reverie.records.linked.stages import scores_of

__all__ = ["Bound"]

TURNS = 8
"""How often codes are drawn again, where rules within the row then move what they hang on."""


@dataclass(frozen=True, eq=False)
class Bound:
    """Tables in the making.

    Attributes:
        codec: of the tables.
        made: the scores of those that are done, by name; more are added while it is used.
        fixed: by table, columns of its visits that are given and stay.
    """

    codec: LinkedCodec
    made: Mapping[str, TableScores]
    fixed: Mapping[str, Collection[str]] = field(default_factory=dict)
    _visits: dict[str, pl.DataFrame] = field(default_factory=dict)

    def visits(self, table: str) -> pl.DataFrame:
        """The rows of a table that is done, as visits, PARENT being the row above."""
        if table not in self._visits:
            self._visits[table] = self._kept(table, self.decoded(table))
        return self._visits[table]

    def rows(self, table: str, above: str) -> np.ndarray:
        """int64 [rows], the row of a table above that each row hangs on; its own of itself."""
        return self.codec.tree.up(table, above, np.arange(self.count(table)), lambda t: self.made[t].above)

    def count(self, table: str) -> int:
        one = self.made[table]
        return len(one) if table == self.codec.tree.root else one.rows.shape[1]

    def text(self, table: str, column: str, visits: pl.DataFrame | None = None) -> pl.Series:
        """A column of a table as text, also one that follows from another, or of a table that stands beside another; of
        `visits`, or of those of the table that it stands in."""
        branch, form = self.codec.tree[table], self.codec.forms.forms[table]
        base = base_of(form, column)
        frame = visits if visits is not None else self.visits(str(branch.parent) if branch.beside else table)
        return told_of(form, column, frame[called(table, base) if branch.beside else base])

    def flag(self, table: str) -> None:
        """Moves whether rows of a table have any of those that hang on it, as rules would have it, in their scores."""
        one, flags = self.made[table], self.codec.flags[table]
        scores = (one.groups if table == self.codec.tree.root else one.rows)[0]
        for at, (child, code) in enumerate(flags, scores.shape[1] - len(flags)):
            yes = code.level(scores[:, at, None].double().numpy()) == 1
            scores[:, at] = self._moved(child, table, yes, scores[:, at], code, [table, *self.codec.tree.above(table)])

    def known_beside(self, table: str, rows: Tensor) -> Tensor:
        """Scores [rows, w] of a table's rows, with whether they have one of each table beside it as rules on the rows above
        would have it."""
        of = self.codec.codecs[table]
        for other in self.codec.tree.beside(table):
            name = f"measured:{has(other)}"
            if name not in of.codes or has(other) in self.fixed.get(table, ()):
                continue
            channel = of.named[name].channels[0]
            yes = of.codes[name].cells(rows[:, [channel]].double().numpy()) == 1
            moved = self._moved(other, table, yes, rows[:, channel], of.codes[name], list(self.codec.tree.above(table)))
            rows = rows.clone()
            rows[:, channel] = moved
        return rows

    def _moved(self, table: str, home: str, yes: np.ndarray, scores: Tensor, code: Code, done: list[str]) -> Tensor:
        """Scores of whether rows of `home` have any of a table, after the rules on rows of those that are `done`."""
        rules = [rule for rule in self.codec.forms.bonds.numbers if rule.table == table and rule.above in done]
        if not rules or not len(yes):
            return scores
        wanted, never = yes.copy(), np.zeros(len(yes), dtype=bool)
        at = {rule.above: self.rows(home, rule.above) for rule in rules}
        bears = {}
        for rule in rules:
            every = np.ones(self.count(rule.above), dtype=bool)
            bears[rule] = every if rule.column is None else self._is(rule.above, rule.column, rule.levels)
            if not rule.some:
                never |= bears[rule][at[rule.above]]
        wanted &= ~never
        for rule in (rule for rule in rules if rule.some):
            rows, lacks = at[rule.above], bears[rule].copy()
            lacks[rows[wanted]] = False
            may = np.flatnonzero(lacks[rows] & ~never)
            best = may[np.argsort(-scores[may].numpy(), kind="stable")]
            wanted[best[np.unique(rows[best], return_index=True)[1]]] = True
        if (lost := int(yes.sum()) - int(wanted.sum())) > 0:  # as many as were drawn have some, those nearest to it
            may = np.flatnonzero(~wanted & ~never)
            wanted[may[np.argsort(-scores[may].numpy(), kind="stable")][:lost]] = True
        moved = np.flatnonzero(wanted != yes)
        ends = [torch.from_numpy(end) for end in inside(*code.ends(wanted[moved].astype(np.float64)))]
        scores = scores.clone()
        scores[moved] = drawn_in(torch.stack(ends), None)[:, 0]
        return scores

    def _is(self, table: str, column: str, levels: Collection[str]) -> np.ndarray:
        return self.text(table, column).is_in(list(levels)).fill_null(False).to_numpy()

    def decoded(self, table: str) -> pl.DataFrame:
        """The rows of a table as visits, before rules across tables are kept."""
        of, one, root = self.codec.codecs[table], self.made[table], table == self.codec.tree.root
        everyone, rows = np.arange(len(one)), np.arange(one.rows.shape[1])
        lengths = np.full(len(one), of.length or 1) if root else one.lengths
        drawn = of.drawn(scores_of(self.codec, table, one, everyone, rows, lengths)).frame
        stay = {name: np.ones(len(drawn), dtype=bool) for name in self.fixed.get(table, ()) if name in drawn.columns}
        frame = of.kept(drawn, stay).drop(NOTHING, strict=False)
        return frame.with_columns(pl.Series(PARENT, everyone if root else one.above, dtype=pl.Int64))

    def _kept(self, table: str, visits: pl.DataFrame) -> pl.DataFrame:
        tree, bonds = self.codec.tree, self.codec.forms.bonds
        here = {table, *tree.beside(table)}
        fixed = self.fixed.get(table, ())
        for rule in (rule for rule in bonds.same if rule.table in here):
            name = self._name(rule.table, rule.column)
            theirs = self._theirs(table, rule.above, rule.column, visits).cast(visits.schema[name])
            if name not in fixed:
                visits = visits.with_columns(
                    pl.when(theirs.is_null() | pl.col(name).is_null()).then(name).otherwise(theirs).alias(name)
                )
        codes = [rule for rule in bonds.codes if rule.table in here and self._name(rule.table, rule.code) not in fixed]
        visits = self._emptied(table, visits)
        for _ in range(TURNS):
            moved = self._opened(table, visits) or self._recoded(table, visits, codes)
            if not moved:
                break
            stay = {name: changed for name, (_, changed) in moved.items()}
            stay |= {name: np.ones(len(visits), dtype=bool) for name in fixed if name in visits.columns}
            visits = visits.with_columns(cells.alias(name) for name, (cells, _) in moved.items())
            kept = self.codec.codecs[table].kept(visits.drop(PARENT), stay)
            visits = (
                visits.select(PARENT).hstack(kept.select(c for c in visits.columns if c != PARENT)).select(visits.columns)
            )
            visits = self._emptied(table, visits)
        return self._emptied(table, visits)

    def _emptied(self, table: str, visits: pl.DataFrame) -> pl.DataFrame:
        """Without what stands beside rows that must have none."""
        for rule in self.codec.forms.bonds.numbers:
            if rule.table in self.codec.tree.beside(table) and not rule.some:
                none = pl.Series(self._at(rule, table, visits))
                own = _own(visits, rule.table)
                visits = visits.with_columns(pl.when(none).then(None).otherwise(pl.col(c)).alias(c) for c in own)
        return visits

    def _name(self, table: str, column: str) -> str:
        return called(table, column) if self.codec.tree[table].beside else column

    def _theirs(self, table: str, above: str, column: str, visits: pl.DataFrame) -> pl.Series:
        """The text of a column of a row above, for each row of a table, whose own visits are `visits`."""
        if above == table:
            return self.text(above, column, visits)
        return self.text(above, column).gather(self.rows(table, above))

    def _opened(self, table: str, visits: pl.DataFrame) -> dict[str, tuple[pl.Series, np.ndarray]]:
        """The columns that must change so that where a row, or one above it, must have some rows of another table, a row
        may, and has what stands beside it: as in another row that may, and where that is."""
        tree, form, cells = self.codec.tree, self.codec.forms.forms[table], {}
        above = [table, *tree.above(table)]
        for other in dict.fromkeys(r.table for r in self.codec.forms.bonds.numbers if r.some and r.above in above):
            rules = [rule for rule in self.codec.forms.bonds.numbers if rule.table == other]
            closing = [rule for rule in rules if rule.above == table and not rule.some]
            good = np.ones(len(visits), dtype=bool)
            for rule in closing:
                good &= ~self._at(rule, table, visits)
            columns = [base_of(form, str(rule.column)) for rule in closing]
            if other in tree.beside(table):
                good &= visits[has(other)].is_not_null().to_numpy()
                columns += [*self.codec.codecs[table].schema[has(other)].asked_if, *_own(visits, other)]
            may = np.flatnonzero(good)
            if not columns or not may.size or good.all() or not self._free(table, columns):
                continue
            put = good.copy()
            for rule in (rule for rule in rules if rule.some and rule.above in above):
                rows = np.arange(len(visits)) if rule.above == table else self.rows(table, rule.above)
                lacks = self._at(rule, table, visits)
                lacks[np.isin(rows, rows[put])] = False
                first = np.flatnonzero(lacks)
                put[first[np.unique(rows[first], return_index=True)[1]]] = True
            at = np.flatnonzero(put & ~good)
            like = may[[int(self._place(table, int(row)) * len(may)) for row in at]] if at.size else at
            for name in dict.fromkeys(columns) if at.size else ():
                cells[name] = visits[name].scatter(at, visits[name].gather(like)), put & ~good
        return cells

    def _at(self, rule: Number, table: str, visits: pl.DataFrame) -> np.ndarray:
        """bool [rows], the rows of a table whose row above is one that a rule bears on."""
        if rule.column is None:
            return np.ones(len(visits), dtype=bool)
        told = self._theirs(table, rule.above, rule.column, visits)
        return told.is_in(list(rule.levels)).fill_null(False).to_numpy().copy()

    def _free(self, table: str, columns: list[str]) -> bool:
        return set(columns).isdisjoint(self.fixed.get(table, ()))

    def _recoded(self, table: str, visits: pl.DataFrame, rules: list[Goes]) -> dict[str, tuple[pl.Series, np.ndarray]]:
        """The columns with codes that cannot be, with others in their place, and where that is."""
        out = {}
        for of, code in dict.fromkeys((rule.table, rule.code) for rule in rules):
            mine, name = [rule for rule in rules if (rule.table, rule.code) == (of, code)], self._name(of, code)
            cells = visits[name].cast(pl.String)
            levels = [self._theirs(table, rule.above, rule.column, visits).cast(pl.String) for rule in mine]
            changed, codes = np.zeros(len(cells), dtype=bool), cells.to_list()
            draws = Draws(mine)
            for row in draws.broken(cells, levels):
                above = tuple(level[int(row)] for level in levels)
                broken = draws.wrong(codes[row], list(above))
                if broken is not None and (other := draws.another(broken, above, self._place(table, int(row)))) is not None:
                    codes[row], changed[row] = other, True
            if changed.any():
                out[name] = pl.Series(codes, dtype=pl.String).cast(visits.schema[name]), changed
        return out

    def _place(self, table: str, row: int) -> float:
        """A number in [0, 1) that hangs on the scores of a row alone."""
        one, root = self.made[table], table == self.codec.tree.root
        own = self.codec.own(table)[not root]  # flags are moved after
        scores = (one.groups if root else one.rows)[0, row, :own].nan_to_num(0.0)
        return float(np.modf(float(scores.abs().double().sum()) * 997.0)[0])


def _own(visits: pl.DataFrame, table: str) -> list[str]:
    """The columns of visits that are of a table beside them."""
    return [has(table), *(c for c in visits.columns if c.startswith(f"{table}."))]
