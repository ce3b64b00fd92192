"""Tables of one standard as those of another. A standard that is new here is a line."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from reverie.records.linked.standards.between import fhir, meds, meds_made, omop, omop_made
from reverie.records.linked.standards.between.common import Common
from reverie.records.linked.standards.standard import Content, Frames, Standard
from reverie.records.linked.standards.stated import schema_of
from reverie.records.linked.tables import LinkedTables

__all__ = ["WAYS", "converted"]

WAYS: dict[str, tuple[Callable[[Frames], Common], Callable[[Common, str], Content]]] = {
    "meds": (meds.common_of, meds_made.frames_of),
    "omop": (omop.common_of, omop_made.frames_of),
    "fhir": (fhir.common_of, fhir.frames_of),
}
"""To what is in common, and from it."""


def converted(tables: LinkedTables, origin: Standard, to: Standard) -> LinkedTables:
    """The tables of one standard as those of another, with notes of what has no place there.

    Raises UsageError where a standard requires what none of the tables tells.
    """
    content = WAYS[to.called][1](WAYS[origin.called][0](tables.frames), to.title)
    schema = schema_of(to.tables, content.frames, to.title)
    notes = (*tables.notes, *content.notes)
    return replace(tables, frames=content.frames, schema=schema, notes=notes, standard=to.called, forms={})
