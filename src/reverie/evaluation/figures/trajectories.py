"""Trajectories: how values move with time, in real patients on the left and synthetic ones on the right.

Numbers: some patients as thin lines, and of all of them the median and the band from the 10 % to the 90 % quantile in
shared bins of time. Levels: the share at each level in each bin, among the visits where the column has a value.
"""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from reverie.evaluation.cohort import Cohort
from reverie.evaluation.figures.drawing import (
    COLOURS,
    HELD,
    LEVEL_COLOURS,
    OTHERS_COLOUR,
    REAL,
    SMALL,
    SYNTHETIC,
    Cohorts,
    blank,
    bounded,
    distinct,
    grid,
    heading,
    number_axis,
    sentence,
)
from reverie.evaluation.figures.histograms import common_levels, is_skewed
from reverie.evaluation.figures.timing import FEWEST, Clock, place, summary, time_bins
from reverie.records.kinds import Column

__all__ = ["levels_over_time", "trajectories"]

MOST_NUMBERS, MOST_LEVELS = 12, 12
LINES = 25
"""Patients drawn one by one."""
_PAIR = (REAL, SYNTHETIC)
_Points = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Whose, when and what, [N] each."""


def trajectories(cohorts: Cohorts, seed: int = 0) -> Figure:
    """Numbers over time, those first that are seen to change in most patients."""
    columns = [c for c in cohorts[REAL].schema.varying if c.numeric]
    if not columns:
        return sentence("Trajectories: no number varies from visit to visit in this table.")
    ranked = sorted(columns, key=lambda c: -_telling(cohorts[REAL], c.name))
    shown, left = ranked[:MOST_NUMBERS], ranked[MOST_NUMBERS:]
    clock = Clock.read(cohorts)
    across = 2 if len(shown) == 1 else 4
    figure, axes = grid(2 * len(shown), across, 3.1, 2.15)
    _titles(axes, shown)
    for i, column in enumerate(shown):
        _numbers(axes[2 * i], axes[2 * i + 1], cohorts, column, clock, seed)
    notes = [
        f"Thin lines: up to {LINES} patients drawn at random. Thick line and band: median, 10 % and 90 % quantile of all "
        f"values in shared bins of time with at least {FEWEST} values. Dotted on the right: the real median again."
        + (" Dashed on the left: the median of patients set aside." if HELD in cohorts else "")
    ]
    heading(figure, "Trajectories: real (left) beside synthetic (right)", cohorts, notes + _unshown(left))
    return figure


def levels_over_time(cohorts: Cohorts) -> Figure:
    """Share at each level over time, columns in the order of the table."""
    columns = [c for c in cohorts[REAL].schema.varying if not c.numeric]
    if not columns:
        return sentence("Levels over time: no column of levels varies from visit to visit in this table.")
    shown, left = columns[:MOST_LEVELS], columns[MOST_LEVELS:]
    clock = Clock.read(cohorts)
    across = 2 if len(shown) == 1 else 4
    figure, axes = grid(2 * len(shown), across, 3.3, 2.15)
    _titles(axes, shown)
    for i, column in enumerate(shown):
        _levels(axes[2 * i], axes[2 * i + 1], cohorts, column, clock)
    notes = [f"Shares of the visits that have a value, in shared bins of time with at least {FEWEST} of them."]
    heading(figure, "Share at each level over time: real (left) beside synthetic (right)", (), notes + _unshown(left))
    return figure


def _unshown(columns: list[Column]) -> list[str]:
    names = ", ".join(distinct([c.name for c in columns]))
    return [f"Not drawn, for want of room: {names}."] if columns else []


def _telling(cohort: Cohort, name: str) -> float:
    """Share of patients in whom the column is seen to change, plus the share of visits that have a value."""
    values, known = cohort.numbers[name], ~cohort.missing(name)
    low, high = (
        pick.reduceat(np.where(known, values, fill), cohort.offsets[:-1])
        for pick, fill in ((np.minimum, np.inf), (np.maximum, -np.inf))
    )
    return float((high > low).mean() + known.mean())


def _timed(cohort: Cohort, name: str, x: np.ndarray) -> np.ndarray:
    """Rows with a value and a time."""
    return np.flatnonzero(~cohort.missing(name) & ~np.isnan(x))


def _numbers(left: Axes, right: Axes, cohorts: Cohorts, column: Column, clock: Clock, seed: int) -> None:
    name = column.name
    points: dict[str, _Points] = {}
    for table, cohort in cohorts.items():
        rows = _timed(cohort, name, clock.x[table])
        points[table] = (cohort.patient[rows], clock.x[table][rows], cohort.numbers[name][rows])
    pooled = np.concatenate([points[table][2] for table in _PAIR])
    times = points[REAL][1] if len(points[REAL][1]) else points[SYNTHETIC][1]
    if not len(times):
        for axis in (left, right):
            blank(axis, "no value in either table")
        return
    edges = time_bins(times)
    sums = {table: summary(x, values, edges) for table, (_, x, values) in points.items()}
    log = column.quantity and is_skewed(points[REAL][2])
    log = log and bool((pooled > 0).all())
    low, high = bounded(pooled, log)
    for axis, table in zip((left, right), _PAIR, strict=True):
        if not len(points[table][2]):
            blank(axis, f"no value in the {table} table")
            continue
        _lines(axis, points[table], COLOURS[table], seed)
        _band(axis, sums[table], COLOURS[table])
        axis.set_yscale("log" if log else "linear")
        edge = 0.04 * (high - low) if high > low else 0.5
        axis.set(xlim=clock.limits, ylim=(low / 1.15, high * 1.15) if log else (low - edge, high + edge))
        number_axis(axis.yaxis, column, log)
        number_axis(axis.xaxis, clock.column, log=False)
        axis.set_xlabel(clock.label, fontsize=SMALL)
        axis.grid(color="0.93", linewidth=0.5)
    if HELD in sums and len(sums[HELD]) > 1:
        left.plot(*sums[HELD][:, [0, 2]].T, color=COLOURS[HELD], linestyle="--", linewidth=1.3, label=f"{HELD}: median")
    if len(points[SYNTHETIC][2]) and len(sums[REAL]):
        style = {"linestyle": ":", "linewidth": 1.4} if len(sums[REAL]) > 1 else {"marker": "_", "markersize": 12}
        right.plot(*sums[REAL][:, [0, 2]].T, color=COLOURS[REAL], label="real: median", **style)


def _titles(axes: list[Axes], columns: list[Column]) -> None:
    for i, name in enumerate(distinct([c.name for c in columns])):
        for axis, table in zip(axes[2 * i : 2 * i + 2], _PAIR, strict=True):
            axis.set_title(f"{name}, {table}", fontsize=9, color=COLOURS[table])


def _lines(axis: Axes, points: _Points, colour: str, seed: int) -> None:
    """Some patients, those seen more than once first; visits without a value are passed over by the line."""
    patient, x, values = points
    who, counts = np.unique(patient, return_counts=True)
    order = np.random.default_rng(seed).permutation(len(who))
    chosen = who[order[np.argsort(counts[order] < 2, kind="stable")][:LINES]]
    rows = np.flatnonzero(np.isin(patient, chosen))
    cuts = np.flatnonzero(np.diff(patient[rows])) + 1  # no line from one patient to the next
    single = np.isin(patient[rows], who[counts < 2])
    axis.plot(np.insert(x[rows], cuts, np.nan), np.insert(values[rows], cuts, np.nan), color=colour, lw=0.5, alpha=0.4)
    axis.plot(x[rows][single], values[rows][single], ".", color=colour, ms=3, alpha=0.4)


def _band(axis: Axes, summed: np.ndarray, colour: str) -> None:
    if len(summed) == 1:
        x, low, middle, high = summed[0]
        axis.errorbar(
            [x], [middle], [[middle - low], [high - middle]], color=colour, fmt="o", ms=5, capsize=5, label="median"
        )
    elif len(summed):
        x, low, middle, high = summed.T
        axis.fill_between(x, low, high, color=colour, alpha=0.2, linewidth=0)
        axis.plot(x, middle, color=colour, linewidth=1.9, label="median")


def _levels(left: Axes, right: Axes, cohorts: Cohorts, column: Column, clock: Clock) -> None:
    name = column.name
    kept, others = common_levels(cohorts, column, most=len(LEVEL_COLOURS) - 1)
    rows = {table: _timed(cohorts[table], name, clock.x[table]) for table in _PAIR}
    times = clock.x[REAL][rows[REAL]] if len(rows[REAL]) else clock.x[SYNTHETIC][rows[SYNTHETIC]]
    edges = time_bins(times) if len(times) else np.array([0.0, 1.0])
    for axis, table in zip((left, right), _PAIR, strict=True):
        if not len(rows[table]):
            blank(axis, f"no value in the {table} table")
            continue
        where = place(clock.x[table][rows[table]], edges)
        values = cohorts[table].levels[name][rows[table]].to_numpy()
        total = np.bincount(where, minlength=len(edges) - 1).astype(float)
        total[total < FEWEST] = np.nan
        below = np.zeros(len(edges) - 1)
        labels = dict(zip(kept, distinct(kept), strict=True))
        for level in (*kept, None) if others else kept:
            here = ~np.isin(values, kept) if level is None else values == level
            above = below + np.bincount(where[here], minlength=len(edges) - 1) / total
            colour = OTHERS_COLOUR if level is None else LEVEL_COLOURS[kept.index(level)]
            label = f"others ({others})" if level is None else labels[level]
            axis.stairs(above, edges, baseline=below, fill=True, color=colour, alpha=0.85, label=label)
            below = above
        low, high = clock.limits
        axis.set(xlim=(max(low, edges[0]), max(min(high, edges[-1]), edges[0] + 1e-9)), ylim=(0, 1))
        axis.set_yticks([0, 0.5, 1], ["0 %", "50 %", "100 %"])
        number_axis(axis.xaxis, clock.column, log=False)
        axis.set_xlabel(clock.label, fontsize=SMALL)
    drawn = right if len(rows[SYNTHETIC]) else left
    if len(rows[REAL]) or len(rows[SYNTHETIC]):
        handles, labels = drawn.get_legend_handles_labels()
        right.legend(
            handles[::-1], labels[::-1], loc="center left", bbox_to_anchor=(1, 0.5), fontsize=6.5, frameon=False,
            handlelength=0.9, borderaxespad=0.2,
        )  # fmt: skip
