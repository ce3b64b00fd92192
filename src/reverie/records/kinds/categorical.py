"""Names without an order; where many are rare, these are pooled."""

from __future__ import annotations

from typing import Any, ClassVar

import polars as pl

from reverie.records.forms import AnyForm
from reverie.records.kinds.binary import few
from reverie.records.kinds.evidence import Evidence
from reverie.records.kinds.leveled import OTHER, Leveled, levels_of
from reverie.records.kinds.ordinal import codes
from reverie.records.places import shown
from reverie.records.roles import NOMINAL, words

__all__ = ["Categorical"]

MAX_LEVELS, KEPT_LEVELS, KEPT_SHARE = 50, 30, 0.8
"""More names than MAX_LEVELS are pooled if the KEPT_LEVELS commonest make up KEPT_SHARE of the cells; else they are text."""

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
        return cls._names(seen) if seen.cells.dtype == pl.String else None

    def _follows(self, form: AnyForm) -> dict[str, Any]:
        """Levels that have an order in their type are those of a scale."""
        found = super()._follows(form)
        return found | {"kind": "ordinal", "pooled": ()} if len(found.get("levels", ())) > 1 else found

    @classmethod
    def _names(cls, seen: Evidence) -> dict[str, Any] | None:
        values, distinct, mixed = seen.values, seen.distinct, seen.mixed
        if mixed and distinct > MAX_MIXED:
            return None
        counts = values.value_counts().sort(["count", values.name], descending=[True, False])
        if distinct > MAX_LEVELS or (distinct == len(values) >= MANY):
            kept = counts[values.name].head(KEPT_LEVELS)
            covered = counts["count"].head(KEPT_LEVELS).sum() / len(values)
            if covered < KEPT_SHARE or distinct <= MAX_LEVELS:
                return None
            rare = sorted(set(counts[values.name]) - set(kept))
            why = f"{distinct:,} names; the {KEPT_LEVELS} commonest are {100 * covered:.0f} % of the cells, the rest pooled"
            return {"levels": (*kept, OTHER), "pooled": tuple(rare), "why": why}
        why = f"{distinct} different values" if mixed else f"{distinct} names"
        if mixed:
            why = f"{mixed.what} and text mixed ({mixed.read:,} and {mixed.text:,}), {why}: read as names"
        return {"levels": levels_of(values), "why": why}
