"""Exact copies: is a synthetic record one of the training records?

copied = share of synthetic records for which an equal training record exists; control: the same of held-out records

Equal in every modelled column (numbers to nine digits, a missing cell equals a missing cell); for a patient, at every visit
too. Short records of few columns can be equal by chance, which is what the control shows. Few held-out patients show it
badly, so no more copies are held against chance than records that miss a training record by one column only: where values
fall together by chance, such near misses are the commoner (as long as held-out records may have as many).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl

from reverie.evaluation.area import Found, area
from reverie.evaluation.privacy.rates import Rate, measured, of_attack, wilson
from reverie.evaluation.tables import Tables
from reverie.records.schema import Schema

__all__ = ["copies", "nearly"]

View = Callable[..., list[Any]]
"""Records of a hashed table, by one of its hashes: of visits or of patients."""

COPIED = "in every modelled column, time included; beside it the share of held-out ones that are. Wilson's interval."
VISITS = of_attack(
    "privacy.copies.visits",
    "synthetic visits that are exact copies of training visits",
    f"The share of synthetic visits equal to a training one {COPIED}",
    tolerance=0.01,
    unit="share",
    ideal=0.0,
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
    attack=True,
)
def copies(tables: Tables) -> Found:
    """Copied patients and copied visits, beside the held-out patients who equal a training patient by chance."""
    frames = (tables.split.train, tables.split.holdout, tables.drawn)
    train, holdout, synthetic = (_hashed(frame, tables.schema) for frame in frames)
    measures = []
    for metric, view in ((PATIENTS, _patients), (VISITS, _visits)):
        trained, records, held = set(view(train)), view(synthetic), view(holdout)
        copied = wilson(sum(record in trained for record in records), len(records))
        control = wilson(sum(record in trained for record in held), len(held)) if held else None
        near, beside = (nearly(view, train, table) for table in (synthetic, holdout))
        chance = min(near.value, beside.interval[1] if beside.n else 1.0)
        metric = replace(metric, tolerance=max(metric.tolerance, 2 * chance))
        spread = control.deviation if control and control.value else 0.0
        detail = f"{near.value:.1%} agree but for one column."
        # A copy is a fact, no estimate.
        measures.append(measured(metric, copied, detail, control, deviation=0.0, ceiling_deviation=spread))
    return measures, _figures(train, synthetic, tables.schema), ()


def nearly(view: View, train: pl.DataFrame, other: pl.DataFrame) -> Rate:
    """The share of records that are equal to a training record in all columns but one, and to none in all."""
    trained, records = set(view(train)), view(other)
    copied = np.array([record in trained for record in records], dtype=bool)
    near = np.zeros(len(records), dtype=bool)
    for column in (name for name in train.columns if name.startswith("without ")):
        left = set(view(train, column))
        near |= np.array([record in left for record in view(other, column)], dtype=bool)
    return wilson(int((near & ~copied).sum()), len(records)) if records else Rate(0.0, 0.0, (0.0, 0.0))


def _hashed(frame: pl.DataFrame, schema: Schema) -> pl.DataFrame:
    """(patient, record, without ...): the identifier of each row, a hash of all that is modelled, and of all but one."""
    columns = []
    for name in (schema.time.name, *(column.name for column in (*schema.static, *schema.varying))):
        cell, numeric = pl.col(name), frame.schema[name].is_numeric()
        columns.append(cell.cast(pl.Float64).round_sig_figs(9) if numeric else cell.cast(pl.String))
    cells = [cell.alias(str(i)) for i, cell in enumerate(columns)]
    without = {f"without {i}": pl.struct(*cells[:i], *cells[i + 1 :]).hash(0) for i in range(len(cells)) if len(cells) > 1}
    who = pl.col(schema.identifier.name).alias("patient")
    return frame.select(who, pl.struct(cells).hash(0).alias("record"), **without)


def _visits(rows: pl.DataFrame, record: str = "record") -> list[Any]:
    return rows[record].to_list()


def _patients(rows: pl.DataFrame, record: str = "record") -> list[Any]:
    return [tuple(r) for r in rows.group_by("patient", maintain_order=True).agg(record)[record].to_list()]


def _figures(train: pl.DataFrame, synthetic: pl.DataFrame, schema: Schema) -> dict[str, object]:
    """Which synthetic patients share visits with which training patient, the most first."""
    owner = dict(zip(train["record"].to_list(), train["patient"].to_list(), strict=True))
    shared: Counter[tuple[object, object]] = Counter()
    for patient, record in zip(synthetic["patient"].to_list(), synthetic["record"].to_list(), strict=True):
        if record in owner:
            shared[patient, owner[record]] += 1
    rows = [[str(copy), str(real), count] for (copy, real), count in shared.most_common(10)]
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
