"""The standards that are known. A new one is a file beside this, and a line here."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from reverie.errors import ReverieError, UsageError
from reverie.records.linked.standards.fhir import Fhir
from reverie.records.linked.standards.meds import Meds
from reverie.records.linked.standards.omop import Omop
from reverie.records.linked.standards.standard import Standard
from reverie.records.linked.tables import LinkedTables
from reverie.records.reading.queries import asks_a_server

__all__ = ["STANDARDS", "origin_of", "standard_at"]

STANDARDS: dict[str, Standard] = {each.called: each for each in (Meds(), Omop(), Fhir())}
"""By their names in requests, in the order in which a place is compared with them."""


def standard_at(source: Any) -> Standard | None:
    """The standard of what lies at a place; None for one of none, for frames, and where nothing can be told."""
    if isinstance(source, Mapping) or not isinstance(source, str | Path):
        return None
    place = str(source)
    if not asks_a_server(place) and not Path(place).exists():
        return None
    try:
        return next((standard for standard in STANDARDS.values() if standard.recognises(place)), None)
    except (ReverieError, OSError):
        return None  # reading it says what is wrong


def origin_of(tables: LinkedTables) -> Standard | None:
    """The standard of tables: that by which they were read, or whose tables they are, as of a folder made from it."""
    if tables.standard is not None:
        return STANDARDS[tables.standard]
    for standard in STANDARDS.values():
        try:
            standard.fits({name: frame.columns for name, frame in tables.frames.items()}, tables.name)
        except UsageError:
            continue
        return standard
    return None
