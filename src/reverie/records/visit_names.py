"""The order of visits that are given by name: Screening, Baseline, Week 4, Week 8; baseline_arm_1, month_3_arm_1.

    a name with a number in it    stands at that number of its unit (Week 4 at 4 weeks, V2 at the second visit)
    screening, baseline, end      stand before 0, at 0, after all numbers
    any other                     stands where the rows of patients put it: a before b if it is so in all who have both

Names that say the same (month_3_arm_1 and month_3_arm_2) are variants of one visit.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import combinations

import polars as pl

from reverie.records.commonest import commonest

__all__ = ["Order", "order_of", "visit_like"]

_DAYS = {"minute": 1 / 1440, "hour": 1 / 24, "day": 1.0, "week": 7.0, "month": 30.44, "year": 365.25}
_UNITS = {
    "minute": r"min(?:ute)?s?", "hour": r"h(?:ou)?rs?|h", "day": r"days?|d", "week": r"weeks?|wks?|w",
    "month": r"months?|mths?|mos?|m", "year": r"years?|yrs?|y",
    "visit": r"visit|vis|v|timepoint|tp|t|wave|cycle|c|round|session|follow[ _-]?up|fup|fu|f",
}  # fmt: skip
_ARM = re.compile(r"[ _-]arm[ _-]?(\d+)$")
_NUMBER = r"([-+]?\d+(?:[.,]\d+)?)"
_BEFORE = re.compile(r"^(screen(ing)?|scr|pre[ _-]?(screen|baseline|treatment|op)\w*|run[ _-]?in)\b")
_START = re.compile(
    r"^(base[ _-]?line|bl|pre|before|enrol\w*|randomi[sz]ation|admission|start|initial|inclusion|intake|entry)\b"
)
_END = re.compile(
    r"(^|[ _-])(end([ _-]of[ _-]\w+)?|eot|eos|et|final|last|post|after|discharge|(early[ _-])?termination|close[ _-]?out)\b"
)


@dataclass(frozen=True)
class Order:
    """Where visits stand.

    Attributes:
        unit: of the times; "" where they only count.
        times: of each name.
        variants: of each name, "" for the commonest of its visit.
        said: how the order was found, in words.
        sure: whether the names tell it; else the order of rows did.
    """

    unit: str
    times: dict[str, float]
    variants: dict[str, str]
    said: str
    sure: bool


def _placed(name: str) -> tuple[str, float] | None:
    """(unit, number) that a name tells, ("before", "start" or "end", 0) of one without a number; None if it tells none."""
    text = _ARM.sub("", name.strip().lower())
    if re.fullmatch(_NUMBER, text):
        return "", float(text.replace(",", "."))
    for unit, words in _UNITS.items():
        match = re.match(rf"(?:{words})[ _.-]*?{_NUMBER}(?![\d])", text) or re.match(rf"{_NUMBER}[ _.-]*(?:{words})\b", text)
        if match is not None and not re.match(r"[a-z]", text[match.end() :]):
            return unit, float(match[1].replace(",", "."))
    for what, pattern in (("before", _BEFORE), ("start", _START), ("end", _END)):
        if pattern.search(re.sub("_", " ", text)):
            return what, 0.0
    return None


def visit_like(names: list[str]) -> float:
    """The share of the names that tell by themselves where a visit stands."""
    return sum((at := _placed(name)) is not None and at[0] != "" for name in names) / max(len(names), 1)


def order_of(frame: pl.DataFrame, patient: str, column: str) -> Order | None:
    """The order of the names in a column of text; None where neither they nor the rows of patients tell it."""
    names = commonest(frame[column]).to_list()
    placed = {name: _placed(name) for name in names}
    if all(at is not None for at in placed.values()):
        units = {at[0] for at in placed.values() if at} - {"before", "start", "end"}
        days = {name: _day(at, units) for name, at in placed.items() if at}
        if len(units) <= 1 or all(unit in _DAYS for unit in units):
            ranks = {day: k for k, day in enumerate(sorted(set(days.values())))}
            even = len(units) == 1 and _whole(placed)
            at_days = _with_ends(sorted(set(days.values()))) if even else ranks
            times = {name: float(at_days[days[name]]) for name in names}
            same = {name: [other for other in names if times[other] == times[name]] for name in names}
            if not _together(frame, patient, column, same):
                unit = next(iter(units), "") if even else ""
                said = f"in the order of their names, {'in ' + unit + 's' if unit in _DAYS else 'counted'}"
                return Order(unit, times, _variants(names, same), said, True)
    ranks = _of_rows(frame, patient, column, names)
    if ranks is None:
        return None
    return Order(
        "", ranks, dict.fromkeys(names, ""), "in the order of the rows", list(ranks) != sorted(ranks, key=str.lower)
    )


def _day(at: tuple[str, float], units: set[str]) -> float:
    special = {"before": -float("inf"), "start": -1e-9, "end": float("inf")}
    return special[at[0]] if at[0] in special else at[1] * (_DAYS.get(at[0], 1.0) if len(units) > 1 else 1.0)


def _whole(placed: dict[str, tuple[str, float] | None]) -> bool:
    """Whether the numbers may stand as times: a start is 0, so no other is, and none lies before."""
    places = [at for at in placed.values() if at]
    numbers = [number for unit, number in places if unit not in ("before", "start", "end")]
    special = any(unit in ("before", "start") for unit, _ in places)
    return not special or min(numbers, default=1.0) > 0


def _with_ends(days: list[float]) -> dict[float, float]:
    """The time of each day, ascending, among which may be "before" and "end": as far away as the visits next to them."""
    inner = [round(day, 6) + 0.0 for day in days if abs(day) < float("inf")] or [0.0]
    first, last = (inner[1] - inner[0], inner[-1] - inner[-2]) if len(inner) > 1 else (1.0, 1.0)
    ends = {-float("inf"): inner[0] - first, float("inf"): inner[-1] + last}
    return {day: ends.get(day, round(day, 6) + 0.0) for day in days}


def _variants(names: list[str], same: dict[str, list[str]]) -> dict[str, str]:
    """Of names that say one visit: the arm of a trial, or "" for the commonest and a number for each other spelling."""
    arms = {name: f"arm {match[1]}" for name in names if (match := _ARM.search(name.strip().lower()))}
    if len(set(arms.values())) > 1:
        return {name: arms.get(name, "") for name in names}
    return {name: f"spelling {same[name].index(name)}" if same[name][0] != name else "" for name in names}


def _together(frame: pl.DataFrame, patient: str, column: str, same: dict[str, list[str]]) -> bool:
    """Whether a patient has two names that say the same: then they do not."""
    if all(len(names) == 1 for names in same.values()):
        return False
    visit = pl.col(column).replace({name: names[0] for name, names in same.items()})
    counts = frame.group_by(patient, visit.alias("visit")).agg(pl.col(column).n_unique().alias("names"))
    return bool((counts["names"] > 1).any())


def _of_rows(frame: pl.DataFrame, patient: str, column: str, names: list[str]) -> dict[str, float] | None:
    """The place of each name where the rows of all patients agree on one order of them; else None."""
    place = pl.int_range(pl.len()).over(patient)
    first = (
        frame.select(patient, column, place.alias("place")).drop_nulls().group_by(patient, column).agg(pl.col("place").min())
    )
    before = {name: set() for name in names}
    both = first.join(first, on=patient, suffix="_other").filter(pl.col(column) != pl.col(f"{column}_other"))
    pairs = both.group_by(column, f"{column}_other").agg((pl.col("place") < pl.col("place_other")).mean().alias("share"))
    shares = {(a, b): share for a, b, share in pairs.iter_rows()}
    for a, b in combinations(names, 2):
        share = shares.get((a, b))
        if share is None:
            continue
        if 0.05 < share < 0.95:
            return None
        (before[b] if share >= 0.95 else before[a]).add(a if share >= 0.95 else b)
    left, ranks = list(names), {}
    while left:
        ready = [name for name in left if not before[name] & set(left)]
        if len(ready) != 1:
            return None  # a circle, or two that no patient has both of
        ranks[ready[0]] = float(len(ranks))
        left.remove(ready[0])
    return ranks
