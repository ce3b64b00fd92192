"""Tables of visits, looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reverie.service.schemas.records import Describe
from reverie.service.tasks.inputs import table

if TYPE_CHECKING:
    from reverie.service.jobs.work import Work

__all__ = ["describe", "series"]


def describe(work: Work, arguments: dict[str, Any]) -> dict[str, Any]:
    """What each column of a table is taken to be, and why."""
    told = Describe.model_validate(arguments)
    from reverie.records.describe import describe

    return describe(
        table(
            work,
            told.table,
            identifier=told.id,
            time=told.time,
            long=told.long,
            date_formats=told.date_formats,
            null_values=tuple(told.null_values),
            kinds=told.kinds,
            duplicates=told.duplicates,
        )
    )


def series(work: Work, arguments: dict[str, Any]) -> dict[str, Any]:
    """One patient's numbers over time; `arguments` are the table and maybe the patient."""
    from reverie.records.patient import patient_series

    return patient_series(table(work, arguments["table"]), arguments.get("patient"))
