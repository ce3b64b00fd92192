"""One patient's numbers over time, beside the mean and the deviation of the cohort: (value - mean) / std is an x_0."""

from __future__ import annotations

from typing import Any

import numpy as np

from reverie.errors import UsageError
from reverie.records.table import Table

__all__ = ["patient_series"]

LISTED = 1000


def patient_series(table: Table, patient: str | None = None) -> dict[str, Any]:
    """{"patient", "time", "time_unit", "columns": [{"name", "values", "mean", "std"}], "patients"}.

    Args:
        patient: an identifier, as text; the first if left out.

    Times of dates are in days since the patient's first visit. Raises UsageError for a patient that is not in the table.
    """
    schema = table.schema
    identifiers = [str(name) for name in table.frame[schema.identifier.name].gather(table.offsets[:-1]).to_list()]
    place = 0 if patient is None else identifiers.index(patient) if patient in identifiers else -1
    if place < 0:
        raise UsageError(f"{table.name} has no patient {patient!r}: its identifiers are {', '.join(identifiers[:5])}, ...")
    rows = table.frame[table.offsets[place] : table.offsets[place + 1]]
    time = schema.time.read(rows[schema.time.name])
    time = time - time[0] if schema.time.calendar else time
    columns = []
    for column in (c for c in schema.varying if c.quantity):
        cohort, values = column.read(table.frame[column.name]), column.read(rows[column.name])
        columns.append(
            {
                "name": column.name,
                "values": [None if np.isnan(value) else float(value) for value in values],
                "mean": float(np.nanmean(cohort)),
                "std": float(np.nanstd(cohort)),
            }
        )
    unit = "days" if schema.time.calendar else schema.time.name
    return {
        "patient": identifiers[place],
        "time": time.tolist(),
        "time_unit": unit,
        "columns": columns,
        "patients": identifiers[:LISTED],
    }
