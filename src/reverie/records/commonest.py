"""Values by how often they occur: polars leaves those that occur equally often in the order of its threads."""

from __future__ import annotations

import polars as pl

__all__ = ["commonest"]


def commonest(cells: pl.Series) -> pl.Series:
    """The different values that are there, the commonest first; of equally common ones the smallest first."""
    counts = cells.drop_nulls().alias("value").to_frame().group_by("value").len()
    return counts.sort(["len", "value"], descending=[True, False])["value"].alias(cells.name)
