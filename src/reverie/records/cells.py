"""The cells of a typed column <-> numbers or levels.

Numbers are float64, with NaN where a cell is empty: dates in days and date-times in seconds since 1970. Levels are their
place on the schema's list, with -1 where a cell is empty.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from reverie.errors import DataError
from reverie.records.kinds import OTHER
from reverie.records.schema import Column

__all__ = ["dtype_name", "dtype_named", "levels", "numbers", "of_levels", "of_numbers", "typed"]

MICROSECONDS = 1e6
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


def numbers(cells: pl.Series, column: Column, name: str = "") -> NDArray[np.float64]:
    """The numbers [n] of a column of numbers or times. Raises DataError for text that is none."""
    read = _read(cells, column)
    if (bad := np.flatnonzero((read.is_null() & cells.is_not_null()).to_numpy())).size:
        what = "a number" if read.dtype == pl.Float64 else f"a {column.kind}"
        raise DataError(f"{_place(name, bad[0], column)}{cells[int(bad[0])]!r} is not {what}: correct it or leave it empty.")
    x = read.to_physical().cast(pl.Float64).fill_null(np.nan).to_numpy()
    return x / MICROSECONDS if column.kind == "datetime" else x


def _read(cells: pl.Series, column: Column) -> pl.Series:
    """As dates, microseconds or floats; null where that cannot be."""
    if column.kind not in ("date", "datetime"):
        return cells.cast(pl.Float64, strict=False)
    target = pl.Date() if column.kind == "date" else pl.Datetime("us")
    if cells.dtype == pl.String:
        forms = ("%Y-%m-%d",) if column.kind == "date" else ("%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d")
        return pl.select(pl.coalesce(cells.str.strptime(target, form, strict=False) for form in forms)).to_series()
    if isinstance(cells.dtype, pl.Datetime) and cells.dtype.time_zone:
        cells = cells.dt.convert_time_zone("UTC").dt.replace_time_zone(None)  # an hour told twice in autumn is two
    return cells.cast(target, strict=False)


def _place(name: str, index: int, column: Column) -> str:
    return f"{name + ', ' if name else ''}data row {index + 1}, column {column.name!r}: "


def of_numbers(x: NDArray[np.float64], empty: NDArray[np.bool_] | None, column: Column, dtype: pl.DataType) -> pl.Series:
    """The cells of numbers [n], in the source's type; null where `empty`."""
    if column.kind == "date":
        cells = pl.Series(np.rint(x).astype(np.int64)).cast(pl.Int32).cast(pl.Date)
    elif column.kind == "datetime":
        micro = pl.Series(np.rint(x * MICROSECONDS).astype(np.int64)).cast(pl.Datetime("us"))
        zone = getattr(dtype, "time_zone", None)
        cells = micro.dt.replace_time_zone("UTC").dt.convert_time_zone(zone) if zone else micro
    elif dtype.is_integer():
        cells = pl.Series(np.rint(x).astype(np.int64))
    else:
        x = np.round(x, column.decimals) if column.unit is None and column.decimals is not None else x
        cells = pl.Series(x + 0.0)  # -0.0 reads as 0.0
    return _emptied(cells.cast(dtype), empty, column.name)


def levels(cells: pl.Series, column: Column, name: str = "") -> NDArray[np.int64]:
    """The places of levels [n]; rare ones are OTHER. Raises DataError for a level that is not on the list."""
    if cells.dtype == pl.Boolean or not cells.dtype.is_numeric():
        text, names = cells.cast(pl.String), list(column.levels)
        pooled: list[Any] = list(column.pooled)
    elif cells.dtype.is_integer():  # exact beyond 2^53, too
        text, names, pooled = cells.cast(pl.String), *([_whole(t) for t in some] for some in (column.levels, column.pooled))
    else:  # 1 and 1.0 are one level
        text = cells.cast(pl.Float64)
        names = [_number(level) for level in column.levels]
        pooled = [_number(level) for level in column.pooled]
    places = {level: i for i, level in enumerate(names) if level is not None}
    other = column.levels.index(OTHER) if OTHER in column.levels else -2
    places |= {level: other for level in pooled if level is not None and level not in places}
    found = text.replace_strict(list(places), list(places.values()), default=other, return_dtype=pl.Int64)
    index = found.set(text.is_null(), -1).to_numpy()
    if (bad := np.flatnonzero(index == -2)).size:
        known = ", ".join(column.levels[:8]) + (", ..." if len(column.levels) > 8 else "")
        raise DataError(
            f"{_place(name, bad[0], column)}{cells[int(bad[0])]!r} is not one of the levels ({known}): "
            "correct it or leave it empty."
        )
    return index


def of_levels(index: NDArray[np.int64], empty: NDArray[np.bool_] | None, column: Column, dtype: pl.DataType) -> pl.Series:
    """The cells of levels [n], in the source's type; null where `empty`. OTHER is null where the type cannot hold it."""
    return _emptied(typed(column.levels, dtype).gather(index), empty, column.name)


def typed(texts: tuple[str, ...], dtype: pl.DataType) -> pl.Series:
    """Texts as cells of a type; null where it cannot hold them."""
    if dtype == pl.Boolean:
        return pl.Series(
            [{"true": True, "false": False, "1": True, "0": False}.get(t.lower()) for t in texts], dtype=pl.Boolean
        )
    if dtype.is_integer():
        return pl.Series([_whole(t) for t in texts], dtype=pl.String).cast(dtype, strict=False)
    if dtype.is_numeric():
        return pl.Series([_number(t) for t in texts], dtype=pl.Float64).cast(dtype, strict=False)
    return pl.Series(texts, dtype=pl.String).cast(dtype, strict=False)


def _emptied(cells: pl.Series, empty: NDArray[np.bool_] | None, name: str) -> pl.Series:
    if empty is not None and empty.any():
        cells = pl.select(pl.when(~pl.Series(empty)).then(cells)).to_series()
    return cells.alias(name)


def _whole(text: str) -> str | None:
    """The text of a whole number without zeros before or after it, also of "1.0"; exact, however many digits it has."""
    try:
        return str(int(text))
    except ValueError:
        number = _number(text)
        return str(int(number)) if number is not None and number.is_integer() else None


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
