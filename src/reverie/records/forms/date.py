"""Dates and date-times in the many ways in which they are written, as wall-clock time.

    31.12.2019   12/31/2019   04MAR2019   March 4, 2019   20190304   2019-03-04T09:15:00+02:00   04MAR2019:09:15:00   2019-03

A form is a pattern of strptime. Of the patterns in which every cell can be read, the one that writes them as they are is
taken; whether the day or the month comes first is told by the cells (a first part above 12), else by other columns with the
same sign between the parts, else it is asked. Zones are kept apart: the clock on the wall is read, and the offset is written
back, of the nearest moment that was seen where there are several. A partial date (2019, 2019-03) is read as a day in the
middle of its period on which no whole date falls, and that day is written as the partial date.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import cache
from typing import Literal

import numpy as np
import polars as pl
from pydantic import Field

from reverie.errors import UsageError
from reverie.records.forms.base import Form, Habits

__all__ = ["DateForm", "as_told", "recognise", "recognise_whole", "votes"]

YEARS = (1850, 2150)
"""Numbers of eight digits are dates if all of them are, in these years."""

EXAMPLE = datetime(2019, 12, 31, 21, 45, 30)

FEW = 3
"""So many different dates at least make whole numbers dates."""

LATEST, LIKELY = 2040, 2030
"""The last year that two digits can mean; and the last that they do mean if another reading is possible."""

TRIED = 5
"""So many cells are tried for a pattern that most cells have."""

MOST_ZONES = 400
"""So many changes of the offset from UTC are remembered at most."""

_SHAPES = {
    "%Y": r"\d{4}", "%m": r"\d{2}", "%d": r"\d{2}", "%H": r"\d{2}", "%I": r"\d{2}", "%M": r"\d{2}", "%S": r"\d{2}",
    "%y": r"\d{2}", "%b": r"[A-Za-z]{3}", "%B": r"[A-Za-z]{3,9}", "%p": r"[AaPp][Mm]", "%P": r"[AaPp][Mm]", "%j": r"\d{3}",
    "%-d": r"\d{1,2}", "%-m": r"\d{1,2}", "%-H": r"\d{1,2}", "%-I": r"\d{1,2}", "%.f": r"(?:\.\d+)?", "%.3f": r"\.\d{3}",
    "%.6f": r"\.\d{6}", "%e": r"[ \d]\d", "%F": r"\d{4}-\d{2}-\d{2}", "%T": r"\d{2}:\d{2}:\d{2}",
}  # fmt: skip
_ISO = re.compile(r"^%Y-%m-%d(?:[T ]%H:%M(?::%S(?:%\.\d?f)?)?)?$")
_PARTS = re.compile(r"%\.?-?\d?[A-Za-z]")
_ZONE = r"\s?(?:Z|UTC|GMT|[+-]\d{2}(?::?\d{2})?)$"
_DAYS = (
    *(f"%Y{s}%m{s}%d" for s in "-/. "),
    *(f"{a}{s}{b}{s}{y}" for s in "/.- " for a, b in (("%d", "%m"), ("%m", "%d")) for y in ("%Y", "%y")),
    *(f"%d{s}{month}{s}{y}" for s in ("", "-", " ", "/", ".") for month in ("%b", "%B") for y in ("%Y", "%y")),
    *(f"{month} %d{comma} %Y" for comma in (",", "") for month in ("%b", "%B")),
    *(f"%d{s}{month} %Y" for s in (". ",) for month in ("%b", "%B")),
    *(f"%Y{s}%b{s}%d" for s in ("-", " ", "/", "")),
    "%Y%m%d",
)
_CLOCKS = (
    "%H:%M",
    "%H:%M:%S",
    "%H:%M:%S%.3f",
    "%H:%M:%S%.6f",
    "%H:%M:%S%.f",
    "%I:%M %p",
    "%I:%M:%S %p",
    "%I:%M%p",
    "%I:%M:%S%p",
)
_CLOCKS += tuple(clock.replace("%p", "%P") for clock in _CLOCKS if "%p" in clock)
_JOINS = {"T": "T", " ": " ", ":": ":", ", ": ", "}


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
        example = pl.Series([EXAMPLE if self._timed else EXAMPLE.date()])
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
        return f"{'date-times' if self._timed else 'dates'} {', '.join(said)}"

    @property
    def note(self) -> str:
        if self.sure in ("table", "custom") and (order := _order(self.pattern)) is not None:
            first = "day" if order[1] else "month"
            why = "as in other columns" if self.sure == "table" else f"as is usual with {order[0]!r}"
            return f"the {first} was taken to come first, {why}: if it does not, say so with --date-format"
        return ""

    @property
    def dressed(self) -> bool:
        """ISO dates without a zone are dates for every reader."""
        return self.type != "String" or bool(self.zone or self.zones or self.partial) or not _ISO.match(self.pattern)

    @property
    def _timed(self) -> bool:
        return bool(re.search(r"%-?[HI]|%T", self.pattern))

    def read(self, cells: pl.Series) -> pl.Series:
        if cells.dtype.is_temporal():
            return cells
        text = cells.cast(pl.Int64, strict=False).cast(pl.String) if cells.dtype.is_numeric() else cells.cast(pl.String)
        return self._read(text).alias(cells.name)

    def _read(self, text: pl.Series) -> pl.Series:
        bare = text.str.replace(_ZONE, "") if self.zone or self.zones else text
        read = _parsed(bare, self.pattern, self._timed)
        if self.first_year is not None:
            read = self._in_century(read)
        for pattern, days in self.partial.items():
            begin = _parsed(bare + "-01" * (3 - pattern.count("%")), "%Y-%m-%d", self._timed)
            begin = begin.set(~bare.str.contains(_regex(pattern)).fill_null(False), None)
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
def _regex(pattern: str) -> str:
    """What cells of a pattern look like; anything for a directive of which nothing is known here."""
    out, end = "", 0
    for part in _PARTS.finditer(pattern):
        out += re.escape(pattern[end : part.start()]) + _SHAPES.get(part[0], r".+?")
        end = part.end()
    return f"^{out}{re.escape(pattern[end:])}$"


def _parsed(text: pl.Series, pattern: str, timed: bool) -> pl.Series:
    """Dates or date-times of text; null where it is not of the pattern."""
    strict = text.set(~text.str.contains(_regex(pattern)).fill_null(False), None)
    plain = pattern.replace("%-", "%").replace("%.3f", "%.f").replace("%.6f", "%.f")
    if not timed:
        return strict.str.to_date(plain, strict=False)
    if "%I" in plain:  # chrono wants small letters for %P, large ones for %p
        strict = strict.str.to_uppercase()
        plain = plain.replace("%P", "%p")
    if re.search("%M|%T", plain) is None:
        strict, plain = strict + ":00", plain + ":%M"
    return strict.str.to_datetime(plain, time_unit="us", strict=False)


def _order(pattern: str) -> tuple[str, bool] | None:
    """Of a pattern with day and month as numbers before the year: the sign between them and whether the day is first."""
    found = re.match(r"^%-?([dm])(\D)%-?([dm])\2%", pattern)
    return (found[2], found[1] == "d") if found else None


def _patterns(cell: str) -> Iterator[str]:
    """The patterns that a cell could be of."""
    for day in _DAYS:
        single = day.replace("%d", "%-d").replace("%m", "%-m")
        for pattern in (day, single) if single != day and day != "%Y%m%d" else (day,):
            if day != "%Y%m%d" and re.match(_regex(pattern), cell):
                yield pattern
            head = re.match(_regex(pattern)[:-1], cell)
            if not head:
                continue
            for join in _JOINS:
                if not cell[head.end() :].startswith(join):
                    continue
                for clock in _CLOCKS:
                    for one in (clock, clock.replace("%H", "%-H").replace("%I", "%-I")):
                        if re.match(_regex(f"{pattern}{join}{one}"), cell):
                            yield f"{pattern}{join}{one}"


def _candidates(text: pl.Series, share: float = 1.0) -> list[DateForm]:
    """The forms in which every cell (or a `share`) can be read, those that write more cells as they are first."""
    cells = text.drop_nulls().unique(maintain_order=True)
    if not len(cells) or not cells.head(20).str.contains(r"^\s*[A-Za-z]*\.?\s?\d").any():
        return []
    zoned = cells.str.contains(r"\d{1,2}:\d{2}.*" + _ZONE)
    bare = cells.zip_with(~zoned, cells.str.replace(_ZONE, ""))
    if share == 1 and zoned.any() and not zoned.all():
        return []
    partial = bare.filter(bare.str.contains(r"^\d{4}(?:-\d{2})?$"))
    whole = bare.filter(~bare.str.contains(r"^\d{4}(?:-\d{2})?$"))
    if len(partial) and not len(whole):
        return []
    found = []
    for pattern in dict.fromkeys(p for cell in whole.head(1 if share == 1 else TRIED) for p in _patterns(cell)):
        if len(partial) and pattern != "%Y-%m-%d":
            continue
        form = DateForm(pattern=pattern)
        form = form.model_copy(update={"case": _case(whole), "zone": " " if zoned.any() else ""})
        read = _parsed(whole, pattern, form._timed)
        if read.null_count() > (1 - share) * len(whole):
            continue
        if "%y" in pattern:
            form = form.model_copy(update={"first_year": _first_year(read.dt.year())})
        if zoned.any():
            form = _zoned(form, cells)
        if len(partial):
            form = _partial(form, partial, read)
        try:
            alike = int((form.write(form._read(cells)) == cells).sum())
        except pl.exceptions.PolarsError:
            continue
        found.append((alike, form))
    found.sort(key=lambda pair: -pair[0])
    return [form for _, form in found]


def _case(cells: pl.Series) -> str:
    letters = cells.str.replace_all(r"[^A-Za-z]", "").str.replace("^T$", "")
    letters = letters.filter(letters != "")
    if not len(letters):
        return "title"
    upper, lower = (letters == letters.str.to_uppercase()).mean(), (letters == letters.str.to_lowercase()).mean()
    return "upper" if upper == 1 else "lower" if lower == 1 else "title"


def _first_year(years: pl.Series) -> int:
    """The first of the hundred years in which two digits lie: the last are those up to LATEST, or where that leads far into
    the future, the years begin after their widest gap."""
    two = sorted({int(year) % 100 for year in years.drop_nulls()})
    usual = LATEST - 99
    if max(usual + (year - usual) % 100 for year in two) <= LIKELY:
        return usual
    gaps = [(two[i] - two[i - 1]) % 100 or 100 for i in range(len(two))]
    first = two[gaps.index(max(gaps))]
    last = two[two.index(first) - 1]
    return LATEST - (LATEST - last) % 100 - (last - first) % 100


def _zoned(form: DateForm, cells: pl.Series) -> DateForm:
    """The form with what stands after the date-times, and from when on."""
    offset = cells.str.extract(f"({_ZONE})".replace("$)", ")$"))
    if offset.n_unique() == 1:
        return form.model_copy(update={"zone": offset[0]})
    seen = pl.DataFrame({"at": form._read(cells), "offset": offset}).drop_nulls().sort("at", maintain_order=True)
    runs = seen.with_columns(before=pl.col("at").shift(1)).filter(
        (pl.col("offset") != pl.col("offset").shift(1)).fill_null(True)
    )
    zones = []
    for at, label, before in runs.iter_rows():
        begin = at if before is None else before + (at - before) / 2 + timedelta(microseconds=1)
        zones.append((min(begin, at).isoformat(), label))
    if len(zones) > MOST_ZONES:
        common = offset.value_counts(sort=True)[offset.name][0]
        return form.model_copy(update={"zone": common})
    return form.model_copy(update={"zone": "", "zones": tuple(zones)})


def _partial(form: DateForm, partial: pl.Series, read: pl.Series) -> DateForm:
    """The form with the days that partial dates are read as: the nearest to the middle on which no whole date falls."""
    told = {}
    for pattern, middle, every in (("%Y", 182, "1y"), ("%Y-%m", 15, "1mo")):
        if not partial.str.contains(_regex(pattern)).any():
            continue
        taken = set((read - read.dt.truncate(every)).dt.total_days().to_list())
        ways = [middle + side * k for k in range(28 if pattern == "%Y-%m" else 365) for side in (1, -1)]
        room = range(28) if pattern == "%Y-%m" else range(365)
        told[pattern] = next((day for day in ways if day in room and day not in taken), middle)
    return form.model_copy(update={"partial": told})


def _plain(form: DateForm) -> bool:
    """Whether polars writes dates so itself."""
    return form.pattern == "%Y-%m-%d" and not form.partial and form.type == "String"


def votes(text: pl.Series) -> tuple[str, bool] | None:
    """The sign between day and month and whether the day comes first, where the cells leave no doubt."""
    orders = {_order(form.pattern) for form in _candidates(text)}
    return orders.pop() if len(orders) == 1 else None


def recognise(text: pl.Series, habits: Habits, share: float = 1.0) -> DateForm | None:
    """The form of a column of text in which every cell (or a `share`) is a date; None also where it is the plain one.

    Raises UsageError where all are, and nothing tells the day from the month.
    """
    forms = _candidates(text, share)
    if not forms:
        return None
    form = forms[0]
    order = _order(form.pattern)
    other = order and next((f for f in forms if (o := _order(f.pattern)) and o[1] != order[1]), None)
    if order and other and share == 1:
        sign = order[0]
        if sign in habits.day_first:
            day_first, sure = habits.day_first[sign], "table"
        elif sign == ".":
            day_first, sure = True, "custom"
        else:
            raise UsageError(_question(text, form, other))
        form = form if order[1] == day_first else other
        form = form.model_copy(update={"sure": sure})
    return None if _plain(form) else form


def _question(text: pl.Series, form: DateForm, other: DateForm) -> str:
    ways = sorted((form, other), key=lambda f: not f.pattern.lstrip("%-").startswith("d"))
    cells = text.drop_nulls().unique(maintain_order=True)
    first, second = (way.read(cells) for way in ways)
    place = (first != second).arg_max() or 0
    options = " or ".join(f"--date-format {text.name}={way.pattern.replace('%-', '%')}" for way in ways)
    return (
        f"column {text.name!r}: {cells[place]!r} could be {first[place]:%d %B %Y} or {second[place]:%d %B %Y}, and nothing "
        f"in the table tells which: say so with {options}."
    )


def recognise_whole(cells: pl.Series) -> DateForm | None:
    """The form of a column of whole numbers that are all dates such as 20190304, and not too few; else None."""
    known = cells.drop_nulls().unique()
    if len(known) < FEW:
        return None
    for pattern, digits in (("%Y%m%d", 8), ("%Y%m%d%H%M%S", 14), ("%Y%m%d%H%M", 12)):
        low, high = (year * 10 ** (digits - 4) for year in YEARS)
        if not known.is_between(low, high).all():
            continue
        form = DateForm(pattern=pattern, type="Int64" if cells.dtype == pl.String else str(cells.dtype))
        if not form.read(known).null_count():
            return form
    return None


def as_told(cells: pl.Series, pattern: str) -> DateForm | None:
    """The form of a pattern that the user gives; None where a cell is not of it. Raises UsageError for no pattern."""
    if not re.search(r"%-?[YyFjm]", pattern):
        raise UsageError(
            f"--date-format {pattern!r} is no form of a date: give it by its parts, such as %d/%m/%Y or %d.%m.%Y %H:%M."
        )
    text = cells.drop_nulls().cast(pl.String).unique(maintain_order=True)
    dtype = "String" if cells.dtype == pl.String else str(cells.dtype)
    loose = re.sub(r"%([dmHI])", r"%-\1", pattern)
    best: tuple[int, DateForm] | None = None
    for one in (pattern, loose):
        form = DateForm(pattern=one, type=dtype, case=_case(text), sure="told")  # pyright: ignore[reportArgumentType]
        zoned = text.str.contains(r"\d{1,2}:\d{2}.*" + _ZONE).any()
        form = form.model_copy(update={"zone": " " if zoned else ""})
        try:
            read = form._read(text)
            if read.null_count() or not len(read):
                continue
            if "%y" in one:
                form = form.model_copy(update={"first_year": _first_year(read.dt.year())})
            form = _zoned(form, text) if zoned else form
            alike = int((form.write(form._read(text)) == text).sum())
        except pl.exceptions.PolarsError as error:
            words = " ".join(str(error).split())[:80]
            raise UsageError(
                f"--date-format {pattern!r} is no form of a date ({words}): give it such as %d/%m/%Y."
            ) from error
        if best is None or alike > best[0]:
            best = alike, form
    return best[1] if best else None
