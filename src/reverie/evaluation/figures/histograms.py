"""Marginals: every modelled column and the shape of records, real beside synthetic.

Numbers: share of values in shared bins; a bin is a whole multiple of the column's unit, so that rounding leaves no comb, and
a value beyond the bins counts in the end bins. Strongly skewed positive columns are binned in log. Levels: share of values.
Static columns count once a patient, varying ones at each visit.
"""

from __future__ import annotations

import numpy as np

from reverie.drawing import distinct
from reverie.evaluation.cohort import GAP, Cohort
from reverie.evaluation.figures.tables import HELD, REAL, Cohorts, Figure, kind_of, sheet_of
from reverie.evaluation.figures.timing import since_first
from reverie.records.kinds import Column

__all__ = ["bin_edges", "bounded", "common_levels", "count_in", "counted", "is_skewed", "marginal", "marginals", "visits"]

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
    panels = []
    for column, name in zip(columns, distinct([c.name for c in columns], 32), strict=True):
        title = f"{name} (static)" if column.role == "static" else name
        panels.append(marginal(cohorts, column) | {"title": title, "x_label": ""})
    notes = [
        f"Share of values in each bin, or at each level. Missing: {' / '.join(cohorts)}. Bars at the ends hold all beyond."
    ]
    if HELD in cohorts:
        notes.append(FEW_HELD)
    unmodelled = [f"{c.name} ({c.kind})" for c in schema.columns if c.role in ("static", "varying") and not c.modelled]
    if unmodelled:
        notes.append(f"Not modelled, so not drawn: {', '.join(distinct(unmodelled, 40))}.")
    return sheet_of("Marginals: every modelled column", panels, notes)


def marginal(cohorts: Cohorts, column: Column) -> Figure:
    """A column alone: shares of its values in bins, or at each level, and what is missing, in every table."""
    rows = {table: counted(cohort, column) for table, cohort in cohorts.items()}
    lacks = {table: cohort.missing(column.name)[rows[table]] for table, cohort in cohorts.items()}
    filled = {table: of[~lacks[table]] for table, of in rows.items()}
    shared = {"title": column.name, "missing": {table: float(lacking.mean()) for table, lacking in lacks.items()}}
    if not any(map(len, filled.values())):
        return {"kind": "nothing", "why": "no value in any table"} | shared
    if column.numeric:
        values = {table: cohorts[table].numbers[column.name][of] for table, of in filled.items()}
        return distribution(values, column) | shared
    kept, others = common_levels(cohorts, column)
    series = {}
    for table, of in filled.items():
        levels = cohorts[table].levels[column.name][of]
        shares = [float((levels == level).sum()) / max(len(levels), 1) for level in kept]
        series[table] = shares + ([1 - sum(shares) if len(levels) else 0.0] if others else [])
    labels = kept + ([f"others ({others})"] if others else [])
    return {"kind": "bars", "labels": labels, "series": series, "y_label": "share"} | shared


def counted(cohort: Cohort, column: Column) -> np.ndarray:
    """The rows at which a column counts: the first of each patient for a static one, else all."""
    return cohort.offsets[:-1] if column.role == "static" else np.arange(cohort.rows)


def visits(cohorts: Cohorts) -> Figure:
    """Number of visits, gaps between them, time from first to last, and time of the first visit."""
    time = cohorts[REAL].schema.time
    whole = time.grid == round(time.grid) != 0
    count, span = (
        Column.model_validate({"name": what, "role": "static", "kind": kind, "unit": unit})
        for what, kind, unit in (
            ("visits", "integer", 1.0),
            (time.name, "integer" if whole else "real", time.grid if whole else None),
        )
    )
    of_time = f"{time.name}, days" if time.calendar else time.name
    parts = (
        ("number of visits", "visits of a patient", count, lambda c: c.lengths.astype(float)),
        ("gap between visits", of_time, span, lambda c: c.numbers[GAP]),
        ("from first to last visit", of_time, span, lambda c: since_first(c)[c.offsets[1:] - 1]),
        ("first visit", time.name, time, lambda c: c.time[c.offsets[:-1]]),
    )
    panels = []
    for title, label, column, of in parts:
        values = {table: of(cohort) for table, cohort in cohorts.items()}
        values = {table: sample[np.isfinite(sample)] for table, sample in values.items()}
        none = {"kind": "nothing", "why": "every patient has one visit"}
        panels.append(
            (distribution(values, column) if any(map(len, values.values())) else none) | {"title": title, "x_label": label}
        )
    sizes = "; ".join(f"{table}: {len(c):,} patients, {c.lengths.mean():.3g} visits each" for table, c in cohorts.items())
    notes = [f"Mean over patients: {sizes}."] + ([FEW_HELD] if HELD in cohorts else [])
    return sheet_of("Visits: how many, how far apart, how long", panels, notes)


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


def bounded(values: np.ndarray, log: bool = False, inner: float = 0.995) -> tuple[float, float]:
    """The range of finite `values` [N], or that of their middle if a few lie so far out that all else would be squeezed."""
    values = np.log(values) if log else values
    low, high = float(values.min()), float(values.max())
    near, far = (float(q) for q in np.quantile(values, [1 - inner, inner]))
    room = (far - near) / 4
    ends = low if near - low <= room else near, high if high - far <= room else far
    return (float(np.exp(ends[0])), float(np.exp(ends[1]))) if log else ends


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


def distribution(values: dict[str, np.ndarray], column: Column) -> Figure:
    """Share of each table's `values` [N] in shared bins; a table without any is left out."""
    pooled = np.concatenate(list(values.values()))
    real = values[REAL] if len(values[REAL]) else pooled
    if pooled.min() == pooled.max():
        return {"kind": "nothing", "why": f"always {column.text(pooled[0])}"}
    edges = bin_edges(real, column.grid, column.quantity and is_skewed(real) and bool((pooled > 0).all()))
    few = PER_BIN * (len(edges) - 1)
    samples = {
        table: sample for table, sample in values.items() if len(sample) and not (table == HELD and len(sample) < few)
    }
    series = {table: (count_in(sample, edges) / len(sample)).tolist() for table, sample in samples.items()}
    dated = {"x_kind": kind} if (kind := kind_of(column)) else {}
    return {"kind": "histogram", "edges": edges.tolist(), "series": series, "x_label": column.name, **dated}


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
