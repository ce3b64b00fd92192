"""Rules kept in what is made: derived columns are computed, and what breaks a rule is moved until nothing does.

    drawn -> derived -> (broken? -> moved -> derived) ... -> kept

What was given is never moved. Whole tables are looked at once, then only the patients that break a rule.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import polars as pl
from scipy.special import ndtri

from reverie.records.intervals import Floats
from reverie.records.rules.deriving import Derivation
from reverie.records.rules.draft import Draft
from reverie.records.rules.moves import Fill, mended
from reverie.records.rules.rows import Bools
from reverie.records.rules.rule import Rule
from reverie.records.schema import Schema

__all__ = ["Keeper"]

TURNS = 12
"""Rounds of moves before a patient is left as it is."""


@dataclass(frozen=True, eq=False)
class Keeper:
    """Keeps rules in tables that are made.

    Attributes:
        schema: of the tables.
        rules: those to keep.
        derived: the columns that follow from others, each after those that it needs.
        values: (column, scores [n]) -> values [n], for cells that a rule fills and nobody has drawn.
    """

    schema: Schema
    rules: tuple[Rule, ...]
    derived: tuple[Derivation, ...]
    values: Callable[[str, Floats], Floats] = field(repr=False)

    def kept(self, frame: pl.DataFrame, fixed: Mapping[str, Bools] | None = None) -> pl.DataFrame:
        """A typed frame of some of the schema's columns, rows by patient and time, that breaks no rule on those columns.

        Args:
            fixed: by column, the cells that were given, bool [R]; they stay.
        """
        if not self.rules or not frame.height:
            return frame
        draft = Draft.begun(frame, self.schema, fixed or {})
        there = set(frame.columns)
        rules = [rule for rule in self.rules if there.issuperset(rule.columns)]
        derived = [one for one in self.derived if there.issuperset(one.rule.columns)]
        self._derive(draft, derived)
        broken = self._broken(draft, rules)
        if broken.any():
            part = draft.part(broken)
            self._mend(part, rules, derived)
            draft.take(part, broken)
        return draft.written()

    def _mend(self, draft: Draft, rules: list[Rule], derived: list[Derivation]) -> None:
        for turn in range(TURNS):
            moved = False
            for rule in rules:
                moved |= mended(rule, draft, self._fill(draft), turn // 3)
            self._derive(draft, derived)
            if not moved:
                break

    def _derive(self, draft: Draft, derived: list[Derivation]) -> None:
        for one in derived:
            anchor = draft.surest(one.column) if one.later else None
            draft.put(one.column, np.ones(len(draft), dtype=bool), one.values(draft, anchor))

    def _broken(self, draft: Draft, rules: list[Rule]) -> Bools:
        """The rows of patients that break a rule."""
        broken = np.zeros(len(draft), dtype=bool)
        for rule in rules:
            broken |= rule.breaks(draft)
        return draft.spread(broken, np.logical_or)

    def _fill(self, draft: Draft) -> Fill:
        """Values that depend on nothing but the rows themselves, so that they are the same wherever a patient is made."""

        def fill(name: str, n: int) -> Floats:
            mixed = np.zeros(n)
            for i, other in enumerate(draft.columns):
                if other != name and draft.readable(other):
                    mixed += np.nan_to_num(draft.values(other)) * (0.6180339887 + 0.1 * i)
            return self.values(name, ndtri(np.clip(np.modf(np.abs(mixed) * 97.0)[0], 1e-3, 1 - 1e-3)))

        return fill
