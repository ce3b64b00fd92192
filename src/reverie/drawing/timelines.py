"""A patient's life: stays as bands, what lasts as bars, what happens as marks, a lane for each table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reverie.drawing.canvas import SERIES, Canvas
from reverie.drawing.names import distinct
from reverie.drawing.scales import Scale

__all__ = ["timeline"]

WIDTH = 340.0
TOP, LANE, BOTTOM, RIGHT = 8.0, 15.0, 36.0, 12.0
LETTER = 6.0
LEAST = 1.6
"""Px that a bar is wide at least."""


def timeline(figure: Mapping[str, Any]) -> Canvas:
    """One life: "of" the table whose colour it has, "lanes" names from above, "range" (first, last), "x_label"; "items"
    [(lane, start, end or None, words)], and "bands" [(start, end, words)] across all lanes."""
    lanes, css = [str(lane) for lane in figure["lanes"]], SERIES.get(str(figure.get("of", "")), "o")
    shown = distinct(lanes, 20)
    left = min(128.0, 12 + LETTER * max(map(len, shown), default=4))
    low, high = figure["range"]
    x = Scale(low, high, left, WIDTH - RIGHT)
    foot = TOP + LANE * len(lanes)
    canvas = Canvas(WIDTH, foot + BOTTOM, f"{figure.get('title', 'Timeline')}: {', '.join(lanes)}")
    for start, end, words in figure.get("bands", ()):
        canvas.rect(x(start), TOP, max(x(end) - x(start), LEAST), foot - TOP, f"stay {css}", words)
    for i, name in enumerate(shown):
        canvas.line(left, TOP + LANE * (i + 0.5), WIDTH - RIGHT, TOP + LANE * (i + 0.5), "rule")
        canvas.text(left - 6, TOP + LANE * (i + 0.5) + 3.5, name, "label", "end")
    for lane, start, end, words in figure["items"]:
        y = TOP + LANE * lanes.index(lane)
        if end is None:
            canvas.line(x(start), y + 3, x(start), y + LANE - 3, f"event {css}", words)
        else:
            canvas.rect(x(start), y + 4, max(x(end) - x(start), LEAST), LANE - 8, f"span {css}", words)
    canvas.line(left, foot, WIDTH - RIGHT, foot, "base")
    for at, label in x.ticks(4):
        canvas.line(x(at), foot, x(at), foot + 3, "base")
        canvas.text(x(at), foot + 15, label, "tick", "middle")
    if label := figure.get("x_label"):
        canvas.text((left + WIDTH - RIGHT) / 2, foot + 30, str(label), "axis", "middle")
    return canvas
