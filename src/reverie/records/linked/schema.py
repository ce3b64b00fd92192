"""What each of several linked tables is, and how they are tied.

    patients (patient_id)  <-  encounters (encounter_id, patient_id)  <-  diagnoses (encounter_id, code)

A table has at most one key, and refers to others by theirs. One of those it refers to is its parent: the nearest to it, of
which the others follow. The tables from which no other is reached upwards are the entities (patients) and the lookups
(departments, names of tests), which are carried over and not learned. No table is its own ancestor.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, model_validator

from reverie.errors import unknown
from reverie.records.kinds import Column, Word
from reverie.records.schema_text import stated

__all__ = ["Clock", "ForeignKey", "Kind", "LinkedSchema", "LinkedTable"]

Kind = Literal["entities", "events", "long", "codes", "lookup"]
"""What the rows of a table are: patients; what happens to them; one test each; codes of a set; what codes stand for."""


class Clock(BaseModel):
    """When a row was.

    Attributes:
        kind: "instant" (a date-time, or a number), "interval" (from `start` to `end`) or "date" (a day alone).
        start, end: columns; `end` of an interval alone.
        why: the reason, for people.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["instant", "interval", "date"]
    start: str
    end: str | None = None
    why: str = ""

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.kind == "interval") != (self.end is not None):
            raise ValueError("an interval has a start and an end, and an instant or a date has a start alone")
        if self.start == self.end:
            raise ValueError(f"{self.start} is the start and the end: name another end, or make it an instant")
        return self


class ForeignKey(BaseModel):
    """A column that refers to the key of another table, or of its own.

    Attributes:
        column: whose cells are keys of `table`.
        table: the table that is referred to.
        optional: whether a row may refer to none.
        dangling: cells that name no row there, as seen.
        fewest, median, most: rows that refer to one row there, as seen.
        why: the reason, for people.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    column: str
    table: str
    optional: bool = False
    dangling: int = Field(0, ge=0)
    fewest: int = Field(0, ge=0)
    median: float = Field(0, ge=0)
    most: int = Field(0, ge=0)
    why: str = ""

    @property
    def one_to_one(self) -> bool:
        """Whether no row there is referred to twice, as seen."""
        return self.most <= 1


class LinkedTable(BaseModel):
    """One of the tables.

    Attributes:
        name: of the table, that of its file without the suffix.
        kind: what its rows are.
        key: the column whose cells tell its rows apart; none where nothing does.
        parent: of the tables that it refers to the nearest; none of entities and lookups.
        refers: its columns that are keys of other tables, or of its own.
        clock: when its rows were; none where they have the time of their parent, or none at all.
        implied: there is no such table, others only speak of its key.
        null_values: what stands for a missing value, besides an empty cell, in columns without null_values of their own; not
            in keys and times.
        columns: what its columns are, as in the schema of one table; what is not told of here is found out. Keys and times
            are told by key, refers and clock alone.
        rules: what each row obeys, as text, as in the schema of one table; kept in all that is made. None: those that are
            found.
        why: the reason for its kind, for people.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    kind: Kind
    key: str | None = None
    parent: str | None = None
    refers: tuple[ForeignKey, ...] = ()
    clock: Clock | None = None
    implied: bool = False
    null_values: tuple[Word, ...] = ()
    columns: tuple[Column, ...] = ()
    rules: tuple[str, ...] | None = None
    why: str = ""

    @property
    def tied(self) -> set[str]:
        """The columns that are keys, its own and others', or times of its clock."""
        clock = {self.clock.start, self.clock.end} if self.clock else set()
        return {column for column in (self.key, *clock, *(key.column for key in self.refers)) if column}

    def to(self, table: str) -> ForeignKey | None:
        """By which it refers to another table, if it does."""
        return next((key for key in self.refers if key.table == table), None)

    @model_validator(mode="after")
    def _whole(self) -> Self:
        columns = [key.column for key in self.refers]
        if twice := next((c for c in columns if columns.count(c) > 1), None):
            raise ValueError(f"{self.name} refers to two tables by {twice}: strike one of them")
        if self.parent is not None and (self.parent == self.name or self.to(self.parent) is None):
            raise ValueError(f"{self.name} has the parent {self.parent} and no column that refers to it: add it to `refers`")
        names = [column.name for column in self.columns]
        if twice := next((c for c in names if names.count(c) > 1), None):
            raise ValueError(f"{self.name} has {twice} in its columns twice: strike one of them")
        if self.kind == "lookup" and (self.columns or self.rules):
            raise ValueError(f"{self.name} is a lookup, which is carried over: strike its columns and rules")
        if (self.parent is None) != (self.kind in ("entities", "lookup")):
            raise ValueError(
                f"{self.name} is of kind {self.kind} "
                + (
                    "without a parent: name one, or call it entities or lookup"
                    if self.parent is None
                    else f"and has the parent {self.parent}: strike it, or call it events, long or codes"
                )
            )
        return self


