"""What the templates ask of a section's figures: which stand together, and each drawn by `reverie.drawing`.

Data of no known kind is not drawn; it is in the JSON.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

import numpy as np
from markupsafe import Markup
from PIL import Image

from reverie.drawing import PLOTS, SERIES, Canvas

__all__ = ["SMALL", "blocks", "plot", "png", "shared_note", "svg", "tables_in"]

SMALL = ("histogram", "bars", "lines", "stack")
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


def png(pixels: Any) -> str:
    """A picture of uint8 lists [H, W, C] as a data URL."""
    array = np.asarray(pixels, np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(array[..., 0] if array.shape[-1] == 1 else array).save(buffer, "png")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()
