"""Frames of pandas, brought to polars column by column; and frames of formats that know one type of number."""

from __future__ import annotations

from collections import Counter
from typing import Any

import polars as pl

from reverie.errors import DataError
from reverie.records.forms.stored import of_pandas
from reverie.records.places import at, twice

__all__ = ["from_pandas", "with_integers"]


def from_pandas(frame: Any, name: str) -> pl.DataFrame:
    """A pandas frame, column by column; a named index becomes columns."""
    if any(level is not None for level in frame.index.names):
        frame = frame.reset_index()
    columns = [str(column) for column in frame.columns]
    if again := next((column for column, count in Counter(columns).items() if count > 1), None):
        raise twice(name, again)
    series = []
    for index, column in enumerate(columns):
        cells = frame.iloc[:, index]
        try:
            if getattr(cells.dtype, "kind", "O") in "biufM" and type(cells.dtype).__module__.startswith("numpy"):
                values = cells.to_numpy()
                values = values.astype("datetime64[us]") if values.dtype.kind == "M" else values
                series.append(pl.Series(column, values))
                continue
            values = cells.astype(object).where(cells.notna(), None).tolist()
            if len({type(value) for value in values if value is not None}) > 1:
                values = [None if value is None else str(value) for value in values]
            series.append(of_pandas(pl.Series(column, values), cells.dtype))
        except (TypeError, ValueError, pl.exceptions.PolarsError) as error:
            raise DataError(
                f"{at(name, None, column)}cells of type {cells.dtype} cannot be read: make them text."
            ) from error
    return pl.DataFrame({cells.name: cells for cells in series})


def with_integers(frame: pl.DataFrame) -> pl.DataFrame:
    """Columns of floats that are all whole become Int64, for they were integers before they were kept as floats."""
    whole = [
        column
        for column in frame.columns
        if frame.schema[column].is_float()
        and (cells := frame[column].drop_nulls().drop_nans()).len()
        and (cells.abs() < 2**53).all()
        and (cells == cells.round()).all()
    ]
    return frame.with_columns(pl.col(column).fill_nan(None).cast(pl.Int64) for column in whole)
