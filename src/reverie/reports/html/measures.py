"""The measures of a section as a table that explains itself: each with its sentence, its references and its verdict."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from reverie.drawing.numbers import count, interval, named, number, value
from reverie.evaluation.measure import Measure, Verdict
from reverie.reports.html.strip import strip

__all__ = ["MARKS", "anchor", "chip", "measures", "tally"]

MARKS: dict[Verdict, tuple[str, str]] = {
    "fine": ("✓", "fine"),
    "look": ("!", "look"),
    "fault": ("✕", "fault"),
    "unknown": ("?", "not judged"),
}
SHOWN = 14
"""A longer table shows what is flagged and the first few; the rest is folded away, and unfolds in print."""
FIRST = 8

HEAD = """<thead><tr><th scope="col">measure</th><th scope="col" class="n">synthetic</th>
<th scope="col" class="strips"><span class="screen-only">floor · value · ceiling</span></th>
<th scope="col" class="n">held-out</th><th scope="col" class="n">shuffled</th>
<th scope="col" class="n">n</th></tr></thead>"""


def measures(found: Sequence[Measure]) -> str:
    """One table; a long one in two parts."""
    if not found:
        return ""
    if len(found) <= SHOWN:
        return _table(found)
    first = {m.name for m in found[:FIRST]}
    shown = [m for m in found if m.name in first or m.verdict in ("look", "fault")]
    rest = [m for m in found if m not in shown]
    folded = f"<details><summary>{len(rest)} more measures, none of them flagged</summary>{_table(rest)}</details>"
    return _table(shown) + (folded if rest else "")


def chip(verdict: Verdict) -> str:
    """The verdict as a sign and a word: it does not rest on colour."""
    sign, word = MARKS[verdict]
    return f'<span class="chip {verdict}"><b>{sign}</b> {word}</span>'


def tally(found: Sequence[Measure]) -> str:
    """How many of each verdict, gravest first; what is none is left out."""
    parts = []
    for verdict in ("fault", "look", "fine", "unknown"):
        if n := sum(m.verdict == verdict for m in found):
            sign, word = MARKS[verdict]
            parts.append(f'<span class="chip {verdict}"><b>{sign}</b> {n} {word}</span>')
    return " ".join(parts)


def anchor(name: str) -> str:
    """The id of a measure's row."""
    return "m-" + "".join(c if c.isascii() and (c.isalnum() or c in "._-") else f"_{ord(c):x}" for c in name)


def _table(found: Sequence[Measure]) -> str:
    alike: dict[str, list[Measure]] = {}  # what is one measure of many columns is explained once, and can be compared
    for m in found:
        alike.setdefault(m.how, []).append(m)
    bodies = []
    for how, members in alike.items():
        shared = bool(how) and len(members) > 1
        head = f'<tr class="how"><td colspan="6">{escape(how)}</td></tr>' if shared else ""
        bodies.append(f"<tbody>{head}{''.join(_row(m, not shared) for m in members)}</tbody>")
    return f'<table class="measures">{HEAD}{"".join(bodies)}</table>'


def _row(m: Measure, explain: bool) -> str:
    told = f'<p class="how">{escape(m.how)}</p>' if explain and m.how else ""
    why = f'<p class="why">{escape(m.why)}</p>' if m.why else ""
    around = interval(m.interval, m.unit) or (f"± {value(m.deviation, m.unit)}" if m.deviation else "")
    beside = "".join(f"<small>{escape(text)}</small>" for text in (named(m.unit), around) if text and m.value is not None)
    spread = f"<small>± {value(m.ceiling_deviation, m.unit)}</small>" if m.ceiling_deviation else ""
    spread += f"<small>sees {value(m.detects, m.unit)}</small>" if m.detects is not None else ""
    power = f"<small>power {number(m.power)}</small>" if m.power is not None else ""
    return (
        f'<tr id="{anchor(m.name)}" data-name="{escape(m.name)}" class="{m.verdict}">'
        f'<th scope="row">{chip(m.verdict)} <span class="title">{escape(m.title)}</span>{told}{why}</th>'
        f'<td class="n value" data-label="synthetic">{value(m.value, m.unit)}{beside}</td>'
        f'<td class="strips">{strip(m)}</td>'
        f'<td class="n" data-label="held-out">{value(m.ceiling, m.unit)}{spread}</td>'
        f'<td class="n" data-label="shuffled">{value(m.floor, m.unit)}{power}</td>'
        f'<td class="n" data-label="n">{count(m.n)}</td></tr>'
    )
