"""Many figures on one sheet, as a file of its own: title, key of the tables, panels row by row, notes below."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import Any

from reverie.drawing.canvas import SERIES, Canvas
from reverie.drawing.matrices import intervals, matrices
from reverie.drawing.names import shorten
from reverie.drawing.plots import KEY, bars, classes, dash, histogram, lines, nothing, picture, stack
from reverie.drawing.timelines import timeline

__all__ = ["PLOTS", "sheet"]

PLOTS = {
    "histogram": histogram,
    "bars": bars,
    "lines": lines,
    "stack": stack,
    "nothing": nothing,
    "intervals": intervals,
    "picture": picture,
    "timeline": timeline,
}
"""What draws a figure of each kind that has one canvas; those of kind "matrix" have one for each table."""
MARGIN, GAP = 16.0, 18.0
LINE = 15.0
LETTER = 6.2
"""How wide a letter is at most, on average."""
NARROWEST = 560.0


def sheet(figure: Mapping[str, Any]) -> Canvas:
    """{"kind": "panels", "title", "notes": [text], "across": panels in a row, "panels": [figure]} as one drawing.

    "about" of it, and of each panel, is a line below the title; "keyless": true leaves out the key of the tables, "key":
    true names the series of the first panel instead; "badge": (text, class) stands at the foot. A sheet without panels says
    its notes alone.
    """
    panels = [part for panel in figure["panels"] for part in _drawn(panel)]
    across = min(int(figure.get("across", 4)), max(len(panels), 1))
    rows = [panels[i : i + across] for i in range(0, len(panels), across)]
    columns = [max(_room(*row[i]) for row in rows if i < len(row)) for i in range(across)] if rows else []
    width = max(sum(columns) + GAP * (len(columns) - 1) + 2 * MARGIN, NARROWEST)
    canvas = Canvas(width, 0, str(figure["title"]))
    y = _heading(canvas, str(figure["title"]), _key(figure))
    if figure.get("about"):
        canvas.text(MARGIN, y + 0.8 * LINE, str(figure["about"]), "axis")
        y += 1.2 * LINE
    for row in rows:
        above = LINE * (1.6 * any(title for title, *_ in row) + any(about for _, about, *_ in row))
        x = MARGIN
        for (title, about, middle, inner), wide in zip(row, columns, strict=False):
            css = next((f" {SERIES[name]}" for name in SERIES if title.endswith(f", {name}")), "")
            if title:
                canvas.text(x + middle, y + LINE, shorten(title, int(wide / 7.2)), f"title{css}", "middle")
            canvas.text(x + max(middle, LETTER * len(about) / 2), y + 2 * LINE, about, "axis", "middle")
            canvas.place(inner, x, y + above)
            x += wide + GAP
        y += above + max(inner.height for *_, inner in row) + 0.5 * GAP
    for note in figure.get("notes", ()):
        for line in textwrap.wrap(note, int((width - 2 * MARGIN) / LETTER)):
            canvas.text(MARGIN, y + LINE, line, "axis")
            y += LINE
    if badge := figure.get("badge"):
        words, css = badge
        canvas.rect(MARGIN, y + 0.6 * LINE, LETTER * len(words) + 14, 1.5 * LINE, f"badge {css}")
        canvas.text(MARGIN + 7, y + 1.65 * LINE, words, "said")
        y += 2.1 * LINE
    canvas.height = y + MARGIN
    return canvas


def _key(figure: Mapping[str, Any]) -> dict[str, str]:
    """What is named in the heading, with its class: the tables, or the series of the first panel."""
    if figure.get("key"):
        first = figure["panels"][0]
        css = classes(first["series"])
        return {name: f"{css[name]}{dash(first, name)}" for name in first["series"]}
    names = {name for panel in figure["panels"] for name in panel.get("series", ())}
    return {} if figure.get("keyless") else {name: css for name, css in SERIES.items() if name in names}


def _heading(canvas: Canvas, title: str, names: dict[str, str]) -> float:
    """Title at the left, the key at the right or, for want of room, below it; returns where the panels begin."""
    y = MARGIN
    for line in textwrap.wrap(title, int((canvas.width - 2 * MARGIN) / 10)):
        y += 1.3 * LINE
        canvas.text(MARGIN, y, line, "heading")
    wide = sum(50 + 6.6 * len(name) for name in names)
    if names and 10.5 * len(title) + wide > canvas.width - 2 * MARGIN:
        y += 1.4 * LINE
    x = first = max(canvas.width - MARGIN - wide, MARGIN - 12)
    for name, css in names.items():
        if x > first and x + 44 + 6.6 * len(name) > canvas.width - MARGIN:
            x, y = first, y + 1.2 * LINE
        canvas.line(x + 12, y - 4, x + 38, y - 4, f"stroke {css}")
        canvas.text(x + 44, y, name, "label")
        x += 50 + 6.6 * len(name)
    return y + LINE


def _room(_: str, about: str, middle: float, inner: Canvas) -> float:
    return max(inner.width, LETTER * len(about))


def _drawn(panel: Mapping[str, Any]) -> list[tuple[str, str, float, Canvas]]:
    """(title, the line below it, where its middle is, drawing) of a panel; a matrix has one of each table."""
    lacks = panel.get("missing") or {}
    missing = f"missing {' / '.join(f'{100 * share:.1f}' for share in lacks.values())} %" if any(lacks.values()) else ""
    about = str(panel.get("about", missing))
    if panel["kind"] == "matrix":
        return [(name, about, canvas.width / 2, canvas) for name, canvas in matrices(panel).items()]
    canvas = PLOTS[panel["kind"]](panel)
    return [(str(panel["title"]), about, (canvas.width - (KEY if panel.get("key") else 0)) / 2, canvas)]
