"""Cells as text, as they stand in a CSV: so that what a source gives is compared with what is written."""

from __future__ import annotations

from io import BytesIO

import polars as pl
import polars.selectors as cs

__all__ = ["texts"]


def texts(frame: pl.DataFrame) -> pl.DataFrame:
    """The cells as a CSV holds them, without spaces around them; an empty one is null."""
    if any(dtype != pl.String for dtype in frame.dtypes):
        names, frame = frame.columns, frame.with_columns(cs.float().fill_nan(None))
        frame = pl.read_csv(BytesIO(frame.write_csv().encode()), infer_schema=False)
        frame.columns = names
    bare = pl.all().str.strip_chars()
    return frame.select(pl.when(bare != "").then(bare).name.keep())
