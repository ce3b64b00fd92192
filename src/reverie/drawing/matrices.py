"""Plots of pairs and of estimates: matrices side by side, intervals one below another. Plain data to a Canvas."""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import product
from typing import Any

from reverie.drawing.canvas import SERIES, Canvas
from reverie.drawing.names import distinct
from reverie.drawing.numbers import number, value
from reverie.drawing.scales import Scale, finite, labelled

__all__ = ["intervals", "limits", "matrices"]

WIDTH = 340.0
LARGEST = 26.0
SMALLEST = 9.0
"""Of a cell that has a name, in px."""


def limits(figure: Mapping[str, Any]) -> tuple[float, float, float]:
    """(low, centre, high) of the one scale that all matrices of a figure have."""
    every = finite(line for cells in figure["series"].values() for line in cells)
    low, high = figure.get("range") or (float(every.min(initial=0)), float(every.max(initial=0)))
    return low, figure.get("centre", 0.0 if low < 0 < high else low), high


def matrices(figure: Mapping[str, Any]) -> dict[str, Canvas]:
    """A grid of coloured cells for each table, in one scale: purple below the centre, amber above, pale between.

    Other colours than those of the tables, which stand for themselves. labels [C], or rows and columns; series {name:
    [[value or None] * C] * C}; "root" keeps small values apart from none; "numbers" ("share" or "plain") writes them where
    there is room; "scale": true draws the scale below; "width" in px.
    """
    rows = [str(r) for r in figure.get("rows") or figure["labels"]]
    columns = [str(c) for c in figure.get("columns") or figure["labels"]]
    low, centre, high = limits(figure)
    reach = max(abs(high - centre), abs(low - centre)) or 1.0
    across, down = distinct(columns, 14), distinct(rows, 17)
    left = min(116.0, 14 + 6.2 * max(map(len, down), default=4))
    size = min((figure.get("width", WIDTH) - left - 4) / max(len(columns), 1), LARGEST)
    tall = left * 0.72 if size >= SMALLEST else 4.0
    left = left if size >= SMALLEST else 4.0
    beyond = max(6.2 * 0.64 * len(across[-1]) - size / 2, 4.0) if across and size >= SMALLEST else 4.0

    def shade(v: float) -> tuple[str, float]:
        strength = min(abs(v - centre) / reach, 1.0)
        strength = math.sqrt(strength) if figure.get("root") else strength
        return "cell hot" if v >= centre else "cell cold", 0.04 + 0.96 * strength

    canvases = {}
    for name, cells in figure["series"].items():
        bottom, below = tall + size * len(rows), 24 if figure.get("scale") else 6
        wide = max(left + size * len(columns) + beyond, left + 190 if figure.get("scale") else 0)
        canvas = canvases[name] = Canvas(wide, bottom + below, f"{figure.get('title', '')}: {name}")
        for j, column in enumerate(across if size >= SMALLEST else ()):
            canvas.text(left + size * (j + 0.5) + 3, tall - 5, column, "tick", turn=-50)
        for i, row in enumerate(down if size >= SMALLEST else ()):
            canvas.text(left - 5, tall + size * (i + 0.5) + 3.5, row, "tick", "end")
        for (i, row), (j, column) in product(enumerate(rows), enumerate(columns)):
            v, x, y = cells[i][j], left + size * j, tall + size * i
            tip = f"{name}, {row} and {column}: {number(v)}"
            css, strength = ("cell none", None) if v is None or not math.isfinite(v) else shade(v)
            canvas.rect(x, y, size - 0.6, size - 0.6, css, tip, strength)
            if strength is not None and size >= 18 and (said := _said(v or 0.0, figure.get("numbers"))):
                strong = " strong" if strength > 0.65 else ""
                canvas.text(x + size / 2, y + size / 2 + 3, said, f"number{strong}", "middle")
        if figure.get("scale"):
            for k in range(9):
                css, strength = shade(low + (high - low) * k / 8)
                canvas.rect(left + 34 + 11 * k, bottom + 10, 10.4, 8, css, "", strength)
            unit = "share" if figure.get("numbers") == "share" else ""
            canvas.text(left + 30, bottom + 18, value(low, unit), "tick", "end")
            canvas.text(left + 138, bottom + 18, value(high, unit), "tick")
    return canvases


def _said(v: float, kind: str | None) -> str:
    """A value in a cell: whole per cents, or one digit without the 0 before it."""
    if kind is None:
        return ""
    text = f"{100 * v:.0f}" if kind == "share" else f"{v:.1f}".replace("0.", ".")
    return ("0" if text in ("-0", ".0", "-.0") else text).replace("-", "\N{MINUS SIGN}")


def intervals(figure: Mapping[str, Any]) -> Canvas:
    """Estimates with their intervals, one row for each label: labels [K], series {name: [(value, low, high)] * K}."""
    labels, series = [str(label) for label in figure["labels"]], dict(figure["series"])
    reference, shown = figure.get("reference"), distinct([str(label) for label in figure["labels"]], 34)
    rows = [triple for triples in series.values() for triple in triples if triple]
    every = finite([*rows, [reference]])
    low, high = (float(every.min()), float(every.max())) if every.size else (0.0, 1.0)
    width, left = 640.0, min(220.0, 16 + 6.2 * max(map(len, shown), default=4))
    room = 0.04 * ((high - low) or 1.0)
    x = Scale(low - room, high + room, left, width - 12)
    step = 8.0
    row = step * len(series) + 12
    height = 8 + row * len(labels) + 40
    canvas = Canvas(width, height, f"{figure.get('title', 'Estimates')}: {', '.join(series)}")
    for at, label in labelled(x.low, x.high, 6):
        canvas.line(x(at), 4, x(at), height - 36, "rule")
        canvas.text(x(at), height - 22, label, "tick", "middle")
    if reference is not None:
        canvas.line(x(reference), 4, x(reference), height - 36, "chance")
    for k, label in enumerate(labels):
        top = 8 + row * k
        canvas.text(left - 8, top + row / 2, shown[k], "label", "end")
        for i, (name, triples) in enumerate(series.items()):
            if (triple := triples[k]) is None or triple[0] is None:
                continue
            y, css = top + 8 + step * i, SERIES.get(name, "o")
            v, lower, upper = triple
            if lower is not None and upper is not None:
                canvas.line(x(lower), y, x(upper), y, f"stroke {css}")
            said = f"{label}, {name}: {number(v)}" + (f" ({number(lower)} to {number(upper)})" if lower is not None else "")
            canvas.circle(x(v), y, 3.4, f"dot {css}", said)
    canvas.text((left + width) / 2, height - 5, str(figure.get("x_label", "")), "axis", "middle")
    return canvas
