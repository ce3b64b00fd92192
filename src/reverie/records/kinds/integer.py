"""Whole numbers that count or measure."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import polars as pl

from reverie.records.kinds.evidence import Evidence
from reverie.records.kinds.numeric import Numeric, precision_fields
from reverie.records.precision import as_numbers, precision

__all__ = ["Integer", "is_whole", "measured"]


class Integer(Numeric):
    """A column of whole numbers."""

    called: ClassVar[str] = "integer"
    what: ClassVar[str] = "a whole number"
    whole: ClassVar[bool] = True

    @classmethod
    def recognise(cls, seen: Evidence) -> dict[str, Any] | None:
        if not seen.cells.dtype.is_numeric() or not is_whole(seen.values):
            return None
        fields = measured(seen)
        why = ["whole numbers" + (" written as decimals" if seen.cells.dtype.is_float() else "")]
        if abs(as_numbers(seen.values)).max() > 2**53:
            why.append("beyond 2^53, so the last digits are rounded")
        return fields | {"why": "; ".join([*why, *(words for words in [fields["why"]] if words != "numbers")])}

    @property
    def grid(self) -> float:
        return self.unit or 1.0


def is_whole(values: pl.Series) -> bool:
    """Whether all are whole numbers, and exactly so."""
    numbers = as_numbers(values)
    return bool(np.all(numbers == np.round(numbers))) and (values.dtype.is_integer() or bool(abs(numbers).max() < 2**53))


def measured(seen: Evidence) -> dict[str, Any]:
    """The fields of a column of numbers."""
    rounded = precision(seen.values)
    words = rounded.words
    unique = seen.role == "static" and len(seen.values) >= 20 and seen.distinct >= 0.95 * len(seen.values)
    if unique and (rounded.decimals is None or rounded.decimals >= 3):
        words = ("nearly another for each patient: may identify", *words)
    return {"why": "; ".join(words) or "numbers"} | precision_fields(seen.values)
