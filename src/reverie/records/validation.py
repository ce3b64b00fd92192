"""What can be wrong with a table of visits, each as one sentence that names the data row, the column and the remedy.

Data row 1 is the first row after the header, in the order of the source. Rows carry their number in the column ROW until
the table is made, so that a fault found late still names the place.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import get_close_matches

import polars as pl

from reverie.errors import DataError, UsageError
from reverie.records.places import ROW, at, first_row, shown
from reverie.records.restarts import restarted
from reverie.records.schema import Schema
from reverie.records.shapes.long_roles import LONG

__all__ = [
    "changing",
    "check_names",
    "check_null_column",
    "check_rows",
    "check_static",
    "resolve_duplicates",
]

_FIRST = "\0first"
"""The name of a column made here, of first values, that no source can have."""


def check_rows(frame: pl.DataFrame, identifier: str, time: str, name: str) -> None:
    """Every row says whose visit it is and when, and no number is infinite. Raises DataError."""
    for column, what, option in ((identifier, "whose visit", "id"), (time, "when", "time")):
        if row := first_row(frame, pl.col(column).is_null()):
            raise DataError(
                f"{at(name, row[ROW], column)}the cell is empty, so nothing says {what} this is: fill it in, "
                f"remove the row, or name another column with `{option}`."
            )
    for column in frame.columns:
        if frame.schema[column].is_float() and (row := first_row(frame, pl.col(column).is_infinite())):
            raise DataError(
                f"{at(name, row[ROW], column)}an infinite number cannot be modelled: "
                "write the value, or leave the cell empty."
            )


def check_null_column(column: str, identifier: str, time: str) -> None:
    """Whose visit it was and when is never missing, whatever a user says of that column. Raises UsageError."""
    for of, what in ((identifier, "whose visit a row is"), (time, "when a visit was")):
        if column == of:
            raise UsageError(
                f"{column!r} says {what}, so none of its cells can mean missing: remove those rows, or leave out what was "
                f"said of it (`null_values={column}=...`)."
            )


def resolve_duplicates(frame: pl.DataFrame, schema: Schema, name: str) -> tuple[pl.DataFrame, list[str]]:
    """Different rows of one patient at one time, dealt with as the schema says, and notes on it. Raises DataError."""
    key = [schema.identifier.name, schema.time.name]
    again = frame.filter(~pl.struct(key).is_first_distinct())
    if not again.height or schema.duplicates == "keep":
        share = "row shares" if again.height == 1 else "rows share"
        extra = f"{again.height:,} {share} patient and time with another row; all were kept, in the order of the source."
        return frame, [extra] if again.height else []
    if schema.duplicates != "refuse":
        which = {"mean": "the mean of numbers was taken, and the first of all else"}
        said = which.get(schema.duplicates, f"the {schema.duplicates} was kept")
        count = f"{again.height} {'was' if again.height == 1 else 'were'} left out"
        return _as_one(frame, key, schema), [f"Of rows that share patient and time {said}; {count}."]
    pivoted = any(shape.pivots for shape in schema.shapes)
    second = again.sort(ROW).row(0, named=True)
    first = frame.filter(pl.all_horizontal(pl.col(k) == second[k] for k in key)).sort(ROW).row(0, named=True)
    unlike = [c for c in frame.columns if c not in (*key, ROW) and first[c] != second[c]]
    differs = next((c for c in unlike if None not in (first[c], second[c])), unlike[0])
    left, rows = (schema.unshaped(part).height for part in (again, frame)) if pivoted else (again.height, frame.height)
    if not pivoted and (said := restarted(frame, *key)):
        raise DataError(
            f"{at(name, second[ROW], differs)}patient {shown(second[key[0]])} has another row at the same {key[1]} "
            f"{shown(second[key[1]])}, data row {first[ROW]}, and {said}"
        )
    if not pivoted:
        _check_long(frame, again.height, key, name)
    where = "" if pivoted else f" data row {first[ROW]},"
    raise DataError(
        f"{at(name, second[ROW], differs)}patient {shown(second[key[0]])} has another row at the same {key[1]} "
        f"{shown(second[key[1]])},{where} with {shown(first[differs])} instead of {shown(second[differs])}: "
        "remove one, or say which to take with `duplicates`: keep, first, last or mean "
        f"(each but keep leaves out {left:,} of {rows:,} rows)."
    )


def _as_one(frame: pl.DataFrame, key: list[str], schema: Schema) -> pl.DataFrame:
    """Rows of one patient at one time as one row: the first, the last, or the mean of numbers rounded to their unit."""
    if not any(shape.pivots for shape in schema.shapes) and schema.duplicates != "mean":
        return frame.unique(key, keep=schema.duplicates, maintain_order=True)  # pyright: ignore[reportArgumentType]
    cells = []
    for column in (c for c in frame.columns if c not in key):
        present = pl.col(column).drop_nulls()
        if column == ROW:
            cells.append(pl.col(ROW).min())
        elif schema.duplicates == "mean" and frame.schema[column].is_numeric():
            unit = getattr(schema[column], "unit", None) or (1 if frame.schema[column].is_integer() else None)
            mean = present.mean() if unit is None else ((present.mean() / unit).round() * unit).round(10)
            alone = pl.when(present.n_unique() > 1).then(mean).otherwise(present.first())
            cells.append(alone.cast(frame.schema[column]).alias(column))
        else:
            cells.append(present.last() if schema.duplicates == "last" else present.first())
    return frame.group_by(key, maintain_order=True).agg(cells).select(frame.columns)


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
    value = next((c for c in frame.columns if frame.schema[c].is_float() and c not in key), test)
    few = ", ".join(map(str, frame[test].unique(maintain_order=True)[:3]))
    raise DataError(
        f"{name} may have a row for each {test!r} ({few}, ...), for {again:,} of its {frame.height:,} rows share "
        f"{key[0]!r} and {key[1]!r} with another: say so with `long={_word(test)} {_word(value)}`, or name another patient "
        f"or time with `id` or `time` (`duplicates=first` would drop {again:,} rows)."
    )


def _word(name: str) -> str:
    """A name as it is typed on a command line."""
    return name if re.fullmatch(r"[\w.]+", name) else f"'{name}'"


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


def changing(schema: Schema) -> Iterator[tuple[str, pl.Expr, pl.Expr]]:
    """Of each static column its name, the first value of the patient that each row is of, and whether a row differs."""
    for column in (c.name for c in schema.columns if c.role == "static"):
        first = pl.col(column).drop_nulls().first().over(schema.identifier.name)
        yield column, first, pl.col(column) != first


def check_static(frame: pl.DataFrame, schema: Schema, name: str) -> None:
    """A static column has one value a patient. Raises DataError."""
    patient = schema.identifier.name
    for column, first, differs in changing(schema):
        row = first_row(frame.with_columns(first.alias(_FIRST)), differs)
        if row:
            raise DataError(
                f"{at(name, row[ROW], column)}{shown(row[column])} differs from {shown(row[_FIRST])} in an earlier row "
                f"of patient {shown(row[patient])}, but the column is static: correct it, or make it varying in the schema."
            )
