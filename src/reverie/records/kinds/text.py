"""Text that identifies: replaced by new values of its pattern. Free text: written empty."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import polars as pl

from reverie.records.kinds.column import Column
from reverie.records.kinds.evidence import Evidence
from reverie.records.kinds.watch import Watch
from reverie.records.patterns import bits_of, hashes_of, new_values, pattern_of, taken_of

__all__ = ["Text", "is_prose"]


class Text(Column):
    """A column of text that is not learned."""

    called: ClassVar[str] = "text"
    learned: ClassVar[bool] = False

    @property
    def made(self) -> bool:
        return bool(self.patterns)

    @classmethod
    def stated(cls, seen: Evidence) -> dict[str, Any]:
        return {"why": "as you said"}

    @classmethod
    def recognise(cls, seen: Evidence) -> dict[str, Any] | None:
        if seen.identifying:
            texts = seen.values.unique().cast(pl.String).to_list()
            why = f"identifying ({seen.identifying}): replaced by new values of the same pattern"
            return {"patterns": pattern_of(texts), "taken": taken_of(texts), "why": why}
        if seen.cells.dtype != pl.String or seen.mixed:
            return None
        return {"why": f"{seen.distinct:,} different texts, free text: written empty"}

    def watch(self) -> Watch:
        return Taken(self) if self.patterns else Watch(self)

    def renew(self, dtype: pl.DataType, first: int, count: int) -> pl.Series:
        """New values of the pattern; none without one."""
        if not self.patterns:
            return super().renew(dtype, first, count)
        texts = new_values(self.patterns, self.taken, self.name, list(range(first, first + count)))
        return pl.Series(texts, dtype=pl.String).cast(dtype, strict=False)


class Taken(Watch):
    """The texts that are not to be made, by their hashes."""

    def __init__(self, column: Column) -> None:
        super().__init__(column)
        self._hashes = np.empty(0, dtype=np.uint64)

    def add(self, cells: pl.Series, rows: pl.Series) -> None:
        super().add(cells, rows)
        self._hashes = np.union1d(self._hashes, hashes_of(cells.drop_nulls().unique().cast(pl.String).to_list()))

    def decided(self) -> dict[str, Any]:
        return super().decided() | {"taken": bits_of(self._hashes)}


def is_prose(values: pl.Series) -> bool:
    """Whether most cells are sentences rather than names."""
    spaced = values.str.contains(r"\S\s+\S+\s+\S").mean()
    return isinstance(spaced, float) and spaced > 0.5
