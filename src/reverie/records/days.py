"""Days among instants: what is read as midnight is told."""

from __future__ import annotations

import polars as pl

__all__ = ["days_told"]

DAY = r"^\s*(\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4})\s*$"
"""A day as text, with no time of day."""


def days_told(cells: pl.Series, text: pl.Series | None) -> str | None:
    """What is told of date-times some of which were written as days alone."""
    if text is None or not isinstance(cells.dtype, pl.Datetime):
        return None
    there = cells.is_not_null()
    days = int((there & text.str.contains(DAY)).sum())
    if not days or days == int(there.sum()):
        return None
    return (
        f"In {cells.name}, {days:,} of {int(there.sum()):,} date-times are days without a time of day, and are read as "
        "midnight: where that is wrong, leave those cells empty or give the days a column of their own."
    )
