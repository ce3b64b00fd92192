"""Resources of FHIR, taken apart into the rows of tables; what no column takes is counted."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import polars as pl

from reverie.errors import DataError, UsageError
from reverie.records.linked.standards.fhir_columns import DATE_TIME, Seen, at_path, token
from reverie.records.linked.standards.fhir_files import Found, Source
from reverie.records.linked.standards.fhir_resources import CODES, COMPONENTS, RESOURCES, UNITS, Resource
from reverie.records.linked.standards.moments import moments
from reverie.records.linked.standards.standard import Content
from reverie.records.places import shown

__all__ = ["Reader"]

_BLOCK = 50_000
"""Rows that are kept as Python objects."""


class Rows:
    """The rows of one table, of which the last are kept as lists and the others as frames."""

    def __init__(self, resource: Resource) -> None:
        self.resource = resource
        self.cells: dict[str, list[Any]] = {name: [] for name in resource.cells}
        self.frames: list[pl.DataFrame] = []

    def add(self, row: dict[str, Any]) -> None:
        for name, cells in self.cells.items():
            cells.append(row.get(name))
        if len(self.cells[self.resource.key]) >= _BLOCK:
            self.flush()

    def flush(self) -> None:
        types = {name: pl.String if dtype is DATE_TIME else dtype for name, dtype in self.resource.cells.items()}
        self.frames.append(pl.DataFrame(self.cells, schema=types))
        for cells in self.cells.values():
            cells.clear()

    def frame(self, notes: list[str], name: str) -> pl.DataFrame:
        """All rows, typed, without the columns that no resource fills."""
        self.flush()
        frame = pl.concat(self.frames)
        for column in (c for c, dtype in self.resource.cells.items() if dtype is DATE_TIME):
            read = moments(frame[column])
            if (rows := read.wrong.fill_null(False).arg_true()).len():
                row = int(rows[0])
                raise DataError(
                    f"{name}: {self.resource.name} {frame[self.resource.key][row]} has {shown(frame[column][row])} for its "
                    f"{column}, which is no date or time of FHIR: correct it."
                )
            notes += read.notes(f"{self.resource.table}.{column}")
            frame = frame.with_columns(read.cells)
        return frame.select(c for c in frame.columns if c == self.resource.key or frame[c].null_count() < frame.height)


class Reader:
    """Resources, taken apart into the rows of tables."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.seen = Seen(resolve=source.resolve)
        self.rows = {each.name: Rows(each) for each in (*RESOURCES.values(), COMPONENTS)}
        self.others: Counter[str] = Counter()
        self.left: dict[str, Counter[str]] = {name: Counter() for name in RESOURCES}
        self.keys: dict[str, dict[str, bytes]] = {name: {} for name in RESOURCES}
        self.told: Counter[str] = Counter()
        self.drugs: dict[str, str | None] = {}

    def add(self, found: Found) -> None:
        resource, kind = found.resource, found.resource["resourceType"]
        if kind not in RESOURCES:
            self.others[kind] += 1
            if kind == "Medication" and (key := resource.get("id") or found.key):
                self.drugs[str(key)] = token(resource.get("code"), self.seen, "Medication.code")
            return
        key = resource.get("id") or found.key
        if not isinstance(key, str):
            self.told[f"{kind}: without an id, and given one"] += 1
            key = f"{kind.lower()}-without-id-{self.told[f'{kind}: without an id, and given one']}"
        if not self._new(kind, key, found):
            return
        row: dict[str, Any] = {RESOURCES[kind].key: key}
        declared = RESOURCES[kind]
        for column in declared.columns:
            column.read(resource, row, self.seen, kind)
        if kind.startswith("Medication") and row.get("code") is None:
            row["code"] = self._drug(resource, kind)
        if kind != "Patient" and row.get("patient_id") is None:
            self.told[f"{kind}: of no Patient, and left out"] += 1
            return
        self.rows[kind].add(row)
        if kind == "Observation":
            for component in _objects(resource.get("component")):
                part: dict[str, Any] = {"observation_id": key}
                for column in COMPONENTS.columns:
                    column.read(component, part, self.seen, "Observation.component")
                self.rows[COMPONENTS.name].add(part)
        roots = {root for column in declared.columns for root in column.roots} | {"component", "medicationReference"}
        self.left[kind].update(_left(resource, roots))

    def _new(self, kind: str, key: str, found: Found) -> bool:
        """Whether a resource of this id has not been. Raises DataError where it has, and was another."""
        content = {part: value for part, value in found.resource.items() if part != "meta"}
        mark = hashlib.blake2b(json.dumps(content, sort_keys=True).encode(), digest_size=8).digest()
        known = self.keys[kind].setdefault(key, b"")
        if not known:
            self.keys[kind][key] = mark
            return True
        if known == mark:
            self.told[f"{kind}: the same as one before, and kept once"] += 1
            return False
        raise DataError(f"{found.place}: the {kind} {key} stands in several resources that differ: keep one of them.")

    def _drug(self, resource: dict[str, Any], kind: str) -> str | None:
        """The code of the Medication that is referred to; "\\0" and its id while that has not been read."""
        reference = at_path(resource, ("medicationReference", "reference"))
        if not isinstance(reference, str):
            return None
        if reference.startswith("#"):
            inside = next((c for c in _objects(resource.get("contained")) if c.get("id") == reference[1:]), {})
            self.told[f"{kind}: its drug read from a contained Medication"] += 1
            return token(inside.get("code"), self.seen, "Medication.code")
        resolved = self.source.resolve(reference)
        self.told[f"{kind}: its drug read from a Medication it refers to"] += 1
        resource["medicationReference"].pop("reference")
        return f"\0{resolved[1]}" if resolved else None

    def content(self, name: str) -> Content:
        """Frames and notes. Raises UsageError where there is no patient."""
        if not self.keys["Patient"]:
            what = "an empty Bundle" if self.source.empty and not self.others else "no Patient"
            raise UsageError(f"{name} holds {what}: give FHIR resources of which some are of type Patient.")
        content = Content({}, ["It was read as FHIR R4: its files hold resources in JSON.", *self.source.notes()])
        for rows in self.rows.values():
            frame = rows.frame(content.notes, name)
            if frame.height:
                content.frames[rows.resource.table] = self._with_drugs(frame)
        if self.others:
            content.notes.append(f"Other resources were left alone: {_listed(self.others)}.")
        content.notes += [f"{what} ({count:,})." for what, count in sorted((self.told + self.seen.odd).items())]
        content.notes += [f"{kind}: left alone were {_listed(left)}." for kind, left in self.left.items() if left]
        for table, columns, pairs in (("codes", CODES, self.seen.displays), ("units", UNITS, self.seen.units)):
            if pairs:
                lookup = pl.DataFrame([list(pairs), list(pairs.values())], schema=dict.fromkeys(columns, pl.String))
                content.frames[table] = lookup.sort(columns[0])
        return content

    def _with_drugs(self, frame: pl.DataFrame) -> pl.DataFrame:
        if "code" not in frame.columns or not frame["code"].str.starts_with("\0").any():
            return frame
        drugs = {f"\0{key}": code for key, code in self.drugs.items()}
        missing = frame.filter(pl.col("code").str.starts_with("\0") & ~pl.col("code").is_in(list(drugs)))
        if missing.height:
            self.told["Drugs by references to nothing, and left empty"] += missing.height
        drugs |= dict.fromkeys(missing["code"])
        return frame.with_columns(pl.col("code").replace(list(drugs), list(drugs.values())))


def _objects(node: Any) -> list[dict[str, Any]]:
    """The objects of a list, as far as it is one and they are."""
    return [each for each in node if isinstance(each, dict)] if isinstance(node, list) else []


def _left(resource: dict[str, Any], roots: set[str]) -> Iterator[str]:
    """The paths of what no column has taken."""
    for key, value in resource.items():
        if key in ("id", "resourceType") or not _holds(value):
            continue
        if key not in roots:
            yield key
            continue
        nodes = value if isinstance(value, list) else [value]
        below = {sub for node in nodes if isinstance(node, dict) for sub, part in node.items() if _holds(part)}
        yield from (f"{key}.{sub}" for sub in sorted(below)) if below else (key,)


def _holds(value: Any) -> bool:
    if isinstance(value, dict):
        return any(map(_holds, value.values()))
    return any(map(_holds, value)) if isinstance(value, list) else value is not None


def _listed(counts: Counter[str]) -> str:
    return ", ".join(f"{what} ({count:,})" for what, count in sorted(counts.items(), key=lambda each: (-each[1], each[0])))
