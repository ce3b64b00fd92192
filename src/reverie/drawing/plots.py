"""Plots of numbers: distributions, lines over x, levels side by side, and levels over time. Plain data to a Canvas.

All take "title", "x_label", "y_label" and "x_kind" ("date", "datetime" or "whole"), and {name: ...} as "series"; the names
of tables (SERIES) have their colours everywhere, others a colour by their order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from reverie.drawing.canvas import SERIES, Canvas
from reverie.drawing.names import distinct, shorten
from reverie.drawing.numbers import number
from reverie.drawing.scales import Point, Scale, clipped, finite, labelled, within

__all__ = ["KEY", "WIDTH", "bars", "classes", "dash", "histogram", "lines", "nothing", "picture", "stack"]

WIDTH, HEIGHT = 340.0, 210.0
LEFT, RIGHT, TOP, BOTTOM = 44.0, 10.0, 10.0, 38.0
KEY = 130.0
"""Room for a key at the right."""
LINE = 14.0
"""Between the lines of a caption."""
DASHES = ("", " d1", " d2", " d3")
UNEVEN = 4
"""Bins above 0 of which the widest is so many times the narrowest are drawn on a logarithmic axis, as they were made."""


def histogram(figure: Mapping[str, Any]) -> Canvas:
    """Shares of values in bins, as steps: edges [B + 1], series {name: shares [B]}."""
    edges, series = list(figure["edges"]), _series(figure)
    widths = [b - a for a, b in pairwise(edges)]
    log = edges[0] > 0 and max(widths) > UNEVEN * min(widths)
    x = _across(figure, edges, log)
    highest = float(finite(series.values()).max(initial=0.0)) or 1.0
    y = Scale(0, highest * 1.06, HEIGHT - BOTTOM, TOP, kind="share")
    canvas = _canvas(figure, series)
    canvas.axes(x, y, x.ticks(), y.ticks(4))
    for name, shares in series.items():
        steps: list[Point] = [(x(edges[0]), y(0))]
        for b, share in enumerate(shares):
            steps += [(x(edges[b]), y(share or 0)), (x(edges[b + 1]), y(share or 0))]
        steps.append((x(edges[-1]), y(0)))
        if name == "real":
            canvas.path(steps, "area r", closed=True)
        canvas.path(steps, f"stroke {SERIES.get(name, 'o')}")
    for b in range(len(edges) - 1):
        said = ", ".join(f"{name} {_share(values[b])}" for name, values in series.items())
        left, right = x(edges[b]), x(edges[b + 1])
        canvas.rect(left, TOP, right - left, y.start - TOP, "hit", f"{x.told(edges[b])} to {x.told(edges[b + 1])}: {said}")
    _names(canvas, figure)
    return canvas


def lines(figure: Mapping[str, Any]) -> Canvas:
    """y over x.

    x [N] numbers or labels, series {name: [N]}, bands {name: (low [N], high [N])}; "diagonal" for ROC curves. Or no x, and
    for each series of its own {"x", "y", and if there are: "low", "high", "threads": [(x, y), ...] drawn faintly behind it,
    "dots": (x, y) as faint points, "points": true to show each point of the line, "again": true for what is the main line
    of another panel, "as": whose colour it has}. "x_range", "y_range" cut what lies beyond; "log" and "y_kind" are of y,
    "x_log" of x; "width" is in px; "marks" [(x, y, what)] stand out, "levels" [(y, what)] are lines across; "dashed": true
    tells the series apart by dash too; "key": true names the series and marks at the right.
    """
    named = [str(v) for v in figure.get("x", ())] if any(isinstance(v, str) for v in figure.get("x", ())) else None
    series = _courses(figure, list(range(len(named))) if named else list(figure.get("x", ())))
    every = [v for one in series.values() for v in one["x"]]
    x = _across(figure, (min(every, default=0), max(every, default=1)), bool(figure.get("x_log")))
    low, high = figure.get("y_range") or _reach(figure, series)
    y = Scale(low, high, HEIGHT - BOTTOM, TOP, bool(figure.get("log")), figure.get("y_kind", ""))
    canvas = _canvas(figure, series)
    places = x.ticks()
    if named:
        step = max(1, -(-len(named) // 6))
        places = [(i, shorten(name, 9)) for i, name in enumerate(named) if i % step == 0]
    canvas.axes(x, y, places, y.ticks(5))
    if figure.get("diagonal"):
        low, high = max(x.low, y.low), min(x.high, y.high)
        canvas.line(x(low), y(low), x(high), y(high), "chance")

    for height, words in figure.get("levels", ()):
        canvas.line(x.start, y(height), x.end, y(height), "chance")
        canvas.text(x.start + 4, y(height) + 10, words, "tiny")

    def placed(xs: Sequence[Any], ys: Sequence[Any]) -> list[Point | None]:
        return [None if b is None or b != b else (x(a), y(b)) for a, b in zip(xs, ys, strict=True)]

    box = (x.start, y.end, x.end, y.start)
    css = classes(series)
    for name, one in series.items():
        for thread in one.get("threads", ()):
            canvas.path(clipped(placed(*thread), box), f"thread {css[name]}")
        for p in [p for xs, ys in one.get("threads", ()) if len(xs) == 1 for p in placed(xs, ys)] + placed(
            *one.get("dots", ((), ()))
        ):
            if p and within(p, box):
                canvas.circle(*p, 1.4, f"speck {css[name]}")
        if "low" in one:
            lower, upper = placed(one["x"], one["low"]), placed(one["x"], one["high"])
            both = [(a, b) for a, b in zip(lower, upper, strict=True) if a and b]
            outline = [a for a, _ in both] + [b for _, b in reversed(both)]
            canvas.path([(a, min(max(b, y.end), y.start)) for a, b in outline], f"band {css[name]}", closed=True)
    for name, one in series.items():
        points = placed(one["x"], one["y"])
        canvas.path(clipped(points, box), f"stroke {css[name]}{dash(figure, name)}")
        if len(points) == 1 and "low" in one and (at := points[0]):
            canvas.line(at[0], y(one["low"][0]), at[0], y(one["high"][0]), f"stroke {css[name]}")
        shown = len(points) == 1 or one.get("points") or ("x" in figure and len(points) <= 12)
        for p in points if shown else ():
            if p and within(p, box):
                canvas.circle(*p, 3.4 if one.get("points") else 2.2, f"dot {css[name]}")
    for at, height, _ in figure.get("marks", ()):
        canvas.circle(x(at), y(height), 4, "best")
    if "x" in figure:
        _tips(canvas, figure, x, y, named)
    if figure.get("key"):
        _key(
            canvas, {name: f"layer {c}" for name, c in css.items()} | {what: "best" for *_, what in figure.get("marks", ())}
        )
    _names(canvas, figure)
    return canvas


def _courses(figure: Mapping[str, Any], at: list[float]) -> dict[str, dict[str, Any]]:
    """Each series with an x of its own."""
    if "x" not in figure:
        return {name: dict(one) for name, one in _ordered(figure["series"]).items()}
    courses: dict[str, dict[str, Any]] = {name: {"x": at, "y": y} for name, y in _series(figure).items()}
    for name, (low, high) in (figure.get("bands") or {}).items():
        courses.setdefault(name, {"x": at, "y": [None] * len(at)}).update(low=low, high=high)
    return courses


def _reach(figure: Mapping[str, Any], series: Mapping[str, dict[str, Any]]) -> tuple[float, float]:
    """The ends of y where none are told."""
    rows = [one[end] for one in series.values() for end in ("y", "low", "high") if end in one]
    heights = finite([*rows, [at for at, _ in figure.get("levels", ())]])
    low, high = (float(heights.min()), float(heights.max())) if heights.size else (0.0, 1.0)
    if figure.get("log"):
        return low / 1.3, high * 1.3
    if figure.get("diagonal"):
        low, high = min(low, 0.0), max(high, 1.0)
    elif low >= 0 and low < 0.5 * high:
        low = 0.0
    room = 0.06 * ((high - low) or abs(high) or 1.0)
    return low - (room if low else 0), high + room


def _tips(canvas: Canvas, figure: Mapping[str, Any], x: Scale, y: Scale, named: list[str] | None) -> None:
    series = _series(figure)
    at = list(range(len(named))) if named else list(figure["x"])
    for i, a in enumerate(at):
        half = [(x(a) - x(at[i - 1])) / 2 if i else 4.0, (x(at[i + 1]) - x(a)) / 2 if i + 1 < len(at) else 4.0]
        said = ", ".join(f"{name} {number(values[i])}" for name, values in series.items())
        where = named[i] if named else x.told(a)
        canvas.rect(x(a) - half[0], TOP, sum(half), y.start - TOP, "hit", f"{where}: {said}")


def stack(figure: Mapping[str, Any]) -> Canvas:
    """Shares that make up a whole, one on another: edges [B + 1], series {level: shares [B], None where too few are known}.

    "key": true names the levels at the right, in the order in which they lie.
    """
    edges, series = list(figure["edges"]), dict(figure["series"])
    x = _across(figure, edges)
    edges = [min(max(edge, x.low), x.high) for edge in edges]
    y = Scale(0, 1, HEIGHT - BOTTOM, TOP, kind="share")
    canvas = _canvas(figure, series)
    css = classes(series)
    below = [0.0] * (len(edges) - 1)
    for name, shares in series.items():
        for b, share in enumerate(shares):
            if share:
                top, width = y(min(below[b] + share, 1.0)), x(edges[b + 1]) - x(edges[b])
                said = f"{x.told(edges[b])} to {x.told(edges[b + 1])}: {name} {_share(share)}"
                canvas.rect(x(edges[b]), top, width, y(below[b]) - top, f"layer {css[name]}", said)
                below[b] += share
    canvas.axes(x, y, x.ticks(), [(0, "0 %"), (0.5, "50 %"), (1, "100 %")])
    if figure.get("key"):
        _key(canvas, {name: f"layer {c}" for name, c in reversed(css.items())})
    _names(canvas, figure)
    return canvas


def nothing(figure: Mapping[str, Any]) -> Canvas:
    """No plot, and in its place why: "why"."""
    canvas = Canvas(WIDTH, HEIGHT, str(figure.get("title", "")))
    canvas.text(WIDTH / 2, HEIGHT / 2 - BOTTOM / 2, str(figure["why"]), "axis", "middle")
    return canvas


def picture(figure: Mapping[str, Any]) -> Canvas:
    """A picture: pixels uint8 [H, W, 1 or 3], "width" px wide unless it is very tall, "caption" [text] below it."""
    (tall, wide), width = figure["pixels"].shape[:2], float(figure["width"])
    scale = min(width / wide, 2 * width / tall)
    canvas = Canvas(width, scale * tall + LINE * len(figure["caption"]) + 4, str(figure.get("title", "")))
    canvas.image((width - scale * wide) / 2, 0, scale * wide, scale * tall, figure["pixels"])
    for i, line in enumerate(figure["caption"]):
        canvas.text(width / 2, scale * tall + LINE * (i + 1), line, "tick", "middle")
    return canvas


def bars(figure: Mapping[str, Any]) -> Canvas:
    """A row of bars for each label, lying down so that long names can be read: labels [K], series {name: [K]}.

    "dense": true draws many labels small, without their numbers.
    """
    labels, series = [str(label) for label in figure["labels"]], _series(figure)
    shown = distinct(labels, 22)
    ends = dict(figure.get("intervals") or {})
    thick, gap = (9.0, 9.0) if len(series) > 1 else (11.0, 7.0)
    dense = bool(figure.get("dense")) and len(labels) > 12
    thick, gap = (4.0, 3.0) if dense else (thick, gap)
    row = thick * len(series) + gap
    left = min(150.0, 14 + 6.0 * max(map(len, shown), default=4))
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
        canvas.text(left - 6, top + (row - gap) / 2 + 3.5, shown[k], "label", "end")
        said = ", ".join(f"{name} {_shown(values[k], share)}" for name, values in series.items())
        for i, (name, values) in enumerate(series.items()):
            v, y = values[k], top + thick * i
            if v is None:
                continue
            a, b = sorted((x(0), x(v)))
            canvas.rect(a, y + 0.09 * thick, max(b - a, 0.8), 0.82 * thick, f"bar {SERIES.get(name, 'o')}")
            if pair := (ends.get(name) or [None] * len(labels))[k]:
                canvas.line(x(pair[0]), y + thick / 2, x(pair[1]), y + thick / 2, "whisker")
            if len(series) <= 3 and len(labels) <= 30 and not dense:
                canvas.text(max(b, x(pair[1]) if pair else b) + 4, y + thick - 1.4, _shown(v, share), "tiny")
        canvas.rect(0, top - gap / 2, WIDTH, row, "hit", f"{label}: {said}")
    canvas.line(x(0), 6, x(0), height - 26, "base")
    return canvas


def _series(figure: Mapping[str, Any]) -> dict[str, Sequence[float | None]]:
    """Real first and below the others; NaN becomes None."""
    return _ordered(
        {name: [None if v is None or v != v else v for v in values] for name, values in figure["series"].items()}
    )


def _ordered(series: Mapping[str, Any]) -> dict[str, Any]:
    order = list(SERIES)
    return dict(sorted(series.items(), key=lambda item: order.index(item[0]) if item[0] in order else len(order)))


def classes(series: Mapping[str, Any]) -> dict[str, str]:
    """The class of each series: of a table that of its name, of others a colour by their order, grey for "others (n)"."""
    free = iter(("c0", "c1", "c2", "c3", "c4", "c5", "c6"))
    css = {}
    for name, one in series.items():
        table = one.get("as", name) if isinstance(one, Mapping) else name
        css[name] = SERIES.get(table) or ("o" if name.startswith("others (") else next(free, "c7"))
    return css


def dash(figure: Mapping[str, Any], name: str) -> str:
    """The class of the dash of a line, with a space before it; "" for a whole line."""
    one, place = figure["series"].get(name), list(figure["series"]).index(name) if name in figure["series"] else 0
    return " again" if isinstance(one, Mapping) and one.get("again") else DASHES[place % 4] if figure.get("dashed") else ""


def _key(canvas: Canvas, css: Mapping[str, str]) -> None:
    """What the colours mean, at the right of the plot."""
    for i, (kind, name) in enumerate(zip(css.values(), distinct(list(css), 20), strict=True)):
        canvas.rect(WIDTH + 2, TOP + 14 * i + 4, 9, 9, kind)
        canvas.text(WIDTH + 16, TOP + 14 * i + 12, name, "tick")


def _wide(figure: Mapping[str, Any]) -> float:
    return float(figure.get("width", WIDTH))


def _canvas(figure: Mapping[str, Any], series: Mapping[str, Any]) -> Canvas:
    return Canvas(_wide(figure) + (KEY if figure.get("key") else 0), HEIGHT, _described(figure, series))


def _across(figure: Mapping[str, Any], ends: Sequence[float], log: bool = False) -> Scale:
    """The axis of x, from the first of the ends to the last, or of the figure's "x_range"."""
    ends_ = figure.get("x_range") or ends
    return Scale(ends_[0], ends_[-1], LEFT, _wide(figure) - RIGHT, log, figure.get("x_kind", ""))


def _described(figure: Mapping[str, Any], series: Mapping[str, Any]) -> str:
    return f"{figure.get('title', 'Figure')}: {', '.join(series)}"


def _names(canvas: Canvas, figure: Mapping[str, Any]) -> None:
    if label := figure.get("x_label"):
        canvas.text((LEFT + _wide(figure) - RIGHT) / 2, HEIGHT - 5, shorten(label, 52), "axis", "middle")
    if label := figure.get("y_label"):
        canvas.text(9, (TOP + HEIGHT - BOTTOM) / 2, shorten(label, 30), "axis", "middle", -90)


def _share(x: float | None) -> str:
    return "–" if x is None else f"{100 * x:.1f} %"


def _shown(x: float | None, share: bool) -> str:
    return _share(x) if share else number(x)
