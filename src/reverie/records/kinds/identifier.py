"""What tells persons, visits or rows apart: never learned, numbered anew."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import polars as pl
from numpy.typing import NDArray

from reverie.records.grain import as_numbers
from reverie.records.kinds.categorical import MANY, MAX_LEVELS
from reverie.records.kinds.column import Column
from reverie.records.kinds.evidence import Evidence
from reverie.records.kinds.integer import is_whole
from reverie.records.kinds.ordinal import MAX_CODES
from reverie.records.kinds.text import is_prose
from reverie.records.roles import names_someone, words

__all__ = ["Identifier"]


class Identifier(Column):
    """A column of names or numbers that are another for each patient or row."""

    called: ClassVar[str] = "number"
    learned: ClassVar[bool] = False

    @classmethod
    def told(cls, seen: Evidence) -> dict[str, Any]:
        return {"why": "as you said"}

    @classmethod
    def recognise(cls, seen: Evidence) -> dict[str, Any] | None:
        if names_someone(seen.name):
            return {"why": "an identifier by its name: numbered anew"}
        if seen.identifying:
            return None
        values, distinct, count = seen.values, seen.distinct, len(seen.values)
        if values.dtype == pl.String and not seen.mixed:
            many = distinct > MAX_LEVELS or distinct == count >= MANY
            if many and distinct >= 0.95 * count and not is_prose(values):
                return {"why": f"another name {seen.each}: numbered anew"}
        elif values.dtype.is_numeric() and is_whole(values) and _counts(seen.name, values, distinct):
            return {"why": f"another number {seen.each} (id-like): numbered anew"}
        return None

    def fill(self, dtype: pl.DataType, numbers: NDArray[np.int64]) -> pl.Series:
        """The numbers, in a type; as text of the identifier of patients "P000001", else "1"."""
        cells = pl.Series(numbers)
        if dtype.is_numeric():
            return cells.cast(dtype)
        text = cells.cast(pl.String)
        text = "P" + text.str.zfill(6) if self.role == "identifier" else text
        return text.cast(dtype, strict=False)


def _counts(name: str, values: pl.Series, distinct: int) -> bool:
    """Whether whole numbers tell rows or patients apart rather than measure: another each, close together or so named."""
    numbers, count = as_numbers(values), len(values)
    named = bool({"id", "no", "sno", "nr", "number", "index", "row", "mrn"} & set(words(name))) or name == ""
    if named and distinct > MAX_CODES and distinct >= 0.5 * count:
        return True
    return distinct == count >= 20 and float(numbers.max() - numbers.min()) + 1 <= 1.5 * count
