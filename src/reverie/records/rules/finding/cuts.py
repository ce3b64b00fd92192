"""Levels that a number decides: where the ranges of a number at the levels of another column lie apart.

    obese = yes if bmi >= 30        age_group = middle if age >= 40 and age < 65

The cut between two ranges is the roundest number between the greatest of one and the least of the next.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from reverie.errors import UsageError
from reverie.records.intervals import Floats
from reverie.records.kinds import Column
from reverie.records.rules.expressions import Name, Value
from reverie.records.rules.finding.evidence import PATIENTS, Evidence, Ints
from reverie.records.rules.finding.states import LevelStates, States
from reverie.records.rules.rule import Claim, Relation, Rule

__all__ = ["cuts"]

MOST = 12
"""Levels of such a column."""


def cuts(evidence: Evidence, columns: list[Column], states: list[States], telling: set[frozenset[str]]) -> list[Rule]:
    """Of all columns of levels and all of numbers, but for pairs of them of which one tells the other already."""
    numbers = [c for c in columns if c.numeric and not c.calendar and c.role != "time"]
    candidates = []
    for levels in (s for s in states if isinstance(s, LevelStates) and s.column.levels and s.size <= MOST):
        for number in numbers:
            x = evidence.values(number.name)
            if (number.role == "varying" and levels.static) or frozenset((number.name, levels.column.name)) in telling:
                continue
            ranges = _ranges(x, levels, evidence.screen)
            if _apart(ranges) and _apart(ranges := _ranges(x, levels, np.arange(len(x)))):
                candidates.append((levels, number, x, ranges))
    rules: list[Rule] = []
    for levels, number, x, ranges in candidates:
        if all(_sure(evidence, levels, x, ranges, half, len(candidates)) for half in (False, True)):
            rules += _phrased(levels, number, ranges)
    return rules


def _ranges(x: Floats, levels: LevelStates, rows: Ints) -> list[tuple[float, float, int]]:
    """The least and the greatest number of each level that occurs, and its place; ascending."""
    codes = levels.codes[rows]
    rows = rows[(codes >= 0) & ~np.isnan(x[rows])]
    ranges = []
    for level in np.unique(levels.codes[rows]):
        here = x[rows[levels.codes[rows] == level]]
        ranges.append((float(here.min()), float(here.max()), int(level)))
    return sorted(ranges)


def _apart(ranges: list[tuple[float, float, int]]) -> bool:
    return len(ranges) > 1 and all(a[1] < b[0] for a, b in pairwise(ranges))


def _sure(evidence: Evidence, levels: LevelStates, x: Floats, ranges: list, half: bool, asked: int) -> bool:
    """Whether the levels of other patients would not go with the numbers so well."""
    rows = evidence.whole[half][0]
    ends = np.array([high for _, high, _ in ranges])
    order = np.array([level for _, _, level in ranges])
    must = order[np.searchsorted(ends, np.nan_to_num(x, nan=ends[-1])).clip(0, len(order) - 1)]
    known = (levels.codes >= 0) & ~np.isnan(x)
    patients = len(np.unique(evidence.patient[rows[known[rows]]]))
    fewest = min(evidence.count(levels.codes, levels.size, half, levels.key)[order])
    able = broken = 1
    for to in evidence.partners:
        swapped = levels.codes[to[rows]]
        able += int((known[rows] & (swapped >= 0)).sum())
        broken += int((known[rows] & (swapped >= 0) & (swapped != must[rows])).sum())
    return bool(fewest >= PATIENTS and patients * np.log1p(-broken / (able + 1)) < evidence.most(half, asked, patients))


def _phrased(levels: LevelStates, number: Column, ranges: list[tuple[float, float, int]]) -> Iterator[Rule]:
    at = [_roundest(a[1], b[0], number) for a, b in pairwise(ranges)]
    if not all(at):
        return
    name = Name(number.name)
    for i, (_, _, level) in enumerate(ranges):
        when: list[Claim] = [Relation(name, ">=", Value(at[i - 1]))] if i else []
        when += [Relation(name, "<", Value(at[i]))] if i < len(at) else []
        yield Rule(levels.claims([level])[0], tuple(when))


def _roundest(low: float, high: float, column: Column) -> str:
    """The number above `low` and up to `high` that has the fewest digits, as it is read again; "" if there is none."""
    for digits in range(1, 16):
        text = f"{high:.{digits}g}"
        steps = (float(text), float(f"{low:.{digits}g}"))
        for value in sorted(steps, reverse=True):
            text_of = f"{value:.15g}"
            try:
                if low < value <= high and column.parse(text_of) == value:
                    return text_of
            except UsageError:
                continue
    return ""
