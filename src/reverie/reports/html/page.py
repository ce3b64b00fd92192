"""The report as one file: style, script, drawings and numbers inside it, and nothing that it would ask of a network.

A content security policy in the page's head makes that a promise which the browser keeps: no request of any kind, no script
but the one whose hash it names. Names of columns and levels come from a stranger's table, so every text is escaped.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Sequence
from html import escape
from importlib.resources import files

from reverie.evaluation.measure import FAULT, LOOK, Measure, Section, worst
from reverie.reports.html.figures import figures
from reverie.reports.html.measures import MARKS, anchor, chip, measures, tally
from reverie.reports.html.strip import strip
from reverie.reports.verdict import KINDS, Kind, Verdict

__all__ = ["AREAS", "page", "report_page"]

AREAS = {
    "logic": ("Are they possible?", "Logic: what every real patient obeys, and what no patient can have."),
    "fidelity": (
        "Are they realistic?",
        "Fidelity: how near synthetic patients come to real ones, one column at a time, in pairs, over time, in subgroups "
        "and all at once.",
    ),
    "use": (
        "Are they useful?",
        "Use: what an analysis, a prediction or a comparison of treatments comes to when it is done on synthetic patients, "
        "beside the same on real ones.",
    ),
    "privacy": (
        "Are they private?",
        "Privacy, as attacks with outcomes: what someone who holds the synthetic patients (or the model) finds out about "
        "the people it was trained on, beside what they find out about people it never saw. An attack that fails is no "
        "proof; one that succeeds is.",
    ),
    "pictures": (
        "Are they good pictures?",
        "How near synthetic pictures come to those of the source, how varied they are, and whether they are copies.",
    ),
}
CARDS: dict[Kind, tuple[str, str]] = {
    "good": ("good", "Nothing here was found to hold up."),
    "not": ("not", "Nothing that was judged failed."),
    "look": ("see", "Nothing else stands out."),
    "open": ("open", "On everything that is measured here something is said."),
}
"""The style of each kind of sentence, and what stands where there are none."""


def report_page(
    title: str, about: str, verdict: Verdict, sections: Sequence[Section], cautions: Sequence[str], card: str
) -> str:
    """The page of one report."""
    areas: dict[str, list[Section]] = {}
    for section in sections:
        areas.setdefault(section.name.split(".")[0], []).append(section)
    titles = {m.name: m.title for section in sections for m in section.measures}
    body = [
        _verdict(verdict, titles, cautions),
        _reading("privacy" in areas or "use" in areas or "fidelity" in areas),
        _overview(areas),
    ]
    contents = [("verdict", "In plain words", ""), ("reading", "How to read it", ""), ("overview", "All parts", "")]
    entries = [f'<li><a href="#{place}">{escape(name)}</a></li>' for place, name, _ in contents]
    for area, parts in areas.items():
        name, intro = AREAS.get(area, (area.title(), ""))
        body.append(f'<h2 id="{escape(area)}">{escape(name)}</h2><p>{escape(intro)}</p>')
        body += [_section(part) for part in parts]
        inner = "".join(f'<li><a href="#{escape(part.name)}">{escape(part.title)}</a>{_sign(part)}</li>' for part in parts)
        entries.append(f'<li><a href="#{escape(area)}">{escape(name)}</a><ol>{inner}</ol></li>')
    body.append(f'<h2 id="card">Model card</h2><pre class="card">{escape(card)}</pre>')
    entries.append('<li><a href="#card">Model card</a></li>')
    return page(title, about, "".join(entries), "".join(body), ("real", "synthetic", "held-out"))


def page(title: str, about: str, entries: str, body: str, keys: Iterable[str] = ()) -> str:
    """The frame around any body: head, table of contents, key of the tables, script."""
    look = files("reverie.drawing").joinpath("look.css").read_text()
    style, script = (files("reverie.reports.html").joinpath(name).read_text() for name in ("style.css", "script.js"))
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'unsafe-inline'; img-src data:; script-src 'sha256-{digest}'; base-uri 'none'"
    boxes = "".join(
        f'<label><input type="checkbox" value="{name[0]}" checked>'
        f'<span><span class="key {name[0]}"></span>{name}</span></label>'
        for name in keys
    )
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<link rel="icon" href="data:,">
<title>{escape(title)}</title>
<style>{look}{style}</style></head>
<body><div class="layout">
<nav class="contents" aria-label="Contents"><details open><summary>Contents</summary><ol>{entries}</ol></details></nav>
<main><header class="top"><h1>{escape(title)}</h1><p class="about">{escape(about)}</p></header>
<div class="tools">{boxes}<button type="button" aria-label="light or dark" title="light or dark">◐</button></div>
{body}
<footer>Made by Reverie. This file holds all of it and asks nothing of any network.</footer></main></div>
<div id="tip" role="status"></div>
<script>{script}</script></body></html>
"""


