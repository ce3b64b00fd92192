"""Resources of FHIR, taken apart into the rows of tables; what no column takes is counted."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from typing import Any

import polars as pl

from reverie.errors import DataError, UsageError
from reverie.records.linked.standards.fhir_columns import DATE_TIME, Seen, at_path, token
from reverie.records.linked.standards.fhir_files import Found, Source
from reverie.records.linked.standards.fhir_resources import CODES, COMPONENTS, RESOURCES, UNITS, Resource
from reverie.records.linked.standards.fhir_taking import Taken, holds, left_of
from reverie.records.linked.standards.moments import moments
from reverie.records.linked.standards.standard import Content
from reverie.records.places import shown

__all__ = ["Reader"]

_OWN = frozenset({"id", "resourceType", "component", "medicationReference"})
_BLOCK = 50_000
"""Rows that are kept as Python objects."""


class Rows:
    """The rows of one table, of which the last are kept as lists and the others as frames."""

    def __init__(self, resource: Resource) -> None:
        self.resource = resource
        self.cells: list[list[Any]] = []
        self.frames: list[pl.DataFrame] = []

    def add(self, row: list[Any]) -> None:
        """A cell for each column, in their order."""
        self.cells.append(row)
        if len(self.cells) >= _BLOCK:
            self.flush()

    def flush(self) -> None:
        types = {name: pl.String if dtype is DATE_TIME else dtype for name, dtype in self.resource.cells.items()}
        columns = list(zip(*self.cells, strict=True)) or [()] * len(types)
        self.frames.append(pl.DataFrame(dict(zip(types, columns, strict=True)), schema=types))
        self.cells.clear()

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
        self.keys: dict[str, set[str]] = {name: set() for name in RESOURCES}
        self.first: dict[tuple[str, str], bytes] | None = None
        self.told: Counter[str] = Counter()
        self.drugs: dict[str, str | None] = {}
        self.taken = {each.name: Taken(each, self.seen, each.name, _OWN) for each in RESOURCES.values()}
        self.parts = Taken(COMPONENTS, self.seen, COMPONENTS.name, frozenset())

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
        taken = self.taken[kind]
        row: list[Any] = [None] * len(taken.places)
        row[0] = key
        left = taken.read(resource, row)
        if kind.startswith("Medication") and row[taken.places["code"]] is None:
            row[taken.places["code"]] = self._drug(resource, kind)
        if kind != "Patient" and row[taken.places["patient_id"]] is None:
            self.told[f"{kind}: of no Patient, and left out"] += 1
            return
        self.rows[kind].add(row)
        if "component" in resource:
            left += (
                self._components(resource["component"], key)
                if kind == "Observation"
                else left_of("component", resource["component"])
            )
        if "medicationReference" in resource:
            left += left_of("medicationReference", resource["medicationReference"])
        if left:
            self.left[kind].update(left)

    def _components(self, node: Any, key: str) -> list[str]:
        """The parts of an observation, each a row; what of them no column takes."""
        if not isinstance(node, list):
            return left_of("component", node)
        below: set[str] = set()
        for component in _objects(node):
            row: list[Any] = [None] * len(self.parts.places)
            row[0] = key
            below.update(path.partition(".")[0] for path in self.parts.read(component, row))
            self.rows[COMPONENTS.name].add(row)
        other = any(holds(each) for each in node if not isinstance(each, dict))
        return [f"component.{sub}" for sub in sorted(below)] or ["component"] * other

    def _new(self, kind: str, key: str, found: Found) -> bool:
        """Whether a resource of this id has not been. Raises DataError where it has, and was another."""
        keys = self.keys[kind]
        if key not in keys:
            keys.add(key)
            return True
        if self.first is None:  # seldom: all of them are gone through once more
            self.first = {}
            for each in self.source.again().resources():
                mine, its = each.resource["resourceType"], each.resource.get("id") or each.key
                if mine in RESOURCES and isinstance(its, str):
                    self.first.setdefault((mine, its), _mark(each.resource))
        if self.first.get((kind, key)) == _mark(found.resource):
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


def _mark(resource: dict[str, Any]) -> bytes:
    """What is the same of resources that are the same, whatever is told of their versions."""
    content = {part: value for part, value in resource.items() if part != "meta"}
    return hashlib.blake2b(json.dumps(content, sort_keys=True).encode(), digest_size=8).digest()


def _listed(counts: Counter[str]) -> str:
    return ", ".join(f"{what} ({count:,})" for what, count in sorted(counts.items(), key=lambda each: (-each[1], each[0])))
