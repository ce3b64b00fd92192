"""Codes and scales: few numbers that stand for levels in an order."""

from __future__ import annotations

from typing import Any, ClassVar

from reverie.records.column_names import NOMINAL, words
from reverie.records.kinds.evidence import Evidence
from reverie.records.kinds.integer import is_whole
from reverie.records.kinds.leveled import Leveled, levels_of
from reverie.records.precision import as_numbers

__all__ = ["Ordinal", "codes"]

MAX_CODES = 10
"""Whole numbers in a row of at most so many different values are codes."""


class Ordinal(Leveled):
    """A column of levels in an order, from the lowest to the highest."""

    called: ClassVar[str] = "ordinal"

    @property
    def ranked(self) -> bool:
        return True

    @classmethod
    def recognise(cls, seen: Evidence) -> dict[str, Any] | None:
        few = seen.cells.dtype.is_numeric() and seen.distinct <= 5 and len(seen.values) >= 20 * seen.distinct
        if codes(seen) and not NOMINAL & set(words(seen.name)):
            why = (
                f"{seen.distinct} whole-number codes, taken in order" if seen.distinct > 1 else "one whole number, or empty"
            )
        elif few and not is_whole(seen.values):
            why = f"only {seen.distinct} different numbers, taken in order"
        else:
            return None
        return {"levels": levels_of(seen.values), "why": why}


def codes(seen: Evidence) -> bool:
    """Whether the cells are few whole numbers in a row, each often."""
    if not seen.cells.dtype.is_numeric() or not is_whole(seen.values):
        return False
    numbers, distinct = as_numbers(seen.values), seen.distinct
    span = float(numbers.max() - numbers.min()) + 1
    often = len(numbers) >= 5 * distinct
    return distinct <= MAX_CODES and span <= distinct + 2 and bool(abs(numbers).max() <= 20) and often