def _verdict(verdict: Verdict, titles: dict[str, str], cautions: Sequence[str]) -> str:
    cards = []
    for kind, (css, none) in CARDS.items():
        told = [f"<li>{escape(s.text)}{_basis(s.measures, titles)}</li>" for s in verdict.of(kind)]
        told += [f"<li>{escape(text)}</li>" for text in cautions] if kind == "look" else []
        css += " many" if len(told) > 4 else ""
        cards.append(f'<div class="{css}"><h3>{KINDS[kind]}</h3><ul>{"".join(told or [f"<li>{none}</li>"])}</ul></div>')
    return (
        f'<h2 id="verdict" class="first">In plain words</h2><p class="headline">{escape(verdict.headline)}</p>'
        f'<div class="verdicts">{"".join(cards)}</div>'
    )


def _basis(names: Sequence[str], titles: dict[str, str]) -> str:
    """Links to the measures that a sentence was derived from, where they were not fine."""
    links = ", ".join(f'<a href="#{anchor(name)}">{escape(titles[name])}</a>' for name in names[:2])
    more = f" and {len(names) - 2} more" if len(names) > 2 else ""
    return f'<span class="basis">see {links}{more}</span>' if links else ""


def _reading(patients: bool) -> str:
    who, whom, part = ("patients", "people", "column") if patients else ("pictures", "pictures", "pixel")
    example = Measure(
        "", "", 0.14, 200, ceiling=0.06, ceiling_deviation=0.015, floor=0.31, ideal=0.0, interval=(0.11, 0.17), unit=""
    )
    marks = " ".join(chip(verdict) for verdict in MARKS)
    return f"""<h2 id="reading">How to read it</h2><div class="reading">
<p>Every score stands beside two others. <b>Held-out</b> (the ceiling, green): real {whom} scored as if they were
synthetic; nothing can be asked to do better. <b>Shuffled</b> (the floor, a square): real {whom} with every {part}
shuffled by itself, so that all that goes together is lost.</p>
<p>On a strip the <b>dot</b> is the score of the synthetic {who} with its 95 % interval, the <b>green band</b> the
ceiling with two of its deviations, the <b>square</b> the floor, the <b>caret</b> the ideal. A dot near the band is
good; a dot near the square has lost what was to be kept. {strip(example)} (an example)</p>
<p>{marks}<br>A fault is worse than the ceiling by more than {FAULT:g} deviations and by more than what matters to a
reader; a look is worse by {LOOK:g}, and by half of that. What real {who} cannot reach is never blamed on synthetic
ones. Measures without a reference are not judged.</p>
<p><b>Sees</b> is the smallest difference from the ceiling that is sure to be flagged (in 98 of 100 samples), <b>power</b>
how many times that a plainly wrong table lies away. With a power of 1 or less such {who} would pass as well, and what
looks fine is not judged. The fewer {who}, the less is seen.</p>
<p><b>n</b> is how many {who} {"or visits " if patients else ""}a number rests on. Point at a drawing for its values;
the boxes at the top hide and show tables in all drawings. The same numbers are in report.json.</p></div>"""


def _overview(areas: dict[str, list[Section]]) -> str:
    rows = []
    for area, parts in areas.items():
        name = AREAS.get(area, (area.title(), ""))[0]
        rows.append(f'<tr class="area"><th colspan="2" scope="rowgroup"><b>{escape(name)}</b></th></tr>')
        for part in parts:
            link = f'<a href="#{escape(part.name)}">{escape(part.title)}</a>'
            rows.append(f'<tr><th scope="row">{link}</th><td>{tally(part.measures) or "not judged"}</td></tr>')
    return f'<h2 id="overview" class="first">All parts</h2><table class="overview">{"".join(rows)}</table>'


def _section(section: Section) -> str:
    told = "".join(f"<li>{escape(note)}</li>" for note in section.notes)
    notes = f'<ul class="notes">{told}</ul>' if told else ""
    return (
        f'<section><h3 id="{escape(section.name)}">{escape(section.title)}</h3><p>{escape(section.intro)}</p>'
        f"{measures(section.measures)}{figures(section.figures)}"
        f"{notes}</section>"
    )


def _sign(section: Section) -> str:
    grave = worst(section.measures)
    sign, word = MARKS[grave]
    return f'<span class="sign {grave}" title="{word}">{sign}</span>' if grave in ("look", "fault") else ""
