"""A drawing: a list of shapes that are told by class alone, to be written as SVG or painted as PNG.

No shape has a colour of its own: its classes say what it is, and look.css says how that looks; a page gives other colours
for dark and print. A shape's <title> is what is shown when a reader points at it. SVG needs no script, scales to any paper
and weighs some kilobytes, where plotly's script alone weighs 4.8 MB of the 6 MB that a report may have, and takes most of
a second to start.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from html import escape
from typing import Literal

import numpy as np

from reverie.drawing.pictures import data_url
from reverie.drawing.scales import Point, Scale

__all__ = ["SERIES", "Canvas", "Shape"]

SERIES = {"real": "r", "synthetic": "s", "held-out": "h", "set aside": "h", "shuffled": "f"}
"""The class of each table; real blue and whole, synthetic vermilion and whole, held-out green and dashed."""


@dataclass(frozen=True, slots=True)
class Shape:
    """One shape.

    Attributes:
        kind: what it is.
        points: of a path and a line, where it goes, None where it breaks; two corners of a rect and of an image; the middle
            of a circle; the place of a text.
        css: its classes, with a space between.
        words: what a text says, what is shown at any other when a reader points at it.
        closed: whether a path ends where it began.
        radius: of a circle.
        anchor, turn: which part of a text is at its place, and by how many degrees it is turned about it.
        strength: how strong the colour of a rect is, 0 to 1.
        pixels: of an image, uint8 [H, W, 1 or 3].
    """

    kind: Literal["path", "line", "rect", "circle", "text", "image"]
    points: tuple[Point | None, ...]
    css: str
    words: str = ""
    closed: bool = False
    radius: float = 0.0
    anchor: str = "start"
    turn: float = 0.0
    strength: float | None = None
    pixels: np.ndarray | None = None

    def moved(self, x: float, y: float) -> Shape:
        return replace(self, points=tuple(p and (p[0] + x, p[1] + y) for p in self.points))

    def svg(self) -> str:
        pen, steps = "M", ""
        if self.kind == "path":
            for p in self.points:
                steps, pen = (steps, "M") if p is None else (f"{steps}{pen}{p[0]:g} {p[1]:g}", "L")
            geometry = f'd="{steps}{"Z" if self.closed else ""}"'
        else:
            (x, y), (x2, y2) = self.points[0] or (0, 0), self.points[-1] or (0, 0)
            geometry = {
                "line": f'x1="{x:g}" y1="{y:g}" x2="{x2:g}" y2="{y2:g}"',
                "rect": f'x="{x:g}" y="{y:g}" width="{x2 - x:g}" height="{y2 - y:g}"',
                "circle": f'cx="{x:g}" cy="{y:g}" r="{self.radius:g}"',
                "text": f'x="{x:g}" y="{y:g}"',
                "image": f'x="{x:g}" y="{y:g}" width="{x2 - x:g}" height="{y2 - y:g}" preserveAspectRatio="none"',
            }[self.kind]
            geometry += "" if self.pixels is None else f' href="{data_url(self.pixels)}"'
            geometry += f' transform="rotate({self.turn:g} {x:g} {y:g})"' if self.turn else ""
        more = "" if self.strength is None else f' fill-opacity="{self.strength:.2f}"'
        more += "" if self.anchor == "start" else f' text-anchor="{self.anchor}"'
        start = f'<{self.kind} class="{self.css}" {geometry}{more}'
        if self.kind == "text":
            return f"{start}>{escape(self.words)}</text>"
        return f"{start}><title>{escape(self.words)}</title></{self.kind}>" if self.words else f"{start}/>"


@dataclass
class Canvas:
    """A drawing of width x height px that grows by its methods; `describe` is what a screen reader says of it."""

    width: float
    height: float
    describe: str = ""
    shapes: list[Shape] = field(default_factory=list)

    def svg(self, css: str = "plot") -> str:
        label = f' role="img" aria-label="{escape(self.describe)}"' if self.describe else ' aria-hidden="true"'
        box = f'viewBox="0 0 {self.width:g} {self.height:g}" width="{self.width:g}" height="{self.height:g}"'
        return f'<svg class="{css}" {box}{label}>{"".join(shape.svg() for shape in self.shapes)}</svg>'

    def text(self, x: float, y: float, words: str, css: str = "", anchor: str = "start", turn: float = 0.0) -> None:
        self.shapes.append(Shape("text", ((x, y),), css, words, anchor=anchor, turn=turn))

    def line(self, x1: float, y1: float, x2: float, y2: float, css: str, tip: str = "") -> None:
        self.shapes.append(Shape("line", ((x1, y1), (x2, y2)), css, tip))

    def rect(
        self, x: float, y: float, width: float, height: float, css: str, tip: str = "", strength: float | None = None
    ) -> None:
        self.shapes.append(Shape("rect", ((x, y), (x + max(width, 0), y + max(height, 0))), css, tip, strength=strength))

    def image(self, x: float, y: float, width: float, height: float, pixels: np.ndarray) -> None:
        self.shapes.append(Shape("image", ((x, y), (x + width, y + height)), "image", pixels=pixels))

    def circle(self, x: float, y: float, radius: float, css: str, tip: str = "") -> None:
        self.shapes.append(Shape("circle", ((x, y),), css, tip, radius=radius))

    def path(self, points: Iterable[Point | None], css: str, closed: bool = False) -> None:
        """A line through the points; it breaks where one is None."""
        line = tuple(points)
        if any(line):
            self.shapes.append(Shape("path", line, css, closed=closed))

    def place(self, other: Canvas, x: float, y: float) -> None:
        """Another drawing, its upper left corner at (x, y)."""
        self.shapes += [shape.moved(x, y) for shape in other.shapes]

    def axes(self, x: Scale, y: Scale, x_ticks: Sequence[tuple[float, str]], y_ticks: Sequence[tuple[float, str]]) -> None:
        """Faint lines at the ticks of y, a base line, and the ticks' labels."""
        for at, label in y_ticks:
            self.line(x.start, y(at), x.end, y(at), "rule")
            self.text(x.start - 5, y(at) + 3.5, label, "tick", "end")
        self.line(x.start, y.start, x.end, y.start, "base")
        for at, label in x_ticks:
            self.line(x(at), y.start, x(at), y.start + 3, "base")
            self.text(x(at), y.start + 15, label, "tick", "middle")
