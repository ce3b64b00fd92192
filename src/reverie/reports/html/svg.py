"""What all drawings of the page share: axes with round ticks, and the few shapes they are made of.

Drawings are SVG without a colour of their own: classes say what a shape is, and the page's style gives colours for light,
dark and print. A shape's <title> is what is shown when a reader points at it. They need no script, scale to any paper, and
weigh some kilobytes, where plotly's script alone weighs 4.8 MB of the 6 MB that a report may have, and takes most of a
second to start.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from html import escape

import numpy as np

from reverie.reports.html.numbers import number

__all__ = ["SERIES", "Canvas", "Scale", "finite", "labelled", "powers", "shorten", "ticks"]

SERIES = {"real": "r", "synthetic": "s", "held-out": "h", "set aside": "h", "shuffled": "f"}
"""The class of each table; real blue and whole, synthetic vermilion and whole, held-out green and dashed."""


@dataclass(frozen=True)
class Scale:
    """A straight line from values, or from their logarithms, to px."""

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def __call__(self, x: float) -> float:
        x, low, high = (math.log(v) for v in (x, self.low, self.high)) if self.log else (x, self.low, self.high)
        return round(self.start + (x - low) / ((high - low) or 1.0) * (self.end - self.start), 2)


@dataclass
class Canvas:
    """A drawing of width x height px that grows by its methods; `describe` is what a screen reader says of it."""

    width: float
    height: float
    describe: str = ""
    parts: list[str] = field(default_factory=list)

    def svg(self, css: str = "plot") -> str:
        label = f' role="img" aria-label="{escape(self.describe)}"' if self.describe else ' aria-hidden="true"'
        box = f'viewBox="0 0 {self.width:g} {self.height:g}" width="{self.width:g}" height="{self.height:g}"'
        return f'<svg class="{css}" {box}{label}>{"".join(self.parts)}</svg>'

    def text(self, x: float, y: float, words: str, css: str = "", anchor: str = "start", turn: float | None = None) -> None:
        turned = f' transform="rotate({turn:g} {x:g} {y:g})"' if turn else ""
        named = f' class="{css}"' if css else ""
        placed = "" if anchor == "start" else f' text-anchor="{anchor}"'
        self.parts.append(f'<text x="{x:g}" y="{y:g}"{named}{placed}{turned}>{escape(words)}</text>')

    def line(self, x1: float, y1: float, x2: float, y2: float, css: str, tip: str = "") -> None:
        self._shape("line", f'x1="{x1:g}" y1="{y1:g}" x2="{x2:g}" y2="{y2:g}"', css, tip)

    def rect(self, x: float, y: float, width: float, height: float, css: str, tip: str = "", style: str = "") -> None:
        box = f'x="{x:g}" y="{y:g}" width="{max(width, 0):g}" height="{max(height, 0):g}"'
        self._shape("rect", box + (f' style="{style}"' if style else ""), css, tip)

    def circle(self, x: float, y: float, radius: float, css: str, tip: str = "") -> None:
        self._shape("circle", f'cx="{x:g}" cy="{y:g}" r="{radius:g}"', css, tip)

    def path(self, points: Iterable[tuple[float, float] | None], css: str, closed: bool = False) -> None:
        """A line through the points; it breaks where one is None."""
        drawn, pen = [], "M"
        for point in points:
            if point is None:
                pen = "M"
                continue
            drawn.append(f"{pen}{point[0]:g} {point[1]:g}")
            pen = "L"
        if drawn:
            self._shape("path", f'd="{"".join(drawn)}{"Z" if closed else ""}"', css, "")

    def _shape(self, tag: str, geometry: str, css: str, tip: str) -> None:
        inside = f"><title>{escape(tip)}</title></{tag}>" if tip else "/>"
        self.parts.append(f'<{tag} class="{css}" {geometry}{inside}')

    def axes(self, x: Scale, y: Scale, x_ticks: Sequence[tuple[float, str]], y_ticks: Sequence[tuple[float, str]]) -> None:
        """Faint lines at the ticks of y, a base line, and the ticks' labels."""
        for at, label in y_ticks:
            self.line(x.start, y(at), x.end, y(at), "rule")
            self.text(x.start - 5, y(at) + 3.5, label, "tick", "end")
        self.line(x.start, y.start, x.end, y.start, "base")
        for at, label in x_ticks:
            self.line(x(at), y.start, x(at), y.start + 3, "base")
            self.text(x(at), y.start + 15, label, "tick", "middle")


def ticks(low: float, high: float, most: int = 5) -> list[float]:
    """Round numbers within [low, high], at most about `most`: steps of 1, 2 or 5 times a power of ten."""
    span = high - low
    if not math.isfinite(span) or span <= 0:
        return [low] if math.isfinite(low) else []
    raw = span / max(most, 1)
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(power * m for m in (1, 2, 5, 10) if power * m >= raw * 0.999)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [k * step for k in range(first, last + 1)]


def powers(low: float, high: float, most: int = 5) -> list[float]:
    """Round numbers within [low, high], both above 0, spread evenly over their logarithms."""
    for factors in ((1, 2, 5), (1, 3), (1,)):
        decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
        found = [f * 10.0**d for d in decades for f in factors if low <= f * 10.0**d <= high]
        if len(found) <= most:
            break
    return found[:: -(-len(found) // most)] if found else [low, high]


def labelled(low: float, high: float, most: int = 5, share: bool = False) -> list[tuple[float, str]]:
    """Ticks with their labels; those of shares in per cent."""
    found = ticks(low, high, most)
    return [(at, f"{number(100 * at)} %" if share else number(at)) for at in found]


def finite(rows: Iterable[Iterable[float | None]]) -> np.ndarray:
    """All that are numbers, in one array."""
    flat = [x for row in rows for x in row if x is not None]
    array = np.asarray(flat, dtype=float)
    return array[np.isfinite(array)]


def shorten(text: object, most: int = 22) -> str:
    """One line of at most `most` characters; what is too long loses its middle, as ends tell names apart."""
    line = " ".join(str(text).split()) or "(blank)"
    if len(line) <= most:
        return line
    tail = (most - 1) // 3
    return f"{line[: most - 1 - tail].rstrip()}…{line[-tail:].lstrip()}"
