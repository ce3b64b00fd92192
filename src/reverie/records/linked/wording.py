"""Rules and columns of visits in the terms of the tables that they are of: the way back of stating.py.

    days from the clock     0 <= ended, ended <= until   ->   started <= ended, ended <= until
    a clock of numbers      (the time) < years           ->   year < years
    whether a key is there  prior_id = true              ->   filled(prior_id)
    a row beside another    has discharges               ->   a row of discharges

A rule that no table has the terms to say is kept too; where it must be told, it is told in words, of the columns.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from reverie.records.kinds import Column
from reverie.records.linked.form import Form
from reverie.records.linked.schema import LinkedSchema
from reverie.records.linked.stating import DAY, clocked, mapped, named, number_in, plain, unit_in
from reverie.records.rules.expressions import Arithmetic, Expression, Function, Name, Value, leaves
from reverie.records.rules.grammar import parse
from reverie.records.rules.rule import Claim, Empty, Filled, OfColumn, OneOf, Presence, Relation, Rule
from reverie.records.schema import Schema

__all__ = ["Wording", "told"]


UNITS = {86_400.0: "days", 3_600.0: "hours", 60.0: "minutes", 1.0: "seconds"}
EARLIER: Mapping[str, Literal["<", "<="]] = {">": "<", ">=": "<="}


class _Unsaid(Exception):
    """No table has the terms to say it."""


@dataclass(frozen=True, eq=False)
class Wording:
    """The terms of a table, and of those beside it.

    Attributes:
        home: the table.
        tables: it, and those beside it.
        forms: of all tables.
    """

    home: str
    tables: Sequence[str]
    forms: Mapping[str, Form]

    @classmethod
    def of(cls, home: str, schema: Schema, forms: Mapping[str, Form]) -> Wording:
        """Of a table whose visits have such a schema."""
        return cls(home, [home, *(table for table in forms if f"\0has {table}" in schema.names)], forms)

    @property
    def plain(self) -> dict[str, tuple[str, str]]:
        """The columns of visits that are as they stand in a table, by name: (table, column)."""
        return plain(self.home, self.tables, self.forms)

    def places(self, name: str) -> tuple[str, str] | None:
        """The table and the column that a column of visits is of; None of those that are made up."""
        for table in self.tables:
            if name == clocked(self.home, table) and self.forms[table].time is not None:
                return table, str(self.forms[table].time)
            column = name if table == self.home else name.removeprefix(f"{table}.")
            if column in self.forms[table].columns and name == named(self.home, table, column):
                return table, column
        return None

    def rule(self, text: str, names: Sequence[str]) -> tuple[str, str] | None:
        """The table and the text of a rule of visits whose columns have these names; None where none can say it."""
        rule = parse(text, names)
        places = [self.places(name) for name in rule.columns]
        homes = {place[0] for place in places if place is not None}
        table = homes.pop() if len(homes) == 1 else self.home
        try:
            claim, *when = (self._claim(one, table) for one in (rule.claim, *rule.when))
        except _Unsaid:
            return None
        return table, Rule(claim, tuple(when)).text

    def unsaid(self, schema: Schema) -> list[str]:
        """The rules of visits that no table has the terms to say."""
        return [text for text in schema.rules if self.rule(text, schema.names) is None]

    def said(self, text: str, names: Sequence[str]) -> str:
        """A rule of visits for people to read: as its table says it, or in words of the columns that it is on."""
        if (known := self.rule(text, names)) is not None:
            return ": ".join(known)
        rule = parse(text, names)
        claim, *when = (self._words(one) for one in (rule.claim, *rule.when))
        return f"{self.home}: {claim}" + (f" if {' and '.join(when)}" if when else "")

    def called(self, name: str) -> str:
        """A column of visits for people to read: "end - start, in hours" of what is counted from the clock."""
        if (beside := self._beside(name)) is not None:
            return f"whether there is a row of {beside}"
        if (place := self.places(name)) is None:
            return name.replace("\0", "")
        table, column = place
        form, shown = self.forms[table], column if table == self.home else f"{table}.{column}"
        since, unit = (form.since, form.unit) if column == form.time else (form.time, form.after.get(column, 0.0))
        if since is None or (column != form.time and column not in form.after):
            return shown
        return f"{shown} - {since}{f', in {UNITS[unit]}' if unit in UNITS else ''}"

    def note(self, text: str, names: Sequence[str]) -> str:
        """A sentence on a column of visits, "In COLUMN, ...", in words of its table."""
        for name in sorted(names, key=len, reverse=True):
            if text.startswith(f"In {name}, "):
                return f"In {self.called(name)}{text.removeprefix(f'In {name}')}"
        return text

    def _beside(self, name: str) -> str | None:
        """The table beside of which a column says whether there is a row."""
        return next((table for table in self.tables if name == f"\0has {table}"), None)

    def _words(self, claim: Claim) -> str:
        if isinstance(claim, Presence) and (beside := self._beside(claim.column)) is not None:
            return f"there is {'a' if claim.filled else 'no'} row of {beside}"

        def shown(name: str) -> str:
            place = self.places(name) if isinstance(claim, Presence) else None
            if place is None:
                return self.called(name)
            return place[1] if place[0] == self.home else ".".join(place)

        return mapped(claim, shown).text

    def _claim(self, claim: Claim, table: str) -> Claim:
        form = self.forms[table]
        if isinstance(claim, Relation):
            if (key := self._optional(claim.left, table)) is not None:
                return _there(key, claim.sign, word_of(claim.right))
            return self._relation(claim, table)
        if isinstance(claim, OneOf) and (key := self._optional(Name(claim.column), table)) is not None:
            if len(claim.values) != 1:
                raise _Unsaid
            return _there(key, "=", claim.values[0])
        if isinstance(claim, Presence) and self.places(claim.column) in [(table, column) for column in form.after]:
            return replace(claim, column=self._column(claim.column, table))
        if isinstance(claim, OfColumn) and claim.column == clocked(self.home, table) and not form.counts:
            raise _Unsaid
        return mapped(claim, lambda name: self._standing(name, table))

    def _optional(self, side: Expression, table: str) -> str | None:
        place = self.places(side.name) if isinstance(side, Name) else None
        return place[1] if place and place[0] == table and place[1] in self.forms[table].optional else None

    def _relation(self, claim: Relation, table: str) -> Relation:
        sides = (claim.left, claim.right)
        units = [self._unit(side, table) for side in sides]
        zeros = [number_in(side) == 0 for side in sides]
        if any(units) and all(unit or zero for unit, zero in zip(units, zeros, strict=True)) and len({*units} - {None}) == 1:
            left, right = (Name(str(self.forms[table].time)) if z else Name(self._column(s.columns[0], table))
                           for s, z in zip(sides, zeros, strict=True))  # fmt: skip
            if claim.sign in (">", ">="):  # what comes first is said first
                return replace(claim, left=right, sign=EARLIER[claim.sign], right=left)
            return replace(claim, left=left, right=right)
        unit = next((unit for unit in units if unit), None)
        if unit and any(number_in(side) is not None for side in sides):
            left, right = (self._of_days(side, table, unit) for side in sides)
            return replace(claim, left=left, right=right)
        return replace(claim, left=self._side(claim.left, table), right=self._side(claim.right, table))

    def _unit(self, side: Expression, table: str) -> float | None:
        """In seconds, of a side that is one time of a table as its visits count it."""
        if not isinstance(side, Name) or (place := self.places(side.name)) is None or place[0] != table:
            return None
        form = self.forms[table]
        return (form.after[place[1]] or DAY) if place[1] in form.after else None

    def _of_days(self, side: Expression, table: str, unit: float) -> Expression:
        if (number := number_in(side)) is not None:
            return Value(f"{number * unit / DAY:.12g}")
        return Arithmetic(Name(self._column(side.columns[0], table)), "-", Name(str(self.forms[table].time)))

    def _side(self, side: Expression, table: str) -> Expression:
        form = self.forms[table]
        if isinstance(side, Name):
            place = self.places(side.name)
            if place is not None and place[0] == table and place[1] in form.after:
                if (form.after[place[1]] or DAY) != DAY:
                    raise _Unsaid
                return Arithmetic(Name(place[1]), "-", Name(str(form.time)))
            return Name(self._standing(side.name, table))
        if isinstance(side, Arithmetic):
            counted = unit_in(side)
            names = side.columns
            if counted is not None and len(names) == 1 and self._unit(Name(names[0]), table) == counted:
                return Arithmetic(Name(self._column(names[0], table)), "-", Name(str(form.time)))
            of = (side.left, side.right)
            if form.counts and side.sign == "+" and all(isinstance(part, Name) for part in of):
                first, second = (str(part.columns[0]) for part in of)
                if first == clocked(self.home, table) and self._unit(Name(second), table) is not None:
                    return Name(self._column(second, table))
            return replace(side, left=self._side(side.left, table), right=self._side(side.right, table))
        if isinstance(side, Function) and side.of is not None:
            if any(self._unit(part, table) is not None for part in leaves(side.of)):
                raise _Unsaid
            return replace(side, of=self._side(side.of, table))
        return side

    def _column(self, name: str, table: str) -> str:
        place = self.places(name)
        if place is None or place[0] != table:
            raise _Unsaid
        return place[1]

    def _standing(self, name: str, table: str) -> str:
        """A column that is as it stands in its table."""
        if (place := self.plain.get(name)) is not None:
            return place[1] if place[0] == table else name
        if name == clocked(self.home, table) and self.forms[table].counts:
            return str(self.forms[table].time)
        raise _Unsaid


def _there(key: str, sign: str, level: str) -> Presence:
    """Whether a key is there, which visits say as true or false."""
    if sign not in ("=", "!=") or level not in ("true", "false"):
        raise _Unsaid
    return Filled(key) if (level == "true") == (sign == "=") else Empty(key)


def word_of(side: Expression) -> str:
    return side.word if isinstance(side, Value) else ""


def told(schema: LinkedSchema, forms: Mapping[str, Form], columns: Mapping[str, Schema]) -> LinkedSchema:
    """A schema with the columns and rules of each table as they were decided, in the terms of the tables."""
    kept: dict[str, list[Column]] = {table: [] for table in forms}
    rules: dict[str, list[str]] = {table: [] for table in forms}
    for home, of in columns.items():
        wording = Wording.of(home, of, forms)
        where = wording.plain
        for column in of.columns:
            if column.name in where:
                table, name = where[column.name]
                gates = {
                    where[gate][1] if where[gate][0] == table else gate: v
                    for gate, v in column.asked_if.items()
                    if gate in where
                }
                kept[table].append(column.model_copy(update={"name": name, "asked_if": gates}))
        for said in (wording.rule(text, of.names) for text in of.rules):
            if said is not None:
                rules[said[0]].append(said[1])
    done = [
        table.model_copy(update={"columns": tuple(kept[table.name]), "rules": tuple(sorted(set(rules[table.name])))})
        if table.name in forms and not table.implied
        else table
        for table in schema.tables
    ]
    return schema.model_copy(update={"tables": tuple(done)})
