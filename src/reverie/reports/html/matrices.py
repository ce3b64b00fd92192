"""Plots of pairs and of estimates: matrices side by side, intervals one below another."""

from __future__ import annotations

import math
from collections.abc import Mapping
from html import escape
from typing import Any

from reverie.reports.html.numbers import number
from reverie.reports.html.svg import SERIES, Canvas, Scale, finite, labelled, shorten

__all__ = ["intervals", "matrix", "table"]

WIDTH = 340.0
SHOWN = 10
"""Rows of a table that are open at once."""


def matrix(figure: Mapping[str, Any]) -> str:
    """A square grid of coloured cells for each table, in one scale: purple below the centre, amber above, pale between.

    Other colours than those of the tables, which stand for themselves."""
    rows = [str(r) for r in figure.get("rows") or figure["labels"]]
    columns = [str(c) for c in figure.get("columns") or figure["labels"]]
    every = finite(line for cells in figure["series"].values() for line in cells)
    low, high = figure.get("range") or (float(every.min(initial=0)), float(every.max(initial=0)))
    centre = figure.get("centre", 0.0 if low < 0 < high else low)
    reach = max(abs(high - centre), abs(low - centre)) or 1.0
    left = min(116.0, 14 + 6.2 * max((len(shorten(r, 17)) for r in rows), default=4))
    size = (WIDTH - left - 4) / max(len(columns), 1)
    size = min(size, 26.0)
    tall = left * 0.72
    drawn = []
    for name, cells in figure["series"].items():
        canvas = Canvas(left + size * len(columns) + 4, tall + size * len(rows) + 6, f"{figure.get('title', '')}: {name}")
        fits = size >= 9
        for j, column in enumerate(columns):
            if fits:
                canvas.text(left + size * (j + 0.5) + 3, tall - 5, shorten(column, 14), "tick", "start", -50)
        for i, row in enumerate(rows):
            if fits:
                canvas.text(left - 5, tall + size * (i + 0.5) + 3.5, shorten(row, 17), "tick", "end")
            for j, column in enumerate(columns):
                v = cells[i][j]
                known = v is not None and math.isfinite(v)
                strength = min(abs(v - centre) / reach, 1.0) if known else 0.0
                css = ("cell hot" if v >= centre else "cell cold") if known else "cell none"
                tip = f"{name}, {row} and {column}: {number(v)}"
                box = (left + size * j, tall + size * i, size - 0.6, size - 0.6)
                canvas.rect(*box, css, tip, f"fill-opacity:{0.04 + 0.96 * strength:.2f}" if known else "")
        drawn.append(f'<figure class="panel"><figcaption>{_key(name)}</figcaption>{canvas.svg("plot natural")}</figure>')
    scale = (
        f'<p class="note">Colour: <span class="swatch cold"></span> {number(low) if low < centre else ""} '
        f'<span class="swatch pale"></span> {number(centre)} <span class="swatch hot"></span> {number(high)}.</p>'
    )
    return f'<div class="panels three">{"".join(drawn)}</div>{scale if low < centre else scale.replace(_COLD, "")}'


_COLD = '<span class="swatch cold"></span>  '


def intervals(figure: Mapping[str, Any]) -> str:
    """Estimates with their intervals, one row for each label: labels [K], series {name: [(value, low, high)] * K}."""
    labels, series = [str(label) for label in figure["labels"]], dict(figure["series"])
    reference = figure.get("reference")
    rows = [triple for triples in series.values() for triple in triples if triple]
    every = finite([*rows, [reference]])
    low, high = (float(every.min()), float(every.max())) if every.size else (0.0, 1.0)
    width, left = 640.0, min(220.0, 16 + 6.2 * max((len(shorten(label, 34)) for label in labels), default=4))
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
        canvas.text(left - 8, top + row / 2, shorten(label, 34), "label", "end")
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
    return canvas.svg("plot wide")


def table(figure: Mapping[str, Any]) -> str:
    """A table: columns [C], rows [[cell] * C]; a long one is folded after its first rows."""
    head = "".join(f'<th scope="col">{escape(str(column))}</th>' for column in figure["columns"])
    rows = ["<tr>" + "".join(f"<td>{_cell(cell)}</td>" for cell in row) + "</tr>" for row in figure["rows"]]

    def framed(some: list[str]) -> str:
        table = f'<table class="small"><thead><tr>{head}</tr></thead><tbody>{"".join(some)}</tbody></table>'
        return f'<div class="scroll">{table}</div>'

    more = rows[SHOWN:]
    rest = f"<details><summary>{len(more)} more rows</summary>{framed(more)}</details>" if more else ""
    return framed(rows[:SHOWN]) + rest


def _cell(cell: Any) -> str:
    return number(cell) if isinstance(cell, float) else f"{cell:,}" if type(cell) is int else escape(str(cell))


def _key(name: str) -> str:
    css = SERIES.get(name)
    return f'<span class="key {css}"></span>{escape(name)}' if css else escape(name)
