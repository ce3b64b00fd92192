"""Marginals: every modelled column and the shape of records, real beside synthetic.

Numbers: share of values in shared bins; a bin is a whole multiple of the column's unit, so that rounding leaves no comb, and
a value beyond the bins counts in the end bins. Strongly skewed positive columns are binned in log. Levels: share of values.
Static columns count once a patient, varying ones at each visit.
"""

from __future__ import annotations

import textwrap

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from reverie.evaluation.cohort import GAP, Cohort
from reverie.evaluation.figures.drawing import (
    COLOURS,
    HELD,
    REAL,
    SMALL,
    Cohorts,
    blank,
    bounded,
    distinct,
    grid,
    heading,
    number_axis,
    percent_axis,
    shorten,
)
from reverie.evaluation.figures.timing import since_first
from reverie.records.kinds import Column

__all__ = ["bin_edges", "common_levels", "count_in", "counted", "is_skewed", "marginals", "visits"]

BINS = 30
MOST_LEVELS = 8
SKEW = 2.0
PER_BIN = 5
"""Values in a bin below which patients set aside are not drawn: the outline would be noise."""


FEW_HELD = f"Patients {HELD} have a histogram where they have {PER_BIN} values a bin."


def marginals(cohorts: Cohorts) -> Figure:
    """One panel per modelled column; the others are named below."""
    schema = cohorts[REAL].schema
    columns = [c for c in schema.columns if c.modelled]
    figure, axes = grid(len(columns), 5 if len(columns) > 4 else len(columns), 2.75, 2.05)
    names = distinct([c.name for c in columns], 24)
    statics = distinct([c.name for c in columns], 18)
    for axis, column, name, static in zip(axes, columns, names, statics, strict=True):
        known, missing = {}, {}
        for table, cohort in cohorts.items():
            rows = counted(cohort, column)
            lacks = cohort.missing(column.name)[rows]
            known[table], missing[table] = rows[~lacks], float(lacks.mean())
        title = f"{static} (static)" if column.role == "static" else name
        axis.set_title(title, fontsize=9, pad=14 if max(missing.values()) else 6)
        if max(missing.values()):
            shares = " / ".join(f"{100 * share:.1f}" for share in missing.values())
            axis.text(0.5, 1.02, f"missing {shares} %", transform=axis.transAxes, ha="center", fontsize=SMALL, color="0.3")
        if not any(map(len, known.values())):
            blank(axis, "no value in any table")
        elif column.numeric:
            numbers = {table: cohorts[table].numbers[column.name][rows] for table, rows in known.items()}
            histogram(axis, numbers, column)
        else:
            _bars(axis, cohorts, column, known)
    notes = [
        f"Share of values in each bin, or at each level. Missing: {' / '.join(cohorts)}. Bars at the ends hold all beyond."
    ]
    if HELD in cohorts:
        notes.append(FEW_HELD)
    unmodelled = [c for c in schema.columns if c.role in ("static", "varying") and not c.modelled]
    if unmodelled:
        notes.append("Not modelled, so not drawn: " + ", ".join(f"{shorten(c.name)} ({c.kind})" for c in unmodelled) + ".")
    heading(figure, "Marginals: every modelled column", cohorts, notes)
    return figure


def counted(cohort: Cohort, column: Column) -> np.ndarray:
    """The rows at which a column counts: the first of each patient for a static one, else all."""
    return cohort.offsets[:-1] if column.role == "static" else np.arange(cohort.rows)


def visits(cohorts: Cohorts) -> Figure:
    """Number of visits, gaps between them, time from first to last, and time of the first visit."""
    time = cohorts[REAL].schema.time
    name = shorten(time.name)
    whole = time.grid == round(time.grid) != 0
    count, span = (
        Column.model_validate({"name": what, "role": "static", "kind": kind, "unit": unit})
        for what, kind, unit in (
            ("visits", "integer", 1.0),
            (time.name, "integer" if whole else "real", time.grid if whole else None),
        )
    )
    of_time = f"{name}, days" if time.calendar else name
    panels = (
        ("number of visits", "visits of a patient", count, lambda c: c.lengths.astype(float)),
        ("gap between visits", of_time, span, lambda c: c.numbers[GAP]),
        ("from first to last visit", of_time, span, lambda c: since_first(c)[c.offsets[1:] - 1]),
        ("first visit", name, time, lambda c: c.time[c.offsets[:-1]]),
    )
    figure, axes = grid(4, 4, 3.1, 2.6)
    for axis, (title, label, column, of) in zip(axes, panels, strict=True):
        values = {table: of(cohort) for table, cohort in cohorts.items()}
        values = {table: found[np.isfinite(found)] for table, found in values.items()}
        axis.set_title(title, fontsize=9)
        if not any(map(len, values.values())):
            blank(axis, "every patient has one visit")
            continue
        histogram(axis, values, column)
        axis.set_xlabel(label, fontsize=SMALL)
    sizes = "; ".join(f"{table}: {len(c):,} patients, {c.lengths.mean():.3g} visits each" for table, c in cohorts.items())
    notes = [f"Mean over patients: {sizes}."] + ([FEW_HELD] if HELD in cohorts else [])
    heading(figure, "Visits: how many, how far apart, how long", cohorts, notes)
    return figure


# --- numbers ----------------------------------------------------------------------------------------------------------


def is_skewed(values: np.ndarray) -> bool:
    """Whether quantities read better in log: only positive values, skew above 2 and nearer to 0 in log."""
    if len(values) < 3 or values.min() <= 0 or values.max() < 10 * values.min():
        return False
    plain, logged = _skew(values), _skew(np.log(values))
    return plain > SKEW and abs(logged) < plain / 2


