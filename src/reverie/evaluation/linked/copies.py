"""Exact copies of whole patients: all rows of all tables but their keys, and the order of codes alone.

whole      all cells of all rows but keys and times, and each row's time since the patient's first
sequence   (table, code) of all rows in the order of time, of patients with SHORTEST rows with codes or more

Each is a number of 64 bits for each patient; synthetic patients are looked up among those of the training, and held-out
ones beside them: short lives are equal by chance.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl

from reverie.evaluation.area import Found, area
from reverie.evaluation.linked.hospital import AT, CODE, WHO, Hospital
from reverie.evaluation.linked.sides import Sides
from reverie.evaluation.privacy.copies import PATIENTS
from reverie.evaluation.privacy.rates import Rate, measured, wilson

__all__ = ["copies"]

SHORTEST = 10
SHOWN = 20
WHOLE = replace(
    PATIENTS,
    name="privacy.linked.copies",
    title="synthetic patients that are exact copies of training patients over all tables",
    how="The share of synthetic patients equal to a training one in all rows of all tables but for their keys, times "
    "counted from the first row on; beside it the share of held-out ones that are. Wilson's interval.",
)
SEQUENCES = replace(
    PATIENTS,
    name="privacy.linked.sequences",
    title="synthetic patients with the very sequence of codes of a training patient",
    how=f"The share of synthetic patients of {SHORTEST} rows with codes or more whose codes are those of a training "
    "patient, in the same order over all tables; beside it the share of held-out ones. Wilson's interval.",
)
INTRO = "The simplest attack: look for a synthetic patient's whole life, or the order of its codes, in the training data."


@area("privacy.linked", "Exact copies of whole patients", INTRO, 0.2, WHOLE, SEQUENCES, attack=True)
def copies(sides: Sides) -> Found:
    """Copied lives and copied sequences, beside held-out patients who equal a training patient by chance."""
    measures = []
    for metric, prints in ((WHOLE, _lives), (SEQUENCES, _sequences)):
        known = prints(sides.train)
        ours = _share(prints(sides.synthetic), known)
        control = _share(prints(sides.holdout), known) if sides.holdout else None
        if not ours.n:
            measures.append(metric.unknown("no synthetic patient has so many rows."))
            continue
        control = control if control and control.n else None
        spread = control.deviation if control and control.value else 0.0
        measures.append(measured(metric, ours, control=control, deviation=0.0, ceiling_deviation=spread))
    return measures, _figure(sides), ()


def _lives(hospital: Hospital) -> pl.DataFrame:
    """(whose, print) of each patient."""
    plan, parts = hospital.plan, []
    begins = pl.DataFrame({WHO: np.arange(len(hospital)), "\0first": hospital.begins})
    for number, lane in enumerate(plan.lanes):
        keys = {lane.key, lane.tie, lane.start, lane.end, *(column for column, _ in lane.upwards)}
        keys |= {key.column for key in plan.schema[lane.name].refers if plan.schema[key.table].kind != "lookup"}
        rows = hospital.rows[lane.name].join(begins, on=WHO, how="left")
        cells = [pl.col(c).cast(pl.String) for c in plan.types[lane.name] if c not in keys]
        since = (pl.col(AT) - pl.col("\0first")).round(6)
        row = pl.struct([pl.lit(number).alias("\0lane"), since.alias("\0since"), *cells]).hash(0)
        parts.append(rows.select(WHO, row.alias("\0row")))
    every = pl.concat(parts).sort(WHO, "\0row")
    return every.group_by(WHO, maintain_order=True).agg(pl.col("\0row").implode().hash(0).first().alias("\0print"))


def _sequences(hospital: Hospital) -> pl.DataFrame:
    parts = [
        hospital.rows[lane.name].select(WHO, AT, pl.lit(number, pl.Int64).alias("\0lane"), CODE).drop_nulls([AT, CODE])
        for number, lane in enumerate(hospital.plan.lanes)
        if lane.code is not None and lane.start is not None
    ]
    if not parts:
        return pl.DataFrame({WHO: [], "\0print": []}, schema={WHO: pl.Int64, "\0print": pl.UInt64})
    every = pl.concat(parts).sort([WHO, AT, "\0lane", CODE])
    every = every.with_columns(pl.struct("\0lane", CODE).hash(0).alias("\0row"))
    whole = pl.col("\0row").implode().hash(0).first().alias("\0print")
    grouped = every.group_by(WHO, maintain_order=True).agg(pl.len().alias("\0n"), whole)
    return grouped.filter(pl.col("\0n") >= SHORTEST).drop("\0n")


def _share(prints: pl.DataFrame, known: pl.DataFrame) -> Rate:
    count = int(prints["\0print"].is_in(known["\0print"].implode()).sum())
    return wilson(count, prints.height) if prints.height else Rate(0.0, 0.0, (0.0, 0.0))


def _figure(sides: Sides) -> dict[str, Any]:
    """Which synthetic patient has whose life."""
    ours, theirs = _lives(sides.synthetic), _lives(sides.train)
    both = ours.join(theirs.unique("\0print", keep="first"), on="\0print", suffix="\0b").sort(WHO).head(SHOWN)
    if not both.height:
        return {}
    names = [sides.synthetic.keys, sides.train.keys]
    rows = [[names[0][a], names[1][b]] for a, b in both.select(WHO, f"{WHO}\0b").iter_rows()]
    key = sides.plan.key
    return {
        "copies": {
            "kind": "table",
            "title": "Synthetic patients that are a training patient",
            "note": f"The first {SHOWN} at most.",
            "columns": [f"synthetic {key}", f"training {key}"],
            "rows": rows,
        }
    }
