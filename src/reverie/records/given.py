"""Whether the cells that a source gives stand in what is written: compared as text, as both stand in a CSV.

A cell is the same if its text is; a number also in another spelling (4.80 as 4.8), a time also in another form, but at the
same hour of the same day: one that moved to another time zone is changed.
"""

from __future__ import annotations

from io import BytesIO

import polars as pl
import polars.selectors as cs

__all__ = ["same", "texts"]

_FORMS = ("%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%d %H:%M", "%Y-%m-%d")
_ZONE = r"([T ]\d{2}:\d{2}[^Z+-]*)(Z|[+-]\d{2}:?\d{2})$"


def texts(frame: pl.DataFrame) -> pl.DataFrame:
    """The cells as a CSV holds them, without spaces around them; an empty one is null."""
    if any(dtype != pl.String for dtype in frame.dtypes):
        names, frame = frame.columns, frame.with_columns(cs.float().fill_nan(None))
        frame = pl.read_csv(BytesIO(frame.write_csv().encode()), infer_schema=False)
        frame.columns = names
    bare = pl.all().str.strip_chars()
    return frame.select(pl.when(bare != "").then(bare).name.keep())


def same(was: pl.Series, now: pl.Series, dtype: pl.DataType) -> pl.Series:
    """Which texts `now`, of cells of a type, say what `was` says. Bool, false where one of them is empty."""
    say = (was == now).fill_null(False)
    if dtype.is_numeric():
        return say | (was.cast(pl.Float64, strict=False) == now.cast(pl.Float64, strict=False)).fill_null(False)
    if dtype == pl.Boolean:
        return say | (_truth(was) == _truth(now)).fill_null(False)
    return say | (_moment(was) == _moment(now)).fill_null(False) if dtype.is_temporal() else say


def _truth(text: pl.Series) -> pl.Series:
    return text.str.to_lowercase().replace({"1": "true", "0": "false"})


def _moment(text: pl.Series) -> pl.Series:
    """What a clock on the wall shows."""
    text = text.str.replace(_ZONE, "${1}").str.replace("T", " ", literal=True)
    return pl.select(pl.coalesce(text.str.to_datetime(form, time_unit="us", strict=False) for form in _FORMS)).to_series()
