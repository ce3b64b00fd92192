"""When the rows of a table were: at an instant, in an interval, on a day.

    admission_datetime, discharge_datetime    interval, where two columns are named so and hardly one ends before it begins
    charttime                                 instant
    occurrence_date                           date
    hour, year                                a number that changes within a patient, where there is none of these
    age_at_visit                              instant, where no other column says when a row was

A date of birth or death is a fact about a person, and no time of a row.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import polars as pl

from reverie.errors import Undecided
from reverie.records.column_names import words
from reverie.records.linked.schema import Clock
from reverie.records.roles import AGE, find_roles, may_be_times

__all__ = ["clock_of", "ends_early", "no_interval", "seconds_of"]

_START = {
    "start", "started", "begin", "began", "begun", "admit", "admission", "admitted", "in", "from", "onset",
    "aufnahme", "beginn", "von",
}  # fmt: skip
_END = {
    "end", "ended", "stop", "stopped", "discharge", "discharged", "disch", "out", "to", "until", "finish", "finished",
    "resolved", "entlassung", "entlassungs", "ende", "bis",
}  # fmt: skip
_PERSONAL = re.compile(r"birth|^born$|^dob$|death|^died$|^dod$|deceased|geburt|^gebdat|^tod|sterbe|verstorben")
_TIME = re.compile(r"(time|date|datetime|timestamp|dtc|dtm|dy|day|offset|stamp|_ts|datum|zeit|zeitpunkt)$")
_ENDS_AS_TIME = re.compile(r"(datetime|timestamp|time|date|dtc|dtm|dy|datum|zeitpunkt|zeit)$")
_LASTS = {"los", "length", "duration", "stay", "lasts", "lasted"}
"""Words of how long something took, which is no time."""
_SINCE = {"t", "hour", "hours", "minute", "minutes", "week", "weeks", "month", "months", "days"}
"""What a number is called that counts from the first row of a patient, where it has no other name."""
_PAIRED = re.compile(r"^[a-z]{2}(st|en)$")
"""How the first and last days of an event are called in trials: AESTDY, CMENDTC."""
_BEST = ("charttime", "timestamp", "datetime", "time", "date")
_LATER = {"result", "reported", "store", "storetime", "recorded", "updated", "modified", "created", "scheduled"}
"""Words of times at which a row was written down or planned, not of when it was."""

_DAY = 86_400
_UNITS = {"second": 1, "minute": 60, "min": 60, "hour": 3600, "day": _DAY, "week": 7 * _DAY, "month": 30.4375 * _DAY}
_UNITS |= {f"{unit}s": seconds for unit, seconds in _UNITS.items()} | dict.fromkeys(("age", "year", "years"), 365.25 * _DAY)

ORDERED = 0.95
"""From this share of rows whose start is not after their end, two columns are an interval."""


def clock_of(frame: pl.DataFrame, key: str | None = None) -> Clock | None:
    """The clock of a table by the names and types of its columns, or None. Where no column is a time as such, an age may be
    one, if it tells apart the rows of one `key`, the column that says whose they are; or else a number that does."""
    times = {column: dtype for column, dtype in frame.schema.items() if _is_time(column, dtype)}
    called = (
        [c for c, dtype in frame.schema.items() if dtype.is_numeric() and "age" in words(c)] if key and not times else []
    )
    ages = {c: frame.schema[c] for c in called if not frame.select(key, c).is_duplicated().any()}
    by_age = bool(ages)
    times = ages if by_age else times
    for start, end in _pairs(list(times)):
        alike = frame.schema[start].base_type() == frame.schema[end].base_type()
        if alike and _share(frame, start, end) >= ORDERED:
            return Clock(kind="interval", start=start, end=end, why=f"{start} is not after {end}")
    if not times:
        return None if key is None else _counted(frame, key)
    best = min(times, key=lambda column: _rank(column, times[column], frame))
    others = [column for column in times if column != best]
    more = f"; also {', '.join(others[:3])}{', ...' if len(others) > 3 else ''}" if others else ""
    if by_age:
        return Clock(kind="instant", start=best, why=AGE + more)
    kind = "date" if times[best] == pl.Date else "instant"
    return Clock(kind=kind, start=best, why=f"its {'days' if kind == 'date' else 'times'}{more}")


def seconds_of(column: str) -> float:
    """What a number counts that is a time, in seconds, by the name of its column: years of an age, days where none says."""
    said = [_UNITS[word] for word in words(column) if word in _UNITS]
    return said[-1] if said else 86_400


def ends_early(frame: pl.DataFrame, clock: Clock) -> int:
    """Rows of an interval that end before they begin."""
    if clock.end is None:
        return 0
    return int(frame.select((pl.col(clock.end) < pl.col(clock.start)).sum()).item())


def no_interval(frame: pl.DataFrame, clock: Clock | None) -> tuple[str, str, int] | None:
    """A start and an end that are no interval, since too many rows end before they begin, and how many do; None where there
    are none, or the clock is another interval."""
    if clock is None or clock.kind == "interval":
        return None
    for start, end in _pairs([column for column, dtype in frame.schema.items() if _is_time(column, dtype)]):
        alike = frame.schema[start].base_type() == frame.schema[end].base_type()
        if alike and clock.start in (start, end) and 0.5 <= _share(frame, start, end) < ORDERED:
            both = frame.select(start, end).drop_nulls()
            return start, end, int((both[start] > both[end]).sum())
    return None


def _counted(frame: pl.DataFrame, key: str) -> Clock | None:
    """The number that says when rows of one `key` were, as that of one table of visits is found (roles.py); None where none
    does, or several might."""
    some = [c for c, dtype in frame.schema.items() if dtype.is_numeric() and c != key and not _LASTS & set(words(c))]
    numbers = [column for column in some if column in may_be_times(frame)]
    if not numbers:
        return None
    try:
        _, time, _, why = find_roles(frame.select(key, *numbers), "", key, None)
    except Undecided:
        return None
    return Clock(kind="instant", start=time, why=why)


def _is_time(column: str, dtype: pl.DataType) -> bool:
    if any(_PERSONAL.search(word) for word in words(column)):
        return False
    if dtype == pl.Date or dtype == pl.Datetime:
        return True
    called = bool(_TIME.search(column.lower())) or column.lower() in _SINCE
    return dtype.is_numeric() and called and not {"of", "duration"} & set(words(column))


def _said(column: str) -> set[str]:
    """The words of the name of a time, without those that say that it is one: admittime -> admit, AESTDY -> st."""
    found = set()
    for word in words(column):
        stem = _ENDS_AS_TIME.sub("", word) or word
        found |= {word, stem}
        if (pair := _PAIRED.match(stem)) is not None and stem != word:
            found.add({"st": "start", "en": "end"}[pair[1]])
    return found


def _pairs(columns: list[str]) -> Iterator[tuple[str, str]]:
    """Columns named after a start and an end, those first whose names say the same besides."""
    starts = [c for c in columns if _START & _said(c)]
    ends = [c for c in columns if _END & _said(c)]
    pairs = [(s, e) for s in starts for e in ends if s != e]
    yield from sorted(pairs, key=lambda pair: len(set(words(pair[0])) - _START ^ set(words(pair[1])) - _END))


def _share(frame: pl.DataFrame, start: str, end: str) -> float:
    both = frame.select(start, end).drop_nulls()
    return int((both[start] <= both[end]).sum()) / both.height if both.height else 0.0


def _rank(column: str, dtype: pl.DataType, frame: pl.DataFrame) -> tuple[bool, bool, bool, int, int]:
    """Best first: a date or date-time, not one of writing down, filled, called as times are, in the order of columns."""
    parts = words(column)
    named = next((rank for rank, word in enumerate(_BEST) if word in parts or column.lower().endswith(word)), len(_BEST))
    filled = 2 * frame[column].null_count() > frame.height
    return dtype.is_numeric(), filled, bool(_LATER & set(parts)), named, frame.columns.index(column)
