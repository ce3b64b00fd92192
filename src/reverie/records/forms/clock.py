"""Times of day and durations as whole minutes or seconds: 08:30, 8:30 pm, 08:30:15, 27:15.

A time of day lies from 0 to 1439 minutes (86399 seconds); where some cell has 24 hours or more, all are durations.
"""

from __future__ import annotations

from typing import Literal

import polars as pl

from reverie.records.forms.base import Form

__all__ = ["ClockForm", "recognise"]

_CELL = r"^(-)?(\d{1,4}):([0-5]\d)(?::([0-5]\d))?(\s?)([AaPp][Mm])?$"


class ClockForm(Form):
    """Times of day or durations.

    Attributes:
        seconds: whether they are given; then values are seconds, else minutes.
        hours: digits of an hour, at least.
        half: how am and pm are written ("am", "AM", " PM" with a space before it); none for 24 hours.
        duration: hours go on after 24.
    """

    form: Literal["clock"] = "clock"
    seconds: bool = False
    hours: Literal[1, 2, 3] = 2
    half: str = ""
    duration: bool = False

    @property
    def words(self) -> str:
        what = "durations" if self.duration else "times of day"
        return f"{what} such as {self._text(30330 if self.seconds else 505)}, in {'seconds' if self.seconds else 'minutes'}"

    @property
    def bounds(self) -> tuple[float | None, float | None]:
        return (None, None) if self.duration else (0.0, self._day - 1.0)

    @property
    def _day(self) -> int:
        return 86_400 if self.seconds else 1440

    def read(self, cells: pl.Series) -> pl.Series:
        if cells.dtype != pl.String:
            return cells
        cell, parts = pl.col("cells"), {"h": 2, "m": 3, "s": 4}
        table = pl.DataFrame({"cells": cells}).select(
            *(cell.str.extract(_CELL, place).cast(pl.Int64, strict=False).alias(part) for part, place in parts.items()),
            half=cell.str.extract(_CELL, 6).str.to_uppercase(),
            back=cell.str.starts_with("-"),
        )
        hour, half = pl.col("h"), pl.col("half")
        if self.half:
            hour = pl.when(half.is_not_null() & hour.is_between(1, 12)).then(hour % 12 + 12 * (half == "PM").cast(pl.Int64))
        elif self.duration:
            hour = pl.when(half.is_null()).then(hour)
        else:
            hour = pl.when(half.is_null() & (hour < 24) & ~pl.col("back")).then(hour)
        value = 60 * hour + pl.col("m")
        value = 60 * value + pl.col("s") if self.seconds else pl.when(pl.col("s").is_null()).then(value)
        return table.select(pl.when(pl.col("back")).then(-value).otherwise(value).alias(cells.name)).to_series()

    def _text(self, value: float) -> str:
        value = round(value)
        if not self.duration:
            value = min(max(value, 0), self._day - 1)
        rest, second = divmod(abs(value), 60) if self.seconds else (abs(value), 0)
        hour, minute = divmod(rest, 60)
        tail = f":{second:02d}" if self.seconds else ""
        if self.half:
            letters = ("AM", "PM") if self.half.strip().isupper() else ("am", "pm")
            tail += self.half[: len(self.half) - 2] + letters[hour >= 12]
            hour = (hour - 1) % 12 + 1
        return f"{'-' if value < 0 else ''}{hour:0{self.hours}d}:{minute:02d}{tail}"


def recognise(text: pl.Series) -> ClockForm | None:
    """The form of a column of text in which every cell is a time of day or a duration; else None."""
    cells = text.drop_nulls().unique(maintain_order=True)
    if not len(cells) or not cells.str.contains(_CELL).all():
        return None
    seconds, halves = cells.str.extract(_CELL, 4), cells.str.extract(r"(\s?[AaPp][Mm])$")
    if seconds.null_count() not in (0, len(cells)) or halves.null_count() not in (0, len(cells)):
        return None
    hours = cells.str.extract(_CELL, 2)
    if len(cells) > 1 and (hours == "1").all():
        return None  # 1:20, 1:40 are titres
    widths = hours.str.len_chars()
    padded = hours.str.starts_with("0").any() or not (widths == 1).any()
    form = ClockForm.model_validate(
        {
            "seconds": seconds.null_count() == 0,
            "hours": min(int(widths.min()), 3) if padded else 1,  # pyright: ignore[reportArgumentType]
            "half": halves[0] or "",
            "duration": bool((hours.cast(pl.Int64) >= 24).any() or cells.str.starts_with("-").any()),
        }
    )
    return None if form.read(cells).null_count() else form
