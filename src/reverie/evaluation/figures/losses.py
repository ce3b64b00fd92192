"""The course of training, from the lines of a run's metrics.jsonl.

Left: the loss on the batches and on examples set aside, at each step that was written; the thick line is a mean over a
window of neighbouring points, and a mark stands where the loss set aside was lowest: those weights were kept. Right: how
much of the noise is predicted, 1 - mean squared error, by quarter of the noise levels.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from reverie.evaluation.figures.drawing import (
    COLOURS,
    HELD,
    LEVEL_COLOURS,
    REAL,
    SMALL,
    grid,
    heading,
    number_axis,
    sentence,
)

__all__ = ["losses", "read_metrics", "smoothed"]

_ACCURACY = "noise_accuracy/"
WINDOW = 15
"""The window of the mean is a fifteenth of all points."""


def read_metrics(run: Path) -> list[dict[str, Any]]:
    """The lines of metrics.jsonl, none if there is no such file; a line cut short is left out."""
    path = run / "metrics.jsonl"
    rows = []
    for line in path.read_text().splitlines() if path.is_file() else ():
        try:
            rows.append(json.loads(line))
        except json.JSONDecodeError:
            continue
    return [row for row in rows if isinstance(row, dict) and "step" in row]


def losses(rows: Sequence[Mapping[str, Any]]) -> Figure:
    """The figure of these lines."""
    steps, values = _series(rows, "loss")
    if not len(steps):
        return sentence("Losses: the run wrote no losses (its metrics.jsonl is not there or has none).")
    figure, (left, right) = grid(2, 2, 5.2, 3.4, extra=0.6)
    left.plot(steps, values, ".", color=COLOURS[REAL], markersize=3, alpha=0.35)
    left.plot(steps, smoothed(values), color=COLOURS[REAL], linewidth=1.8, label="patients trained on (smoothed)")
    aside, judged = _series(rows, "loss_aside")
    if len(aside):
        left.plot(aside, judged, "-o", color=COLOURS[HELD], markersize=3, linewidth=1.3, label=f"patients {HELD}")
        best = int(np.argmin(judged))
        left.plot(
            aside[best], judged[best], "*", color="#000000", markersize=11, zorder=5, label=f"best: step {aside[best]:,.0f}"
        )
    low, high = np.quantile(np.concatenate([values, judged]), [0, 0.99])
    left.set_ylim(low - 0.05 * (high - low or 1), high + 0.1 * (high - low or 1))  # one early burst hides all that follows
    left.set_ylabel("loss", fontsize=9)
    left.set_title("Loss", fontsize=10)
    left.legend(fontsize=8, frameon=False)
    _accuracies(right, rows)
    for axis in (left, right):
        axis.set_xlabel("step", fontsize=9)
        axis.grid(color="0.93", linewidth=0.5)
        number_axis(axis.xaxis, None, log=False)
    heading(figure, "Training", ())
    return figure


def _accuracies(axis: Axes, rows: Sequence[Mapping[str, Any]]) -> None:
    names = list(dict.fromkeys(key for row in rows for key in row if key.startswith(_ACCURACY)))
    axis.set_title("Noise predicted, by noise level", fontsize=10)
    for name, colour in zip(names, LEVEL_COLOURS, strict=False):
        steps, values = _series(rows, name)
        if len(steps):
            axis.plot(steps, values, ".", color=colour, markersize=3, alpha=0.3)
            axis.plot(steps, smoothed(values), color=colour, linewidth=1.8, label=name.removeprefix(_ACCURACY))
    if axis.lines:
        axis.set_ylabel("1 - mean squared error", fontsize=9)
        axis.set_ylim(
            min(0.0, *(float(np.quantile(np.asarray(line.get_ydata(), dtype=float), 0.05)) for line in axis.lines)), 1.02
        )
        axis.legend(
            fontsize=8, frameon=False, title="step t of T,\nlittle noise to much", title_fontsize=SMALL, loc="center left",
            bbox_to_anchor=(1, 0.5),
        )  # fmt: skip
    else:
        axis.text(0.5, 0.5, "not measured", ha="center", transform=axis.transAxes, fontsize=SMALL)


def smoothed(values: np.ndarray) -> np.ndarray:
    """The mean over each point and as many neighbours as there are on both sides, up to half the window; [N] to [N]."""
    half = max(len(values) // WINDOW // 2, 1)
    total = np.concatenate([[0.0], np.cumsum(values)])
    at = np.arange(len(values))
    reach = np.minimum(np.minimum(at, len(values) - 1 - at), half)
    return (total[at + reach + 1] - total[at - reach]) / (2 * reach + 1)


def _series(rows: Sequence[Mapping[str, Any]], name: str) -> tuple[np.ndarray, np.ndarray]:
    """(steps, values) of the lines that have a finite value."""
    found = [(row["step"], row[name]) for row in rows if isinstance(row.get(name), int | float) and np.isfinite(row[name])]
    return tuple(np.array(found, dtype=float).reshape(-1, 2).T)  # pyright: ignore[reportReturnType]
