"""The course of training, from the lines of a run's metrics.jsonl.

Left: the loss on the batches and on examples set aside, at each step that was written; the line is a mean over a window of
neighbouring points, and a mark stands where the loss set aside was lowest: those weights were kept. Right: how much of the
noise is predicted, 1 - mean squared error, by quarter of the noise levels.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from reverie.evaluation.figures.tables import HELD, Figure, sheet_of

__all__ = ["losses", "read_metrics", "smoothed"]

_ACCURACY = "noise_accuracy/"
WINDOW = 15
"""The window of the mean is a fifteenth of all points."""
LINES = {"kind": "lines", "x_label": "step", "x_kind": "whole", "key": True}


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
        return sheet_of("Training", [], ["The run wrote no losses (its metrics.jsonl is not there or has none)."])
    aside, judged = _series(rows, "loss_aside")
    marks = []
    if len(aside):
        best = int(judged.argmin())
        marks = [[float(aside[best]), float(judged[best]), f"best: step {aside[best]:,.0f}"]]
    low, high = (float(q) for q in np.quantile(np.concatenate([values, judged]), [0, 0.99]))
    room = high - low or 1.0
    series = {"trained on": {**_smooth(steps, values), "as": "real"}}
    series |= {HELD: {"x": aside.tolist(), "y": judged.tolist()}} if len(aside) else {}
    ends = [low - 0.05 * room, high + 0.1 * room]  # one early burst hides all that follows
    left = LINES | {"title": "Loss", "series": series, "marks": marks, "y_range": ends}
    return sheet_of("Training", [left, _accuracies(rows)], [], keyless=True)


def _accuracies(rows: Sequence[Mapping[str, Any]]) -> Figure:
    title = "Noise predicted, by noise level"
    names = dict.fromkeys(key for row in rows for key in row if key.startswith(_ACCURACY))
    courses = {name.removeprefix(_ACCURACY): _series(rows, name) for name in names}
    series = {name: _smooth(*pair) for name, pair in courses.items() if len(pair[0])}
    if not series:
        return {"kind": "nothing", "title": title, "why": "not measured"}
    low = min(0.0, *(float(np.quantile(one["y"], 0.05)) for one in series.values()))
    words = {"title": title, "about": "1 - mean squared error; step t of T, little noise to much"}
    return LINES | words | {"series": series, "y_range": [low, 1.02]}


def _smooth(steps: np.ndarray, values: np.ndarray) -> dict[str, Any]:
    return {"x": steps.tolist(), "y": smoothed(values).tolist(), "dots": [steps.tolist(), values.tolist()]}


def smoothed(values: np.ndarray) -> np.ndarray:
    """The mean over each point and as many neighbours as there are on both sides, up to half the window; [N] to [N]."""
    half = max(len(values) // WINDOW // 2, 1)
    total = np.concatenate([[0.0], np.cumsum(values)])
    at = np.arange(len(values))
    reach = np.minimum(np.minimum(at, len(values) - 1 - at), half)
    return (total[at + reach + 1] - total[at - reach]) / (2 * reach + 1)


def _series(rows: Sequence[Mapping[str, Any]], name: str) -> tuple[np.ndarray, np.ndarray]:
    """(steps, values) of the lines that have a finite value."""
    points = [(row["step"], row[name]) for row in rows if isinstance(row.get(name), int | float) and np.isfinite(row[name])]
    return tuple(np.array(points, dtype=float).reshape(-1, 2).T)  # pyright: ignore[reportReturnType]
