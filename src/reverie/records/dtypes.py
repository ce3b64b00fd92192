"""Types of columns by name, so that JSON and schemas can hold them."""

from __future__ import annotations

import re
from collections.abc import Iterable

import polars as pl

from reverie.errors import DataError

__all__ = ["DATETIME", "TYPES", "dtype_name", "dtype_named", "framed"]

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
