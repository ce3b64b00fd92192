"""Rules across tables that every patient keeps (bonds.py), found in those that were read.

What would hold by chance alone is none: a level of share s that n rows' patients all have is one only where s^n < CHANCE.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import product

import numpy as np
import polars as pl

from reverie.records.column_names import words
from reverie.records.linked.bonds import Bonds, Goes, Number, Order, Same, base_of, dated, told_of
from reverie.records.linked.form import Form
from reverie.records.linked.times import SIGNS, kept
from reverie.records.linked.tree import Grown, Tree, gathered, place_of
from reverie.records.schema import Schema

__all__ = ["bonds_of"]

LEAST, CHANCE = 20, 1e-6
"""Patients whom a rule bears on, at least."""
LEVELS = 50
"""Levels of a column that says which codes there are, at most."""
FATES = {"birth", "born", "dob", "death", "died", "dod", "deceased"}


def bonds_of(grown: Grown, forms: Mapping[str, Form], columns: Mapping[str, Schema]) -> Bonds:
    """The rules of tables that were grown; `columns` are those of the tables that are learned."""
    found = _Finding(grown, forms, columns)
    below = [branch.table for branch in grown.tree.branches[1:] if grown.frames[branch.table].height]
    return Bonds(
        tuple(rule for table in below for rule in found.numbers(table)),
        tuple(rule for table in below for rule in _together(found.codes(table))),
        tuple(rule for table in below for rule in found.same(table)),
        tuple(rule for table in below for rule in found.orders(table)),
    )


@dataclass(frozen=True, eq=False)
class _Finding:
    """What rules are found in."""

    grown: Grown
    forms: Mapping[str, Form]
    schemas: Mapping[str, Schema]

    @property
    def tree(self) -> Tree:
        return self.grown.tree

    def above(self, table: str) -> Iterator[tuple[str, np.ndarray]]:
        """The tables above one, the nearest first, and the row there of each of its rows."""
        rows, here = np.arange(self.grown.frames[table].height), table
        for parent in self.tree.above(table):
            rows, here = self.grown.parents[here][rows], parent
            yield here, rows

    def leveled(self, table: str) -> list[str]:
        """The columns of few or many levels that are learned, or follow from such."""
        branch, form = self.tree[table], self.forms[table]
        home = str(branch.parent) if branch.beside else table
        kinds = {c.name: c for c in self.schemas[home].columns}
        out = []
        for column in form.columns:
            base = base_of(form, column)
            told = kinds.get(f"{table}.{base}" if branch.beside else base)
            if told is not None and told.levels and base not in (*form.gone, *form.after, *form.scored, form.time):
                out.append(column)
        return out

    def numbers(self, table: str) -> Iterator[Number]:
        beside = self.tree[table].beside
        for place, (above, rows) in enumerate(self.above(table)):
            has = np.bincount(rows, minlength=self.grown.frames[above].height) > 0
            share, who = float(has.mean()), self.grown.patients(above)
            if share == 1.0:
                if place and len(np.unique(who)) >= LEAST:  # what hangs on every row is made so without a rule
                    yield Number(table, above, True)
                continue
            for column in self.leveled(above):
                cells = self.grown.frames[above][column].cast(pl.String)
                if not 2 <= cells.n_unique() <= LEVELS or (beside and not place and self.gated(table, column)):
                    continue
                frame = pl.DataFrame({"level": cells, "who": who, "has": has}).drop_nulls()
                of = frame.group_by("level").agg(pl.col("has").mean(), pl.col("who").n_unique()).sort("level")
                for some in (True, False):
                    sure = of.filter((pl.col("has") == float(some)) & (pl.col("who") >= LEAST))
                    chance = share if some else 1 - share
                    levels = tuple(level for level, _, n in sure.iter_rows() if chance**n < CHANCE)
                    if levels:
                        yield Number(table, above, some, column, levels)

    def gated(self, table: str, column: str) -> bool:
        """Whether a column of the row above is only there where one of a table beside it is, so that it says nothing."""
        home = self.schemas[str(self.tree[table].parent)]
        return any(c.name == column and any(gate.endswith(f"has {table}") for gate in c.asked_if) for c in home.columns)

    def codes(self, table: str) -> Iterator[Goes]:
        form, frame, who = self.forms[table], self.grown.frames[table], self.grown.patients(table)
        for above, rows in self.above(table):
            for column, code in product(self.leveled(above), self.leveled(table)):
                theirs = self.grown.frames[above][column]
                if column in form.columns or not 2 <= theirs.n_unique() <= LEVELS:
                    continue
                cells = {"code": frame[code].cast(pl.String), "level": theirs.cast(pl.String).gather(rows), "who": who}
                seen = pl.DataFrame(cells).drop_nulls()
                only = _only(seen)
                if not only or seen["level"].n_unique() < 2:
                    continue
                base = base_of(form, code)
                of = seen if base == code else pl.DataFrame({**cells, "code": frame[base].cast(pl.String)}).drop_nulls()
                values = of["code"].unique(maintain_order=True)
                told = told_of(form, code, values).to_list()
                bound = {value: only[t] for value, t in zip(values.to_list(), told, strict=True) if t in only}
                shares: dict[str, dict[str, int]] = {}
                for level, value, n in of.group_by("level", "code").len().sort("level", "code").iter_rows():
                    shares.setdefault(level, {})[value] = n
                yield Goes(table, base, above, column, bound, shares)

    def same(self, table: str) -> Iterator[Same]:
        form, frame, who = self.forms[table], self.grown.frames[table], self.grown.patients(table)
        plain = [
            c
            for c in form.columns
            if c not in (*form.gone, *form.after, *form.scored, *form.follows, *form.lists, form.time)
        ]
        for above, rows in self.above(table):
            other = self.forms[above]
            for column in plain:
                if column not in other.columns or column in (*other.gone, *other.after, *other.scored, other.time):
                    continue
                if frame.schema[column] != other.columns[column]:
                    continue
                both = pl.DataFrame({"a": frame[column], "b": self.grown.frames[above][column].gather(rows), "who": who})
                both = both.drop_nulls()
                if both["who"].n_unique() >= LEAST and (both["a"] == both["b"]).all():
                    yield Same(table, above, column)

    def orders(self, table: str) -> Iterator[Order]:
        form, frame, who = self.forms[table], self.grown.frames[table], self.grown.patients(table)
        clock = form.table.clock
        mine = [c for c in dict.fromkeys((form.time, clock.end if clock else None)) if c == form.time or c in form.after]
        ways = list(self.above(table))
        for above, rows in list(ways):
            for other in self.tree.beside(above):
                if other != table:
                    ways.append((other, place_of(self.grown.parents[other], self.grown.frames[above].height)[rows]))
        for other, rows in ways:
            for column, theirs in product(filter(None, mine), self._times(other)):
                cells = gathered(self.grown.frames[other][theirs], rows)
                if dated(cells.dtype) != dated(frame.schema[column]) and cells.dtype != frame.schema[column]:
                    continue
                both = pl.DataFrame({"a": frame[column], "b": cells, "who": who}).drop_nulls()
                if both["who"].n_unique() < LEAST:
                    continue
                if sign := next((sign for sign in SIGNS if kept(both["a"], sign, both["b"]).all()), None):
                    yield Order(table, column, other, theirs, sign)

    def _times(self, table: str) -> list[str]:
        """Of a row above: its clock, and the days of birth and death of a patient."""
        form = self.forms[table]
        clock = form.table.clock
        own = [form.time, clock.end if clock and clock.end in form.after else None]
        fates = [c for c, dtype in form.columns.items() if form.time is None and dated(dtype) and FATES & set(words(c))]
        return [c for c in dict.fromkeys((*own, *fates)) if c is not None and c not in form.gone]


def _together(rules: Iterator[Goes]) -> list[Goes]:
    """One rule for each code and column above, where several columns that follow from the code say the same of it."""
    found: dict[tuple[str, str, str], Goes] = {}
    for rule in rules:
        key = rule.code, rule.above, rule.column
        found[key] = replace(rule, only={**found[key].only, **rule.only}) if key in found else rule
    return list(found.values())


def _only(seen: pl.DataFrame) -> dict[str, str]:
    """By code the level at which alone it is had, where that is beyond chance; of the columns code, level, who."""
    seen = seen.unique()
    of = seen.group_by("level").agg(pl.col("who").n_unique() / max(seen["who"].n_unique(), 1))
    shares = dict(of.iter_rows())
    sure = seen.group_by("code").agg(
        pl.col("level").n_unique().alias("n"), pl.col("level").first(), pl.col("who").n_unique()
    )
    return {
        code: level
        for code, n, level, patients in sure.sort("code").iter_rows()
        if n == 1 and patients >= LEAST and min(shares[level], 1.0) ** patients < CHANCE
    }
