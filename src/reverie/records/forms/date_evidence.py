"""Which form the dates of a column have.

Of the patterns in which every cell can be read, the one that writes them as they are is taken. Whether the day or the month
comes first is shown by the cells (a first part above 12), else by other columns with the same sign between the parts; with a
full stop between them the day is first; else it is asked.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta

import polars as pl

from reverie.errors import UsageError
from reverie.records.column_names import words
from reverie.records.commonest import commonest
from reverie.records.forms.base import Habits
from reverie.records.forms.date import SINCE_1970, ZONE, DateForm, order_of, parsed, regex

__all__ = ["as_stated", "recognise", "recognise_whole", "votes"]

YEARS = (1850, 2150)
"""Numbers of eight digits are dates if all of them are, in these years."""

TIMED = {"ts", "epoch", "unix", "at", "birth", "born", "dob", "dod"}
"""Words of the names of times, besides those that end as times do."""

LONG_SINCE = 10**8
"""Seconds, three years: from so many on a number that is called a time may count from 1970."""

FEW = 3
"""So many different dates at least make whole numbers dates."""

LATEST, LIKELY = 2040, 2030
"""The last year that two digits can mean; and the last that they do mean if another reading is possible."""

TRIED = 5
"""So many cells are tried for a pattern that most cells have."""

MOST_ZONES = 400
"""So many changes of the offset from UTC are remembered at most."""

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


def _patterns(cell: str) -> Iterator[str]:
    """The patterns that a cell could be of."""
    for day in _DAYS:
        loose = day.replace("%d", "%-d"), day.replace("%m", "%-m"), day.replace("%d", "%-d").replace("%m", "%-m")
        for pattern in dict.fromkeys((day, *loose)) if day != "%Y%m%d" else (day,):
            if day != "%Y%m%d" and re.match(regex(pattern), cell):
                yield pattern
            head = re.match(regex(pattern)[:-1], cell)
            if not head:
                continue
            for join in _JOINS:
                if not cell[head.end() :].startswith(join):
                    continue
                for clock in _CLOCKS:
                    for one in (clock, clock.replace("%H", "%-H").replace("%I", "%-I")):
                        if re.match(regex(f"{pattern}{join}{one}"), cell):
                            yield f"{pattern}{join}{one}"


def _candidates(text: pl.Series, share: float = 1.0) -> list[DateForm]:
    """The forms in which every cell (or a `share`) can be read, those that write more cells as they are first."""
    cells = text.drop_nulls().unique(maintain_order=True)
    if not len(cells) or not cells.head(20).str.contains(r"^\s*[A-Za-z]*\.?\s?\d").any():
        return []
    zoned = cells.str.contains(r"\d{1,2}:\d{2}.*" + ZONE)
    bare = cells.zip_with(~zoned, cells.str.replace(ZONE, ""))
    if share == 1 and zoned.any() and not zoned.all():
        return []
    partial = bare.filter(bare.str.contains(r"^\d{4}(?:-\d{2})?$"))
    whole = bare.filter(~bare.str.contains(r"^\d{4}(?:-\d{2})?$"))
    if len(partial) and not len(whole):
        return []
    ranked = []
    for pattern in dict.fromkeys(p for cell in whole.head(1 if share == 1 else TRIED) for p in _patterns(cell)):
        if len(partial) and pattern != "%Y-%m-%d":
            continue
        form = DateForm(pattern=pattern)
        form = form.model_copy(update={"case": _case(whole), "zone": " " if zoned.any() else ""})
        read = parsed(whole, pattern, form.timed)
        if read.null_count() > (1 - share) * len(whole):
            continue
        if "%y" in pattern:
            form = form.model_copy(update={"first_year": _first_year(read.dt.year())})
        if zoned.any():
            form = _zoned(form, cells)
        if len(partial):
            form = _partial(form, partial, read)
        try:
            alike = int((form.write(form.read_text(cells)) == cells).sum())
        except pl.exceptions.PolarsError:
            continue
        ranked.append((alike, form))
    ranked.sort(key=lambda pair: -pair[0])
    return [form for _, form in ranked]


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
    offset = cells.str.extract(f"({ZONE})".replace("$)", ")$"))
    if offset.n_unique() == 1:
        return form.model_copy(update={"zone": offset[0]})
    seen = pl.DataFrame({"at": form.read_text(cells), "offset": offset}).drop_nulls().sort("at", maintain_order=True)
    runs = seen.with_columns(before=pl.col("at").shift(1)).filter(
        (pl.col("offset") != pl.col("offset").shift(1)).fill_null(True)
    )
    zones = []
    for at, label, before in runs.iter_rows():
        begin = at if before is None else before + (at - before) / 2 + timedelta(microseconds=1)
        zones.append((min(begin, at).isoformat(), label))
    if len(zones) > MOST_ZONES:
        common = commonest(offset)[0]
        return form.model_copy(update={"zone": common})
    return form.model_copy(update={"zone": "", "zones": tuple(zones)})


def _partial(form: DateForm, partial: pl.Series, read: pl.Series) -> DateForm:
    """The form with the days that partial dates are read as: the nearest to the middle on which no whole date falls."""
    days_of = {}
    for pattern, middle, every in (("%Y", 182, "1y"), ("%Y-%m", 15, "1mo")):
        if not partial.str.contains(regex(pattern)).any():
            continue
        taken = set((read - read.dt.truncate(every)).dt.total_days().to_list())
        ways = [middle + side * k for k in range(28 if pattern == "%Y-%m" else 365) for side in (1, -1)]
        room = range(28) if pattern == "%Y-%m" else range(365)
        days_of[pattern] = next((day for day in ways if day in room and day not in taken), middle)
    return form.model_copy(update={"partial": days_of})


def _plain(form: DateForm) -> bool:
    """Whether polars writes dates so itself."""
    return form.pattern == "%Y-%m-%d" and not form.partial and form.type == "String"


def votes(text: pl.Series) -> tuple[str, bool] | None:
    """The sign between day and month and whether the day comes first, where the cells leave no doubt."""
    orders = {order_of(form.pattern) for form in _candidates(text)}
    return orders.pop() if len(orders) == 1 else None


def recognise(text: pl.Series, habits: Habits, share: float = 1.0) -> DateForm | None:
    """The form of a column of text in which every cell (or a `share`) is a date; None also where it is the plain one.

    Raises UsageError where all are, and nothing tells the day from the month.
    """
    forms = _candidates(text, share)
    if not forms:
        return None
    form = forms[0]
    order = order_of(form.pattern)
    other = order and next((f for f in forms if (o := order_of(f.pattern)) and o[1] != order[1]), None)
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
    options = " or ".join(f"`date_formats={text.name}={way.pattern.replace('%-', '%')}`" for way in ways)
    return (
        f"column {text.name!r}: {cells[place]!r} could be {first[place]:%d %B %Y} or {second[place]:%d %B %Y}, and nothing "
        f"in the table tells which: say so with {options}."
    )


def recognise_whole(cells: pl.Series) -> DateForm | None:
    """The form of a column of whole numbers that are all dates such as 20190304, or that are called as times are and count
    since 1970, and not too few; else None."""
    values = cells.drop_nulls().unique()
    if len(values) < FEW:
        return None
    for pattern, digits in (("%Y%m%d", 8), ("%Y%m%d%H%M%S", 14), ("%Y%m%d%H%M", 12)):
        low, high = (year * 10 ** (digits - 4) for year in YEARS)
        if not values.cast(pl.Float64).is_between(low, high).all():
            continue
        form = DateForm(pattern=pattern, type="Int64" if cells.dtype == pl.String else str(cells.dtype))
        if not form.read(values).null_count():
            return form
    return _since_1970(cells.name, values, "Int64" if cells.dtype == pl.String else str(cells.dtype))


def _since_1970(name: str, values: pl.Series, dtype: str) -> DateForm | None:
    """Years of 1970 and near it are small numbers, and are believed where most are of others."""
    called = words(name)
    if not (TIMED & set(called) or any(re.search(r"(time|date|datum|stamp|dtt?m?)$", word) for word in called)):
        return None
    size = values.cast(pl.Float64).abs()
    for pattern, second in SINCE_1970.items():
        low, high = LONG_SINCE * second, (YEARS[1] - 1970) * 31_556_952 * second
        if (size.median() or 0) >= low and (size.max() or 0) <= high:  # pyright: ignore[reportOperatorIssue]
            return DateForm.model_validate({"pattern": pattern, "type": dtype})
    return None


def as_stated(cells: pl.Series, pattern: str) -> DateForm | None:
    """The form of a pattern that the user gives; None where a cell is not of it. Raises UsageError for no pattern."""
    if not re.search(r"%-?[YyFjms]", pattern):
        raise UsageError(
            f"`date_formats`: {pattern!r} is no form of a date: give it by its parts, such as %d/%m/%Y or %d.%m.%Y %H:%M."
        )
    text = cells.drop_nulls().cast(pl.String).unique(maintain_order=True)
    dtype = "String" if cells.dtype == pl.String else str(cells.dtype)
    loose = re.sub(r"%([dmHI])", r"%-\1", pattern)
    best: tuple[int, DateForm] | None = None
    for one in (pattern, loose):
        form = DateForm(pattern=one, type=dtype, case=_case(text), sure="told")  # pyright: ignore[reportArgumentType]
        zoned = text.str.contains(r"\d{1,2}:\d{2}.*" + ZONE).any()
        form = form.model_copy(update={"zone": " " if zoned else ""})
        try:
            read = form.read_text(text)
            if read.null_count() or not len(read):
                continue
            if "%y" in one:
                form = form.model_copy(update={"first_year": _first_year(read.dt.year())})
            form = _zoned(form, text) if zoned else form
            alike = int((form.write(form.read_text(text)) == text).sum())
        except pl.exceptions.PolarsError as error:
            words = " ".join(str(error).split())[:80]
            raise UsageError(
                f"`date_formats`: {pattern!r} is no form of a date ({words}): give it such as %d/%m/%Y."
            ) from error
        if best is None or alike > best[0]:
            best = alike, form
    return best[1] if best else None
