"""Free text, and names too varied to be learned: written empty."""

from __future__ import annotations

from typing import Any, ClassVar

import polars as pl

from reverie.records.kinds.column import Column
from reverie.records.kinds.evidence import Evidence

__all__ = ["Text", "is_prose"]


class Text(Column):
    """A column of text that is not learned."""

    called: ClassVar[str] = "text"
    learned: ClassVar[bool] = False

    @property
    def made(self) -> bool:
        return False

    @classmethod
    def told(cls, seen: Evidence) -> dict[str, Any]:
        return {"why": "as you said"}

    @classmethod
    def recognise(cls, seen: Evidence) -> dict[str, Any] | None:
        if seen.cells.dtype != pl.String or seen.mixed:
            return None
        what = "free text" if is_prose(seen.values) else "names"
        return {"why": f"{seen.distinct:,} different texts, {what} too varied to model: written empty"}


def is_prose(values: pl.Series) -> bool:
    """Whether most cells are sentences rather than names."""
    spaced = values.str.contains(r"\S\s+\S+\s+\S").mean()
    return isinstance(spaced, float) and spaced > 0.5