class LinkedSchema(BaseModel):
    """All tables, parents before their children."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    tables: tuple[LinkedTable, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _tied(self) -> Self:
        names = [table.name for table in self.tables]
        if twice := next((name for name in names if names.count(name) > 1), None):
            raise ValueError(f"two tables are called {twice}")
        for table in self.tables:
            for key in table.refers:
                if key.table not in names:
                    raise ValueError(f"{table.name}.{key.column} refers to {key.table}, and there is no such table")
                if self[key.table].key is None:
                    raise ValueError(f"{table.name}.{key.column} refers to {key.table}, which has no key: name its `key`")
        for table in (table for table in self.tables if table.kind == "lookup"):
            if key := next((key for key in table.refers if self[key.table].kind != "lookup"), None):
                raise ValueError(
                    f"{table.name} is a lookup, which is carried over, and its {key.column} refers to {key.table}, whose "
                    "keys are new in what is made: call it events, or strike that from its `refers`"
                )
        for table in self.tables:
            stated = table.tied - self.carried(table.name)
            if tied := next((column.name for column in table.columns if column.name in stated), None):
                raise ValueError(
                    f"{table.name}.{tied} is a key or the time: say what it is there, and strike it from its columns"
                )
        for table in self.tables:
            seen = [table.name]
            while (above := self[seen[-1]].parent) is not None:
                if above in seen:
                    circle = " -> ".join([*seen[seen.index(above) :], above])
                    raise ValueError(f"the parents go in a circle, {circle}: strike one of them")
                seen.append(above)
        return self

    def __getitem__(self, name: str) -> LinkedTable:
        """The table of that name. Raises UsageError with the nearest name if there is none."""
        for table in self.tables:
            if table.name == name:
                return table
        raise unknown("table", name, [table.name for table in self.tables])

    def carried(self, name: str) -> set[str]:
        """The columns of a table that name rows of tables that are carried over: they are learned as others are."""
        return {key.column for key in self[name].refers if self[key.table].kind == "lookup"}

    def above(self, name: str) -> Iterator[str]:
        """The ancestors of a table, the nearest first."""
        while (parent := self[name].parent) is not None:
            yield parent
            name = parent

    def children(self, name: str) -> list[str]:
        return [table.name for table in self.tables if table.parent == name]

    @property
    def entities(self) -> list[str]:
        return [table.name for table in self.tables if table.kind == "entities"]

    def yaml(self) -> str:
        """The text of a schema file, to be edited."""
        return yaml.safe_dump(self.model_dump(mode="json", exclude_none=True, exclude_defaults=True), sort_keys=False)

    @classmethod
    def from_yaml(cls, text: str, name: str) -> LinkedSchema:
        """The schema of a file's text; `name` is how errors call it. Raises UsageError in one sentence."""
        return stated(cls, text, name, "tables")
