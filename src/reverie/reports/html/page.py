"""The report as one file: style, script, drawings and numbers inside it, and nothing that it would ask of a network.

A content security policy in the page's head makes that a promise which the browser keeps: no request of any kind, no script
but the one whose hash it names. Names of columns and levels come from a stranger's table, so the templates (*.html.j2)
escape every text; only our own style, script and drawings go in as they are.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from reverie.drawing import SERIES, data_url, limits, matrices
from reverie.drawing.numbers import count, interval, named, number, value
from reverie.evaluation.measure import FAIL, WARN, Measure, Section, worst
from reverie.evaluation.measure import Verdict as Judgement
from reverie.reports.html import figures
from reverie.reports.html.strip import strip
from reverie.reports.verdict import KINDS, Kind, Verdict

__all__ = ["page", "report_page"]

AREAS = {
    "logic": ("Are they possible?", "Logic: what every real patient obeys, and what no patient can have."),
    "linked": (
        "Do the tables go together?",
        "Across tables: how many rows refer to one, when they come, which codes go together and follow on each other, and "
        "whole patients over all tables at once.",
    ),
    "tables": (
        "Is each table realistic by itself?",
        "Each table as a table of its own: the patient is the patient, the time that of the row or of its parent.",
    ),
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
MARKS: dict[Judgement, tuple[str, str]] = {
    "fine": ("✓", "fine"),
    "look": ("!", "look"),
    "fault": ("✕", "fault"),
    "unknown": ("?", "not judged"),
}
EXAMPLE = Measure("", "", 0.14, 200, ceiling=0.06, ceiling_deviation=0.015, floor=0.31, ideal=0.0, interval=(0.11, 0.17))
PEOPLE = {"who": "patients", "whom": "people", "piece": "column"}
PICTURES = {"who": "pictures", "whom": "pictures", "piece": "pixel"}
SHOWN, FIRST = 14, 8
"""A longer table of measures shows what is flagged and the first few."""


def report_page(
    title: str, about: str, verdict: Verdict, sections: Sequence[Section], cautions: Sequence[str], card: str
) -> str:
    """The page of one report."""
    areas: dict[str, tuple[str, str, list[Section]]] = {}
    for section in sections:
        area = section.name.split(".")[0]
        areas.setdefault(area, (*AREAS.get(area, (area.title(), "")), []))[2].append(section)
    return page(
        "report.html.j2",
        title,
        about,
        keys=("real", "synthetic", "held-out"),
        verdict=verdict,
        cautions=cautions,
        areas=areas,
        titles={m.name: m.title for section in sections for m in section.measures},
        card=card,
        **(PICTURES if set(areas) <= {"logic", "pictures"} else PEOPLE),
    )


def page(template: str, title: str, about: str, keys: Sequence[str] = (), **content: Any) -> str:
    """A page by its template: one file that needs no other. `keys` names the tables that can be hidden in drawings."""
    look = files("reverie.drawing").joinpath("look.css").read_text()
    style, script = (files("reverie.reports.html").joinpath(name).read_text() for name in ("style.css", "script.js"))
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'unsafe-inline'; img-src data:; script-src 'sha256-{digest}'; base-uri 'none'"
    ours = {"policy": Markup(policy), "style": Markup(look + style), "script": Markup(script)}
    return _templates().get_template(template).render(title=title, about=about, keys=keys, **ours, **content)


@cache
def _templates() -> Environment:
    """The templates, every text of which is escaped and every name of which must be known."""
    templates = Environment(
        loader=PackageLoader("reverie.reports", "html"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    templates.filters |= {f.__name__: f for f in (anchor, cell, count, interval, named, number, value)}
    templates.globals |= {f.__name__: f for f in (alike, data_url, folded, limits, matrices, strip, worst)}
    templates.globals |= {name: getattr(figures, name) for name in figures.__all__}
    templates.globals |= {"MARKS": MARKS, "SERIES": SERIES, "cards": CARDS, "kinds": KINDS, "example": EXAMPLE}
    templates.globals |= {"warn": f"{WARN:g}", "fail": f"{FAIL:g}"}
    return templates


def anchor(name: str) -> str:
    """The id of a measure's row."""
    return "m-" + "".join(c if c.isascii() and (c.isalnum() or c in "._-") else f"_{ord(c):x}" for c in name)


def cell(content: Any) -> str:
    """A cell of a table of any content."""
    return number(content) if isinstance(content, float) else count(content) if type(content) is int else str(content)


def alike(measures: Sequence[Measure]) -> dict[str, list[Measure]]:
    """By their sentence, those of one."""
    by_sentence: dict[str, list[Measure]] = {}
    for m in measures:
        by_sentence.setdefault(m.how, []).append(m)
    return by_sentence


def folded(measures: Sequence[Measure]) -> tuple[list[Measure], list[Measure]]:
    """Those that are shown at once, and the rest."""
    shown = [m for i, m in enumerate(measures) if len(measures) <= SHOWN or i < FIRST or m.verdict in ("look", "fault")]
    return shown, [m for m in measures if m not in shown]
