"""Trajectories: how values move with time, in real patients on the left and synthetic ones on the right.

Numbers: some patients as thin lines, and of all of them the median and the band from the 10 % to the 90 % quantile in
shared bins of time. Levels: the share at each level in each bin, among the visits where the column has a value.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from reverie.drawing import distinct
from reverie.evaluation.cohort import Cohort
from reverie.evaluation.figures.histograms import bounded, common_levels, is_skewed
from reverie.evaluation.figures.tables import HELD, REAL, SYNTHETIC, Cohorts, Figure, kind_of, sheet_of, unshown
from reverie.evaluation.figures.timing import FEWEST, Clock, place, summary, time_bins
from reverie.records.kinds import Column

__all__ = ["levels_over_time", "trajectories"]

MOST_NUMBERS, MOST_LEVELS = 12, 12
LEVELS = 8
"""Levels of one column, the last of them all others."""
LINES = 25
"""Patients drawn one by one."""
_PAIR = (REAL, SYNTHETIC)
_Points = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Whose, when and what, [N] each."""


def trajectories(cohorts: Cohorts, seed: int = 0) -> Figure:
    """Numbers over time, those first that are seen to change in most patients."""
    columns = [c for c in cohorts[REAL].schema.varying if c.numeric]
    if not columns:
        return sheet_of("Trajectories", [], ["No number varies from visit to visit in this table."])
    ranked = sorted(columns, key=lambda c: -_telling(cohorts[REAL], c.name))
    shown, left = ranked[:MOST_NUMBERS], ranked[MOST_NUMBERS:]
    clock = Clock.read(cohorts)
    names = distinct([c.name for c in shown])
    panels = [
        {"title": f"{name}, {table}"} | panel
        for column, name in zip(shown, names, strict=True)
        for table, panel in _numbers(cohorts, column, clock, seed).items()
    ]
    notes = [
        f"Thin lines: up to {LINES} patients drawn at random. Thick line and band: median, 10 % and 90 % quantile of all "
        f"values in shared bins of time with at least {FEWEST} values. Dotted on the right: the real median again."
        + (" Dashed on the left: the median of patients set aside." if HELD in cohorts else "")
    ]
    return sheet_of("Trajectories: real (left) beside synthetic (right)", panels, notes + unshown(left))


def levels_over_time(cohorts: Cohorts) -> Figure:
    """Share at each level over time, columns in the order of the table."""
    columns = [c for c in cohorts[REAL].schema.varying if not c.numeric]
    if not columns:
        return sheet_of("Levels over time", [], ["No column of levels varies from visit to visit in this table."])
    shown, left = columns[:MOST_LEVELS], columns[MOST_LEVELS:]
    clock = Clock.read(cohorts)
    names = distinct([c.name for c in shown])
    panels = [
        {"title": f"{name}, {table}"} | panel
        for column, name in zip(shown, names, strict=True)
        for table, panel in _levels(cohorts, column, clock).items()
    ]
    notes = [f"Shares of the visits that have a value, in shared bins of time with at least {FEWEST} of them."]
    title = "Share at each level over time: real (left) beside synthetic (right)"
    return sheet_of(title, panels, notes + unshown(left), keyless=True)


def _telling(cohort: Cohort, name: str) -> float:
    """Share of patients in whom the column is seen to change, plus the share of visits that have a value."""
    values, there = cohort.numbers[name], ~cohort.missing(name)
    low, high = (
        pick.reduceat(np.where(there, values, fill), cohort.offsets[:-1])
        for pick, fill in ((np.minimum, np.inf), (np.maximum, -np.inf))
    )
    return float((high > low).mean() + there.mean())


def _timed(cohort: Cohort, name: str, x: np.ndarray) -> np.ndarray:
    """Rows with a value and a time."""
    return np.flatnonzero(~cohort.missing(name) & ~np.isnan(x))


def _empty(table: str) -> Figure:
    return {"kind": "nothing", "why": f"no value in the {table} table"}


