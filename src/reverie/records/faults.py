"""What can be wrong with a table of visits, each as one sentence that names the data row, the column and the remedy.

Data row 1 is the first row after the header, in the order of the source. Rows carry their number in the column ROW until
the table is made, so that a fault found late still names the place.
"""

from __future__ import annotations

from difflib import get_close_matches

import polars as pl

from reverie.errors import DataError
from reverie.records.places import ROW, at, first_row, shown
from reverie.records.schema import Schema

__all__ = [
    "ROW",
    "at",
    "check_names",
    "check_rows",
    "check_static",
    "not_one_value",
    "resolve_duplicates",
    "shown",
]

_FIRST = "\0first"
"""The name of a column made here, of first values, that no source can have."""

LONG = 0.2
"""From this share of rows that share patient and time with another, a table may have a row for each measurement."""


def not_one_value(name: str, column: str, dtype: pl.DataType) -> DataError:
    """The error for cells of a kind that no table has."""
    return DataError(
        f"{at(name, None, column)}cells of type {dtype} cannot be modelled: "
        "make them numbers, text, dates or date-times, one value a cell, or remove the column."
    )


def check_rows(frame: pl.DataFrame, identifier: str, time: str, name: str) -> None:
    """Every row says whose visit it is and when, and no number is infinite. Raises DataError."""
    for column, what, option in ((identifier, "whose visit", "--id"), (time, "when", "--time")):
        if row := first_row(frame, pl.col(column).is_null()):
            raise DataError(
                f"{at(name, row[ROW], column)}the cell is empty, so nothing says {what} this is: fill it in, "
                f"remove the row, or name another column with {option}."
            )
    for column in frame.columns:
        if frame.schema[column].is_float() and (row := first_row(frame, pl.col(column).is_infinite())):
            raise DataError(
                f"{at(name, row[ROW], column)}an infinite number cannot be modelled: "
                "write the value, or leave the cell empty."
            )


def resolve_duplicates(frame: pl.DataFrame, schema: Schema, name: str) -> tuple[pl.DataFrame, list[str]]:
    """Different rows of one patient at one time, dealt with as the schema says, and notes on it. Raises DataError."""
    key = [schema.identifier.name, schema.time.name]
    again = frame.filter(~pl.struct(key).is_first_distinct())
    if not again.height or schema.duplicates == "keep":
        extra = f"{again.height} rows share patient and time with another row; all were kept, in the order of the source."
        return frame, [extra] if again.height else []
    if schema.duplicates == "first":
        kept = frame.unique(key, keep="first", maintain_order=True)
        return kept, [f"Of rows that share patient and time the first was kept; {again.height} were left out."]
    _check_long(frame, again.height, key, name)
    second = again.sort(ROW).row(0, named=True)
    first = frame.filter(pl.all_horizontal(pl.col(k) == second[k] for k in key)).sort(ROW).row(0, named=True)
    differs = next(c for c in frame.columns if c not in (*key, ROW) and first[c] != second[c])
    raise DataError(
        f"{at(name, second[ROW], differs)}patient {shown(second[key[0]])} has another row at the same {key[1]} "
        f"{shown(second[key[1]])}, data row {first[ROW]}, with {shown(first[differs])} instead of {shown(second[differs])}: "
        "remove one, or say which to take with duplicates: keep or first in the schema "
        f"(--duplicates; first leaves out {again.height:,} of {frame.height:,} rows)."
    )


def _check_long(frame: pl.DataFrame, again: int, key: list[str], name: str) -> None:
    """No column says which of several measurements a row is: then rows of one time are parts of a visit. Raises DataError.

    Args:
        again: how many rows share patient and time with an earlier one.
    """
    if again < LONG * frame.height:
        return
    kinds = []
    for place, column in enumerate(c for c in frame.columns if c not in (*key, ROW)):
        cells = frame[column]
        if cells.dtype.is_float() or cells.null_count() or not 2 <= cells.n_unique() <= frame.height / 2:
            continue
        left = frame.height - frame.select(pl.struct(*key, column).n_unique()).item()
        if left <= LONG * again:
            kinds.append((cells.dtype != pl.String, place, column))
    if not kinds:
        return
    _, _, test = min(kinds)
    value = next((repr(c) for c in frame.columns if frame.schema[c].is_float() and c not in key), "the value")
    few = ", ".join(map(str, frame[test].unique(maintain_order=True)[:3]))
    raise DataError(
        f"{name} has a row for each {test!r} ({few}, ...), for {again:,} of its {frame.height:,} rows share {key[0]!r} and "
        f"{key[1]!r} with another: pivot it so that each {test} is a column of its own, filled from {value}, and each "
        "visit is one row, or name another patient or time with --id or --time (duplicates: first would drop those rows)."
    )


def check_names(columns: list[str], schema: Schema, name: str) -> None:
    """The table has the schema's columns. Raises DataError."""
    if missing := [c for c in schema.names if c not in columns]:
        extra = [c for c in columns if c not in schema.names]
        near = get_close_matches(missing[0], extra, n=1, cutoff=0.5)
        hint = f" (it has {near[0]!r})" if near else ""
        raise DataError(
            f"{name} has no column {missing[0]!r}{hint}, which the schema lists: add it, or remove it from the schema."
        )
    if extra := [c for c in columns if c not in schema.names]:
        raise DataError(
            f"{name} has a column {extra[0]!r} that the schema does not list: remove it, or add it to the schema."
        )


def check_static(frame: pl.DataFrame, schema: Schema, name: str) -> None:
    """A static column has one value a patient. Raises DataError."""
    patient = schema.identifier.name
    for column in (c.name for c in schema.columns if c.role == "static"):
        first = pl.col(column).drop_nulls().first().over(patient)
        row = first_row(frame.with_columns(first.alias(_FIRST)), pl.col(column) != pl.col(_FIRST))
        if row:
            raise DataError(
                f"{at(name, row[ROW], column)}{shown(row[column])} differs from {shown(row[_FIRST])} in an earlier row "
                f"of patient {shown(row[patient])}, but the column is static: correct it, or make it varying in the schema."
            )
