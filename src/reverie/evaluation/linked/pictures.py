"""The figures of linked tables as plain data: where people would rather look than read."""

from __future__ import annotations

from typing import Any

import numpy as np

from reverie.evaluation.figures.histograms import distribution
from reverie.evaluation.linked.lived import Key, Named
from reverie.evaluation.linked.sides import Sides
from reverie.records.kinds import Column

__all__ = ["codes_figures", "ties_figures", "times_figures"]

CODES = 12
"""Codes of a table that are drawn, the commonest of the real ones."""
TESTS = 9
"""Tests of a table whose values are drawn."""
FEWEST = 50
"""Real values of which a distribution is drawn."""
DAYS = ((1 / 48, 1440.0, "minutes"), (3.0, 24.0, "hours"), (1500.0, 1.0, "days"), (np.inf, 1 / 365.25, "years"))
"""Up to which median, in days, a time is told in which unit."""


def ties_figures(sides: Sides) -> dict[str, Any]:
    """How many rows refer to each row, and since when it lasts."""
    counts = [
        _spread(sides, key, f"{key[1]} for each of {key[2]}", "rows", "integer")
        for key in _keys(sides, "children")
    ]  # fmt: skip
    delays = [_time(sides, key, f"{key[1]} since {key[2]} began") for key in _keys(sides, "delay")]
    note = "Share of the rows of the other table by how many refer to each."
    since = "Of rows that nothing ties to a stay: the last that began."
    return {
        "children": _panels("How many rows for each row", note, counts),
        "delays": _panels("When, since the row they lie in began", since, delays),
    }


def times_figures(sides: Sides) -> dict[str, Any]:
    """Gaps, durations and hours of the day; which table follows on which."""
    gaps = [_time(sides, key, key[1]) for key in _keys(sides, "gap")]
    lengths = [_time(sides, key, key[1]) for key in _keys(sides, "duration")]
    hours = [_spread(sides, key, key[1], "hour", "real") for key in _keys(sides, "hour")]
    figures = {
        "gaps": _panels("From one moment to the next", "Times between moments of one patient.", gaps),
        "durations": _panels("From start to end", "How long each row lasts.", lengths),
        "hours": _panels("At what time of the day", "Hours since midnight.", hours),
    }
    if ("order",) in sides.lived["real"]:
        names = [lane.name for lane in sides.plan.clocked]
        figures["order"] = {
            "kind": "matrix",
            "title": "Which table follows on which",
            "note": "Each row: of all rows of one table, which table the patient's next row is of.",
            "labels": names,
            "series": {name: _following(lived["order",], len(names)) for name, lived in sides.lived.items()},
            "range": [0, 1],
        }
    return figures


def codes_figures(sides: Sides) -> dict[str, Any]:
    """How common the commonest codes are, and the values of the commonest tests."""
    shares, values = [], []
    for lane in sides.plan.coded:
        key = ("code", lane.name)
        labels = list(lane.levels[:CODES])
        series = {name: _shares(lived[key])[: len(labels)] for name, lived in sides.lived.items()}
        many = len(lane.levels)
        title = lane.name if many <= CODES else f"{lane.name}, the first {CODES} of {many:,}"
        shares.append({"kind": "bars", "title": title, "labels": [*map(lane.called, labels)], "series": series})
    for key in _keys(sides, "value"):
        lane = sides.plan[key[1]]
        if key[2] in lane.levels[:TESTS]:
            values.append(_spread(sides, key, lane.called(key[2]), lane.name, "real"))
    return {
        "codes": _panels("How common the commonest codes are", "Share of the rows of each table.", shares),
        "values": _panels("Values by test", "The commonest tests.", values),
    }


def _keys(sides: Sides, what: str) -> list[Key]:
    """Those of a kind of which real patients have enough to be drawn, and that vary."""
    real = sides.lived["real"].items()
    return [key for key, of in real if key[0] == what and len(of.values) >= FEWEST and np.ptp(of.values) > 0]


def _panels(title: str, note: str, panels: list[dict[str, Any]]) -> dict[str, Any]:
    drawn = [panel for panel in panels if panel and panel["kind"] != "nothing"]
    return {"kind": "panels", "title": title, "note": note, "panels": drawn} if drawn else {}


def _spread(sides: Sides, key: Key, title: str, label: str, kind: str, scale: float = 1.0) -> dict[str, Any]:
    samples = {name: lived[key].values * scale for name, lived in sides.lived.items()}
    samples = {name: values for name, values in samples.items() if len(values) or name == "real"}
    unit = {"unit": 1.0} if kind == "integer" else {}
    column = Column.model_validate({"name": label, "role": "static", "kind": kind, **unit})
    return distribution(samples, column) | {"title": title, "x_label": label}


def _time(sides: Sides, key: Key, title: str) -> dict[str, Any]:
    """Times in the unit in which people say them."""
    values = np.abs(sides.lived["real"][key].values)
    middle = float(np.median(values[values > 0])) if (values > 0).any() else 0.0
    scale, unit = next((scale, unit) for most, scale, unit in DAYS if middle <= most)
    return _spread(sides, key, title, unit, "real", scale)


def _shares(sample: Any) -> list[float]:
    counts = np.bincount(sample.values, minlength=sample.size)
    return (counts / max(counts.sum(), 1)).tolist()


def _following(sample: Any, count: int) -> list[list[float | None]]:
    assert isinstance(sample, Named)
    table = np.bincount(sample.values, minlength=sample.size).reshape(count, count).astype(float)
    rows = table.sum(axis=1, keepdims=True)
    return [[float(v) for v in row / total] if total else [None] * count for row, (total,) in zip(table, rows, strict=True)]
