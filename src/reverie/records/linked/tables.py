"""Linked tables that were read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from reverie.errors import UsageError
from reverie.records.forms import AnyForm
from reverie.records.linked.schema import LinkedSchema

__all__ = ["LinkedTables", "file_of", "parts_of_name"]


def file_of(table: str, suffix: str) -> str:
    """What the file of a table is called. Raises UsageError for a name, of a database perhaps, that no file can have or that
    would lead out of the folder."""
    if Path(table).name != table or table.startswith(".") or "\\" in table or not table.isprintable():
        raise UsageError(f"no file can be called after the table {table!r}: rename it where it is read from.")
    return f"{table}{suffix}"


def parts_of_name(name: str, tables: Iterable[str]) -> tuple[str, str, str]:
    """TABLE, the dot and COLUMN of "TABLE.column", by the longest name of a table that it begins with, for such a name may
    hold dots itself; else as far as its first dot."""
    known = max((table for table in tables if name.startswith(f"{table}.")), key=len, default=None)
    return name.partition(".") if known is None else (known, ".", name[len(known) + 1 :])


@dataclass(frozen=True, eq=False)
class LinkedTables:
    """Tables and how they are tied.

    Attributes:
        frames: by name, typed, rows that are wholly alike kept once.
        schema: what each is.
        name: what messages call all of them.
        notes: decisions worth telling.
        forms: by table and column, how the source writes cells that are not plainly what they are.
        path: of the folder or file they were read from, absolute; None for frames and addresses.
        standard: the name of the standard that they were read by; None where it was none.
        suffix: of the files that tables like these are written to.
        types: by table and column, the types that a database declares; none of files and frames.
        fault: why they cannot be trained on as they were found to be tied; None where they can.
    """

    frames: Mapping[str, pl.DataFrame]
    schema: LinkedSchema
    name: str
    notes: tuple[str, ...] = ()
    path: Path | None = None
    standard: str | None = None
    forms: Mapping[str, Mapping[str, AnyForm]] = field(default_factory=dict)
    suffix: str = ".csv"
    fault: str | None = None
    types: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def __len__(self) -> int:
        """The number of patients: of rows of the entities."""
        return sum(self.frames[name].height for name in self.schema.entities)
