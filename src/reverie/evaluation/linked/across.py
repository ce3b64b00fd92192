"""How rows of several tables go together: how many, when, of what codes, in which order.

All are distances between samples of patients (profile.py), beside held-out patients and shuffled columns. Shuffled columns
keep how many rows each row of another table has, and how common codes are; there a plainly wrong table is named instead.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from reverie.evaluation.area import Found, area
from reverie.evaluation.linked.lived import Key
from reverie.evaluation.linked.pictures import codes_figures, ties_figures, times_figures
from reverie.evaluation.linked.sides import Sides
from reverie.evaluation.measure import Measure, Metric

__all__ = ["codes", "ties", "times"]

TIED, COURSE, ALONE, TOGETHER = "tables together", "course in time", "single columns", "columns together"
KS = "Kolmogorov-Smirnov distance of the distributions: 0 is equality, 1 no overlap."
TV = "Total variation: the share that would have to be another."


def _of(name: str, title: str, how: str, claim: str, tolerance: float = 0.05, **more: Any) -> Metric:
    return Metric(f"linked.{name}", title, how, claim, **{"tolerance": tolerance, "unit": "share", "ideal": 0.0} | more)


CHILDREN = _of(
    "children.{one}~{other}", "{one}: rows for each row of {other}", f"How many rows refer to one. {KS}", TIED, wrong=0.5
)
DELAY = _of(
    "delay.{one}~{other}",
    "{one}: when, since the row of {other} began",
    f"The time from the start of the row that it refers to, or of the last that began before. {KS}",
    TIED,
)
PLACE = _of(
    "place.{one}~{other}",
    "{one}: where in the time of the row of {other}",
    f"0 is its start, 1 its end; what lies beyond is outside. {KS}",
    TIED,
)
START = _of("start", "First event of a patient", f"The time of the first row in any table. {KS}", COURSE, 0.1, wrong=0.5)
BEGIN = _of("begin.{one}", "{one}: first row of a patient", f"The time since the first row in any table. {KS}", COURSE)
GAP = _of("gap.{one}", "{one}: from one moment to the next", f"The time between moments of one patient. {KS}", COURSE)
PANEL = _of("panel.{one}", "{one}: rows at one moment", f"How many rows of a patient have one time. {KS}", COURSE)
HOUR = _of("hour.{one}", "{one}: time of the day", f"At what hour rows are, from midnight. {KS}", COURSE)
DURATION = _of("duration.{one}", "{one}: from start to end", f"How long each row lasts. {KS}", COURSE)
CHANGE = _of(
    "change.{one}.{other}", "{one}, {other}: from one value to the next", f"Differences within a patient. {KS}", COURSE, 0.1
)
ORDER = _of(
    "order",
    "Which table follows on which",
    "Of all rows of a patient in time, the table of the next one given the table of one: mean total variation.",
    COURSE,
)
NEXT = _of(
    "next.{one}",
    "{one}: what code follows on each",
    "The code of the next row of a patient given that of one: mean total variation, weighed by how common each is.",
    COURSE,
)
CODE = _of("code.{one}", "{one}: how common each code is", f"Shares of the rows. {TV}", ALONE, wrong=0.5)
CARRIED = _of(
    "carried.{one}", "{one}: how many patients have each code", f"Each patient has each code once. {TV}", ALONE, wrong=0.5
)
OCCUR = _of(
    "occur.{one}",
    "{one}: codes that occur",
    "Share of the codes of one half of the real patients that occur among others.",
    ALONE,
    0.1,
    ideal=1.0,
    worse="below",
    wrong=0.5,
)
VALUE = _of("value.{one}.{other}", "{one}, {other}: values", f"The values of one test. {KS}", ALONE, 0.1)
WITHIN = _of(
    "together.{unit}.{one}",
    "{one}: codes that go together in a row of {unit}",
    "Mean absolute difference of the correlations phi of all pairs of common codes.",
    TOGETHER,
    0.03,
    unit="",
)
BETWEEN = replace(
    WITHIN,
    name="linked.together.{unit}.{one}~{other}",
    title="codes of {one} and of {other} in a row of {unit}",
)
OF: dict[str, Metric] = {
    "children": CHILDREN, "delay": DELAY, "place": PLACE, "start": START, "begin": BEGIN, "gap": GAP, "panel": PANEL,
    "hour": HOUR, "duration": DURATION, "change": CHANGE, "order": ORDER, "next": NEXT, "code": CODE, "carried": CARRIED,
    "occur": OCCUR, "value": VALUE,
}  # fmt: skip


def _measured(sides: Sides, metrics: tuple[Metric, ...]) -> list[Measure]:
    """Of each thing counted that is one of the metrics, in their order."""
    found: list[tuple[int, Measure]] = []
    for key, score in sides.scores.items():
        metric, words = _metric(key)
        if metric in metrics and not np.isnan(score.ceiling):
            of = metric.of(**words)
            if metric in (VALUE, CHANGE):  # a test is called as the lookup does; the measure keeps its code
                of = replace(of, title=metric.of(**words | {"other": sides.plan[key[1]].called(key[2])}).title)
            found.append((metrics.index(metric), score.measure(of)))
    return [measure for _, measure in sorted(found, key=lambda one: one[0])]


def _metric(key: Key) -> tuple[Metric, dict[str, str]]:
    """What is measured of a key, and the words for it."""
    what, *of = key
    if what == "pairs":
        unit, one, other = of
        return (WITHIN if one == other else BETWEEN), {"unit": unit, "one": one, "other": other}
    return OF[what], dict(zip(("one", "other"), of, strict=False))


@area(
    "linked.ties",
    "Rows for each row, and where they lie",
    "How many rows of a table refer to one of another, and when they are in its time.",
    1,
    CHILDREN,
    DELAY,
    PLACE,
)
def ties(sides: Sides) -> Found:
    """Children per parent, and their place in its time."""
    if measures := _measured(sides, (CHILDREN, DELAY, PLACE)):
        return measures, ties_figures(sides), sides.references.notes
    return sides.references.few or "no table refers to another."


@area(
    "linked.times",
    "When, for how long, and in which order",
    "When rows of each table come, how long they last, how values move, and what follows on what.",
    1,
    *(START, BEGIN, GAP, PANEL, HOUR, DURATION, CHANGE, ORDER, NEXT),
)
def times(sides: Sides) -> Found:
    """The clock of each table, and the order of tables and codes."""
    if measures := _measured(sides, (START, BEGIN, GAP, PANEL, HOUR, DURATION, CHANGE, ORDER, NEXT)):
        return measures, times_figures(sides), sides.references.notes
    return sides.references.few or "no table has a time."


@area(
    "linked.codes",
    "Codes, and codes that go together",
    "How common each code is, the values of each test, and which codes go together in a patient and in a stay.",
    1,
    *(CODE, CARRIED, OCCUR, VALUE, WITHIN, BETWEEN),
)
def codes(sides: Sides) -> Found:
    """Frequencies, values by test, and pairs of codes."""
    if measures := _measured(sides, (CODE, CARRIED, OCCUR, VALUE, WITHIN, BETWEEN)):
        return measures, codes_figures(sides), sides.references.notes
    return sides.references.few or "no table has codes."
