"""Numbers, dates and date-times as they are plainly written, without any form.

    12  -3.5  1e-3  2026-01-31  2026-01-31T08:30[:00[.25]][Z | +01:00]

How else a source may write them is found by forms/. Moments of a time zone are brought to UTC.
"""

from __future__ import annotations

import polars as pl

__all__ = ["dates", "numbers", "reads"]

_DATE = r"^\d{4}-\d{2}-\d{2}$"
_DATETIME = r"^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})?)?$"
_ZONE = r"(Z|[+-]\d{2}:?\d{2})$"


def reads(cells: pl.Series, what: str) -> pl.Series:
    """Which cells of text can be read as "numbers" or "dates". Bool, null where the cell is missing."""
    if what == "numbers":
        read = cells.cast(pl.Float64, strict=False).is_not_null()
    else:
        read = cells.str.contains(_DATETIME) & cells.str.slice(0, 10).str.to_date("%Y-%m-%d", strict=False).is_not_null()
    return read.set(cells.is_null(), None)


def numbers(cells: pl.Series) -> pl.Series:
    """Cells that all read as numbers, as whole ones where all are; names (007, what is beyond 64 bits) stay text."""
    if cells.str.contains(r"^[+-]?0\d").any():
        return cells
    if cells.str.contains(r"^[+-]?\d+$").all():
        whole = cells.cast(pl.Int64, strict=False)
        return whole if whole.null_count() == cells.null_count() else cells
    return cells.cast(pl.Float64).fill_nan(None)


def dates(cells: pl.Series, zoned: list[str]) -> pl.Series:
    """Cells that all read as dates, as days where none has a time; `zoned` receives the name where any has a time zone. Text
    where one is none after all (25:61)."""
    if cells.str.contains(_DATE).all():
        return cells.str.to_date("%Y-%m-%d")
    text = (
        cells.str.replace(" ", "T")
        .str.replace(r"^([^T]+)$", "${1}T00:00")
        .str.replace(r"(T\d{2}:\d{2})(Z|[+-]|$)", "${1}:00${2}")
    )
    if text.str.contains(_ZONE).any():
        zoned.append(cells.name)
        zone = pl.when(pl.col("t").str.contains(_ZONE)).then(pl.col("t").str.replace("Z$", "+00:00"))
        text = pl.DataFrame({"t": text}).select(zone.otherwise(pl.col("t") + "+00:00").alias(cells.name)).to_series()
        moments = text.str.to_datetime("%Y-%m-%dT%H:%M:%S%.f%#z", time_unit="us", time_zone="UTC", strict=False)
        moments = moments.dt.replace_time_zone(None)
    else:
        moments = text.str.to_datetime("%Y-%m-%dT%H:%M:%S%.f", time_unit="us", strict=False)
    return moments if moments.null_count() == cells.null_count() else cells
