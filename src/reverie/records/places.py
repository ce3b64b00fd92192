"""How a message names a place in a table, and quotes what stands there.

Data row 1 is the first row after the header, in the order of the source. Rows carry their number in the column ROW until
the table is made, so that a fault found late still names the place.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import polars as pl

from reverie.errors import DataError

__all__ = ["ROW", "at", "counted", "damaged", "few", "first_row", "hidden", "not_one_value", "shown", "twice"]

ROW = "\0row"
"""The name of the column of row numbers: one that no source can have, as a NUL is refused."""


def hidden(name: str) -> bool:
    """Whether a column was made here, and is shown to nobody."""
    return name.startswith("\0")


def shown(value: object, length: int = 40) -> str:
    """A value as a message quotes it: on one line, shortened."""
    text = " ".join(str(value).split())
    return repr(text if len(text) <= length else text[: length - 3] + "...")


def counted(count: int, noun: str, verbs: str = "was were") -> str:
    """ "1 row was", "2,000 rows were"; verbs are those of one and of many."""
    one, many = verbs.split()
    return f"1 {noun} {one}" if count == 1 else f"{count:,} {noun}s {many}"


def few(names: Iterable[str], most: int = 3) -> str:
    """The first of some names, and that there are more."""
    names = list(names)
    return ", ".join(names[:most]) + (", ..." if len(names) > most else "")


def at(name: str, row: int | None = None, column: str | None = None) -> str:
    """The place of a fault, to begin a sentence with."""
    parts = [name] + ([f"data row {row}"] if row else []) + ([f"column {column!r}"] if column is not None else [])
    return ", ".join(parts) + ": "


def first_row(frame: pl.DataFrame, where: pl.Expr) -> dict[str, Any] | None:
    """The first row, in the order of the source, for which `where` holds."""
    rows = frame.filter(where)
    return rows.sort(ROW).row(0, named=True) if rows.height else None


def not_one_value(name: str, column: str, dtype: pl.DataType) -> DataError:
    """The error for cells of a kind that no table has."""
    return DataError(
        f"{at(name, None, column)}cells of type {dtype} cannot be modelled: "
        "make them numbers, text, dates or date-times, one value a cell, or remove the column."
    )


def damaged(name: str, what: str, reason: object, remedy: str = "write or copy") -> DataError:
    """The error for a file that a library cannot read, with the reason that it gives."""
    return DataError(f"{name} is not a whole {what} ({reason}): {remedy} it again.")


def twice(name: str, column: str, places: Sequence[int] = ()) -> DataError:
    """The error for columns of one name, at places counted from 0."""
    where = f" (columns {' and '.join(str(place + 1) for place in places)})" if places else ""
    return DataError(f"{name} has several columns named {column!r}{where}: rename or remove one.")
