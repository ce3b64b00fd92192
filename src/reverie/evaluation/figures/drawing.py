"""What all figures of records share: one colour per table, names that fit, panels in a grid, files written whole.

Colours are those of Okabe and Ito (2008), which stay apart for colour-blind readers; tables differ in line style as well.
Figures are matplotlib Figure objects that no global state knows of, so threads may draw at once.
"""

from __future__ import annotations

import io
import math
import textwrap
import warnings
from collections.abc import Iterable, Mapping, Sequence
from itertools import takewhile
from pathlib import Path
from typing import Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter, NullLocator

from reverie.evaluation.cohort import Cohort
from reverie.files import write_atomically
from reverie.records.kinds import Column

__all__ = [
    "COLOURS",
    "HELD",
    "LEVEL_COLOURS",
    "REAL",
    "STYLES",
    "SYNTHETIC",
    "Cohorts",
    "blank",
    "bounded",
    "distinct",
    "grid",
    "heading",
    "number_axis",
    "percent_axis",
    "png",
    "save",
    "sentence",
    "shorten",
]

REAL, SYNTHETIC, HELD = "real", "synthetic", "set aside"
COLOURS = {REAL: "#0072B2", SYNTHETIC: "#D55E00", HELD: "#009E73"}
STYLES: dict[str, Literal["-", "--"]] = {REAL: "-", SYNTHETIC: "-", HELD: "--"}
LEVEL_COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#000000")
"""Levels of one column, where tables stand in panels of their own."""
OTHERS_COLOUR = "0.75"

Cohorts = Mapping[str, Cohort]
"""The tables of a figure by REAL, SYNTHETIC and, where there is one, HELD."""

SMALL = 7.5
_DPI = 100


def shorten(text: object, most: int = 24) -> str:
    """One line of at most `most` characters; what is too long loses its middle, as ends tell columns apart.

    A dollar sign would begin a formula, and is escaped.
    """
    line = " ".join(str(text).split()) or "(blank)"
    if len(line) > most:
        tail = (most - 1) // 3
        line = f"{line[: most - 1 - tail].rstrip()}\N{HORIZONTAL ELLIPSIS}{line[-tail:].lstrip()}"
    return line.replace("$", r"\$")


