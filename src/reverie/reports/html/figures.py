"""A section's figures, drawn from its plain data.

{"kind": "histogram" | "bars" | "lines" | "matrix" | "intervals" | "table", "title": ..., "note": ..., ...}
{"kind": "panels", "title": ..., "panels": [figure, ...]}

What each kind takes is told by its function (plots.py, matrices.py). Data of no such kind is not drawn; it is in the JSON.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

from reverie.reports.html import gallery, matrices, plots
from reverie.reports.html.numbers import value
from reverie.reports.html.svg import SERIES

__all__ = ["figures"]

KINDS = {
    "histogram": plots.histogram,
    "bars": plots.bars,
    "lines": plots.lines,
    "matrix": matrices.matrix,
    "intervals": matrices.intervals,
    "table": matrices.table,
    "pictures": gallery.pictures,
}
SMALL = ("histogram", "bars", "lines")
SHOWN = 12
"""Panels of one figure that are open at once; the others are folded away, and unfold in print."""


def figures(data: Mapping[str, Any]) -> str:
    """All figures of a section; small ones that follow each other stand side by side."""
    found, small = [], []
    for figure in _each(data.values()):
        if figure["kind"] in SMALL:
            small.append(figure)
            continue
        found += [_row(small), _one(figure)]
        small = []
    return "".join([*found, _row(small)])


def _each(data: Any) -> Iterator[Mapping[str, Any]]:
    for entry in data:
        if isinstance(entry, list):
            yield from _each(entry)
        elif isinstance(entry, Mapping) and (entry.get("kind") in KINDS or entry.get("kind") == "panels"):
            yield entry


def _one(figure: Mapping[str, Any]) -> str:
    if figure["kind"] == "panels":
        inner = list(_each(figure["panels"]))
        alike = all(panel["kind"] in SMALL for panel in inner)
        drawn = _row(inner) if alike else "".join(_one(panel) for panel in inner)
        return f"<h4>{_title(figure)}</h4>{_note(figure)}{drawn}"
    kind = figure["kind"]
    keys = "" if kind == "matrix" else _legend([figure])  # matrices have a panel for each table, named above it
    return (
        f'<figure class="large"><figcaption>{_title(figure)}</figcaption>{keys}{KINDS[kind](figure)}{_note(figure)}</figure>'
    )


def _row(small: list[Mapping[str, Any]]) -> str:
    """Small figures side by side, under one key; a note that all of them share is said once."""
    if not small:
        return ""
    notes = {str(figure.get("note", "")) for figure in small}
    shared = _note(small[0]) if len(notes) == 1 else ""
    drawn = [_small(figure, not shared) for figure in small]
    shown, more = drawn[:SHOWN], drawn[SHOWN:]
    rest = f"<details><summary>{len(more)} more</summary><div class='panels'>{''.join(more)}</div></details>" if more else ""
    return f'{shared}{_legend(small)}<div class="panels">{"".join(shown)}</div>{rest}'


def _small(figure: Mapping[str, Any], noted: bool) -> str:
    drawn = KINDS[figure["kind"]](figure)
    below = _missing(figure) + (_note(figure) if noted else "")
    return f'<figure class="panel"><figcaption>{_title(figure)}</figcaption>{drawn}{below}</figure>'


def _missing(figure: Mapping[str, Any]) -> str:
    """Shares of missing values, where any is missing."""
    shares = figure.get("missing") or {}
    if not any(shares.values()):
        return ""
    told = ", ".join(f"{name} {value(share, 'share')}" for name, share in shares.items())
    return f'<p class="note">missing: {escape(told)}</p>'


def _title(figure: Mapping[str, Any]) -> str:
    return escape(str(figure.get("title", "")))


def _note(figure: Mapping[str, Any]) -> str:
    return f'<p class="note">{escape(str(figure["note"]))}</p>' if figure.get("note") else ""


def _legend(inner: list[Mapping[str, Any]]) -> str:
    """The tables drawn, where the figure stands far from the key of the page (in print, on paper)."""
    names = dict.fromkeys(name for figure in inner for name in figure.get("series", {}) if name in SERIES)
    keys = "".join(f'<span class="{SERIES[name]}"><span class="key {SERIES[name]}"></span>{name}</span>' for name in names)
    return f'<p class="keys">{keys}</p>' if keys else ""
