"""Rows of tables, made resources of FHIR column by column, and written; those that could be wrong are checked before.

Whether a resource is right hangs on which of its elements are there and on what these hold. A row is checked if no row with
the same cells filled had this text, or if one of its ids or times could be wrong by itself (fhir_checking.py).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO

import polars as pl

from reverie.errors import DataError, UsageError
from reverie.records.linked.standards.fhir_checking import Doubtful
from reverie.records.linked.standards.fhir_columns import DATE_TIME, Words
from reverie.records.linked.standards.fhir_json import Parts as Elements
from reverie.records.linked.standards.fhir_json import as_json, together
from reverie.records.linked.standards.fhir_resources import CODES, COMPONENTS, RESOURCES, UNITS, Resource
from reverie.records.linked.standards.moments import moments
from reverie.records.linked.standards.standard import Frames, Parts, Standard
from reverie.records.places import at, counted, shown

__all__ = ["Check", "Writer", "typed"]

_BASE = "https://example.org/fhir/"
"""What the addresses of resources in a Bundle begin with."""


Check = Callable[[str, dict[str, Any]], Any]
"""Raises ValueError for a resource, given with its type, that is not right."""


class Writer:
    """Rows made resources, checked, then written to the file of their type.

    Attributes:
        rows: by table, as far as they are written.
        checked: resources that were held to their models.
        unknown: resources without a status.
    """

    def __init__(self, file_of: Callable[[str], BinaryIO], check: Check, bundle: bool) -> None:
        self.file_of, self.check, self.bundle = file_of, check, bundle
        self.words = Words({}, {})
        self.rows: dict[str, int] = {}
        self.checked = self.unknown = 0
        self.doubtful = {each.name: Doubtful(each) for each in (*RESOURCES.values(), COMPONENTS)}

    def all(self, parts: Parts, standard: Standard) -> None:
        first = True
        for part in parts:
            if first:
                standard.fits({table: frame.columns for table, frame in part.items()}, "these tables")
            first = False
            self.part(part)

    def part(self, part: Frames) -> None:
        for table, columns, words in (("codes", CODES, self.words.displays), ("units", UNITS, self.words.units)):
            if table in part:
                words.update(part[table].select(columns).cast(pl.String).iter_rows())
        inside = self._components(part)
        for declared in RESOURCES.values():
            if declared.table in part and part[declared.table].height:
                self._write(declared, typed(declared, part[declared.table]), inside)
        if inside is not None:
            observations = part.get("observations", pl.DataFrame(schema={"observation_id": pl.String}))
            keys = observations["observation_id"].cast(pl.String)
            if (lost := inside.filter(~pl.col("observation_id").is_in(keys.implode()))).height:
                raise DataError(
                    f"{COMPONENTS.table}: there is no observation {lost['observation_id'][0]} in the same part: "
                    "give a part all rows of its patients."
                )

    def _components(self, part: Frames) -> pl.DataFrame | None:
        """By observation the list of its components, as JSON, and whether one of them is doubtful."""
        if COMPONENTS.table not in part or not part[COMPONENTS.table].height:
            return None
        frame = typed(COMPONENTS, part[COMPONENTS.table])
        self.rows[COMPONENTS.table] = self.rows.get(COMPONENTS.table, 0) + frame.height
        parts = {path: cells for column in COMPONENTS.columns for path, cells in column.write(frame, self.words).items()}
        rows = frame.select("observation_id").with_columns(
            component=together(parts), doubtful=self.doubtful[COMPONENTS.name].rows(frame)
        )
        return rows.group_by("observation_id", maintain_order=True).agg(
            component="[" + pl.col("component").fill_null("{}").str.join(",") + "]", doubtful=pl.col("doubtful").any()
        )

    def _write(self, declared: Resource, frame: pl.DataFrame, inside: pl.DataFrame | None) -> None:
        kind = pl.repeat(json.dumps(declared.name), frame.height, eager=True)
        parts: Elements = {("resourceType",): kind, ("id",): as_json(frame[declared.key])}
        for column in declared.columns:
            parts |= column.write(frame, self.words)
        doubtful = self.doubtful[declared.name].rows(frame)
        if declared.name == "Observation" and inside is not None:
            found = frame.select("observation_id").join(inside, on="observation_id", how="left", maintain_order="left")
            parts[("component",)], doubtful = found["component"], doubtful | found["doubtful"].fill_null(False)
        if "status" in declared.cells:
            self.unknown += frame["status"].null_count()
        made = together(parts)
        for row in doubtful.arg_true():
            self._held(declared, frame, int(row), made[int(row)])
        if self.bundle:
            address = '{"fullUrl":"' + f"{_BASE}{declared.name}/" + frame[declared.key] + '","resource":'
            made, before = address + made + "}", b",\n" if self.resources else b', "entry": [\n'
            self.file_of(declared.name).write(before + ",\n".join(made).encode())
        else:
            self.file_of(declared.name).write("\n".join(made).encode() + b"\n")
        self.rows[declared.table] = self.rows.get(declared.table, 0) + frame.height

    def _held(self, declared: Resource, frame: pl.DataFrame, row: int, made: str) -> None:
        """Holds one resource, as it will be written, to its model."""
        self.checked += 1
        try:
            self.check(declared.name, json.loads(made))
        except ValueError as error:
            place = f"{declared.table}, data row {row + 1}: {declared.name} {frame[declared.key][row]}"
            raise DataError(f"{place} is not as FHIR R4 wants it ({_said(error)}): correct the row.") from error

    @property
    def resources(self) -> int:
        """Resources written so far."""
        return sum(count for table, count in self.rows.items() if table != COMPONENTS.table)

    def notes(self) -> Iterator[str]:
        if self.unknown:
            yield f'{counted(self.unknown, "resource", "has have")} no status: "unknown" was written.'


def typed(declared: Resource, frame: pl.DataFrame) -> pl.DataFrame:
    """The rows in the types of the table's columns, as far as files of text have kept them; a missing column is empty.

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
        if dtype == pl.Float64:
            cast = cast.set(~cast.is_finite().fill_null(True), None)
        if (rows := (cast.is_null() & cells.is_not_null()).arg_true()).len():
            row, what = (
                int(rows[0]),
                "date or time" if dtype is DATE_TIME else "number" if dtype == pl.Float64 else str(dtype),
            )
            raise DataError(f"{at(declared.table, row + 1, cells.name)}{shown(cells[row])} is no {what}: correct it.")
        columns.append(cast)
    typed = pl.DataFrame(columns)
    if (rows := typed[declared.key].is_null().arg_true()).len():
        place = at(declared.table, int(rows[0]) + 1, declared.key)
        raise DataError(f"{place}the cell is empty, and it is the id of the resource: give it one.")
    missing = {name: dtype for name, dtype in declared.cells.items() if name not in typed.columns}
    return typed.with_columns(
        pl.lit(None, pl.Datetime("us") if dtype is DATE_TIME else dtype).alias(name) for name, dtype in missing.items()
    )


def _said(error: ValueError) -> str:
    """What a model has against a resource, on one line."""
    errors = getattr(error, "errors", None)
    if errors is None:
        return shown(error, 120)
    first = errors()[0]
    return f"{'.'.join(map(str, first['loc']))}: {first['msg'].removeprefix('Value error, ').rstrip('.')}"
