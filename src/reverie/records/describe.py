"""What was made of a table, as one JSON object: what `reverie data --json` and the service answer."""

from __future__ import annotations

from typing import Any

import numpy as np

from reverie.plain import number_of
from reverie.records.rules.find import suspects
from reverie.records.rules.reading import Support, supports
from reverie.records.streaming.table import StreamedTable
from reverie.records.table import Table

__all__ = ["Described", "counts", "describe", "nearly_rules", "rules_of"]

SAMPLED = 5_000
"""Patients in whom what is nearly a rule is looked for, of a table beyond memory."""

Described = Table | StreamedTable


def counts(table: Described) -> dict[str, Any]:
    """Patients, rows, and visits per patient: least, median, most. All are exact, however large the table."""
    lengths = np.sort(table.lengths)
    return {
        "patients": len(table),
        "rows": int(lengths.sum()),
        "visits_per_patient": {"min": int(lengths[0]), "median": float(np.median(lengths)), "max": int(lengths[-1])},
    }


def rules_of(table: Described) -> list[Support]:
    """How all rows of a table stand to the rules of its schema."""
    if isinstance(table, Table):
        return list(supports(table))
    found: list[Support] = []
    for _, part in table.parts():
        here = list(supports(part))
        found = [_both(one, other) for one, other in zip(found, here, strict=True)] if found else here
    return found


def _both(one: Support, other: Support) -> Support:
    """Of two parts of a table, whose patients differ."""
    broken = tuple(sorted((*one.broken, *other.broken)))
    rows, patients = one.rows + other.rows, one.patients + other.patients
    return Support(one.rule, rows, patients, broken, one.breakers + other.breakers)


def nearly_rules(table: Described) -> tuple[tuple[Support, ...], str]:
    """What is nearly a rule, and where it was looked for, if that is not the whole table."""
    if isinstance(table, Table):
        return suspects(table), ""
    sample = table.sample(SAMPLED, 0)
    return suspects(sample), f"of {number_of(len(sample), 'patient')} drawn at random" if len(sample) < len(table) else ""


def describe(table: Described) -> dict[str, Any]:
    """The table's name, counts, rules, notes, and each column with what was decided of it and why."""
    near, where = nearly_rules(table)
    return {
        "source": table.name,
        "fingerprint": table.fingerprint,
        **counts(table),
        "duplicates": table.schema.duplicates,
        "null_values": list(table.schema.null_values),
        "notes": list(table.notes),
        "rules": [support.about for support in rules_of(table)],
        "suspects": [support.about for support in near],
        **({"suspects_of": where} if where else {}),
        "shapes": [shape.model_dump(mode="json") for shape in table.schema.shapes],
        "columns": [column.about for column in table.schema.shown],
    }
