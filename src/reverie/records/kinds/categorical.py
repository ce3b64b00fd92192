"""Names without an order, numbers among them; where many are rare, these are learned in groups."""

from __future__ import annotations

from typing import Any, ClassVar

import polars as pl

from reverie.records.backoff import MOST
from reverie.records.column_names import NOMINAL, id_of, words
from reverie.records.forms import AnyForm
from reverie.records.kinds.binary import few
from reverie.records.kinds.evidence import Evidence
from reverie.records.kinds.integer import is_whole
from reverie.records.kinds.leveled import Leveled, levels_of
from reverie.records.kinds.ordinal import codes
from reverie.records.kinds.text import is_prose
from reverie.records.nominal import are_names
from reverie.records.places import shown

__all__ = ["Categorical"]

MAX_LEVELS = 50
"""More names than these may be free text, or another in each row."""

MAX_MIXED = 20
"""Numbers mixed with text are levels up to this number of different values, and a fault beyond."""

MANY = 20
"""So many names, another in each cell, are no levels."""


class Categorical(Leveled):
    """A column of levels without an order."""

    called: ClassVar[str] = "categorical"

    @classmethod
    def recognise(cls, seen: Evidence) -> dict[str, Any] | None:
        if seen.distinct == 1 and few(seen):
            levels = levels_of(seen.values)
            return {"levels": levels, "why": f"{shown(levels[0])} or empty"}
        if codes(seen):
            word = min(NOMINAL & set(words(seen.name)), default="code")
            why = f"{seen.distinct} whole-number codes, the name says {word}: no order"
            return {"levels": levels_of(seen.values), "why": why}
        if seen.cells.dtype == pl.String:
            return cls._names(seen)
        numbers = seen.cells.dtype.is_numeric() and is_whole(seen.values) and not seen.identifying
        named = "the name says what was done, not how much" if id_of(seen.name) == "levels" else None
        if numbers and (reason := named or are_names(seen.name, seen.values)):
            why = f"{seen.distinct:,} whole-number codes, {reason}: no order"
            return {"levels": levels_of(seen.values), "why": why}
        return None

    def _follows(self, form: AnyForm) -> dict[str, Any]:
        """Levels that have an order in their type are those of a scale."""
        fields = super()._follows(form)
        return fields | {"kind": "ordinal", "pooled": ()} if len(fields.get("levels", ())) > 1 else fields

    @classmethod
    def _names(cls, seen: Evidence) -> dict[str, Any] | None:
        values, distinct, mixed = seen.values, seen.distinct, seen.mixed
        if mixed and distinct > MAX_MIXED:
            return None
        if seen.identifying or ((distinct > MAX_LEVELS or distinct == len(values) >= MANY) and is_prose(values)):
            return None
        why = f"{distinct} different values" if mixed else f"{distinct:,} names"
        why += ", the rare ones learned in groups" if distinct > MOST else ""
        if mixed:
            why = f"{mixed.what} and text mixed ({mixed.read:,} and {mixed.text:,}), {why}: read as names"
        return {"levels": levels_of(values), "why": why}
