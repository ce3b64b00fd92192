"""Types of columns by name, so that JSON and schemas can hold them."""

from __future__ import annotations

import re
from collections.abc import Iterable

import polars as pl

from reverie.errors import DataError

__all__ = ["DATETIME", "TYPES", "dtype_name", "dtype_named", "framed", "in_type"]

_WHOLE = tuple(f"{sign}{bits}" for sign in ("Int", "UInt") for bits in (8, 16, 32, 64))

TYPES: dict[str, pl.DataType] = {
    **{name: getattr(pl, name)() for name in (*_WHOLE, "Float32", "Float64", "String", "Boolean", "Date")},
    "Datetime": pl.Datetime("us"),
}
"""The types that cells of a table can have, by the names that a schema gives them."""

DATETIME = re.compile(r"Datetime\[(ms|us|ns)(?:, (.+))?\]")
"""A date-time of a unit and a zone."""


def dtype_name(dtype: pl.DataType) -> str:
    """A type as text: "Int64", "Datetime[us, Europe/Paris]"."""
    if isinstance(dtype, pl.Datetime):
        return f"Datetime[{dtype.time_unit}{', ' + dtype.time_zone if dtype.time_zone else ''}]"
    return "String" if isinstance(dtype, pl.Categorical | pl.Enum) else str(dtype)


def dtype_named(name: str) -> pl.DataType:
    """The type that `dtype_name` wrote. Raises DataError for text that it did not write."""
    if parts := DATETIME.fullmatch(name):
        return pl.Datetime(parts[1], parts[2])  # pyright: ignore[reportArgumentType]
    if name in TYPES or name == "Null":
        return pl.Null() if name == "Null" else TYPES[name]
    raise DataError(f"{name!r} is not a type of column: the codec was written by another version or was changed.")


def framed(columns: Iterable[pl.Series]) -> pl.DataFrame:
    """A frame of columns by their names, also of one whose name is "": of a list polars would name that anew."""
    return pl.DataFrame({column.name: column for column in columns})


def in_type(cells: pl.Series, dtype: pl.DataType) -> pl.Series:
    """Cells in the type of the source; as they are where that holds nothing, so that it has no type. Raises DataError where
    it has no such value, as a Boolean has no "maybe"."""
    if dtype == pl.Null:
        return cells
    if dtype == pl.Boolean and cells.dtype == pl.String:
        texts = cells.str.to_lowercase()
        if texts.is_in(["true", "false"]).all():
            return texts == "true"
    try:
        return cells.cast(dtype)
    except pl.exceptions.InvalidOperationError:
        first = cells.drop_nulls()[0]
        raise DataError(
            f"{cells.name}: {first!r} is drawn, which is no {dtype} as its cells are: make the column text, as it was in "
            "what was learned."
        ) from None