def _numbers(cohorts: Cohorts, column: Column, clock: Clock, seed: int) -> dict[str, Figure]:
    """The panels of one column, real and synthetic, on the same axes."""
    name = column.name
    points: dict[str, _Points] = {}
    for table, cohort in cohorts.items():
        rows = _timed(cohort, name, clock.x[table])
        points[table] = (cohort.patient[rows], clock.x[table][rows], cohort.numbers[name][rows])
    pooled = np.concatenate([points[table][2] for table in _PAIR])
    times = points[REAL][1] if len(points[REAL][1]) else points[SYNTHETIC][1]
    if not len(times):
        return {table: {"kind": "nothing", "why": "no value in either table"} for table in _PAIR}
    edges = time_bins(times)
    sums = {table: summary(x, values, edges) for table, (_, x, values) in points.items()}
    log = column.quantity and is_skewed(points[REAL][2]) and bool((pooled > 0).all())
    low, high = bounded(pooled, log)
    edge = 0.04 * (high - low) if high > low else 0.5
    shared = {
        "kind": "lines",
        "x_label": clock.label,
        "x_kind": kind_of(clock.column),
        "x_range": list(clock.limits),
        "y_range": [low / 1.15, high * 1.15] if log else [low - edge, high + edge],
        "y_kind": kind_of(column),
        "log": log,
    }
    beside = {REAL: HELD, SYNTHETIC: REAL}
    panels = {}
    for table in _PAIR:
        series = {table: _course(sums[table]) | {"threads": _threads(points[table], seed)}}
        if len(sums.get(beside[table], ())):
            series[beside[table]] = {key: v for key, v in _course(sums[beside[table]]).items() if key in ("x", "y")}
            series[beside[table]] |= {"again": True} if table == SYNTHETIC else {}
        panels[table] = shared | {"series": series} if len(points[table][2]) else _empty(table)
    return panels


def _course(summed: np.ndarray) -> dict[str, Any]:
    return dict(zip(("x", "low", "y", "high"), summed.T.tolist(), strict=True))


def _threads(points: _Points, seed: int) -> list[list[list[float]]]:
    """(times, values) of some patients, those seen more than once first; visits without a value are passed over."""
    patient, x, values = points
    who, first, counts = np.unique(patient, return_index=True, return_counts=True)
    order = np.random.default_rng(seed).permutation(len(who))
    chosen = order[np.argsort(counts[order] < 2, kind="stable")][:LINES]
    rows = [slice(first[k], first[k] + counts[k]) for k in sorted(chosen)]
    return [[x[of].tolist(), values[of].tolist()] for of in rows]


def _levels(cohorts: Cohorts, column: Column, clock: Clock) -> dict[str, Figure]:
    name = column.name
    kept, others = common_levels(cohorts, column, most=LEVELS - 1)
    rows = {table: _timed(cohorts[table], name, clock.x[table]) for table in _PAIR}
    times = clock.x[REAL][rows[REAL]] if len(rows[REAL]) else clock.x[SYNTHETIC][rows[SYNTHETIC]]
    edges = time_bins(times) if len(times) else np.array([0.0, 1.0])
    low, high = clock.limits
    panels = {}
    for table in _PAIR:
        if not len(rows[table]):
            panels[table] = _empty(table)
            continue
        where = place(clock.x[table][rows[table]], edges)
        values = cohorts[table].levels[name][rows[table]].to_numpy()
        total = np.bincount(where, minlength=len(edges) - 1)
        at_level = {level: values == level for level in kept}
        at_level |= {f"others ({others})": ~np.isin(values, kept)} if others else {}
        counts = {level: np.bincount(where[here], minlength=len(total)) for level, here in at_level.items()}
        panels[table] = {
            "kind": "stack",
            "edges": edges.tolist(),
            "x_range": [max(low, float(edges[0])), max(min(high, float(edges[-1])), float(edges[0]) + 1e-9)],
            "series": {
                level: [float(n / of) if of >= FEWEST else None for n, of in zip(count, total, strict=True)]
                for level, count in counts.items()
            },
            "x_label": clock.label,
            "x_kind": kind_of(clock.column),
            "key": table == SYNTHETIC or not len(rows[SYNTHETIC]),
        }
    return panels
