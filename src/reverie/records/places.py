"""How a message names a place in a table, and quotes what stands there.

Data row 1 is the first row after the header, in the order of the source. Rows carry their number in the column ROW until
the table is made, so that a fault found late still names the place.
"""

from __future__ import annotations

from typing import Any

import polars as pl

__all__ = ["ROW", "at", "first_row", "shown"]

ROW = "\0row"
"""The name of the column of row numbers: one that no source can have, as a NUL is refused."""


def shown(value: object, length: int = 40) -> str:
    """A value as a message quotes it: on one line, shortened."""
    text = " ".join(str(value).split())
    return repr(text if len(text) <= length else text[: length - 3] + "...")


def at(name: str, row: int | None = None, column: str | None = None) -> str:
    """The place of a fault, to begin a sentence with."""
    parts = [name] + ([f"data row {row}"] if row else []) + ([f"column {column!r}"] if column is not None else [])
    return ", ".join(parts) + ": "


def first_row(frame: pl.DataFrame, where: pl.Expr) -> dict[str, Any] | None:
    """The first row, in the order of the source, for which `where` holds."""
    found = frame.filter(where)
    return found.sort(ROW).row(0, named=True) if found.height else None
