"""Dates and date-times in the many ways in which they are written, as wall-clock time.

    31.12.2019   12/31/2019   04MAR2019   March 4, 2019   20190304   2019-03-04T09:15:00+02:00   04MAR2019:09:15:00   2019-03

A form is a pattern of strptime (how it is found: date_evidence.py). Zones are kept apart: the clock on the wall is read, and
the offset is written back, of the nearest moment that was seen where there are several. A partial date (2019, 2019-03) is
read as a day in the middle of its period on which no whole date falls, and that day is written as the partial date.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from functools import cache
from typing import Literal

import numpy as np
import polars as pl
from pydantic import Field

from reverie.records.forms.base import Form

__all__ = ["SINCE_1970", "ZONE", "DateForm", "order_of", "parsed", "regex"]

EXAMPLE = datetime(2019, 12, 31, 21, 45, 30)

_SHAPES = {
    "%Y": r"\d{4}", "%m": r"\d{2}", "%d": r"\d{2}", "%H": r"\d{2}", "%I": r"\d{2}", "%M": r"\d{2}", "%S": r"\d{2}",
    "%y": r"\d{2}", "%b": r"[A-Za-z]{3}", "%B": r"[A-Za-z]{3,9}", "%p": r"[AaPp][Mm]", "%P": r"[AaPp][Mm]", "%j": r"\d{3}",
    "%-d": r"\d{1,2}", "%-m": r"\d{1,2}", "%-H": r"\d{1,2}", "%-I": r"\d{1,2}", "%.f": r"(?:\.\d+)?", "%.3f": r"\.\d{3}",
    "%.6f": r"\.\d{6}", "%s": r"-?\d+", "%3f": r"\d{3}",
    "%6f": r"\d{6}", "%e": r"[ \d]\d", "%F": r"\d{4}-\d{2}-\d{2}", "%T": r"\d{2}:\d{2}:\d{2}",
}  # fmt: skip
SINCE_1970 = {"%s": 1, "%s%3f": 10**3, "%s%6f": 10**6}
"""Patterns of times as whole numbers since 1970-01-01, and how many of them are a second."""
_ISO = re.compile(r"^%Y-%m-%d(?:[T ]%H:%M(?::%S(?:%\.\d?f)?)?)?$")
_PARTS = re.compile(r"%\.?-?\d?[A-Za-z]")
ZONE = r"\s?(?:Z|UTC|GMT|[+-]\d{2}(?::?\d{2})?)$"


class DateForm(Form):
    """Dates or date-times.

    Attributes:
        pattern: of strptime, with %-d and the like where a single digit may stand alone.
        type: of the cells in the source, "String" or a whole number.
        case: of names of months and of am and pm.
        first_year: two-digit years are those from this one on.
        zone: what stands after every cell; none where `zones` has several.
        zones: (moment, offset): what stands after cells from this moment on, to the next.
        partial: patterns of partial dates, each with the days after the beginning of its period as which it is read.
        sure: how it is known which part is the day: from the "cells", the "table", by "custom" of the sign, as "told".
    """

    form: Literal["date"] = "date"
    pattern: str
    type: str = "String"
    case: Literal["title", "upper", "lower"] = "title"
    first_year: int | None = None
    zone: str = ""
    zones: tuple[tuple[str, str], ...] = ()
    partial: dict[str, int] = Field(default={})
    sure: Literal["cells", "table", "custom", "told"] = "cells"

    @property
    def words(self) -> str:
        example = pl.Series([EXAMPLE if self.timed else EXAMPLE.date()])
        shown = self.model_copy(update={"type": "String", "zones": ()}).write(example)[0]
        said = [f"such as {shown}"]
        if self.zones:
            offsets = list(dict.fromkeys(offset for _, offset in self.zones))
            said.append(f"offsets {', '.join(offsets[:3])}, by the nearest moment seen")
        if self.first_year is not None:
            said.append(f"years from {self.first_year} to {self.first_year + 99}")
        for pattern, days in self.partial.items():
            what = "years alone" if pattern.count("%") == 1 else "months alone"
            said.append(f"{what} read as day {days + 1} of them")
        if self.pattern in SINCE_1970:
            unit = {1: "seconds", 10**3: "milliseconds", 10**6: "microseconds"}[SINCE_1970[self.pattern]]
            said.append(f"{unit} since 1970")
        return f"{'date-times' if self.timed else 'dates'} {', '.join(said)}"

    @property
    def note(self) -> str:
        if self.sure in ("table", "custom") and (order := order_of(self.pattern)) is not None:
            first = "day" if order[1] else "month"
            why = "as in other columns" if self.sure == "table" else f"as is usual with {order[0]!r}"
            return f"the {first} was taken to come first, {why}: if it does not, say so with `date_formats`"
        return ""

    @property
    def dressed(self) -> bool:
        """ISO dates without a zone are dates for every reader."""
        return self.type != "String" or bool(self.zone or self.zones or self.partial) or not _ISO.match(self.pattern)

    @property
    def timed(self) -> bool:
        return bool(re.search(r"%-?[HI]|%T|%s", self.pattern))

    def read(self, cells: pl.Series) -> pl.Series:
        if cells.dtype.is_temporal():
            return cells
        text = cells.cast(pl.Int64, strict=False).cast(pl.String) if cells.dtype.is_numeric() else cells.cast(pl.String)
        return self.read_text(text).alias(cells.name)

    def read_text(self, text: pl.Series) -> pl.Series:
        bare = text.str.replace(ZONE, "") if self.zone or self.zones else text
        read = parsed(bare, self.pattern, self.timed)
        if self.first_year is not None:
            read = self._in_century(read)
        for pattern, days in self.partial.items():
            begin = parsed(bare + "-01" * (3 - pattern.count("%")), "%Y-%m-%d", self.timed)
            begin = begin.set(~bare.str.contains(regex(pattern)).fill_null(False), None)
            read = read.fill_null(begin + timedelta(days=days))
        return read

    def _in_century(self, read: pl.Series) -> pl.Series:
        assert self.first_year is not None
        years = read.dt.year()
        wanted = self.first_year + (years - self.first_year) % 100
        table = pl.DataFrame({"cells": read, "years": years, "wanted": wanted})
        return table.select(pl.col("cells").dt.offset_by(pl.format("{}y", pl.col("wanted") - pl.col("years"))))["cells"]

    def write(self, cells: pl.Series) -> pl.Series:
        if not cells.dtype.is_temporal():
            return cells
        text = cells.dt.to_string(self.pattern)
        if self.case != "title":
            text = text.str.to_uppercase() if self.case == "upper" else text.str.to_lowercase()
            text = text.str.replace("t(\\d)", "T${1}") if self.case == "lower" else text
        for pattern, days in self.partial.items():
            here = self._begins(cells, pattern, days)
            text = text.zip_with(~here, cells.dt.to_string(pattern))
        if self.type != "String":
            return text.cast(getattr(pl, self.type), strict=False)
        if self.zone:
            text = text + self.zone
        elif self.zones:
            text = text + self._offsets(cells)
        return text

    @staticmethod
    def _begins(cells: pl.Series, pattern: str, days: int) -> pl.Series:
        """Which cells are the day that stands for a period."""
        begin = cells.dt.truncate("1y" if pattern.count("%") == 1 else "1mo")
        return ((cells - begin) == timedelta(days=days)).fill_null(False)

    def _offsets(self, cells: pl.Series) -> pl.Series:
        """What stands after each date-time."""
        begins = np.array([np.datetime64(moment, "us") for moment, _ in self.zones])
        at = cells.cast(pl.Datetime("us")).to_numpy()
        place = np.clip(np.searchsorted(begins, at, side="right") - 1, 0, None)
        return pl.Series([self.zones[i][1] for i in place.tolist()], dtype=pl.String)


@cache
def regex(pattern: str) -> str:
    """What cells of a pattern look like; anything for a directive of which nothing is known here."""
    out, end = "", 0
    for part in _PARTS.finditer(pattern):
        out += re.escape(pattern[end : part.start()]) + _SHAPES.get(part[0], r".+?")
        end = part.end()
    return f"^{out}{re.escape(pattern[end:])}$"


def parsed(text: pl.Series, pattern: str, timed: bool) -> pl.Series:
    """Dates or date-times of text; null where it is not of the pattern."""
    strict = text.set(~text.str.contains(regex(pattern)).fill_null(False), None)
    if pattern in SINCE_1970:
        return (strict.cast(pl.Int64, strict=False) * (10**6 // SINCE_1970[pattern])).cast(pl.Datetime("us"))
    plain = pattern.replace("%-", "%").replace("%.3f", "%.f").replace("%.6f", "%.f")
    if not timed:
        return strict.str.to_date(plain, strict=False)
    if "%I" in plain:  # chrono wants small letters for %P, large ones for %p
        strict = strict.str.to_uppercase()
        plain = plain.replace("%P", "%p")
    if re.search("%M|%T", plain) is None:
        strict, plain = strict + ":00", plain + ":%M"
    return strict.str.to_datetime(plain, time_unit="us", strict=False)


def order_of(pattern: str) -> tuple[str, bool] | None:
    """Of a pattern with day and month as numbers before the year: the sign between them and whether the day is first."""
    match = re.match(r"^%-?([dm])(\D)%-?([dm])\2%", pattern)
    return (match[2], match[1] == "d") if match else None
