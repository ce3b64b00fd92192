"""Matrices of real and synthetic patients side by side: what is missing together, and the three correlations.

Missing together of columns i and j: share of visits at which neither has a value; the diagonal is the share that lacks i.
Correlations: evaluation.correlations (Kuo et al. 2022). The last matrix of each row is synthetic - real.
"""

from __future__ import annotations

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, Normalize, PowerNorm
from matplotlib.figure import Figure

from reverie.evaluation.cohort import Cohort
from reverie.evaluation.correlations import Correlations, correlations, distance
from reverie.evaluation.figures.drawing import (
    COLOURS,
    HELD,
    REAL,
    SMALL,
    SYNTHETIC,
    Cohorts,
    distinct,
    heading,
    percent_axis,
    sentence,
)
from reverie.evaluation.figures.histograms import counted

__all__ = ["correlation_matrices", "missing_together", "missingness_matrices"]

MOST = 40
"""Columns in a matrix; with more, names could not be read."""
_SIGNED = LinearSegmentedColormap.from_list("signed", ["#0072B2", "#ffffff", "#D55E00"]).with_extremes(bad="0.8")
_SHARE = LinearSegmentedColormap.from_list("share", ["#ffffff", "#333333"]).with_extremes(bad="0.8")


def missingness_matrices(cohorts: Cohorts) -> Figure:
    """Share missing of each column in each table, and which are missing together."""
    schema = cohorts[REAL].schema
    columns = [*schema.static, *schema.varying]
    rates = {t: np.array([c.missing(col.name)[counted(c, col)].mean() for col in columns]) for t, c in cohorts.items()}
    most = np.max(list(rates.values()), axis=0)
    lacking = np.flatnonzero(most > 0)
    if not len(lacking):
        return sentence("Missingness: every cell of the modelled columns has a value, in every table.")
    shown = np.sort(lacking[np.argsort(-most[lacking], kind="stable")[:MOST]])
    names = [columns[i].name for i in shown]
    figure, axes = _frame(1, 4, len(names))
    first = axes[0, 0]
    height = 0.75 / len(cohorts)
    for i, table in enumerate(cohorts):
        at = np.arange(len(names)) + (i - (len(cohorts) - 1) / 2) * height
        first.barh(at, rates[table][shown], height, color=COLOURS[table], label=table)
    first.set_ylim(len(names) - 0.5, -0.5)
    first.set_yticks(np.arange(len(names)), distinct(names), fontsize=_size(len(names)))
    percent_axis(first.xaxis)
    first.grid(axis="x", color="0.92")
    first.spines[["top", "right"]].set_visible(False)
    first.set_axisbelow(True)
    first.tick_params(axis="x", labelsize=SMALL)
    first.set_title("share missing", fontsize=10)
    together = {table: missing_together(cohorts[table], names) for table in (REAL, SYNTHETIC)}
    difference = together[SYNTHETIC] - together[REAL]
    top = max(float(np.max(m)) for m in together.values())
    _matrices(axes[0, 1:3], list(together.values()), list(together), [], names, (0, top), percent=True)
    _bar(figure, axes[:, 1:3], percent=True)
    reach = max(float(np.abs(difference).max()), 0.05)
    _matrices(axes[0, 3:], [difference], [f"{SYNTHETIC} - {REAL}"], [], names, (-reach, reach), percent=True)
    _bar(figure, axes[:, 3:], percent=True)
    notes = [
        "Matrices: share of visits at which both columns lack a value; on the diagonal, one column. Share missing: of "
        "patients for static columns, of visits for varying ones."
    ]
    full = [columns[i].name for i in range(len(columns)) if most[i] == 0]
    if full:
        notes.append(f"Never missing in any table: {', '.join(distinct(full))}.")
    if len(lacking) > len(shown):
        notes.append(f"Not drawn, for want of room, the {len(lacking) - len(shown)} columns that lack the fewest values.")
    heading(figure, "Missing values: how many, and which together", cohorts, notes)
    return figure


def missing_together(cohort: Cohort, names: list[str]) -> np.ndarray:
    """[C, C]: share of visits at which both columns lack a value."""
    lacks = np.stack([cohort.missing(name) for name in names], axis=1).astype(float)
    return lacks.T @ lacks / cohort.rows


