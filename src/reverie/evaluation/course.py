"""Patients over time: when they come, and what a column does from visit to visit.

clock           order of time; Kolmogorov-Smirnov distances of gaps, numbers of visits, starts and spans
each patient    distances of the distributions over patients of a column's mean, deviation and range
visit to visit  distance of the changes x_{t+1} - x_t; how often a level changes
autocorrelation r = sum (x_t - m_p)(x_{t+1} - m_p) / sqrt(sum (x_t - m_p)^2 sum (x_{t+1} - m_p)^2) over pairs of neighbouring
                visits of all patients, x as normal scores among all real values (so that no outlier rules), m_p the
                patient's mean: what sets a patient apart from others does not count. It is below 0 for visits without
                order, the more so the shorter the records, in both tables alike
correlations    static, trend and cycle as Health Gym judges them (correlations.py)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl

from reverie.evaluation.area import Found, area
from reverie.evaluation.cohort import GAP, Cohort
from reverie.evaluation.correlations import correlations, distance
from reverie.evaluation.distances import normal_scores
from reverie.evaluation.features import patient_mean, patient_summary, steps
from reverie.evaluation.measure import Metric
from reverie.evaluation.references import References, Score
from reverie.evaluation.shape import in_order
from reverie.evaluation.tables import Tables
from reverie.records.kinds.comparing import kolmogorov
from reverie.records.schema import Schema

__all__ = ["autocorrelation", "course"]

ROUNDS = 6
"""Splits for the correlations, which take longest."""
FEW = 20
"""Patients below which a visit is not drawn."""

CLAIM = "course in time"
DISTANCE = "Kolmogorov-Smirnov distance of the distributions: 0 is equality, 1 no overlap."


def _distance(name: str, title: str, what: str) -> Metric:
    return Metric(f"fidelity.course.{name}", title, f"{what} {DISTANCE}", CLAIM, tolerance=0.1, unit="share", ideal=0.0)


def _of_clock(name: str, title: str, what: str) -> Metric:
    """Shuffled columns keep the clock; a plainly wrong one has the median everywhere."""
    return replace(_distance(name, title, what), wrong=0.5)


def _difference(kind: str, title: str, tolerance: float, what: str) -> Metric:
    how = f"Mean absolute difference over pairs of columns of {what} (Kuo et al. 2022)."
    claim = "columns together" if kind == "static" else CLAIM  # that at one visit says nothing of the next
    return Metric(f"fidelity.course.{kind}", f"Correlations {title}, mean difference", how, claim, tolerance, ideal=0.0)


ORDER = Metric(
    "fidelity.course.order",
    "Visits in the order of time",
    "Share of patients each of whose visits has a time and stands after the one before.",
    CLAIM,
    tolerance=0.01,
    unit="share",
    worse="below",
)
CLOCK = {
    "gap": _of_clock("gap", "Gaps between visits", "The time from one visit to the next."),
    "visits": _of_clock("visits", "Number of visits", "How many visits a patient has."),
    "start": _of_clock("start", "First visit", "The time of the first visit."),
    "span": _of_clock("span", "Time from first to last visit", "How long a patient is seen."),
}
TAU = "Kendall's tau between columns over all visits"
TRENDS = "the share of patients in whom two columns go the same way less those in whom they part"
CYCLES = "the correlation within patients of what lines in time leave of two columns"
CORRELATIONS = {
    "static": _difference("static", "at a visit", 0.05, TAU),
    "trend": _difference("trend", "of trends", 0.1, TRENDS),
    "cycle": _difference("cycle", "around the trends", 0.07, CYCLES),
}
DRAWN = {"static": ("at a visit", TAU), "trend": ("of trends", TRENDS), "cycle": ("around the trends", CYCLES)}
PATIENT = {
    part: _distance(f"{{column}}.{part}", f"{{column}}: {title}", f"The distribution {what}.")
    for part, title, what in (
        ("mean", "a patient's mean", "of each patient's mean over the visits"),
        ("deviation", "a patient's deviation", "of each patient's standard deviation over the visits"),
        ("range", "a patient's range", "of each patient's largest value less the smallest"),
        ("change", "change from visit to visit", "of the differences between a visit and the one before"),
    )
}
MOVES = {
    "autocorrelation": Metric(
        "fidelity.course.{column}.autocorrelation",
        "{column}: autocorrelation",
        "Correlation of neighbouring visits after each patient's mean is taken away; near or below 0 if the order of visits "
        "means nothing.",
        CLAIM,
        tolerance=0.2,
    ),
    "changes": Metric(
        "fidelity.course.{column}.changes",
        "{column}: changes of level",
        "Share of visits at which the level is not that of the visit before.",
        CLAIM,
        tolerance=0.05,
        unit="share",
    ),
}
METRICS = (ORDER, *CLOCK.values(), *CORRELATIONS.values(), *PATIENT.values(), *MOVES.values())
INTRO = (
    "Patients from visit to visit: when they come, how much a patient varies, how one visit follows from the last, and "
    "which columns move together."
)


@area("fidelity.course", "Over time", INTRO, 5, *METRICS, given=lambda tables: not tables.schema.timeless)
def course(tables: Tables) -> Found:
    """Measures of the clock and of every varying column."""
    references, schema, seed = tables.references, tables.schema, tables.seed
    apart = references.distances(_summary, _compared)
    scale = {c.name: _sorted(references.real.numbers[c.name]) for c in schema.varying if c.numeric}
    moves = references.statistics(lambda cohort: _moves(cohort, scale))
    linked = references.distances(lambda cohort: correlations(cohort, seed), _correlations, ROUNDS)
    several = float((references.real.lengths > 1).mean())  # rows in any order are out of order where there are two of them
    scores = [(replace(ORDER, wrong=several), moves["order", ""])]
    scores += [(metric, apart.get(("", key))) for key, metric in CLOCK.items()]
    scores += [(metric, linked.get(key)) for key, metric in CORRELATIONS.items()]
    for name in (c.name for c in schema.varying):
        scores += [(metric.of(column=name), apart.get((name, part))) for part, metric in PATIENT.items()]
        scores += [(metric.of(column=name), moves.get((name, part))) for part, metric in MOVES.items()]
    measures = [score.measure(metric) for metric, score in scores if score is not None and not np.isnan(score.value)]
    return measures, _figures(references, moves, schema, seed), references.notes


def autocorrelation(cohort: Cohort, values: np.ndarray) -> float:
    """r of neighbouring visits around each patient's mean (see the module), of values [N]; NaN where nothing varies.

    The mean is that of the visits that have a neighbour with a value.
    """
    change = steps(cohort, values)
    later = np.flatnonzero(~np.isnan(change))
    if len(later) < 3:
        return float("nan")
    centred = values - patient_mean(cohort, values)[cohort.patient]
    x, y = centred[later - 1], centred[later]
    size = np.sqrt((x**2).sum() * (y**2).sum())
    return float((x * y).sum() / size) if size > 0 else float("nan")


def _summary(cohort: Cohort) -> dict[tuple[str, str], np.ndarray]:
    """The samples to be compared, without NaN."""
    first, last = cohort.time[cohort.offsets[:-1]], cohort.time[cohort.offsets[1:] - 1]
    samples = {
        ("", "gap"): cohort.numbers[GAP],
        ("", "visits"): cohort.lengths.astype(float),
        ("", "start"): first,
        ("", "span"): last - first,
    }
    for column in (c for c in cohort.schema.varying if c.numeric):
        values = cohort.numbers[column.name]
        of = patient_summary(cohort, values)
        samples[column.name, "mean"], samples[column.name, "deviation"] = of["mean"], of["deviation"]
        several = ~np.isnan(of["deviation"])  # of one value the range is 0, whatever the column does
        samples[column.name, "range"] = (of["highest"] - of["lowest"])[several]
        samples[column.name, "change"] = steps(cohort, values)
    return {key: values[~np.isnan(values)] for key, values in samples.items()}


def _compared(
    real: Mapping[tuple[str, str], np.ndarray], other: Mapping[tuple[str, str], np.ndarray]
) -> dict[tuple[str, str], float]:
    return {key: kolmogorov(values, other[key]) for key, values in real.items()}


def _sorted(values: np.ndarray) -> np.ndarray:
    return np.sort(values[~np.isnan(values)])


def _moves(cohort: Cohort, scale: Mapping[str, np.ndarray]) -> dict[tuple[str, str], float]:
    """Autocorrelations and shares of changes, and the share of patients in order."""
    numbers = {("order", ""): float(in_order(cohort).mean())}
    for column in cohort.schema.varying:
        if column.numeric:
            scores = normal_scores(cohort.numbers[column.name], scale[column.name])
            scores[cohort.missing(column.name)] = np.nan  # a missing value sorts after all others
            numbers[column.name, "autocorrelation"] = autocorrelation(cohort, scores)
        else:
            codes = cohort.levels[column.name].cast(pl.Categorical).to_physical().cast(pl.Float64)
            changed = steps(cohort, codes.fill_null(float("nan")).to_numpy())
            there = ~np.isnan(changed)
            numbers[column.name, "changes"] = float((changed[there] != 0).mean()) if there.any() else float("nan")
    return numbers


def _correlations(real: Any, other: Any) -> dict[str, float]:
    return {kind: distance(getattr(real, kind), getattr(other, kind)) for kind in CORRELATIONS}


def _figures(references: References, moves: Mapping[Any, Score], schema: Schema, seed: int) -> dict[str, Any]:
    figures: dict[str, Any] = {}
    panels = [panel for c in schema.varying if c.numeric and (panel := _lines(references.tables, c.name))]
    if panels:
        figures["visits"] = {
            "kind": "panels",
            "title": "Visit by visit",
            "note": "Median of each column at the first visit, the second, and so on; between the lines half of the values.",
            "panels": panels,
        }
    scores = [(n, s) for (n, what), s in moves.items() if what == "autocorrelation" and not np.isnan(s.value)]
    if scores:
        sides = {"synthetic": [(s.value, s.deviation) for _, s in scores]}
        sides["real"] = [(s.ceiling, s.ceiling_deviation) for _, s in scores]
        figures["autocorrelation"] = {
            "kind": "intervals",
            "title": "Autocorrelation",
            "note": "How much a visit follows from the one before, with 95 % intervals.",
            "labels": [n for n, _ in scores],
            "series": {n: [[v, v - 1.96 * d, v + 1.96 * d] for v, d in values] for n, values in sides.items()},
            "x_label": "correlation of neighbouring visits",
            "reference": 0,
        }
    matrices_of = {n: correlations(c, seed) for n, c in (("real", references.real), ("synthetic", references.synthetic))}
    if len(matrices_of["real"].columns) > 1:
        for kind, (title, what) in DRAWN.items():
            series = {n: _listed(getattr(matrices, kind)) for n, matrices in matrices_of.items()}
            figures[kind] = {
                "kind": "matrix",
                "title": f"Correlations {title}",
                "note": f"Each cell: {what}.",
                "labels": list(matrices_of["real"].columns),
                "series": series,
                "range": [-1, 1],
            }
    return figures


def _lines(tables: Mapping[str, Cohort], name: str) -> dict[str, Any]:
    """Median and quartiles at each visit that enough real patients have."""
    most = 0
    quartiles: dict[str, list[list[float | None]]] = {}
    for table, cohort in tables.items():
        number = np.arange(cohort.rows) - cohort.offsets[:-1][cohort.patient]
        values = cohort.numbers[name]
        rows: list[list[float | None]] = []
        for visit in range(int(cohort.lengths.max())):
            here = values[(number == visit) & ~np.isnan(values)]
            if table == "real" and len(here) < FEW:
                break
            rows.append([float(q) for q in np.quantile(here, [0.25, 0.5, 0.75])] if len(here) >= FEW else [None] * 3)
        most = len(rows) if table == "real" else most
        quartiles[table] = rows
    if most < 2:
        return {}
    full = {table: (rows + [[None] * 3] * most)[:most] for table, rows in quartiles.items()}
    return {
        "kind": "lines",
        "title": name,
        "x": list(range(1, most + 1)),
        "series": {table: [q[1] for q in rows] for table, rows in full.items()},
        "bands": {table: [[q[0] for q in rows], [q[2] for q in rows]] for table, rows in full.items()},
        "x_label": "visit",
    }


def _listed(matrix: np.ndarray) -> list[list[float | None]]:
    return [[None if np.isnan(v) else float(v) for v in row] for row in matrix]
