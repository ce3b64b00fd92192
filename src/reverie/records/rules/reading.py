"""Rules of a schema beside a table that is read: what they leave to be seen in it, how many rows they are about, which break
them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from reverie.errors import DataError
from reverie.records.places import ROW, at, shown
from reverie.records.rules.rows import Rows
from reverie.records.rules.rule import Rule, Tells
from reverie.records.rules.rules import Rules

if TYPE_CHECKING:
    from reverie.records.schema import Schema
    from reverie.records.table import Table

__all__ = ["Support", "broken", "settled", "supports"]


@dataclass(frozen=True)
class Support:
    """How a table stands to a rule.

    Attributes:
        rule: the rule.
        rows, patients: that had occasion to break it.
        broken: data rows that did, counted from 1.
        breakers: patients that did.
    """

    rule: Rule
    rows: int
    patients: int
    broken: tuple[int, ...]
    breakers: int = 0

    @property
    def words(self) -> str:
        """ "holds in 1,945 of 1,945 rows of 312 patients" """
        kept = self.rows - len(self.broken)
        rows, patients = ("row", "rows")[self.rows != 1], ("patient", "patients")[self.patients != 1]
        return f"holds in {kept:,} of {self.rows:,} {rows} of {self.patients:,} {patients}"

    @property
    def about(self) -> dict[str, Any]:
        """As one JSON object."""
        return {"rule": self.rule.text, "rows": self.rows, "patients": self.patients, "broken": list(self.broken)}

    @property
    def where(self) -> str:
        """ "data rows 3, 17 and 3 more", of those that break it; "" if none does."""
        if not self.broken:
            return ""
        few, more = ", ".join(f"{row:,}" for row in self.broken[:5]), len(self.broken) - 5
        return f"data row{'s'[: len(self.broken) > 1]} {few}" + (f" and {more:,} more" if more > 0 else "")


def supports(table: Table, rules: tuple[Rule, ...] | None = None) -> Iterator[Support]:
    """Of each rule of a table's schema, or of others."""
    every = Rules.of(table.schema)
    rows = every.rows(table.frame)
    patient = np.repeat(np.arange(len(table)), table.lengths)
    place = np.arange(1, len(rows) + 1) if table.rows is None else table.rows
    for rule in every if rules is None else rules:
        true, decided = rule.claim.holds(rows)
        able = rule.applies(rows) & decided
        fails = able & ~true
        who = [len(np.unique(patient[which])) for which in (able, fails)]
        yield Support(rule, int(able.sum()), who[0], tuple(sorted(place[fails].tolist())), who[1])


def broken(table: Table, said: Callable[[str], str] = lambda text: text) -> list[str]:
    """Sentences on rules that a table breaks; `said` is how their texts are told."""
    return [
        f"The rule {said(s.rule.text)} is broken in {len(s.broken):,} of {s.rows:,} rows ({s.where}), which stay as they "
        "are; what is made keeps it (rules in a schema)."
        for s in supports(table)
        if s.broken
    ]


def settled(schema: Schema, frame: pl.DataFrame, name: str) -> Schema:
    """The schema, where a rule says that one column tells another but not how: with what the table shows.

    Args:
        frame: typed, of the schema's columns, with the number of each row in ROW.

    Raises DataError if the table shows that it does not.
    """
    rules = [_with_table(rule, schema, frame, name) for rule in Rules.of(schema)]
    return schema.model_copy(update={"rules": tuple(rule.text for rule in rules)})


def _with_table(rule: Rule, schema: Schema, frame: pl.DataFrame, name: str) -> Rule:
    claim = rule.claim
    if not isinstance(claim, Tells) or claim.table:
        return rule
    by, column = schema[claim.by], schema[claim.column]
    rows = Rows.of(frame, schema)
    x, y, here = rows.values(by.name), rows.values(column.name), rule.applies(rows)
    pairs: dict[float, float] = {}
    for i in np.flatnonzero(here & ~np.isnan(x) & ~np.isnan(y)):
        if pairs.setdefault(float(x[i]), float(y[i])) != y[i]:
            place = at(name, frame[ROW][int(i)], column.name)
            raise DataError(
                f"{place}{shown(column.text(y[i]))} where {by.name} is {shown(by.text(x[i]))}, and another row has "
                f"{shown(column.text(pairs[float(x[i])]))}, so {rule.text!r} does not hold: correct it, or strike the rule."
            )
    table = tuple((by.text(key), column.text(value)) for key, value in sorted(pairs.items()))
    return Rule(replace(claim, table=table), rule.when)
