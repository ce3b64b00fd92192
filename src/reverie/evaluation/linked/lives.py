"""Some patients as timelines, real ones beside synthetic ones of about as many events."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from reverie.evaluation.area import Found, area
from reverie.evaluation.linked.hospital import AT, CODE, END, WHO, Hospital
from reverie.evaluation.linked.plan import Lane
from reverie.evaluation.linked.sides import Sides
from reverie.evaluation.measure import Metric

__all__ = ["lives"]

DRAWN = (0.5, 0.85)
"""Ranks of the real patients that are drawn, by how many events they have."""
LONG = 0.8
"""The rank of the stay that is drawn by itself, by its length."""
ITEMS = 120
"""Of a lane, at most."""
YEAR = 400.0
"""Days beyond which a life is told in years."""
EVENTS = Metric(
    "linked.lives.events",
    "Events of a patient, in the mean",
    "Rows of all tables but the patients' own.",
    "tables together",
    tolerance=0.0,
    wrong=1.0,
)
INTRO = "Real patients and, beside each, the synthetic one that has about as many events; and a long stay of either."


@area("linked.lives", "Lives", INTRO, 0.2, EVENTS)
def lives(sides: Sides) -> Found:
    """How many events patients have, and timelines of some."""
    scores = sides.compared().statistics(_events)  # pyright: ignore[reportArgumentType]
    score, mean = scores["events"], scores["events"].ceiling
    metric = EVENTS if not mean else Metric(**{**vars(EVENTS), "tolerance": 0.05 * mean, "wrong": mean})
    return [score.measure(metric)], _figures(sides), sides.references.notes


def _events(points: Any) -> dict[str, float]:
    rows = [i for i, name in enumerate(points.names) if name.endswith(": rows")]
    return {"events": float(points.matrix[:, rows].sum(axis=1).mean())}


def _figures(sides: Sides) -> dict[str, Any]:
    real, made = (_counts(hospital) for hospital in (sides.train, sides.synthetic))
    known = np.flatnonzero(real)
    if not len(known) or not made.any():
        return {}
    order = known[np.argsort(real[known], kind="stable")]
    chosen: list[Chosen] = []
    taken: set[int] = set()
    for rank in DRAWN:
        who = int(order[int(rank * (len(order) - 1))])
        nearest = np.argsort(np.abs(made - real[who]), kind="stable")
        near = next((int(p) for p in nearest if made[p] and int(p) not in taken), None)
        if near is None:  # fewer synthetic patients with an event than are drawn
            break
        taken.add(near)
        chosen += [(sides.train, who, "real", None), (sides.synthetic, near, "synthetic", None)]
    if (long := _longest(sides.train)) and (other := _longest(sides.synthetic)):
        (who, stay), (near, its) = long, other
        chosen += [(sides.train, who, "real", stay), (sides.synthetic, near, "synthetic", its)]
    panels = [_panel(*one) for one in chosen]
    seen = {lane for panel in panels for lane, *_ in panel["items"]}
    lanes = [lane.name for lane in sides.plan.clocked if lane.name in seen]
    return {
        "lives": {
            "kind": "panels",
            "title": "Some patients",
            "note": "Bands are stays, bars what lasts, marks what happens; time counts from the first that is drawn. Real "
            "patients are of the training: who sees this page sees them.",
            "panels": [panel | {"lanes": lanes} for panel in panels],
        }
    }


Chosen = tuple[Hospital, int, str, tuple[float, float] | None]


def _longest(hospital: Hospital) -> tuple[int, tuple[float, float]] | None:
    """Whose stay is at the rank LONG by length of all stays of more than a day, and from when to when it was."""
    stays = [hospital.rows[lane.name].select(WHO, AT, END).drop_nulls() for lane in hospital.plan.stays]
    every = pl.concat(stays).filter(pl.col(END) - pl.col(AT) > 1).sort(pl.col(END) - pl.col(AT)) if stays else pl.DataFrame()
    if not every.height:
        return None
    who, start, end = every.row(int(LONG * (every.height - 1)))
    return who, (start, end)


def _counts(hospital: Hospital) -> np.ndarray:
    counts = np.zeros(len(hospital), dtype=np.int64)
    for lane in hospital.plan.clocked:
        counts += np.bincount(hospital.rows[lane.name][WHO].to_numpy(), minlength=len(hospital))
    return counts


def _panel(hospital: Hospital, who: int, of: str, stay: tuple[float, float] | None) -> dict[str, Any]:
    """One patient; or what is near one of the stays. What was long before the first stay is left out."""
    plan = hospital.plan
    mine = (pl.col(WHO) == who) & pl.col(AT).is_not_null()
    rows = {lane.name: hospital.rows[lane.name].filter(mine) for lane in plan.clocked}
    stays = [row for lane in plan.stays for row in rows[lane.name].select(AT, END).iter_rows()]
    every = [at for frame in rows.values() for at in frame[AT].to_list()]
    first = min((at for at, _ in stays), default=min(every))
    last = max([*(end for _, end in stays if end is not None), *every])
    first, last = stay or (first, last)
    room = 0.02 * max(last - first, 1 / 24)
    first, last = first - room, last + room
    scale, unit = (365.25, "years") if last - first > YEAR else (1.0, "days") if last - first > 2 else (1 / 24, "hours")
    items, beyond = [], 0
    for lane in plan.clocked:
        near = rows[lane.name].filter(pl.col(AT).is_between(first, last))
        beyond += rows[lane.name].height - near.height
        for at, end, code in near.head(ITEMS).select(AT, END, CODE).iter_rows():
            words = lane.name if code is None or lane.code is None else f"{lane.name}: {_level(lane, code)}"
            ends = None if end is None or lane.end is None else (min(end, last) - first) / scale
            items.append((lane.name, (at - first) / scale, ends, words))
    bands = [
        ((max(at, first) - first) / scale, (min(end, last) - first) / scale, "stay")
        for at, end in stays
        if end is not None and end >= first and at <= last
    ]
    told = f"; {beyond} rows beyond are not drawn" if beyond else ""
    count = sum(frame.height for frame in rows.values()) - (beyond if stay else 0)
    return {
        "kind": "timeline",
        "title": f"{of}, {'one stay, ' if stay else ''}{count} events",
        "of": of,
        "range": (0.0, (last - first) / scale),
        "items": items,
        "bands": bands,
        "x_label": f"{unit}{told}",
    }


def _level(lane: Lane, code: int) -> str:
    return lane.called(lane.levels[code]) if code < len(lane.levels) else "another"
