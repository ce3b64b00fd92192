"""Rows of tables, made resources of FHIR, checked and written one after the other."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO

import polars as pl

from reverie.errors import DataError, UsageError
from reverie.records.linked.standards.fhir_columns import DATE_TIME, Words
from reverie.records.linked.standards.fhir_resources import CODES, COMPONENTS, RESOURCES, UNITS, Resource
from reverie.records.linked.standards.moments import moments
from reverie.records.linked.standards.standard import Frames, Parts, Standard
from reverie.records.places import at, counted, shown

__all__ = ["Check", "Writer"]

_BASE = "https://example.org/fhir/"
"""What the addresses of resources in a Bundle begin with."""


Check = Callable[[str, dict[str, Any]], Any]
"""Raises ValueError for a resource, given with its type, that is not right."""
Components = dict[str, list[dict[str, Any]]]
"""The rows of components by their observation."""


class Writer:
    """Rows made resources, each checked, then written to the file of its type."""

    def __init__(self, file_of: Callable[[str], BinaryIO], check: Check, bundle: bool) -> None:
        self.file_of, self.check, self.bundle = file_of, check, bundle
        self.words = Words({}, {})
        self.rows: dict[str, int] = {}
        self.unknown = 0

    def all(self, parts: Parts, standard: Standard) -> None:
        first = True
        for part in parts:
            if first:
                standard.fits({table: frame.columns for table, frame in part.items()}, "these tables", standard.called)
            first = False
            self.part(part)

    def part(self, part: Frames) -> None:
        for table, columns, words in (("codes", CODES, self.words.displays), ("units", UNITS, self.words.units)):
            if table in part:
                words.update(part[table].select(columns).cast(pl.String).iter_rows())
        components: Components = {}
        for row in _typed(COMPONENTS, part[COMPONENTS.table]).iter_rows(named=True) if COMPONENTS.table in part else ():
            components.setdefault(str(row["observation_id"]), []).append(row)
            self.rows[COMPONENTS.table] = self.rows.get(COMPONENTS.table, 0) + 1
        for declared in RESOURCES.values():
            if declared.table in part:
                frame = _typed(declared, part[declared.table])
                for number, row in enumerate(frame.iter_rows(named=True), 1):
                    self._write(declared, row, number, components)
        if components:
            lost = next(iter(components))
            raise DataError(
                f"{COMPONENTS.table}: there is no observation {lost} in the same part: give a part all rows of its patients."
            )

    def _write(self, declared: Resource, row: dict[str, Any], number: int, components: Components) -> None:
        resource: dict[str, Any] = {"resourceType": declared.name, "id": str(row[declared.key])}
        for column in declared.columns:
            column.write(row, resource, self.words)
        if resource.get("status") == "unknown" and row.get("status") is None:
            self.unknown += 1
        for part in components.pop(resource["id"], ()) if declared.name == "Observation" else ():
            component: dict[str, Any] = {}
            for column in COMPONENTS.columns:
                column.write(part, component, self.words)
            resource.setdefault("component", []).append(component)
        try:
            self.check(declared.name, resource)
        except ValueError as error:
            raise DataError(
                f"{declared.table}, data row {number}: {declared.name} {resource['id']} is not as FHIR R4 wants it "
                f"({_said(error)}): correct the row."
            ) from error
        entry = {"fullUrl": f"{_BASE}{declared.name}/{resource['id']}", "resource": resource} if self.bundle else resource
        before = (b",\n" if self.rows_of() else b', "entry": [\n') if self.bundle else b""
        after = b"" if self.bundle else b"\n"
        self.file_of(declared.name).write(before + json.dumps(entry, ensure_ascii=False).encode() + after)
        self.rows[declared.table] = self.rows.get(declared.table, 0) + 1

    def rows_of(self) -> int:
        """Resources written so far."""
        return sum(count for table, count in self.rows.items() if table != COMPONENTS.table)

    def notes(self) -> Iterator[str]:
        if self.unknown:
            yield f'{counted(self.unknown, "resource", "has have")} no status, and was written with "unknown".'


def _typed(declared: Resource, frame: pl.DataFrame) -> pl.DataFrame:
    """The rows in the types of the table's columns, as far as files of text have kept them.

    Raises UsageError for a column that FHIR has no place for, and DataError for cells that are not of its type.
    """
    if strange := next((column for column in frame.columns if column not in declared.cells), None):
        raise UsageError(f"{declared.table} has the column {strange}, for which {declared.name} has no place: leave it out.")
    if declared.key not in frame.columns:
        raise UsageError(f"{declared.table} has no column {declared.key}, the id of its resources: add it.")
    columns = []
    for cells in frame.iter_columns():
        dtype = declared.cells[cells.name]
        if dtype is DATE_TIME:
            cast = cells if cells.dtype.is_temporal() else moments(cells.cast(pl.String)).cells
        elif dtype == pl.Boolean and cells.dtype == pl.String:
            cast = cells.str.to_lowercase().replace_strict(
                {"true": True, "false": False}, default=None, return_dtype=pl.Boolean
            )
        else:
            cast = cells.cast(dtype, strict=False)
        if (rows := (cast.is_null() & cells.is_not_null()).arg_true()).len():
            row, what = int(rows[0]), "date or time" if dtype is DATE_TIME else str(dtype)
            raise DataError(f"{at(declared.table, row + 1, cells.name)}{shown(cells[row])} is no {what}: correct it.")
        columns.append(cast)
    return pl.DataFrame(columns)


def _said(error: ValueError) -> str:
    """What a model has against a resource, on one line."""
    errors = getattr(error, "errors", None)
    if errors is None:
        return shown(error, 120)
    first = errors()[0]
    return f"{'.'.join(map(str, first['loc']))}: {first['msg'].removeprefix('Value error, ').rstrip('.')}"
