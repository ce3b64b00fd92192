"""All rules of a table, as its schema holds them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import polars as pl

from reverie.plain import number_of
from reverie.records.rules.grammar import parse
from reverie.records.rules.rows import Bools, Rows
from reverie.records.rules.rule import Rule

__all__ = ["Rules", "on_given"]


@dataclass(frozen=True)
class Rules:
    """Some rules, and the schema that they are of."""

    rules: tuple[Rule, ...]
    schema: Any

    @classmethod
    def of(cls, schema: Any) -> Rules:
        """The rules that a schema tells. Raises UsageError for a text that is none."""
        return cls(tuple(parse(text, schema.names) for text in schema.rules), schema)

    def __iter__(self) -> Iterator[Rule]:
        return iter(self.rules)

    def __len__(self) -> int:
        return len(self.rules)

    def rows(self, frame: pl.DataFrame) -> Rows:
        """A typed frame, rows by patient and time, as rules look at it."""
        return Rows.of(frame, self.schema)

    def broken(self, frame: pl.DataFrame) -> dict[str, Bools]:
        """By the text of each rule, the rows of a typed frame that break it, bool [R]."""
        rows = self.rows(frame)
        return {rule.text: rule.breaks(rows) for rule in self.rules}

    def counted(self, frame: pl.DataFrame) -> dict[str, int]:
        """How many rows of a typed frame break each rule that any breaks, by its text."""
        return {text: count for text, rows in self.broken(frame).items() if (count := int(rows.sum()))}


def on_given(text: str, given: int, beside: int) -> list[str]:
    """What is said of a rule that so many given rows break by themselves, and so many that were filled could not keep."""
    kept = f"In {number_of(given, 'row')} the given values break the rule {text}: kept as given."
    lost = f"Beside what is given, {number_of(beside, 'row')} could not keep the rule {text}."
    return [kept] * (given > 0) + [lost] * (beside > 0)
