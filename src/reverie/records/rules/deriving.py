"""Columns that others determine: they have no score of their own, and are computed from what was made.

    change = value - base       status tells code (alive: 0, dead: 1)       visit counts from 1
    age - first(age) = (day - first(day)) / 365.25       from the second visit on

A column is derived where a rule without conditions says its value, it is filled just where all that the rule needs is, and
what the rule needs does not lead back to it. Of columns that determine each other the one with more values is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from reverie.records.counts import Counting
from reverie.records.intervals import Floats
from reverie.records.kinds import Column
from reverie.records.rounding import on_grid
from reverie.records.rules.expressions import Arithmetic, Function, Name
from reverie.records.rules.grammar import parse
from reverie.records.rules.rows import Rows, number_of, place_of
from reverie.records.rules.rule import Course, Relation, Rule, Tells

__all__ = ["Derivation", "Deriving", "counted", "led_back", "settled"]

TRIES = 128
"""Values drawn of a column to find one that tells what is asked for."""


@dataclass(frozen=True)
class Derivation:
    """How a column follows from others.

    Attributes:
        column: the one that follows.
        rule: what says so.
        needs: the columns that it follows from.
        later: whether only later rows follow, from the first one of the patient that has a value.
    """

    column: str
    rule: Rule
    needs: tuple[str, ...]
    later: bool = False

    @property
    def config(self) -> dict[str, str]:
        """As JSON can hold it."""
        return {"column": self.column, "rule": self.rule.text}

    @classmethod
    def from_config(cls, config: Mapping[str, str], names: Collection[str]) -> Derivation:
        """The one that a config describes."""
        every = derived_by(parse(config["rule"], names))
        return next(one for one in every if one.column == config["column"])

    def values(self, rows: Rows, anchor: Floats | None = None) -> Floats:
        """What the column must be at each row, float64 [R], as it is rounded; NaN where something is lacking.

        With `later`, from the first row on that has a value, or an `anchor`, values that are sure.
        """
        claim, column = self.rule.claim, rows.column(self.column)
        if isinstance(claim, Tells):
            return claim.must(rows)
        if isinstance(claim, Course):
            return counted(claim, rows)
        assert isinstance(claim, Relation)
        view = claim.view(rows)
        if not self.later:
            return settled(column, claim.right.values(view), view is not rows)
        moved, x = claim.right.values(view), rows.values(self.column) if anchor is None else anchor
        start, since = (rows.first_known(y) for y in (x, np.where(np.isnan(x), np.nan, moved)))
        return settled(column, start + moved - since)


def derived_by(rule: Rule) -> Iterable[Derivation]:
    """What a rule could derive."""
    claim = rule.claim
    if rule.when:
        return
    if isinstance(claim, Tells):
        yield Derivation(claim.column, rule, (claim.by,))
    elif isinstance(claim, Course) and claim.how == "counts from":
        yield Derivation(claim.column, rule, ())
    elif isinstance(claim, Relation) and claim.sign == "=":
        left, right = claim.left, claim.right
        if isinstance(left, Name) and left.name not in right.columns:
            yield Derivation(left.name, rule, right.columns)
            if isinstance(right, Name):
                yield Derivation(right.name, Rule(Relation(right, "=", left, claim.within)), (left.name,))
        if (
            isinstance(left, Arithmetic)
            and left.sign == "-"
            and isinstance(left.left, Name)
            and left.right == Function("first", left.left)
            and left.left.name not in right.columns
        ):
            yield Derivation(left.left.name, rule, right.columns, later=True)


class Deriving:
    """Which columns of a table follow from others, found part by part, each with whole patients.

    Attributes:
        later: the columns of which only later rows may follow.
    """

    def __init__(self, rules: Iterable[Rule]) -> None:
        self._able = [one for rule in rules for one in derived_by(rule)]
        self.later = {one.column for one in self._able if one.later}
        self._values = {one.column: Counting() for one in self._able}
        self._empty: set[str] = set()

    def add(self, rows: Rows) -> None:
        """Another part of the table: what does not follow there does not follow."""
        self._able = [one for one in self._able if _follows(one, rows)]
        for name in {one.column for one in self._able}:
            x = rows.values(name)
            empty = np.isnan(x)
            self._values[name].add(x[~empty])
            self._empty |= {name} if empty.any() else set()

    def derivations(self, schema: Any) -> tuple[Derivation, ...]:
        """The columns that follow, each after those that it needs."""
        chosen: dict[str, Derivation] = {}
        place = {column.name: i for i, column in enumerate(schema.columns)}
        size = {one.column: self._different(one.column) for one in self._able}

        def leads(name: str, to: str) -> bool:
            return name == to or (name in chosen and any(leads(further, to) for further in chosen[name].needs))

        for one in sorted(self._able, key=lambda d: (d.later, len(d.needs) > 0, size[d.column], -place[d.column])):
            if one.column not in chosen and not any(leads(name, one.column) for name in one.needs):
                chosen[one.column] = one
        done: list[Derivation] = []
        while left := [d for d in chosen.values() if d not in done]:
            done += [d for d in left if not any(name in {x.column for x in left} for name in d.needs)]
        return tuple(done)

    def _different(self, name: str) -> float:
        """How many different cells a column has; of columns with too many to be counted, all have as many."""
        seen = self._values[name].counts()
        return len(seen.values) + (name in self._empty) if seen.weight == 1 else np.inf


def _follows(one: Derivation, rows: Rows) -> bool:
    """Whether a column of a table can be left to a rule."""
    column = rows.columns.get(one.column)
    if (
        column is None
        or not column.modelled
        or any(rows.columns[n].role == "varying" for n in one.needs if column.role == "static")
    ):
        return False
    if any(not (rows.columns[n].modelled or rows.columns[n].role == "time") for n in one.needs):
        return False
    if column.role == "static" and (not one.needs or any(rows.columns[n].role == "time" for n in one.needs)):
        return False
    x = rows.values(one.column)
    if one.later and np.isnan(x).any():
        return False
    must = one.values(rows)
    filled = ~np.isnan(x)
    return bool((np.isnan(must) == ~filled).all()) and not one.rule.breaks(rows).any()


def counted(claim: Course, rows: Rows) -> Floats:
    """What a column that counts must be at each row, float64 [R]; NaN where its levels do not go so far."""
    x, levels = rows.place.astype(np.float64) + float(claim.value), rows.column(claim.column).levels
    if not levels:
        return x
    places = {number_of(level): float(place) for place, level in enumerate(levels)}
    return np.array([places.get(number, np.nan) for number in x.tolist()])


def settled(column: Column, x: Floats, reckoned: bool = False) -> Floats:
    """Values rounded as those of the column are; of levels the nearest, where the values are `reckoned` with by number."""
    if column.levels and reckoned:
        return place_of(column, x)
    if not column.numeric:
        return np.clip(np.rint(x), 0, max(len(column.levels) - 1, 0))
    return on_grid(x, column.step, column.digits)


def led_back(
    derived: Sequence[Derivation], cells: Mapping[str, Floats], rows: Rows, draws: Callable[[str, int], Floats]
) -> dict[str, Floats]:
    """Values of some columns, and of those that derived ones lead back to: who asks for the dead asks for a status that is
    dead, drawn among all such as common as they are.

    Args:
        cells: values [R] by column, NaN where not given.
        rows: whose they are.
        draws: (column, tries) -> values [tries, R].
    """
    filled = dict(cells)
    none = np.full(len(rows), np.nan)
    for one in reversed(derived):
        must = filled.get(one.column, none)
        for name in () if one.later else one.needs:
            x, others = filled.get(name, none), [filled.get(need, none) for need in one.needs if need != name]
            where = np.isnan(x) & ~np.isnan(must) & ~np.isnan(sum(others, np.zeros(len(rows))))
            if where.any() and (y := _leading(one, name, must, filled, rows, draws)) is not None:
                filled[name] = np.where(where, y, x)
    return filled


def _leading(
    one: Derivation, name: str, must: Floats, cells: Mapping[str, Floats], rows: Rows, draws: Callable[[str, int], Floats]
) -> Floats | None:
    """Values of a column that lead to those that a derived one must have, float64 [R]; None where none are found."""
    if isinstance(one.rule.claim, Tells):
        tried = draws(name, TRIES)
        all_ = Rows(pl.DataFrame({"": tried.ravel()}), rows.columns, np.arange(tried.size), {name: tried.ravel()})
        fits = one.rule.claim.must(all_).reshape(tried.shape) == must
        return np.where(fits.any(0), tried[fits.argmax(0), np.arange(len(rows))], np.nan)
    if not isinstance(one.rule.claim, Relation):
        return None
    values = {need: cells.get(need, np.full(len(rows), np.nan)) for need in one.needs}
    part = Rows(rows.frame, rows.columns, rows.first, values)
    view, column = one.rule.claim.view(part), rows.columns[one.column]
    if view is not part and column.levels:
        must = Rows(rows.frame, rows.columns, rows.first, {one.column: must}).numbers(one.column)
    x = one.rule.claim.right.inverse(name, must, view)
    return None if x is None else settled(rows.columns[name], x, view is not part)
