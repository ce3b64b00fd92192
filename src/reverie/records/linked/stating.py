"""What a user states of the columns and rules of linked tables, in the terms of the tables, and those of their visits.

    a column of a table beside another   discharges.score
    a time that is counted from the clock   end - start <= 2  ->  end * unit <= 2 days
    a clock of numbers, counted from no row above   year < years
    whether a key that may be empty is there   filled(prior_id)  ->  prior_id = true

What visits have in other terms (scores, what is looked up) keeps no rule until its column is stated too. The way back, from
visits to the terms of tables, is wording.py.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from reverie.errors import UsageError
from reverie.records.kinds import Column
from reverie.records.linked.form import SINCE, Form
from reverie.records.rules.expressions import Arithmetic, Expression, Function, Name, Value, leaves
from reverie.records.rules.grammar import parse
from reverie.records.rules.rule import Claim, Filled, OfColumn, OneOf, Presence, Relation, Rule, Tells

__all__ = [
    "DAY",
    "clocked",
    "in_visits",
    "mapped",
    "named",
    "number_in",
    "plain",
    "stated_columns",
    "stated_rules",
    "unit_in",
]

DAY = 86_400
"""Seconds: in rules times are days."""


def named(home: str, table: str, column: str) -> str:
    """A column of a table as its visits call it, which are those of the table `home` that it may stand beside."""
    return column if table == home else f"{table}.{column}"


def stated_columns(home: str, tables: Sequence[str], forms: Mapping[str, Form]) -> dict[str, Column]:
    """The columns that are stated of a table and of those beside it, by their names in its visits."""
    out = {}
    for table in tables:
        for column in forms[table].table.columns:
            name = named(home, table, column.name)
            gates = {_inside(home, table, gate, forms): levels for gate, levels in column.asked_if.items()}
            out[name] = column.model_copy(update={"name": name, "asked_if": gates})
    return out


def clocked(home: str, table: str) -> str:
    """The clock of a table as its visits call it."""
    return SINCE if table == home else f"{table}.since"


def _inside(home: str, table: str, column: str, forms: Mapping[str, Form]) -> str:
    return named(home, table, column) if column in forms[table].columns else column


def stated_rules(home: str, tables: Sequence[str], forms: Mapping[str, Form], names: Sequence[str]) -> list[str] | None:
    """The rules that are stated of a table and of those beside it, in the terms of its visits; None where none is said.

    Raises UsageError for a rule that cannot be read or kept.
    """
    said = None
    for table in tables:
        for text in forms[table].table.rules or ():
            try:
                said = [*(said or ()), in_visits(home, table, forms, names, text)]
            except UsageError as error:
                raise UsageError(f"{table}: {error}") from None
        if forms[table].table.rules is not None:
            said = said or []
    return said


def in_visits(home: str, table: str, forms: Mapping[str, Form], names: Sequence[str], text: str) -> str:
    """A rule of one table in the terms of its visits, whose columns have these `names`. Raises UsageError."""
    return _Visited(home, table, forms, names).rule(text).text


class _Visited:
    """Rules of one table in the terms of visits."""

    def __init__(self, home: str, table: str, forms: Mapping[str, Form], names: Sequence[str]) -> None:
        self.home, self.table, self.form = home, table, forms[table]
        self.names = [*self.form.columns, *(name for name in names if "\0" not in name)]
        self.learned = set(names)

    def rule(self, text: str) -> Rule:
        rule = parse(text, self.names)
        self.text = text
        return Rule(self._claim(rule.claim), tuple(self._claim(claim) for claim in rule.when))

    def _claim(self, claim: Claim) -> Claim:
        if isinstance(claim, Relation) and any(self._is_time(name) for name in claim.columns):
            if self.form.counts and self._stands(claim):
                return replace(claim, left=self._standing(claim.left), right=self._standing(claim.right))
            return self._of_times(claim)
        if isinstance(claim, Presence) and claim.column in self.form.optional:
            there = isinstance(claim, Filled)
            return OneOf(named(self.home, self.table, claim.column), ("true" if there else "false",))
        if isinstance(claim, Presence) and claim.column in self.form.after:
            return replace(claim, column=named(self.home, self.table, claim.column))
        return mapped(claim, self._name)

    def _is_time(self, column: str) -> bool:
        return column == self.form.time or column in self.form.after

    def _name(self, column: str) -> str:
        name, form = named(self.home, self.table, column) if column in self.form.columns else column, self.form
        if column == form.time and form.counts:
            name = clocked(self.home, self.table)
        elif self._is_time(column):
            raise self._no(f"{column} is a time, of which rules say how it lies to others of its row alone")
        if column in form.gone:
            raise self._no(f"{column} is a key, which is made anew")
        if column in form.scored:
            raise self._no(f"{column} is learned by {form.scored[column].code}: list it in its columns to keep rules on it")
        if column in form.follows:
            raise self._no(f"{column} follows from {form.follows[column][0]}: list it in its columns to keep rules on it")
        if name not in self.learned:
            raise self._no(f"{column} is not learned")
        return name

    def _no(self, why: str) -> UsageError:
        return UsageError(f"the rule {self.text!r} cannot be kept, for {why}.")

    def _of_times(self, claim: Relation) -> Relation:
        """Times as days from the clock. What they are is not known, so as many are added as are taken away."""
        if self._balance(claim.left) != self._balance(claim.right):
            raise self._no("it compares a time with what is none: compare times of one row, or the days between them")
        others = mapped(claim, lambda name: name if self._is_time(name) else self._name(name))
        assert isinstance(others, Relation)
        left, right = self._counted(self._days(others.left), self._days(others.right))
        if isinstance(right, Value) and isinstance(left, Value):
            raise self._no("it says nothing of any cell")
        return Relation(left, claim.sign, right, claim.within)

    def _stands(self, claim: Relation) -> bool:
        """Whether a relation is on the clock itself, rather than on how far times are from it."""
        try:
            return self._balance(claim.left) != self._balance(claim.right)
        except UsageError:
            return True

    def _standing(self, side: Expression) -> Expression:
        """Times that are numbers as they are."""
        if isinstance(side, Name) and side.name in self.form.after:
            return Arithmetic(Name(self._name(str(self.form.time))), "+", Name(named(self.home, self.table, side.name)))
        if isinstance(side, Name):
            return Name(self._name(side.name))
        if isinstance(side, Arithmetic):
            return replace(side, left=self._standing(side.left), right=self._standing(side.right))
        return replace(side, of=self._standing(side.of)) if isinstance(side, Function) and side.of is not None else side

    @staticmethod
    def _counted(left: Expression, right: Expression) -> tuple[Expression, Expression]:
        """Both sides in the unit of a column, where they are columns of one unit and numbers of days."""
        units = {unit for unit in (unit_in(left), unit_in(right)) if unit is not None}
        if len(units) != 1 or any(unit_in(side) is None and number_in(side) is None for side in (left, right)):
            return left, right
        (unit,) = units

        def side(one: Expression) -> Expression:
            number = number_in(one)
            return Value(f"{number * DAY / unit:.12g}") if number is not None else Name(one.columns[0])

        return side(left), side(right)

    def _balance(self, side: Expression) -> int:
        if isinstance(side, Name):
            return int(self._is_time(side.name))
        if isinstance(side, Arithmetic) and side.sign in "+-":
            return self._balance(side.left) + (1 if side.sign == "+" else -1) * self._balance(side.right)
        if any(isinstance(part, Name) and self._is_time(part.name) for part in leaves(side)):
            raise self._no("times are only added and taken away")
        return 0

    def _days(self, side: Expression) -> Expression:
        if isinstance(side, Name) and side.name == self.form.time:
            return Value("0")
        if isinstance(side, Name) and side.name in self.form.after:
            name, unit = Name(named(self.home, self.table, side.name)), self.form.after[side.name] or DAY
            return name if unit == DAY else Arithmetic(Arithmetic(name, "*", Value(f"{unit:g}")), "/", Value(str(DAY)))
        if isinstance(side, Arithmetic):
            return replace(side, left=self._days(side.left), right=self._days(side.right))
        return side


def mapped(claim: Claim, name: Callable[[str], str]) -> Claim:
    """A claim on other columns."""

    def side(one: Expression) -> Expression:
        if isinstance(one, Name):
            return Name(name(one.name))
        if isinstance(one, Arithmetic):
            return replace(one, left=side(one.left), right=side(one.right))
        return replace(one, of=side(one.of)) if isinstance(one, Function) and one.of is not None else one

    if isinstance(claim, Relation):
        return replace(claim, left=side(claim.left), right=side(claim.right))
    if isinstance(claim, Tells):
        return replace(claim, by=name(claim.by), column=name(claim.column))
    assert isinstance(claim, OfColumn)
    return replace(claim, column=name(claim.column))


def plain(home: str, tables: Sequence[str], forms: Mapping[str, Form]) -> dict[str, tuple[str, str]]:
    """The columns of a table's visits that are as they stand in a table: (table, column) by name."""
    out = {}
    for table in tables:
        form = forms[table]
        other = {form.time, *form.after, *form.scored, *form.gone, *form.follows}
        out |= {named(home, table, column): (table, column) for column in form.columns if column not in other}
    return out


def unit_in(side: Expression) -> float | None:
    """The unit in seconds of a side that is a column counted in days: x, or x * unit / 86400; None for any other."""
    if isinstance(side, Name):
        return float(DAY)
    if not (isinstance(side, Arithmetic) and side.sign == "/" and isinstance(side.left, Arithmetic)):
        return None
    of, unit = side.left, number_in(side.left.right)
    scaled = of.sign == "*" and isinstance(of.left, Name) and number_in(side.right) == DAY
    return unit if scaled else None


def number_in(side: Expression) -> float | None:
    """The number that a side is; None where it is none."""
    try:
        return float(side.word) if isinstance(side, Value) else None
    except ValueError:
        return None
