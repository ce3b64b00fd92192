"""What a user states of the columns and rules of linked tables, in the terms of the tables, and those of their visits.

    a column of a table beside another   discharges.score
    a time that is counted from the clock   end - start <= 2  ->  end * unit <= 2 days
    whether a key that may be empty is there   filled(prior_id)  ->  prior_id = true

What visits have in other terms (scores, what is looked up) keeps no rule until its column is stated too.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace

from reverie.errors import UsageError
from reverie.records.kinds import Column
from reverie.records.linked.form import Form
from reverie.records.linked.schema import LinkedSchema
from reverie.records.rules.expressions import Arithmetic, Expression, Function, Name, Value, leaves
from reverie.records.rules.grammar import parse
from reverie.records.rules.rule import Claim, Filled, OfColumn, OneOf, Presence, Relation, Rule, Tells
from reverie.records.schema import Schema

__all__ = ["named", "plain", "stated_columns", "stated_rules", "told", "unwritten"]

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
                said = [*(said or ()), _Visited(home, table, forms, names).rule(text).text]
            except UsageError as error:
                raise UsageError(f"{table}: {error}") from None
        if forms[table].table.rules is not None:
            said = said or []
    return said


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
        if self._is_time(column):
            raise self._no(f"{column} is a time, of which rules say how it lies to others of its row alone")
        if column in form.gone:
            raise self._no(f"{column} is a key, which is made anew")
        if column in form.scored:
            raise self._no(f"{column} is learned by {form.scored[column].code}: list it in `columns` to keep rules on it")
        if column in form.follows:
            raise self._no(f"{column} follows from {form.follows[column][0]}: list it in `columns` to keep rules on it")
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
        left, right = (self._days(side) for side in (others.left, others.right))
        if isinstance(right, Value) and isinstance(left, Value):
            raise self._no("it says nothing of any cell")
        return Relation(left, claim.sign, right, claim.within)

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


def unwritten(schema: Schema, columns: Collection[str]) -> list[str]:
    """The rules of visits that are not on such columns alone: no table has the terms to say them."""
    return [text for text in schema.rules if not set(parse(text, schema.names).columns) <= set(columns)]


def told(schema: LinkedSchema, forms: Mapping[str, Form], columns: Mapping[str, Schema]) -> LinkedSchema:
    """A schema with the columns and rules of each table as they were decided, in the terms of the tables."""
    kept: dict[str, list[Column]] = {table: [] for table in forms}
    rules: dict[str, list[str]] = {table: [] for table in forms}
    for home, of in columns.items():
        tables = [home, *(table for table in forms if f"\0has {table}" in of.names)]
        where = plain(home, tables, forms)
        for column in of.columns:
            if column.name in where:
                table, name = where[column.name]
                gates = {
                    where[gate][1] if where[gate][0] == table else gate: v
                    for gate, v in column.asked_if.items()
                    if gate in where
                }
                kept[table].append(column.model_copy(update={"name": name, "asked_if": gates}))
        for text in set(of.rules) - set(unwritten(of, where)):
            rule = parse(text, of.names)
            homes = {where[name][0] for name in rule.columns}
            table = homes.pop() if len(homes) == 1 else home
            names = {name: column if at == table else name for name, (at, column) in where.items()}
            claims = [mapped(claim, names.__getitem__) for claim in (rule.claim, *rule.when)]
            rules[table].append(Rule(claims[0], tuple(claims[1:])).text)
    done = [
        table.model_copy(update={"columns": tuple(kept[table.name]), "rules": tuple(sorted(rules[table.name]))})
        if table.name in forms and not table.implied
        else table
        for table in schema.tables
    ]
    return schema.model_copy(update={"tables": tuple(done)})