def correlation_matrices(tables: dict[str, pl.DataFrame], cohorts: Cohorts, seed: int = 0) -> Figure:
    """Rows: over all visits, of trends, of cycles. Columns: real, synthetic, their difference."""
    schema = cohorts[REAL].schema
    able = [c for c in schema.varying if c.ordered]
    measured = [float(1 - cohorts[REAL].missing(c.name).mean()) for c in able]
    # Columns that are seldom measured say least, and every pair costs time.
    order = np.argsort(-np.array(measured), kind="stable")
    kept = {able[i].name for i in order[:MOST]}
    left = [c.name for c in able if c.name not in kept]
    if len(kept) < 2:
        return sentence("Correlations: fewer than two varying columns are numbers or have levels in order.")
    narrow = schema.model_copy(
        update={"columns": tuple(c for c in schema.columns if c.role in ("identifier", "time") or c.name in kept)}
    )
    found = {table: correlations(frame.select(narrow.names), narrow, seed) for table, frame in tables.items()}
    names = list(found[REAL].columns)
    figure, axes = _frame(3, 3, len(names))
    titles = {"static": "over all visits (Kendall's tau)", "trend": "trends of patients", "cycle": "cycles about the trends"}
    for row, (part, title) in zip(axes, titles.items(), strict=True):
        last = names if part == "cycle" else []
        real, synthetic = (_part(found[table], part) for table in (REAL, SYNTHETIC))
        gap = f"mean |difference| {_said(distance(real, synthetic))}"
        if HELD in found:
            gap += f" (patients {HELD}: {_said(distance(real, _part(found[HELD], part)))})"
        _matrices(row, [real, synthetic, synthetic - real], [f"{REAL}: {title}", SYNTHETIC, gap], names, last, (-1, 1))
    _bar(figure, axes, percent=False)
    notes = ["Numbers, ordinal and binary columns that vary. Grey: too few visits to say. Right: synthetic - real."]
    others = [c.name for c in schema.varying if c not in able]
    if others:
        notes.append(f"Levels without an order, so not drawn: {', '.join(distinct(others))}.")
    if left:
        notes.append(f"Not drawn, for want of room, seldom measured: {', '.join(distinct(left))}.")
    heading(figure, "Correlations: real, synthetic and their difference", (), notes)
    return figure


def _said(gap: float) -> str:
    return "unknown" if np.isnan(gap) else f"{gap:.3f}"


def _part(found: Correlations, part: str) -> np.ndarray:
    return getattr(found, part)


# --- drawing ----------------------------------------------------------------------------------------------------------


def _frame(rows: int, across: int, names: int) -> tuple[Figure, np.ndarray]:
    side = min(max(0.3 * names, 1.6), 5.2) if names <= 16 else min(0.14 * names + 1.2, 6.5)
    figure = Figure(figsize=(across * (side + 0.5) + 1.8, rows * (side + 0.95) + 1.3), layout="constrained")
    return figure, figure.subplots(rows, across, squeeze=False)


def _size(names: int) -> float:
    return 8.5 if names <= 10 else 7.5 if names <= 20 else 6.5


def _matrices(
    axes: np.ndarray,
    matrices: list[np.ndarray],
    titles: list[str],
    left: list[str],
    below: list[str],
    limits: tuple[float, float],
    percent: bool = False,
) -> None:
    """Matrices on one scale; names `left` of the first and `below` each, where there are any."""
    # Most columns lack few values together: a root keeps them apart from none.
    signed = limits[0] < 0
    norm = Normalize(*limits) if signed else PowerNorm(0.5, *limits)
    for i, (axis, matrix, title) in enumerate(zip(axes, matrices, titles, strict=True)):
        axis.imshow(matrix, cmap=_SIGNED if signed else _SHARE, norm=norm, aspect="auto")
        axis.set_title(title, fontsize=9)
        across, down = distinct(below, 20), distinct(left if i == 0 else [], 20)
        axis.set_xticks(np.arange(len(across)), across, rotation=90, fontsize=_size(len(matrix)))
        axis.set_yticks(np.arange(len(down)), down, fontsize=_size(len(matrix)))
        axis.tick_params(length=0)
        axis.spines[:].set_visible(False)
        if len(matrix) <= 12:
            _values(axis, matrix, limits, percent)


def _bar(figure: Figure, axes: np.ndarray, percent: bool) -> None:
    """The colour bar of the matrices in `axes`, which are on one scale."""
    few = {"shrink": 0.75, "aspect": 20} if len(axes) == 1 else {"shrink": 0.3, "aspect": 25}
    bar = figure.colorbar(axes.ravel()[-1].images[0], ax=axes.ravel().tolist(), pad=0.02, **few)
    bar.ax.tick_params(labelsize=SMALL)
    bar.outline.set_visible(False)  # pyright: ignore[reportCallIssue, reportAttributeAccessIssue]
    if percent:
        percent_axis(bar.ax.yaxis, 5)


def _values(axis: Axes, matrix: np.ndarray, limits: tuple[float, float], percent: bool) -> None:
    """Numbers in the cells: shares in all, correlations once a pair."""
    for (i, j), value in np.ndenumerate(matrix):
        if np.isnan(value) or (j >= i and not percent):
            continue
        text = f"{100 * value:.0f}" if percent else f"{value:.1f}"
        text = text.replace("-", "\N{MINUS SIGN}").removeprefix("\N{MINUS SIGN}") if float(text) == 0 else text
        dark = abs(value) > (0.6 if limits[0] < 0 else 0.3) * max(abs(limits[0]), limits[1])
        cell = axis.text(j, i, text, ha="center", va="center", fontsize=6.5, color="white" if dark else "0.25")
        cell.set_in_layout(False)
