"""Plots of numbers: distributions, lines over x, and levels side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from reverie.reports.html.numbers import date, number
from reverie.reports.html.svg import SERIES, Canvas, Scale, finite, labelled, powers, shorten, ticks

__all__ = ["bars", "histogram", "lines"]

WIDTH, HEIGHT = 340.0, 210.0
LEFT, RIGHT, TOP, BOTTOM = 44.0, 10.0, 10.0, 38.0
UNEVEN = 4
"""Bins above 0 of which the widest is so many times the narrowest are drawn on a logarithmic axis, as they were made."""


def histogram(figure: Mapping[str, Any]) -> str:
    """Shares of values in bins, as steps: edges [B + 1], series {name: shares [B]}."""
    edges, series = list(figure["edges"]), _series(figure)
    widths = [b - a for a, b in pairwise(edges)]
    log = edges[0] > 0 and max(widths) > UNEVEN * min(widths)
    x = Scale(edges[0], edges[-1], LEFT, WIDTH - RIGHT, log)
    highest = float(finite(series.values()).max(initial=0.0)) or 1.0
    y = Scale(0, highest * 1.06, HEIGHT - BOTTOM, TOP)
    canvas = _canvas(figure, series)
    canvas.axes(x, y, _labels(figure, x), labelled(y.low, y.high, 3, share=True))
    for name, shares in series.items():
        steps: list[tuple[float, float]] = [(x(edges[0]), y(0))]
        for b, share in enumerate(shares):
            steps += [(x(edges[b]), y(share or 0)), (x(edges[b + 1]), y(share or 0))]
        steps.append((x(edges[-1]), y(0)))
        if name == "real":
            canvas.path(steps, "area r", closed=True)
        canvas.path(steps, f"stroke {SERIES[name]}")
    for b in range(len(edges) - 1):
        said = ", ".join(f"{name} {_share(values[b])}" for name, values in series.items())
        left, right = x(edges[b]), x(edges[b + 1])
        tip = f"{_at(figure, edges[b])} to {_at(figure, edges[b + 1])}: {said}"
        canvas.rect(left, TOP, right - left, y.start - TOP, "hit", tip)
    _names(canvas, figure)
    return canvas.svg()


def lines(figure: Mapping[str, Any]) -> str:
    """y over x: x [N] numbers or labels, series {name: [N]}, bands {name: (low [N], high [N])}; diagonal for ROC curves."""
    series, bands = _series(figure), dict(figure.get("bands") or {})
    named = [str(v) for v in figure["x"]] if any(isinstance(v, str) for v in figure["x"]) else None
    at = list(range(len(named))) if named else list(figure["x"])
    x = Scale(min(at, default=0), max(at, default=1), LEFT, WIDTH - RIGHT)
    heights = finite([*series.values(), *(end for band in bands.values() for end in band)])
    low, high = (float(heights.min()), float(heights.max())) if heights.size else (0.0, 1.0)
    if figure.get("diagonal"):
        low, high = min(low, 0.0), max(high, 1.0)
    elif low >= 0 and low < 0.5 * high:
        low = 0.0
    room = 0.06 * ((high - low) or abs(high) or 1.0)
    y = Scale(low - (room if low else 0), high + room, HEIGHT - BOTTOM, TOP)
    canvas = _canvas(figure, series)
    places = _labels(figure, x)
    if named:
        every = max(1, -(-len(named) // 6))
        places = [(i, shorten(name, 9)) for i, name in enumerate(named) if i % every == 0]
    canvas.axes(x, y, places, [(t, label) for t, label in labelled(y.low, y.high, 4)])
    if figure.get("diagonal"):
        low, high = max(x.low, y.low), min(x.high, y.high)
        canvas.line(x(low), y(low), x(high), y(high), "chance")
    for name, (lower, upper) in bands.items():
        pairs = [(x(a), lo, hi) for a, lo, hi in zip(at, lower, upper, strict=True) if lo is not None and hi is not None]
        outline = [(a, y(lo)) for a, lo, _ in pairs] + [(a, y(hi)) for a, _, hi in reversed(pairs)]
        canvas.path(outline, f"band {SERIES.get(name, 'o')}", closed=True)
    for name, values in series.items():
        css = SERIES.get(name, "o")
        canvas.path([None if v is None else (x(a), y(v)) for a, v in zip(at, values, strict=True)], f"stroke {css}")
        if len(at) <= 12:
            for a, v in zip(at, values, strict=True):
                if v is not None:
                    canvas.circle(x(a), y(v), 2.2, f"dot {css}")
    for i, a in enumerate(at):
        half = [(x(a) - x(at[i - 1])) / 2 if i else 4.0, (x(at[i + 1]) - x(a)) / 2 if i + 1 < len(at) else 4.0]
        said = ", ".join(f"{name} {number(values[i])}" for name, values in series.items())
        where = named[i] if named else _at(figure, a)
        canvas.rect(x(a) - half[0], TOP, sum(half), y.start - TOP, "hit", f"{where}: {said}")
    _names(canvas, figure)
    return canvas.svg()


def bars(figure: Mapping[str, Any]) -> str:
    """A row of bars for each label, lying down so that long names can be read: labels [K], series {name: [K]}."""
    labels, series = [str(label) for label in figure["labels"]], _series(figure)
    ends = dict(figure.get("intervals") or {})
    thick, gap = (9.0, 9.0) if len(series) > 1 else (11.0, 7.0)
    row = thick * len(series) + gap
    left = min(150.0, 14 + 6.0 * max((len(shorten(label)) for label in labels), default=4))
    height = 10 + row * len(labels) + 30
    every = finite([*series.values(), *(pair for pairs in ends.values() for pair in pairs if pair)])
    low, high = min(0.0, float(every.min(initial=0))), max(0.0, float(every.max(initial=0))) or 1.0
    x = Scale(low, high * 1.02, left, WIDTH - 46)
    share = low >= 0 and high <= 1 and figure.get("unit", "share") == "share"
    canvas = Canvas(WIDTH, height, _described(figure, series))
    for at, label in labelled(x.low, x.high, 3, share):
        canvas.line(x(at), 6, x(at), height - 26, "rule")
        canvas.text(x(at), height - 13, label, "tick", "middle")
    for k, label in enumerate(labels):
        top = 10 + row * k
        canvas.text(left - 6, top + (row - gap) / 2 + 3.5, shorten(label), "label", "end")
        said = ", ".join(f"{name} {_shown(values[k], share)}" for name, values in series.items())
        for i, (name, values) in enumerate(series.items()):
            v, y = values[k], top + thick * i
            if v is None:
                continue
            a, b = sorted((x(0), x(v)))
            canvas.rect(a, y + 0.8, max(b - a, 0.8), thick - 1.6, f"bar {SERIES.get(name, 'o')}")
            if pair := (ends.get(name) or [None] * len(labels))[k]:
                canvas.line(x(pair[0]), y + thick / 2, x(pair[1]), y + thick / 2, "whisker")
            if len(series) <= 3 and len(labels) <= 30:
                canvas.text(max(b, x(pair[1]) if pair else b) + 4, y + thick - 1.4, _shown(v, share), "tiny")
        canvas.rect(0, top - gap / 2, WIDTH, row, "hit", f"{label}: {said}")
    canvas.line(x(0), 6, x(0), height - 26, "base")
    return canvas.svg()


def _series(figure: Mapping[str, Any]) -> dict[str, Sequence[float | None]]:
    """Real first and below the others; NaN becomes None."""
    found = {name: [None if v is None or v != v else v for v in values] for name, values in figure["series"].items()}
    order = list(SERIES)
    return dict(sorted(found.items(), key=lambda item: order.index(item[0]) if item[0] in order else len(order)))


def _canvas(figure: Mapping[str, Any], series: Mapping[str, Any]) -> Canvas:
    return Canvas(WIDTH, HEIGHT, _described(figure, series))


def _described(figure: Mapping[str, Any], series: Mapping[str, Any]) -> str:
    return f"{figure.get('title', 'Figure')}: {', '.join(series)}"


def _labels(figure: Mapping[str, Any], x: Scale) -> list[tuple[float, str]]:
    most = 3 if figure.get("x_kind") in ("date", "datetime") else 5
    found = powers(x.low, x.high, most) if x.log else ticks(x.low, x.high, most)
    return [(at, _at(figure, at)) for at in found]


def _names(canvas: Canvas, figure: Mapping[str, Any]) -> None:
    if label := figure.get("x_label"):
        canvas.text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 5, shorten(label, 52), "axis", "middle")
    if label := figure.get("y_label"):
        canvas.text(9, (TOP + HEIGHT - BOTTOM) / 2, shorten(label, 30), "axis", "middle", -90)


def _at(figure: Mapping[str, Any], x: float) -> str:
    return date(x) if figure.get("x_kind") in ("date", "datetime") else number(x)


def _share(x: float | None) -> str:
    return "–" if x is None else f"{100 * x:.1f} %"


def _shown(x: float | None, share: bool) -> str:
    return _share(x) if share else number(x)
