"""What was made of a table, as one JSON object: what `reverie data --json` and the service answer."""

from __future__ import annotations

from typing import Any

from reverie.records.rules.find import suspects
from reverie.records.rules.reading import supports
from reverie.records.table import Table

__all__ = ["counts", "describe"]


def counts(table: Table) -> dict[str, Any]:
    """Patients, rows, and visits per patient: least, median, most."""
    lengths = sorted(table.lengths.tolist())
    middle = len(lengths) // 2
    median = (lengths[middle] + lengths[~middle]) / 2
    return {
        "patients": len(table),
        "rows": table.frame.height,
        "visits_per_patient": {"min": lengths[0], "median": median, "max": lengths[-1]},
    }


def describe(table: Table) -> dict[str, Any]:
    """The table's name, counts, rules, notes, and each column with what was decided of it and why."""
    return {
        "source": table.name,
        "fingerprint": table.fingerprint,
        **counts(table),
        "duplicates": table.schema.duplicates,
        "null_values": list(table.schema.null_values),
        "notes": list(table.notes),
        "rules": [support.about for support in supports(table)],
        "suspects": [support.about for support in suspects(table)],
        "shapes": [shape.model_dump(mode="json") for shape in table.schema.shapes],
        "columns": [column.about for column in table.schema.shown],
    }
