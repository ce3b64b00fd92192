"""Axes: from values to px and back to words, with round numbers and round dates at the ticks.

Numbers: steps of 1, 2 or 5 times a power of ten. Logarithms: 1, 2, 5 or 1, 3 of each decade. Days: 1 January of every
1, 2 or 5 times a power of ten years, the first of every 1, 3 or 6 months, or days.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise

import numpy as np

from reverie.drawing.numbers import PER_CENT, number

__all__ = ["Point", "Scale", "clipped", "days", "finite", "labelled", "powers", "ticks", "within"]

Point = tuple[float, float]

EPOCH = date(1970, 1, 1)
DATES = ("date", "datetime")


@dataclass(frozen=True)
class Scale:
    """A straight line from values, or from their logarithms, to px.

    Attributes:
        low, high: the values at the ends.
        start, end: the px at the ends.
        log: whether logarithms are on the line.
        kind: "date" and "datetime" for days since 1970-01-01, "whole" for whole numbers, "share" for per cents, or "".
    """

    low: float
    high: float
    start: float
    end: float
    log: bool = False
    kind: str = ""

    def __call__(self, x: float) -> float:
        x, low, high = (math.log(v) for v in (x, self.low, self.high)) if self.log else (x, self.low, self.high)
        return round(self.start + (x - low) / ((high - low) or 1.0) * (self.end - self.start), 2)

    def ticks(self, most: int = 5) -> list[tuple[float, str]]:
        """At most about `most` round values with what to write at them."""
        if self.kind in DATES:
            return days(self.low, self.high, most)
        if self.log:
            return [(at, _tick(at, at)) for at in powers(self.low, self.high, most)]
        places = labelled(self.low, self.high, most, self.kind == "share")
        return [(at, label) for at, label in places if at == round(at)] if self.kind == "whole" else places

    def told(self, x: float) -> str:
        """A value in words."""
        return _day(x).isoformat() if self.kind in DATES else number(x)


def ticks(low: float, high: float, most: int = 5) -> list[float]:
    """Round numbers within [low, high], at most about `most`: steps of 1, 2 or 5 times a power of ten."""
    span = high - low
    if not math.isfinite(span) or span <= 0:
        return [low] if math.isfinite(low) else []
    step = _step(span / max(most, 1))
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [k * step for k in range(first, last + 1)]


def _step(least: float) -> float:
    power = 10.0 ** math.floor(math.log10(least))
    return next(power * m for m in (1, 2, 5, 10) if power * m >= least * 0.999)


def powers(low: float, high: float, most: int = 5) -> list[float]:
    """Round numbers within [low, high], both above 0, spread evenly over their logarithms."""
    for factors in ((1, 2, 5), (1, 3), (1,)):
        decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
        numbers = [f * 10.0**d for d in decades for f in factors if low <= f * 10.0**d <= high]
        if len(numbers) <= most:
            break
    return numbers[:: -(-len(numbers) // most)] if numbers else [low, high]


def days(low: float, high: float, most: int = 5) -> list[tuple[float, str]]:
    """Round dates within [low, high], which are days since 1970-01-01, as briefly as they can be told."""
    if not math.isfinite(high - low) or high <= low:
        return [(low, _day(low).isoformat())] if math.isfinite(low) else []
    least = (high - low) / max(most, 1) / 365.25
    if least > 0.5:
        step = max(1, round(_step(least)))
        dates = [date(y, 1, 1) for y in range(_day(low).year, _day(high).year + 1) if y % step == 0]
        cut = 4
    elif least > 5 / 365.25:
        step = next(m for m in (1, 3, 6) if m / 12 >= least * 0.9)
        years = range(_day(low).year, _day(high).year + 1)
        dates, cut = [date(y, m, 1) for y in years for m in range(1, 13, step)], 7
    else:
        return [(at, _day(at).isoformat()) for at in ticks(low, high, min(most, 3)) if at == round(at)]
    return [(at, day.isoformat()[:cut]) for day in dates if low <= (at := (day - EPOCH).days) <= high]


def _day(x: float) -> date:
    """The day, or the first or last that the calendar has."""
    return EPOCH + timedelta(days=min(max(math.floor(x), (date.min - EPOCH).days), (date.max - EPOCH).days))


def labelled(low: float, high: float, most: int = 5, share: bool = False) -> list[tuple[float, str]]:
    """Ticks with their labels, no two alike; those of shares in per cent."""
    places = ticks(low, high, most)
    scaled = [100 * at for at in places] if share else places
    step = scaled[1] - scaled[0] if len(places) > 1 else 0.0
    return [(at, f"{_tick(x, step)}{PER_CENT if share else ''}") for at, x in zip(places, scaled, strict=True)]


def _tick(x: float, step: float) -> str:
    """As many digits as the steps have; a comma from 10,000 on, for years have none, and 2M for 2,000,000."""
    for scale, letter in ((1e9, "G"), (1e6, "M")):
        if scale <= abs(x) < 1e12 and step >= scale / 1000:
            return f"{x / scale:g}{letter}".replace("-", "\N{MINUS SIGN}")
    if not step or abs(x) >= 1e6 or step < 1e-5:
        return number(x)
    text = f"{x:,.{max(0, -math.floor(math.log10(step * 1.001)))}f}".replace("-", "\N{MINUS SIGN}")
    return text.replace(",", "") if abs(x) < 10_000 else text


def finite(rows: Iterable[Iterable[float | None]]) -> np.ndarray:
    """All that are numbers, in one array."""
    flat = [x for row in rows for x in row if x is not None]
    array = np.asarray(flat, dtype=float)
    return array[np.isfinite(array)]


def clipped(points: Sequence[Point | None], box: tuple[float, float, float, float]) -> list[Point | None]:
    """The parts of a line that lie within (left, top, right, bottom), with None between them (Liang and Barsky 1984)."""
    left, top, right, bottom = box
    parts: list[Point | None] = []
    for a, b in pairwise(points):
        if a is None or b is None:
            parts.append(None)
            continue
        start, end = 0.0, 1.0
        for origin, run, low, high in ((a[0], b[0] - a[0], left, right), (a[1], b[1] - a[1], top, bottom)):
            if run == 0:
                end = end if low <= origin <= high else -1.0
                continue
            first, last = sorted(((low - origin) / run, (high - origin) / run))
            start, end = max(start, first), min(end, last)
        if start > end:
            parts.append(None)
            continue
        one, two = ((round(a[0] + s * (b[0] - a[0]), 2), round(a[1] + s * (b[1] - a[1]), 2)) for s in (start, end))
        parts += [two] if parts and parts[-1] == one else [None, one, two]
    return parts


def within(point: Point, box: tuple[float, float, float, float]) -> bool:
    return box[0] <= point[0] <= box[2] and box[1] <= point[1] <= box[3]
