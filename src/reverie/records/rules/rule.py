"""Rules that every patient obeys: a claim on each row, and the conditions under which it is made.

    diastolic < systolic                     visit_date <= death_date            change = value - first(value)
    TIMEDTH = 8766 if DEATH = 0              empty(pregnant) if sex = M          stage in (I, II) if localised = yes
    age never falls                          status stays dead                   visit counts from 1
    status ends at dead                      (no row comes after it)
    status tells code (alive: 0, dead: 1)    smokes tells smoker (0: no, else: yes)

A rule is broken at a row where its conditions are known to be met and its claim is known to be false; what is empty breaks
none but those on emptiness.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np

from reverie.records.intervals import Floats
from reverie.records.kinds import Column
from reverie.records.rules.expressions import Arithmetic, Expression, Function, Name, Value, leaves, named, quoted
from reverie.records.rules.rows import Bools, Rows

__all__ = ["CLOSE", "ELSE", "SIGNS", "Claim", "Course", "Empty", "Filled", "OneOf", "Presence", "Relation", "Rule", "Tells"]

Sign = Literal["<", "<=", "=", "!=", ">=", ">"]
SIGNS: dict[str, Callable[[Any, Any], Any]] = {
    "<": operator.lt,
    "<=": operator.le,
    "=": operator.eq,
    "!=": operator.ne,
    ">=": operator.ge,
    ">": operator.gt,
}
How = Literal["never falls", "never rises", "always rises", "always falls", "counts from", "stays", "ends at"]
ELSE = "else"
CLOSE = 1e-9
"""Numbers are equal, or in order, up to this part of their size: sums of decimals are not exact in binary."""


class Claim:
    """Something that a row does or does not do."""

    @property
    def columns(self) -> tuple[str, ...]:
        raise NotImplementedError

    @property
    def text(self) -> str:
        raise NotImplementedError

    def holds(self, rows: Rows) -> tuple[Bools, Bools]:
        """Whether it is true at each row, and whether that is known, bool [R] each."""
        raise NotImplementedError


@dataclass(frozen=True)
class Relation(Claim):
    """left sign right; equal up to `within`, or what the rounding of the columns on the left hides if that is left out."""

    left: Expression
    sign: Sign
    right: Expression
    within: float | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((*self.left.columns, *self.right.columns)))

    @property
    def text(self) -> str:
        room = "" if self.within is None else f" within {self.within:g}"
        return f"{self.left.text} {self.sign} {self.right.text}{room}"

    def view(self, rows: Rows) -> Rows:
        """The rows as its sides see them: where they reckon, or hold levels of two lists, levels are the numbers that they
        are."""
        parts = [*leaves(self.left), *leaves(self.right)]
        works = any(isinstance(part, Arithmetic) or (isinstance(part, Function) and part.name == "total") for part in parts)
        lists = {rows.column(part.name).levels for part in parts if isinstance(part, Name)}
        return rows.reckoned if any(lists) and (works or len(lists) > 1) else rows

    def sides(self, rows: Rows) -> tuple[Floats, Floats, Floats]:
        """Both sides, and how far apart they may be and count as equal, float64 [R] each."""
        rows = self.view(rows)
        like = [rows.column(name) if (name := named(side)) else None for side in (self.left, self.right)]
        a, b = self.left.values(rows, like[1]), self.right.values(rows, like[0])
        size = np.fmax(np.abs(a), np.abs(b))
        room = CLOSE * np.where(np.isnan(size), 0.0, size)
        if self.within is not None:
            room = room + self.within
        elif self.sign == "=" and not isinstance(self.right, Name | Value):  # a result is rounded as the columns are
            names = [part.name for part in leaves(self.left) if isinstance(part, Name)]
            room = room + sum((rows.column(name).step or 0.0) / 2 for name in names)
        return a, b, room

    def holds(self, rows: Rows) -> tuple[Bools, Bools]:
        a, b, room = self.sides(rows)
        known = ~(np.isnan(a) | np.isnan(b))
        near = np.abs(a - b) <= room
        true = near if self.sign == "=" else ~near if self.sign == "!=" else SIGNS[self.sign](a, b)
        if self.sign in ("<=", ">="):
            true = true | near
        elif self.sign in ("<", ">"):
            true = true & ~near
        return true & known, known


@dataclass(frozen=True)
class OfColumn(Claim):
    """A claim on one column."""

    column: str

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.column,)


@dataclass(frozen=True)
class OneOf(OfColumn):
    """The cell is one of these values."""

    values: tuple[str, ...]

    @property
    def text(self) -> str:
        return f"{quoted(self.column, '`')} in ({', '.join(quoted(value, chr(34)) for value in self.values)})"

    def numbers(self, column: Column) -> Floats:
        """The values, as the column counts them."""
        return np.array([column.parse(value) for value in self.values])

    def holds(self, rows: Rows) -> tuple[Bools, Bools]:
        x = rows.values(self.column)
        return np.isin(x, self.numbers(rows.column(self.column))), ~np.isnan(x)


class Presence(OfColumn):
    """The cell is filled, or is not."""

    filled: ClassVar[bool]

    @property
    def text(self) -> str:
        return f"{'filled' if self.filled else 'empty'}({quoted(self.column, '`')})"

    def holds(self, rows: Rows) -> tuple[Bools, Bools]:
        return rows.filled(self.column) == self.filled, np.ones(len(rows), dtype=bool)


class Empty(Presence):
    filled = False


class Filled(Presence):
    filled = True


@dataclass(frozen=True)
class Course(OfColumn):
    """How a column goes on from row to row of a patient; `value` is the number or the level of the last three."""

    how: How
    value: str = ""

    @property
    def text(self) -> str:
        what = f" {quoted(self.value, chr(34))}" if self.value else ""
        return f"{quoted(self.column, '`')} {self.how}{what}"

    def holds(self, rows: Rows) -> tuple[Bools, Bools]:
        x = rows.values(self.column)
        if self.how == "counts from":
            x = rows.numbers(self.column)
            return x == float(self.value) + rows.place, ~np.isnan(x)
        if self.how in ("stays", "ends at"):
            there = (x == rows.column(self.column).parse(self.value)).astype(float)
            been = rows.before(there, np.fmax) == 1
            if self.how == "ends at":  # no row after it, whatever that says
                return ~been, np.ones(len(rows), dtype=bool)
            return ~been | (there == 1), ~np.isnan(x)
        rising = self.how.endswith(("never falls", "always rises"))
        y = x if rising else -x
        most = rows.before(y, np.fmax)
        known = ~(np.isnan(x) | np.isnan(most))
        room = CLOSE * np.abs(np.nan_to_num(most))
        return (y > most + room if self.how.startswith("always") else y >= most - room) & known, known


@dataclass(frozen=True)
class Tells(Claim):
    """One column says what another is.

    Attributes:
        by, column: the one that tells, and the one whose value it says.
        table: (value of `by`, value of `column`), the first that fits counts; ELSE fits all. Without any, the table that the
            rule is read for has to be seen first, see find.py.
    """

    by: str
    column: str
    table: tuple[tuple[str, str], ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.by, self.column)

    @property
    def text(self) -> str:
        pairs = ", ".join(
            f"{key if key == ELSE else quoted(key, chr(34))}: {quoted(value, chr(34))}" for key, value in self.table
        )
        return f"{quoted(self.by, '`')} tells {quoted(self.column, '`')}" + (f" ({pairs})" if pairs else "")

    def must(self, rows: Rows) -> Floats:
        """What the column must be at each row, float64 [R]; NaN where nothing is said."""
        x, by, column = rows.values(self.by), rows.column(self.by), rows.column(self.column)
        must, open_ = np.full(len(x), np.nan), ~np.isnan(x)
        for key, value in self.table:
            here = open_ if key == ELSE else open_ & (x == by.parse(key))
            must[here] = column.parse(value)
            open_ = open_ & ~here
        return must

    def holds(self, rows: Rows) -> tuple[Bools, Bools]:
        must, is_ = self.must(rows), rows.values(self.column)
        known = ~(np.isnan(must) | np.isnan(is_))
        return (must == is_) & known, known


@dataclass(frozen=True)
class Rule:
    """A claim, made where all of some others are true."""

    claim: Claim
    when: tuple[Claim, ...] = ()

    @property
    def text(self) -> str:
        """As it is written, and read again."""
        return self.claim.text + (f" if {' and '.join(c.text for c in self.when)}" if self.when else "")

    @property
    def columns(self) -> tuple[str, ...]:
        """All columns that it looks at, those of the claim first."""
        return tuple(dict.fromkeys(name for claim in (self.claim, *self.when) for name in claim.columns))

    @property
    def target(self) -> str | None:
        """The column whose value an equation without conditions says: its left side."""
        claim = self.claim
        if self.when or not isinstance(claim, Relation) or claim.sign != "=" or not isinstance(claim.left, Name):
            return None
        return claim.left.name

    def applies(self, rows: Rows) -> Bools:
        """At which rows the claim is made, bool [R]."""
        applies = np.ones(len(rows), dtype=bool)
        for condition in self.when:
            true, known = condition.holds(rows)
            applies &= true & known
        return applies

    def breaks(self, rows: Rows) -> Bools:
        """At which rows it is broken, bool [R]."""
        true, known = self.claim.holds(rows)
        return self.applies(rows) & known & ~true
