"""A measure at a glance: a strip from the worst of its numbers to the best, on which value, ceiling and floor stand.

square   the floor: columns shuffled, one by one
band     the ceiling: real held-out patients in the place of synthetic ones, with two of its deviations on either side
dot      the value of the synthetic patients, with its interval
caret    the ideal
"""

from __future__ import annotations

from markupsafe import Markup

from reverie.drawing import Canvas, Scale, finite
from reverie.drawing.numbers import value
from reverie.evaluation.measure import Measure

__all__ = ["strip"]

WIDTH, HEIGHT = 170.0, 24.0


def strip(m: Measure) -> Markup:
    """SVG of WIDTH x HEIGHT px; nothing where there is no number to show."""
    if m.value is None:
        return Markup()
    spread = 2 * (m.ceiling_deviation or 0.0)
    ceiling = () if m.ceiling is None else (m.ceiling - spread, m.ceiling + spread)
    every = finite([[m.value, m.floor, m.ideal], m.interval or (), ceiling])
    low, high = float(every.min()), float(every.max())
    room = 0.06 * ((high - low) or abs(high) or 1.0)
    x, middle = Scale(low - room, high + room, 6, WIDTH - 6), HEIGHT / 2
    numbers = {"synthetic": m.value, "held-out": m.ceiling, "shuffled": m.floor, "ideal": m.ideal}
    words = "; ".join(f"{name} {value(number, m.unit)}" for name, number in numbers.items() if number is not None)
    canvas = Canvas(WIDTH, HEIGHT, words)
    canvas.line(2, middle, WIDTH - 2, middle, "rail")
    if m.ceiling is not None:
        left, right = map(x, ceiling)
        canvas.rect(min(left, x(m.ceiling) - 2), 5, max(right - left, 4), HEIGHT - 10, "band h")
        canvas.line(x(m.ceiling), 3, x(m.ceiling), HEIGHT - 3, "mark h")
    if m.ideal is not None:
        canvas.path([(x(m.ideal) - 3.5, 0.5), (x(m.ideal) + 3.5, 0.5), (x(m.ideal), 5.5)], "caret", closed=True)
    if m.floor is not None:
        canvas.rect(x(m.floor) - 3.5, middle - 3.5, 7, 7, "floor")
    if m.interval is not None:
        canvas.line(x(m.interval[0]), middle, x(m.interval[1]), middle, "mark s")
    canvas.circle(x(m.value), middle, 4.2, "point s")
    canvas.rect(0, 0, WIDTH, HEIGHT, "hit", words)
    return Markup(canvas.svg("strip"))
