"""Exact copies: is a synthetic record one of the training records?

copied = share of synthetic records for which an equal training record exists; control: the same of held-out records

Equal in every modelled column (numbers to nine digits, a missing cell equals a missing cell); for a patient, at every visit
too. Short records of few columns can be equal by chance, which is what the control shows. Few held-out patients show it
badly, so no more copies are held against chance than records that miss a training record by one column only: where values
fall together by chance, such near misses are the commoner (as long as held-out records may have as many).

Every synthetic record is looked for among all training records (fingerprints.py); near misses are counted of the patients
drawn.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from reverie.evaluation.area import Found, area
from reverie.evaluation.fingerprints import Copied, Pair
from reverie.evaluation.passes import Counts
from reverie.evaluation.privacy.rates import Rate, measured, of_attack, wilson
from reverie.evaluation.tables import Tables
from reverie.records.schema import Schema

__all__ = ["copies"]

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
    counts, measures, notes = tables.counts, [], []
    for metric, of_patients in ((PATIENTS, True), (VISITS, False)):
        copied, control = (_share(counts.copied[name], of_patients) for name in ("synthetic", "holdout"))
        near, beside = (_near(counts, name, of_patients) for name in ("synthetic", "holdout"))
        chance = min(near.value, beside.interval[1] if beside.n else 1.0)
        metric = replace(metric, tolerance=max(metric.tolerance, 2 * chance))
        control = control if control.n else None
        spread = control.deviation if control and control.value else 0.0
        detail = f"{near.value:.1%} agree but for one column."
        # A copy is a fact, no estimate.
        measures.append(measured(metric, copied, detail, control, deviation=0.0, ceiling_deviation=spread))
    if len(tables.synthetic) < counts.synthetic.patients:
        notes.append(
            f"All {counts.synthetic.patients:,} synthetic patients were looked for among all {counts.train.patients:,} "
            f"training patients; how many agree but for one column was counted of {len(tables.synthetic):,} drawn at random."
        )
    return measures, _figures(counts.copied["synthetic"].pairs, tables.schema), notes


def _share(copied: Copied, of_patients: bool) -> Rate:
    count, of = copied.patients if of_patients else copied.visits
    return wilson(count, of) if of else Rate(0.0, 0.0, (0.0, 0.0))


def _near(counts: Counts, name: str, of_patients: bool) -> Rate:
    count, of = counts.near.get((name, of_patients), (0, 0))
    return wilson(count, of) if of else Rate(0.0, 0.0, (0.0, 0.0))


def _figures(pairs: Sequence[Pair], schema: Schema) -> dict[str, object]:
    """Which synthetic patients share visits with which training patient, the most first."""
    if not pairs:
        return {}
    who = schema.identifier.label
    return {
        "copies": {
            "kind": "table",
            "title": "Synthetic patients that share most visits with a training patient",
            "note": "Each row names a synthetic patient, the training patient, and how many visits are equal.",
            "columns": [f"synthetic {who}", f"training {who}", "equal visits"],
            "rows": [list(pair) for pair in pairs],
        }
    }
