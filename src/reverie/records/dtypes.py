"""Types of columns as text, so that JSON can hold them."""

from __future__ import annotations

import re

import polars as pl

from reverie.errors import DataError

__all__ = ["dtype_name", "dtype_named"]

_SIGNED = (pl.Int8, pl.Int16, pl.Int32, pl.Int64)
_UNSIGNED = (pl.UInt8, pl.UInt16, pl.UInt32, pl.UInt64)
_SIMPLE = (pl.Boolean, pl.String, pl.Date, pl.Null, pl.Float32, pl.Float64, *_SIGNED, *_UNSIGNED)


def dtype_name(dtype: pl.DataType) -> str:
    """A type as text: "Int64", "Datetime[us, Europe/Paris]"."""
    if isinstance(dtype, pl.Datetime):
        return f"Datetime[{dtype.time_unit}{', ' + dtype.time_zone if dtype.time_zone else ''}]"
    return "String" if isinstance(dtype, pl.Categorical | pl.Enum) else str(dtype)


def dtype_named(name: str) -> pl.DataType:
    """The type that `dtype_name` wrote. Raises DataError for text that it did not write."""
    if found := re.fullmatch(r"Datetime\[(ms|us|ns)(?:, (.+))?\]", name):
        return pl.Datetime(found[1], found[2])  # pyright: ignore[reportArgumentType]
    if found := next((kind for kind in _SIMPLE if str(kind()) == name), None):
        return found()
    raise DataError(f"{name!r} is not a type of column: the codec was written by another version or was changed.")
