"""Tables of visits, looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reverie.service.schemas.records import Describe
from reverie.service.tasks.inputs import table_source

if TYPE_CHECKING:
    from reverie.service.jobs.work import Work

__all__ = ["describe", "series"]


def describe(work: Work, arguments: dict[str, Any]) -> dict[str, Any]:
    """What each column of a table is taken to be, and why."""
    told = Describe.model_validate(arguments)
    from reverie.records.describe import describe
    from reverie.records.table import read_table

    with table_source(work, told.table) as source:
        table = read_table(
            source,
            identifier=told.id,
            time=told.time,
            null_values=tuple(told.null_values),
            kinds=told.kinds,
            duplicates=told.duplicates,
        )
    return describe(table)


def series(work: Work, arguments: dict[str, Any]) -> dict[str, Any]:
    """One patient's numbers over time; `arguments` are the table and maybe the patient."""
    from reverie.records.patient import patient_series
    from reverie.records.table import read_table

    with table_source(work, arguments["table"]) as source:
        return patient_series(read_table(source), arguments.get("patient"))