def _skew(values: np.ndarray) -> float:
    spread = values.std()
    return float((((values - values.mean()) / spread) ** 3).mean()) if spread > 0 else 0.0


def bin_edges(values: np.ndarray, grain: float, log: bool) -> np.ndarray:
    """Edges of bins [K + 1] for `values` [N], at least one, no NaN; `grain`: what values are whole multiples of, 0 for none.

    The width is 1, 2 or 5 units, or ten times that, and so on: many columns are kept in finer units than people read off.
    """
    low, high = bounded(values, log)
    bins = int(np.clip(2 * len(values) ** (1 / 3), 8, BINS))  # Rice's rule, within reason
    if low == high:
        return np.array([low - 0.5, low + 0.5])
    if log:
        return np.geomspace(low, high * (1 + 1e-9), bins + 1)
    grain = _usual_grain(values, grain, (high - low) / 8)
    least = (high - low) / max(bins, 20) / grain if grain else (high - low) / bins
    scale = 10.0 ** np.floor(np.log10(least))
    width = next(scale * step for step in (1, 2, 5, 10) if scale * step >= least * (1 - 1e-9))
    width = grain * max(width, 1.0) if grain else width
    start = np.floor(low / width + 1e-9) * width - grain / 2
    return start + width * np.arange(int(np.floor((high - start) / width + 1e-9)) + 2)


def _usual_grain(values: np.ndarray, grain: float, most: float) -> float:
    """`grain`, or ten times that, and so on up to `most`, if 4 in 5 values other than 0 are whole multiples of it.

    A few tenths among whole numbers would else leave every other bin empty.
    """
    values = values[values != 0]
    while grain and len(values) and 10 * grain <= most:
        parts = values / (10 * grain)
        if (np.abs(parts - np.round(parts)) < 1e-6).mean() < 0.8:
            break
        grain *= 10
    return grain


def count_in(values: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """How many values each bin has [K]; those beyond the edges are in the end bins."""
    where = np.clip(np.searchsorted(edges, values, side="right") - 1, 0, len(edges) - 2)
    return np.bincount(where, minlength=len(edges) - 1)


def histogram(axis: Axes, values: dict[str, np.ndarray], column: Column) -> None:
    """Share of each table's `values` [N] in shared bins: the real one filled, others as outlines."""
    pooled = np.concatenate(list(values.values()))
    real = values[REAL] if len(values[REAL]) else pooled
    log = column.quantity and is_skewed(real) and bool((pooled > 0).all())
    if pooled.min() == pooled.max():
        return blank(axis, f"always {column.text(pooled[0])}")
    edges = bin_edges(real, column.grid, log)
    for table, found in values.items():
        if not len(found):
            axis.text(
                0.98, 0.9, f"no value: {table}", transform=axis.transAxes, ha="right", fontsize=SMALL, color=COLOURS[table]
            )
            continue
        if table == HELD and len(found) < PER_BIN * (len(edges) - 1):
            continue
        shares = count_in(found, edges) / len(found)
        if table == REAL:
            axis.stairs(shares, edges, fill=True, color=COLOURS[table], alpha=0.35, label=table)
        else:
            axis.stairs(
                shares, edges, color=COLOURS[table], linewidth=1.3, label=table, linestyle="--" if table == HELD else "-"
            )
    axis.set_xscale("log" if log else "linear")
    axis.set_xlim(edges[0], edges[-1])
    axis.set_ylim(bottom=0)
    percent_axis(axis.yaxis, 3)
    number_axis(axis.xaxis, column, log)


# --- levels -----------------------------------------------------------------------------------------------------------


def common_levels(cohorts: Cohorts, column: Column, most: int = MOST_LEVELS) -> tuple[list[str], int]:
    """(names, count of others): all levels in the schema's order, or the `most` commonest real ones if there are more."""
    seen: dict[str, int] = {}
    for table in cohorts:
        series = cohorts[table].levels[column.name].drop_nulls()
        for level, count in series.value_counts().iter_rows():
            seen[level] = seen.get(level, 0) + (count if table == REAL else 0)
    names = [level for level in column.levels if level in seen]
    names += sorted(set(seen) - set(names))
    if len(names) <= most:
        return names, 0
    kept = sorted(names, key=lambda level: -seen[level])[: most - 1]
    return [level for level in names if level in kept], len(names) - len(kept)


def _bars(axis: Axes, cohorts: Cohorts, column: Column, known: dict[str, np.ndarray]) -> None:
    kept, others = common_levels(cohorts, column)
    height = 0.8 / len(cohorts)
    for i, (table, rows) in enumerate(known.items()):
        series = cohorts[table].levels[column.name][rows]
        counts = np.array([int((series == level).sum()) for level in kept], dtype=float)
        counts = np.append(counts, len(series) - counts.sum()) if others else counts
        at = np.arange(len(counts)) + (i - (len(cohorts) - 1) / 2) * height
        axis.barh(at, counts / max(len(series), 1), height * 0.95, color=COLOURS[table], label=table)
    lines = 2 if len(kept) <= 4 else 1
    names = ["\n".join(textwrap.wrap(level, 18)) for level in distinct(kept, 16 * lines)] + (
        [f"others ({others})"] if others else []
    )
    axis.set_yticks(np.arange(len(names)), names, fontsize=6.5)
    axis.invert_yaxis()
    percent_axis(axis.xaxis)
