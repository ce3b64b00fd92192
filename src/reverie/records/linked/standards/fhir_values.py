"""Elements of FHIR that are several cells of a row: times, amounts, the value of an observation.

effectivePeriod {"start": S, "end": E}                 <->   S, E
valueQuantity {"value": 1.2, "unit": U, "code": C}     <->   1.2 and U, and C among the units
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import polars as pl

from reverie.records.linked.standards.fhir_columns import (
    DATE_TIME,
    Column,
    Node,
    Path,
    Seen,
    Words,
    as_json,
    at_path,
    concept,
    put,
    token,
)  # fmt: skip

__all__ = ["Amount", "Deceased", "Time", "Value"]


@dataclass(frozen=True)
class Time(Column):
    """A choice of a dateTime, an instant and a Period (effective[x]), or a Period that stands there as such."""

    start: str
    end: str
    stem: str
    period: bool = False

    @property
    def path(self) -> Path:  # pyright: ignore[reportIncompatibleVariableOverride]
        return (self._period,)

    @property
    def _period(self) -> str:
        return self.stem if self.period else f"{self.stem}Period"

    @property
    def names(self) -> dict[str, Any]:
        return {self.start: DATE_TIME, self.end: DATE_TIME}

    @property
    def roots(self) -> set[str]:
        return {self._period, f"{self.stem}DateTime", f"{self.stem}Instant"}

    def read(self, resource: Node, row: Node, seen: Seen, place: str) -> None:
        for form in () if self.period else ("DateTime", "Instant"):
            if isinstance(resource.get(self.stem + form), str):
                row[self.start] = resource.pop(self.stem + form)
        period = resource.get(self._period)
        for name, part in ((self.start, "start"), (self.end, "end")):
            if isinstance(period, dict) and isinstance(period.get(part), str):
                row[name] = period.pop(part)

    def write(self, row: Node, resource: Node, words: Words) -> None:
        start, end = (as_json(row.get(name)) for name in (self.start, self.end))
        if self.period or end is not None:
            whole = {name: at for name, at in (("start", start), ("end", end)) if at is not None}
            if whole:
                resource[self._period] = whole
        elif start is not None:
            resource[f"{self.stem}DateTime"] = start


@dataclass(frozen=True)
class Deceased(Column):
    """deceased[x] of a patient: whether, and when."""

    path: Path = ("deceasedBoolean",)

    @property
    def names(self) -> dict[str, Any]:
        return {"deceased": pl.Boolean, "death_time": DATE_TIME}

    @property
    def roots(self) -> set[str]:
        return {"deceasedBoolean", "deceasedDateTime"}

    def read(self, resource: Node, row: Node, seen: Seen, place: str) -> None:
        if isinstance(resource.get("deceasedBoolean"), bool):
            row["deceased"] = resource.pop("deceasedBoolean")
        if isinstance(resource.get("deceasedDateTime"), str):
            row["deceased"], row["death_time"] = True, resource.pop("deceasedDateTime")

    def write(self, row: Node, resource: Node, words: Words) -> None:
        if row.get("death_time") is not None:
            resource["deceasedDateTime"] = as_json(row["death_time"])
        elif row.get("deceased") is not None:
            resource["deceasedBoolean"] = row["deceased"]


@dataclass(frozen=True)
class Amount(Column):
    """A Quantity: its number, its unit, and where `comparator` names a column, < or > before it."""

    value: str
    unit: str
    path: Path
    comparator: str | None = None

    @property
    def names(self) -> dict[str, Any]:
        more = {self.comparator: pl.String} if self.comparator else {}
        return {self.value: pl.Float64, self.unit: pl.String, **more}

    def read(self, resource: Node, row: Node, seen: Seen, place: str) -> None:
        found = at_path(resource, self.path)
        if (
            not isinstance(found, dict)
            or isinstance(found.get("value"), bool)
            or not isinstance(found.get("value"), int | float)
        ):
            return
        row[self.value] = float(found.pop("value"))
        if self.comparator and isinstance(found.get("comparator"), str):
            row[self.comparator] = found.pop("comparator")
        unit, code = found.get("unit"), found.get("code")
        if unit is None and code is None:
            return
        row[self.unit] = name = str(code if unit is None else unit)
        coded = f"{found.get('system') or ''}|{code}" if code is not None else None
        if seen.units.setdefault(name, coded) is None:
            seen.units[name] = coded
        if seen.units[name] == coded or coded is None:
            for part in ("unit", "code", "system"):
                found.pop(part, None)

    def write(self, row: Node, resource: Node, words: Words) -> None:
        if (value := row.get(self.value)) is None:
            return
        unit = row.get(self.unit)
        system, _, code = (words.units.get(str(unit)) or "|").rpartition("|")
        parts = {
            "value": value,
            "comparator": row.get(self.comparator) if self.comparator else None,
            "unit": unit,
            "system": system or None,
            "code": code or None,
        }
        put(resource, self.path, {name: part for name, part in parts.items() if part is not None})


@dataclass(frozen=True)
class Value(Column):
    """value[x] of an observation: a number with its unit, a code, or words; integers and booleans as one of these."""

    path: Path = ("valueQuantity",)
    amount = Amount("value", "unit", ("valueQuantity",), "value_comparator")

    @property
    def names(self) -> dict[str, Any]:
        return {**self.amount.names, "value_code": pl.String, "value_text": pl.String}

    @property
    def roots(self) -> set[str]:
        return {"valueQuantity", "valueCodeableConcept", "valueString", "valueInteger", "valueBoolean"}

    def read(self, resource: Node, row: Node, seen: Seen, place: str) -> None:
        self.amount.read(resource, row, seen, place)
        row["value_code"] = token(resource.get("valueCodeableConcept"), seen, f"{place}.valueCodeableConcept")
        if isinstance(text := resource.get("valueString"), str):
            row["value_text"] = text
            resource.pop("valueString")
        if type(whole := resource.get("valueInteger")) is int:
            row["value"] = float(whole)
            resource.pop("valueInteger")
            seen.odd[f"{place}.valueInteger: read as a quantity without a unit"] += 1
        if isinstance(truth := resource.get("valueBoolean"), bool):
            row["value_text"] = str(truth).lower()
            resource.pop("valueBoolean")
            seen.odd[f"{place}.valueBoolean: read as text"] += 1

    def write(self, row: Node, resource: Node, words: Words) -> None:
        if row.get("value") is not None:
            self.amount.write(row, resource, words)
        elif row.get("value_code") is not None:
            resource["valueCodeableConcept"] = concept(str(row["value_code"]), words)
        elif row.get("value_text") is not None:
            resource["valueString"] = str(row["value_text"])
