"""What the templates ask of a section's figures: which stand together, and each drawn by `reverie.drawing`.

Data of no known kind is not drawn; it is in the JSON.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from markupsafe import Markup

from reverie.drawing import PLOTS, SERIES, Canvas

__all__ = ["SMALL", "blocks", "plot", "shared_note", "svg", "tables_in"]

SMALL = ("histogram", "bars", "lines", "stack", "timeline")
OTHERS = ("panels", "matrix", "table", "pictures")
"""Kinds of several drawings, or of none."""

Figure = Mapping[str, Any]


def blocks(data: Iterable[Any]) -> Iterator[list[Figure]]:
    """Figures as they stand one below another: small ones that follow each other side by side, others alone."""
    for small, run in groupby(_figures(data), key=lambda figure: figure["kind"] in SMALL):
        members = list(run)
        yield from [members] if small else ([figure] for figure in members)


def _figures(data: Iterable[Any]) -> Iterator[Figure]:
    for entry in data:
        if isinstance(entry, list):
            yield from _figures(entry)
        elif isinstance(entry, Mapping) and entry.get("kind") in (*PLOTS, *OTHERS):
            yield entry


def plot(figure: Figure, css: str = "plot") -> Markup:
    """The drawing of a figure that has one."""
    return svg(PLOTS[figure["kind"]](figure), css)


def svg(canvas: Canvas, css: str) -> Markup:
    """A drawing, every text of which is escaped."""
    return Markup(canvas.svg(css))


def tables_in(figures: Sequence[Figure]) -> list[str]:
    """The tables that are drawn in any of the figures."""
    return [name for name in SERIES if any(name in figure.get("series", {}) for figure in figures)]


def shared_note(figures: Sequence[Figure]) -> str:
    """The note that all of the figures share, or ""."""
    notes = {str(figure.get("note", "")) for figure in figures}
    return notes.pop() if len(notes) == 1 else ""
