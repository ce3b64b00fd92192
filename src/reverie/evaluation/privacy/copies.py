"""Exact copies: is a synthetic record one of the training records?

copied = share of synthetic records for which an equal training record exists; control: the same of held-out records

Equal in every modelled column (numbers to nine digits, a missing cell equals a missing cell); for a patient, at every visit
too. Short records of few columns can be equal by chance, which is what the control shows.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import polars as pl

from reverie.evaluation.area import Found, area
from reverie.evaluation.measure import Metric
from reverie.evaluation.privacy.rates import wilson
from reverie.evaluation.tables import Tables
from reverie.records.schema import Schema

__all__ = ["copies"]

COPIED = "in every modelled column, time included; beside it the share of held-out ones that are. Wilson's interval."
VISITS = Metric(
    "privacy.copies.visits",
    "synthetic visits that are exact copies of training visits",
    f"The share of synthetic visits equal to a training one {COPIED}",
    "privacy",
    least=0.01,
    unit="share",
    ideal=0.0,
    worse="above",
    beside=("ceiling",),
)
PATIENTS = replace(
    VISITS,
    name="privacy.copies.patients",
    title="synthetic patients that are exact copies of training patients",
    how=f"The share of synthetic patients equal to a training one at every visit {COPIED}",
)


@area(
    "privacy.copies",
    "Exact copies",
    "The simplest attack: look for a synthetic record in the training data.",
    0.1,
    PATIENTS,
    VISITS,
)
def copies(tables: Tables) -> Found:
    """Copied patients and copied visits, beside the held-out patients who equal a training patient by chance."""
    frames = (tables.split.train, tables.split.holdout, tables.drawn)
    train, holdout, drawn = (_hashed(frame, tables.schema) for frame in frames)
    measures = []
    for metric, view in ((PATIENTS, _patients), (VISITS, _visits)):
        known, made, held = set(view(train)), view(drawn), view(holdout)
        found = wilson(sum(record in known for record in made), len(made))
        control = wilson(sum(record in known for record in held), len(held)) if held else None
        measures.append(
            metric.measure(
                found.value,
                len(made),
                interval=found.interval,
                deviation=0.0,  # a copy is a fact, no estimate
                ceiling=control.value if control else None,
                ceiling_deviation=control.deviation if control and control.value else 0.0,
            )
        )
    return measures, _figures(train, drawn, tables.schema), ()


def _hashed(frame: pl.DataFrame, schema: Schema) -> pl.DataFrame:
    """(patient, record): each row's identifier, and a hash of all that is modelled of it."""
    columns = []
    for name in (schema.time.name, *(column.name for column in (*schema.static, *schema.varying))):
        cell, numeric = pl.col(name), frame.schema[name].is_numeric()
        columns.append(cell.cast(pl.Float64).round_sig_figs(9) if numeric else cell.cast(pl.String))
    struct = pl.struct(cell.alias(str(i)) for i, cell in enumerate(columns))
    return frame.select(pl.col(schema.identifier.name).alias("patient"), struct.hash(0).alias("record"))


def _visits(rows: pl.DataFrame) -> list[int]:
    return rows["record"].to_list()


def _patients(rows: pl.DataFrame) -> list[tuple[int, ...]]:
    return [tuple(r) for r in rows.group_by("patient", maintain_order=True).agg("record")["record"].to_list()]


def _figures(train: pl.DataFrame, drawn: pl.DataFrame, schema: Schema) -> dict[str, object]:
    """Which synthetic patients share visits with which training patient, the most first."""
    owner = dict(zip(train["record"].to_list(), train["patient"].to_list(), strict=True))
    shared: Counter[tuple[object, object]] = Counter()
    for patient, record in zip(drawn["patient"].to_list(), drawn["record"].to_list(), strict=True):
        if record in owner:
            shared[patient, owner[record]] += 1
    rows = [[str(made), str(real), count] for (made, real), count in shared.most_common(10)]
    if not rows:
        return {}
    who = schema.identifier.label
    return {
        "copies": {
            "kind": "table",
            "title": "Synthetic patients that share most visits with a training patient",
            "note": "Each row names a synthetic patient, the training patient, and how many visits are equal.",
            "columns": [f"synthetic {who}", f"training {who}", "equal visits"],
            "rows": rows,
        }
    }
