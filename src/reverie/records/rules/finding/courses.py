"""How columns go on from visit to visit.

    counts from 1         the first, the second, ... of a patient's rows
    never falls, rises    of numbers and scales; always rises, falls: nor stays as it is
    stays dead            a level that nobody leaves

Had it no direction, a column that moves in a patient could as well have moved the other way: (1/2)^n for n who moved. Nobody
leaves a level by chance if of those who had it, and were seen again, some would have left it by then: as many as left other
levels, or as many as it takes for the level to be as common as it is at first visits.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy.special import ndtr

from reverie.records.kinds import Column
from reverie.records.rules.finding.evidence import CLOSE, MIRRORED, NONE, PATIENTS, Evidence
from reverie.records.rules.rule import Course, Rule

__all__ = ["courses"]

FAR = 0.05
"""Steps below 0 that are to be expected, where none is seen: a trend takes time, so less is known of it than of an order."""


def courses(evidence: Evidence, columns: list[Column], same: dict[str, str]) -> list[Rule]:
    """Of all columns that vary, without those that are always equal to another."""
    rules = []
    varying = [c for c in columns if c.role == "varying" and c.name not in same]
    asked = max(sum(len(c.levels) or 2 for c in varying), 1)
    for column in varying:
        x = evidence.values(column.name)
        moving = _counted(evidence, column) or (_moving(evidence, column, x, asked) if column.ranked else None)
        strict = moving and moving.how.startswith(("counts", "always"))
        ending = None if strict else _ending(evidence, column, x, asked)
        last = None if ending is None else ending.value
        others = [moving] if column.ranked else [c for c in _absorbing(evidence, column, x, asked) if c.value != last]
        rules += [Rule(course) for course in (ending, *others) if course]
    return rules


def _counted(evidence: Evidence, column: Column) -> Course | None:
    x = evidence.rows.numbers(column.name)
    known = ~np.isnan(x)
    if not known.any() or not float(start := np.nanmin(x)).is_integer():
        return None
    later = known & (evidence.rows.place > 0)
    if (x == start + evidence.rows.place)[known].all() and evidence.patients(later) >= 2 * PATIENTS:
        return Course(column.name, "counts from", f"{start:g}")
    return None


def _moving(evidence: Evidence, column: Column, x: np.ndarray, asked: int) -> Course | None:
    for how, y in (("falls", x), ("rises", -x)):
        most = evidence.rows.before(y, np.fmax)
        step = y - most
        if not evidence.few(step < 0):
            continue
        up, sure = step > 0, ~np.isnan(step)
        moved = [evidence.patients(up & (evidence.second == half)) for half in (False, True)]
        if any(-moved[half] * np.log(2) >= evidence.most(half, asked, moved[half]) for half in (False, True)):
            return None
        if _chance(step[sure & (step >= 0)]):
            return None
        always = not evidence.slack and bool(up[sure].all())
        word = {"falls": "always rises", "rises": "always falls"}[how] if always else f"never {how}"
        return Course(column.name, word)  # pyright: ignore[reportArgumentType]
    return None


def _chance(steps: np.ndarray) -> bool:
    """Whether it may be chance that no step is below 0: they come near 0, but do not end there as far as can be seen."""
    middle = np.median(steps)
    spread = 1.4826 * np.median(np.abs(steps - middle))
    mirrored, close, none = (int(n.sum()) for n in (steps > 2 * middle, steps <= middle / 4, steps == 0))
    return mirrored < MIRRORED and close < CLOSE and none < NONE and len(steps) * ndtr(-middle / max(spread, 1e-12)) >= FAR


def _absorbing(evidence: Evidence, column: Column, x: np.ndarray, asked: int) -> Iterator[Course]:
    rows = evidence.rows
    last = _last(evidence, x)
    step = ~np.isnan(x) & ~np.isnan(last)
    moved = step & (x != last)
    counts = np.bincount(x[~np.isnan(x)].astype(np.int64), minlength=len(column.levels))
    for level, name in enumerate(column.levels):
        if counts[level] < 2 * PATIENTS:  # who stayed at it was there, and so many must have in each half
            continue
        been = step & (rows.before((x == level).astype(float), np.fmax) == 1)
        if not evidence.few(been & (x != level)):
            continue
        sure = True
        for half in (False, True):
            of = evidence.second == half
            other = step & of & (last != level)
            leaving = (moved & other).sum() / (other.sum() + 1)
            begun = float((x[of & (rows.place == 0)] == level).mean())
            leaving = min(leaving * (1 - begun) / begun, 0.5) if begun else leaving
            came = evidence.patients(of & moved & (x == level))
            stayed = evidence.patients(been & of)
            again = int((been & of).sum())
            odds = max(again * np.log1p(-leaving), -came * np.log(2))
            sure &= bool(stayed >= PATIENTS and odds < evidence.most(half, asked, again))
        if sure:
            yield Course(column.name, "stays", name)


def _ending(evidence: Evidence, column: Column, x: np.ndarray, asked: int) -> Course | None:
    """A level after which no row of the patient comes. By chance, each would stand at any of the patient's rows."""
    starts, lengths = evidence.rows.starts, evidence.rows.lengths
    lasts, second = starts + lengths - 1, evidence.second[starts]
    for level, name in enumerate(column.levels):
        there = x == level
        early = there.copy()
        early[lasts] = False
        if not evidence.few(early):
            continue
        ends = there[lasts] & (lengths > 1)
        sure = True
        for half in (False, True):
            of = ends & (second == half)
            sure &= bool(of.sum() >= PATIENTS and -np.log(lengths[of]).sum() < evidence.most(half, asked, of.sum()))
        if sure:
            return Course(column.name, "ends at", name)
    return None


def _last(evidence: Evidence, x: np.ndarray) -> np.ndarray:
    """The last known value of the patient before each row, NaN if there is none."""
    at = np.where(~np.isnan(x), np.arange(len(x)), -1)
    at = np.concatenate([[-1], np.maximum.accumulate(at)[:-1]]) if len(x) else at
    return np.where(at >= evidence.rows.first, x[at], np.nan)
