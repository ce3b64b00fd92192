"""Cells as text, by which they are compared, and text as cells of the source's type again: typed(as_text(x)) is x."""

from __future__ import annotations

import polars as pl

from reverie.records.dtypes import TYPES

__all__ = ["as_text", "typed"]


def as_text(cells: pl.Series) -> pl.Series:
    """Cells as text, without spaces around them; an empty one is null."""
    text = cells.cast(pl.String).str.strip_chars()
    return text.set(text == "", None)


def typed(cells: pl.Series, dtype: str) -> pl.Series:
    """Cells in the type of the source; as they are where some cannot be in it or would come back as another text."""
    target = TYPES.get(dtype, pl.String())
    if cells.dtype == pl.String and target == pl.Boolean:
        cast = cells.replace_strict({"true": True, "false": False}, default=None, return_dtype=pl.Boolean)
    elif cells.dtype == pl.String and target.is_temporal():
        form = "%Y-%m-%d" if target == pl.Date else "%Y-%m-%d %H:%M:%S%.f"
        cast = cells.str.strptime(target, form, strict=False)  # pyright: ignore[reportArgumentType]
    else:
        cast = cells.cast(target, strict=False)
    if cells.dtype == pl.String and target.is_float() and not as_text(cast).eq_missing(as_text(cells)).all():
        return cells  # 134 beside 0.7 would come back as 134.0
    return cast if cast.null_count() == cells.null_count() else cells
