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
    at_path,
    concept,
    token,
)  # fmt: skip
from reverie.records.linked.standards.fhir_json import Parts, as_json, each

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
    def roots(self) -> tuple[str, ...]:
        return (self._period,) if self.period else (f"{self.stem}DateTime", f"{self.stem}Instant", self._period)

    def read(self, resource: Node, row: Node, seen: Seen, place: str) -> None:
        for form in () if self.period else ("DateTime", "Instant"):
            if isinstance(resource.get(self.stem + form), str):
                row[self.start] = resource.pop(self.stem + form)
        period = resource.get(self._period)
        for name, part in ((self.start, "start"), (self.end, "end")):
            if isinstance(period, dict) and isinstance(period.get(part), str):
                row[name] = period.pop(part)

    def write(self, frame: pl.DataFrame, words: Words) -> Parts:
        start, end = (as_json(frame[name]) for name in (self.start, self.end))
        whole = end.is_not_null() | self.period
        parts: Parts = {(self._period, "start"): only(start, whole), (self._period, "end"): end}
        return parts if self.period else parts | {(f"{self.stem}DateTime",): only(start, ~whole)}


@dataclass(frozen=True)
class Deceased(Column):
    """deceased[x] of a patient: whether, and when."""

    path: Path = ("deceasedBoolean",)

    @property
    def names(self) -> dict[str, Any]:
        return {"deceased": pl.Boolean, "death_time": DATE_TIME}

    @property
    def roots(self) -> tuple[str, ...]:
        return "deceasedBoolean", "deceasedDateTime"

    def read(self, resource: Node, row: Node, seen: Seen, place: str) -> None:
        if isinstance(resource.get("deceasedBoolean"), bool):
            row["deceased"] = resource.pop("deceasedBoolean")
        if isinstance(resource.get("deceasedDateTime"), str):
            row["deceased"], row["death_time"] = True, resource.pop("deceasedDateTime")

    def write(self, frame: pl.DataFrame, words: Words) -> Parts:
        time = as_json(frame["death_time"])
        return {("deceasedDateTime",): time, ("deceasedBoolean",): only(as_json(frame["deceased"]), time.is_null())}


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

    def write(self, frame: pl.DataFrame, words: Words) -> Parts:
        there, unit = frame[self.value].is_not_null(), frame[self.unit]
        coded = {name: (words.units.get(name) or "|").rpartition("|") for name in unit.drop_nulls().unique()}
        parts = {
            "value": as_json(frame[self.value]),
            "comparator": as_json(frame[self.comparator]) if self.comparator else None,
            "unit": as_json(unit),
            "system": each(unit, lambda name: coded[name][0] or None),
            "code": each(unit, lambda name: coded[name][2] or None),
        }
        return {(*self.path, name): only(cells, there) for name, cells in parts.items() if cells is not None}


@dataclass(frozen=True)
class Value(Column):
    """value[x] of an observation: a number with its unit, a code, or words; integers and booleans as one of these."""

    path: Path = ("valueQuantity",)
    amount = Amount("value", "unit", ("valueQuantity",), "value_comparator")

    @property
    def names(self) -> dict[str, Any]:
        return {**self.amount.names, "value_code": pl.String, "value_text": pl.String}

    @property
    def roots(self) -> tuple[str, ...]:
        return "valueQuantity", "valueCodeableConcept", "valueString", "valueInteger", "valueBoolean"

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

    def write(self, frame: pl.DataFrame, words: Words) -> Parts:
        number, code = frame[self.amount.value], frame["value_code"]
        return {
            **self.amount.write(frame, words),
            ("valueCodeableConcept",): only(each(code, lambda cell: concept(cell, words)), number.is_null()),
            ("valueString",): only(as_json(frame["value_text"]), number.is_null() & code.is_null()),
        }


def only(cells: pl.Series, where: pl.Series) -> pl.Series:
    """Cells where a truth value is, else null."""
    return pl.select(pl.when(where).then(cells)).to_series()
