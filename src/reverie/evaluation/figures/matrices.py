"""Matrices of real and synthetic patients side by side: what is missing together, and the three correlations.

Missing together of columns i and j: share of visits at which neither has a value; the diagonal is the share that lacks i.
Correlations: evaluation.correlations (Kuo et al. 2022). The last matrix of each row is synthetic - real.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from reverie.drawing import distinct
from reverie.evaluation.cohort import Cohort
from reverie.evaluation.correlations import correlations, distance
from reverie.evaluation.figures.histograms import counted
from reverie.evaluation.figures.tables import HELD, REAL, SYNTHETIC, Cohorts, Figure, sheet_of, unshown

__all__ = ["correlation_matrices", "missingness_matrices"]

MOST = 40
"""Columns in a matrix; with more, names could not be read."""
GAP = f"{SYNTHETIC} - {REAL}"


def missingness_matrices(cohorts: Cohorts) -> Figure:
    """Share missing of each column in each table, and which are missing together."""
    title = "Missing values: how many, and which together"
    schema = cohorts[REAL].schema
    columns = [*schema.static, *schema.varying]
    rates = {t: np.array([c.missing(col.name)[counted(c, col)].mean() for col in columns]) for t, c in cohorts.items()}
    most = np.max(list(rates.values()), axis=0)
    lacking = np.flatnonzero(most > 0)
    if not len(lacking):
        return sheet_of(title, [], ["Every cell of the modelled columns has a value, in every table."])
    shown = np.sort(lacking[np.argsort(-most[lacking], kind="stable")[:MOST]])
    names = [columns[i].name for i in shown]
    real, synthetic = (_together(cohorts[table], names) for table in (REAL, SYNTHETIC))
    reach = max(float(np.abs(synthetic - real).max()), 0.05)
    top = max(float(real.max()), float(synthetic.max()))
    shares = {
        "kind": "bars",
        "title": "share missing",
        "labels": names,
        "series": {table: of[shown].tolist() for table, of in rates.items()},
        "dense": True,
    }
    notes = [
        "Matrices: share of visits at which both columns lack a value, in per cent; on the diagonal, one column. Share "
        "missing: of patients for static columns, of visits for varying ones."
    ]
    full = [columns[i].name for i in range(len(columns)) if most[i] == 0]
    if full:
        notes.append(f"Never missing in any table: {', '.join(distinct(full))}.")
    if len(lacking) > len(shown):
        notes.append(f"Not drawn, for want of room, the {len(lacking) - len(shown)} columns that lack the fewest values.")
    words = {"about": "missing together", "numbers": "share"}
    # Most columns lack few values together: a root keeps them apart from none.
    pair = _matrix(names, {REAL: real, SYNTHETIC: synthetic}, [0, top]) | words | {"root": True}
    return sheet_of(title, [shares, pair, _matrix(names, {GAP: synthetic - real}, [-reach, reach]) | words], notes)


def _together(cohort: Cohort, names: list[str]) -> np.ndarray:
    """[C, C]: share of visits at which both columns lack a value."""
    lacks = np.stack([cohort.missing(name) for name in names], axis=1).astype(float)
    return lacks.T @ lacks / cohort.rows


def correlation_matrices(cohorts: Cohorts, seed: int = 0) -> Figure:
    """Rows: over all visits, of trends, of cycles. Columns: real, synthetic, their difference."""
    title = "Correlations: real, synthetic and their difference"
    schema = cohorts[REAL].schema
    able = [c for c in schema.varying if c.ordered]
    measured = np.array([1 - cohorts[REAL].missing(c.name).mean() for c in able])
    # Columns that are seldom measured say least, and every pair costs time.
    kept = {able[i].name for i in np.argsort(-measured, kind="stable")[:MOST]}
    if len(kept) < 2:
        return sheet_of(title, [], ["There are fewer than two varying columns that are numbers or have levels in order."])
    narrow = schema.model_copy(
        update={"columns": tuple(c for c in schema.columns if c.role in ("identifier", "time") or c.name in kept)}
    )
    matrices = {table: correlations(replace(cohort, schema=narrow), seed) for table, cohort in cohorts.items()}
    names = list(matrices[REAL].columns)
    parts = {"static": "over all visits (Kendall's tau)", "trend": "trends of patients", "cycle": "cycles about the trends"}
    panels = []
    for part, about in parts.items():
        real, synthetic = (getattr(matrices[table], part) for table in (REAL, SYNTHETIC))
        gap = f"mean |difference| {_said(distance(real, synthetic))}"
        if HELD in matrices:
            gap += f" (patients {HELD}: {_said(distance(real, getattr(matrices[HELD], part)))})"
        panels.append(_matrix(names, {REAL: real, SYNTHETIC: synthetic}, [-1, 1]) | {"about": about})
        panels.append(_matrix(names, {GAP: synthetic - real}, [-1, 1]) | {"about": gap})
    notes = ["Numbers, ordinal and binary columns that vary. Grey: too few visits to say."]
    notes += unshown([c for c in schema.varying if c not in able], "as their levels have no order")
    notes += unshown([c for c in able if c.name not in kept], "for want of room, as they are seldom measured")
    return sheet_of(title, panels, notes, across=3, keyless=True)


def _said(gap: float) -> str:
    return "unknown" if np.isnan(gap) else f"{gap:.3f}"


def _matrix(names: list[str], series: dict[str, np.ndarray], ends: list[float]) -> Figure:
    """Matrices on one scale, as large as their names need; numbers where there is room for them."""
    cells = {name: [[None if np.isnan(v) else float(v) for v in row] for row in matrix] for name, matrix in series.items()}
    wide = {"kind": "matrix", "labels": names, "series": cells, "range": ends, "scale": True}
    return wide | {"width": min(max(340, 130 + 14 * len(names)), 700), "numbers": "plain"}
