"""A section's figures in the page: drawn by `reverie.drawing` from plain data, set side by side by the browser.

Two kinds more than drawings have: "table" (columns [C], rows [[cell] * C]) and "pictures" (gallery.py). Data of no known
kind is not drawn; it is in the JSON.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

from reverie.drawing import PLOTS, SERIES, limits, matrices
from reverie.drawing.numbers import number, value
from reverie.reports.html.gallery import pictures

__all__ = ["figures"]

SMALL = ("histogram", "bars", "lines", "stack")
SHOWN = 12
"""Panels of one figure that are open at once; the others are folded away, and unfold in print."""


ROWS = 10
"""Rows of a table that are open at once."""


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
        elif isinstance(entry, Mapping) and entry.get("kind") in (*PLOTS, *HTML, "panels"):
            yield entry


def _one(figure: Mapping[str, Any]) -> str:
    if figure["kind"] == "panels":
        inner = list(_each(figure["panels"]))
        alike = all(panel["kind"] in SMALL for panel in inner)
        drawn = _row(inner) if alike else "".join(_one(panel) for panel in inner)
        return f"<h4>{_title(figure)}</h4>{_note(figure)}{drawn}"
    kind = figure["kind"]
    drawn = HTML[kind](figure) if kind in HTML else PLOTS[kind](figure).svg("plot wide")
    keys = "" if kind == "matrix" else _legend([figure])  # matrices have a panel for each table, named above it
    return f'<figure class="large"><figcaption>{_title(figure)}</figcaption>{keys}{drawn}{_note(figure)}</figure>'


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
    drawn = PLOTS[figure["kind"]](figure).svg()
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
    found = {name for figure in inner for name in figure.get("series", {})}
    names = [name for name in SERIES if name in found]
    keys = "".join(f'<span class="{SERIES[name]}"><span class="key {SERIES[name]}"></span>{name}</span>' for name in names)
    return f'<p class="keys">{keys}</p>' if keys else ""


def _matrix(figure: Mapping[str, Any]) -> str:
    """The matrices of all tables, and what their colours mean."""
    low, centre, high = limits(figure)
    drawn = "".join(
        f'<figure class="panel"><figcaption>{_key(name)}</figcaption>{canvas.svg("plot natural")}</figure>'
        for name, canvas in matrices(figure).items()
    )
    cold = f'<span class="swatch cold"></span> {number(low)} ' if low < centre else ""
    scale = f'{cold}<span class="swatch pale"></span> {number(centre)} <span class="swatch hot"></span> {number(high)}'
    return f'<div class="panels three">{drawn}</div><p class="note">Colour: {scale}.</p>'


def _key(name: str) -> str:
    css = SERIES.get(name)
    return f'<span class="key {css}"></span>{escape(name)}' if css else escape(name)


def _table(figure: Mapping[str, Any]) -> str:
    """A long table is folded after its first rows."""
    head = "".join(f'<th scope="col">{escape(str(column))}</th>' for column in figure["columns"])
    rows = ["<tr>" + "".join(f"<td>{_cell(cell)}</td>" for cell in row) + "</tr>" for row in figure["rows"]]

    def framed(some: list[str]) -> str:
        table = f'<table class="small"><thead><tr>{head}</tr></thead><tbody>{"".join(some)}</tbody></table>'
        return f'<div class="scroll">{table}</div>'

    more = rows[ROWS:]
    rest = f"<details><summary>{len(more)} more rows</summary>{framed(more)}</details>" if more else ""
    return framed(rows[:ROWS]) + rest


def _cell(cell: Any) -> str:
    return number(cell) if isinstance(cell, float) else f"{cell:,}" if type(cell) is int else escape(str(cell))


HTML = {"matrix": _matrix, "table": _table, "pictures": pictures}
"""What the page makes of kinds that are no drawing, or several."""
