"""Dates and times as the standards write them in text: whole or in part, with a zone or none.

    2026-01-31T08:30:00+01:00 -> 2026-01-31T07:30:00    2026-01-31T08:30 -> as it stands    2026-01 -> 2026-01-01T00:00:00

Times have no zone once they are read: those that name one are brought to UTC, the others are taken for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import polars as pl

from reverie.records.places import counted, few

__all__ = ["Moments", "moments"]

_DAY = r"^\d{4}(-\d{2}(-\d{2})?)?$"
_PART = r"^\d{4}(-\d{2})?$"
_ZONE = r"(Z|[+-]\d{2}:?\d{2})$"
_PACKED = r"^(\d{4})(\d{2})(\d{2})$"


@dataclass(frozen=True)
class Moments:
    """Cells of times that were read.

    Attributes:
        cells: Date where all are days, else Datetime in UTC; null where the text is no time, too.
        wrong: which cells hold text that is no time.
        days, parts, zoned, plain: how many are days, years or months alone, times of a zone, and times without one.
        offsets: the zones that are named, if any is not UTC.
    """

    cells: pl.Series
    wrong: pl.Series
    days: int
    parts: int
    zoned: int
    plain: int
    offsets: tuple[str, ...]

    def notes(self, place: str) -> Iterator[str]:
        """What was decided about them."""
        if self.parts:
            yield f"{place}: {counted(self.parts, 'cell', 'names name')} a year or a month alone: its first day was taken."
        if self.days and self.days < self.cells.count():
            yield f"{place}: {counted(self.days, 'day', 'stands stand')} among times: midnight was taken."
        if self.offsets:
            zones = "one zone" if len(self.offsets) == 1 else f"{len(self.offsets)} zones"
            yield f"{place}: times of {zones} ({few(self.offsets)}) were brought to UTC."
        if self.zoned and self.plain:
            yield f"{place}: {counted(self.plain, 'time', 'names name')} no zone, beside others that do: UTC was taken."


def moments(text: pl.Series) -> Moments:
    """Reads texts as times; empty ones are null."""
    text = text.str.strip_chars().replace("", None).str.replace(_PACKED, "${1}-${2}-${3}")
    day, zone = text.str.contains(_DAY), text.str.contains(_ZONE) & text.str.contains(":")
    parts = int(text.str.contains(_PART).sum())
    days = int(day.sum())
    zoned = int((zone & ~day).sum())
    offsets = text.filter((zone & ~day).fill_null(False)).str.extract(_ZONE, 1).replace("Z", "+00:00")
    full = (
        pl.when(pl.col("day"))
        .then(
            pl.col("t").str.replace(r"^(\d{4})$", "${1}-01").str.replace(r"^(\d{4}-\d{2})$", "${1}-01") + "T00:00:00+00:00"
        )
        .otherwise(
            pl.col("t")
            .str.replace(" ", "T")
            .str.replace("Z$", "+00:00")
            .str.replace(r"(T\d{2}:\d{2})([+-]|$)", "${1}:00${2}")
        )
    )
    frame = pl.DataFrame({"t": text, "day": day, "zone": zone})
    stamped = frame.select(pl.when(pl.col("day") | pl.col("zone")).then(full).otherwise(full + "+00:00")).to_series()
    cells = (
        stamped.str.to_datetime("%Y-%m-%dT%H:%M:%S%.f%#z", time_unit="us", time_zone="UTC", strict=False)
        .dt.replace_time_zone(None)
        .alias(text.name)
    )
    wrong = cells.is_null() & text.is_not_null()
    if days == text.count() - int(wrong.sum()) and days:
        cells = cells.cast(pl.Date)
    plain = int((~day & ~zone & ~wrong).sum())
    named = tuple(offsets.unique().sort())
    return Moments(cells, wrong, days, parts, zoned, plain, () if named == ("+00:00",) else named)