def distinct(names: Sequence[str], most: int = 24) -> list[str]:
    """The names on one line of at most about `most` characters each, and no two different ones alike.

    Those that shorten() would make alike are cut so that the place where they first differ is seen.
    """
    alike: dict[str, list[str]] = {}
    for name in dict.fromkeys(names):
        alike.setdefault(shorten(name, most), []).append(name)
    found: dict[str, str] = {}
    taken: set[str] = set()
    for short, group in alike.items():
        common = sum(1 for _ in takewhile(lambda letters: len(set(letters)) == 1, zip(*group, strict=False)))
        start = max(common - most // 2, 0)
        for name in group:
            part = short if len(group) == 1 else shorten(f"\N{HORIZONTAL ELLIPSIS}{name[start:]}"[:most], most)
            numbered = (f"{part} ({k})" for k in range(2, len(names) + 3))
            found[name] = part if part not in taken else next(text for text in numbered if text not in taken)
            taken.add(found[name])
    return [found[name] for name in names]


def grid(count: int, across: int, width: float, height: float, extra: float = 0.9) -> tuple[Figure, list[Axes]]:
    """A figure of `count` panels of width x height inches, row by row, with `extra` inches for title and notes."""
    across = min(across, max(count, 1))
    rows = math.ceil(count / across)
    figure = Figure(figsize=(max(across * width, 5.5), rows * height + extra), layout="constrained")
    panels = list(figure.subplots(rows, across, squeeze=False).ravel())
    for spare in panels[count:]:
        spare.set_axis_off()
    for panel in panels[:count]:
        panel.tick_params(labelsize=SMALL, length=2.5)
        panel.spines[["top", "right"]].set_visible(False)
    return figure, panels[:count]


def heading(figure: Figure, title: str, tables: Iterable[str], notes: Sequence[str] = ()) -> None:
    """Title and legend above all panels, notes below."""
    room = int(figure.get_figwidth() * 14)
    figure.suptitle("\n".join(textwrap.wrap(title, int(room * 0.75))), fontsize=11)
    keys = [Line2D([], [], color=COLOURS[name], linestyle=STYLES[name], linewidth=3, label=name) for name in tables]
    if keys:
        figure.legend(handles=keys, loc="outside upper right", ncols=3, frameon=False, fontsize=9)
    if notes:
        lines = [line for note in notes for line in textwrap.wrap(note, room)]
        figure.supxlabel("\n".join(lines), fontsize=SMALL, color="0.3", x=0.01, ha="left")


def sentence(text: str) -> Figure:
    """A figure that says why there is nothing to draw."""
    figure = Figure(figsize=(6.5, 1.2), layout="constrained")
    axis = figure.subplots()
    axis.set_axis_off()
    axis.text(0.5, 0.5, "\n".join(textwrap.wrap(text, 80)), ha="center", va="center", fontsize=10)
    return figure


def blank(axis: Axes, text: str) -> None:
    """Says in an empty panel why it is empty."""
    axis.text(0.5, 0.5, text, transform=axis.transAxes, ha="center", va="center", fontsize=SMALL, color="0.3", wrap=True)
    axis.set(xticks=[], yticks=[])


def bounded(values: np.ndarray, log: bool = False, inner: float = 0.995) -> tuple[float, float]:
    """The range of finite `values` [N], or that of their middle if a few lie so far out that all else would be squeezed."""
    values = np.log(values) if log else values
    low, high = float(values.min()), float(values.max())
    near, far = (float(q) for q in np.quantile(values, [1 - inner, inner]))
    room = (far - near) / 4
    ends = low if near - low <= room else near, high if high - far <= room else far
    return (float(np.exp(ends[0])), float(np.exp(ends[1]))) if log else ends


def number_axis(axis: Axis, column: Column | None, log: bool) -> None:
    """Few ticks, with labels that stay short: dates, powers of ten, or 20 k for 20 000; plain numbers for no column."""
    if column is not None and column.calendar:
        locator = AutoDateLocator(minticks=2, maxticks=4)
        axis.set_major_locator(locator)
        axis.set_major_formatter(ConciseDateFormatter(locator))
    elif log:
        low, high = (np.log10(end) for end in axis.get_view_interval())
        axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if high - low < 1.7 else (1.0,), numticks=5))
        axis.set_major_formatter(FuncFormatter(_compact))
        axis.set_minor_locator(NullLocator())
        axis.set_minor_formatter(NullFormatter())
    else:
        axis.set_major_locator(MaxNLocator(4, integer=column is not None and column.whole))
        low, high = axis.get_view_interval()
        if max(abs(low), abs(high)) >= 10_000 and high - low >= 0.001 * max(abs(low), abs(high)):
            axis.set_major_formatter(FuncFormatter(_compact))
    axis.get_offset_text().set_fontsize(SMALL)


def _compact(value: float, _: object = None) -> str:
    """A number in few characters: 20k for 20 000, 3M, 1.5G."""
    if abs(value) >= 1e15:
        return f"{value:.3g}"
    for scale, letter in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e4, "k")):
        if abs(value) >= scale:
            divisor = 1e3 if letter == "k" else scale
            return f"{value / divisor:.4g}{letter}"
    return f"{value:.4g}"


def percent_axis(axis: Axis, most: int = 4) -> None:
    """Shares as per cents, at most `most` + 1 ticks."""
    axis.set_major_locator(MaxNLocator(most))
    axis.set_major_formatter(FuncFormatter(lambda share, _: f"{100 * share:.3g} %"))


def png(figure: Figure) -> bytes:
    """The figure as PNG."""
    canvas, buffer = FigureCanvasAgg(figure), io.BytesIO()
    figure.set_dpi(_DPI)
    engine = figure.get_layout_engine()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph", category=UserWarning)  # names in any script: a box stands for it
        if engine is not None:
            engine.execute(figure)
            figure.set_layout_engine("none")
        canvas.print_png(buffer, metadata={"Software": None}, pil_kwargs={"compress_level": 3})  # savefig would draw twice
    return buffer.getvalue()


def save(figure: Figure, path: Path) -> Path:
    """Writes the figure as PNG, whole or not at all; returns the path."""
    write_atomically(path, png(figure))
    return path
