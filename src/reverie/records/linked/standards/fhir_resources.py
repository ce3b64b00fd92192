"""Which resources of FHIR R4 are tables, and which of their elements columns."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from reverie.records.linked.schema import Kind
from reverie.records.linked.standards.fhir_columns import DATE_TIME, Coded, Column, Plain, Reference
from reverie.records.linked.standards.fhir_values import Amount, Deceased, Time, Value
from reverie.records.linked.standards.stated import Stated

__all__ = ["CODES", "COMPONENTS", "RESOURCES", "TABLES", "UNITS", "Resource"]


@dataclass(frozen=True)
class Resource:
    """A type of resource, and its table.

    Attributes:
        name: of the type.
        table, key: of its rows; the key is the resource's id.
        columns: its elements, in the order of the table's columns.
        kind, clocks, why: as of Stated.
    """

    name: str
    table: str
    key: str
    columns: tuple[Column, ...]
    kind: Kind = "events"
    clocks: tuple[tuple[str, str | None], ...] = ()
    why: str = "a row for each resource"

    @property
    def cells(self) -> dict[str, type[pl.DataType] | pl.DataType]:
        """The types of the table's columns, by their names."""
        return {self.key: pl.String, **{name: dtype for column in self.columns for name, dtype in column.names.items()}}

    @property
    def stated(self) -> Stated:
        references = {c.name: _TABLES_OF[c.to] for c in self.columns if isinstance(c, Reference)}
        codes = {name: "codes" for c in self.columns for name in _coded(c)}
        units = {name: "units" for c in self.columns for name in c.names if name.endswith("unit")}
        parents = tuple(
            t for t in ("observations", "encounters", "patients") if t in references.values() and t != self.table
        )
        key = None if self.table == "observation_components" else self.key
        return Stated(self.table, self.kind, key, references | codes | units, parents, self.clocks, self.why)


def _coded(column: Column) -> tuple[str, ...]:
    if isinstance(column, Coded):
        return (column.name,)
    return ("value_code",) if isinstance(column, Value) else ()


_TABLES_OF = {
    "Patient": "patients",
    "Encounter": "encounters",
    "Condition": "conditions",
    "Observation": "observations",
    "MedicationRequest": "medication_requests",
    "MedicationAdministration": "medication_administrations",
    "Procedure": "procedures",
}
_PATIENT = Reference("patient_id", ("subject",), "Patient")
_ENCOUNTER = Reference("encounter_id", ("encounter",), "Encounter")
_STATUS = Plain("status", ("status",), unknown="unknown")
_CATEGORY = Coded("category", ("category", 0))
_CODE = Coded("code", ("code",))
_REASON = Coded("reason", ("reasonCode", 0))
_MEDICATION = Coded("code", ("medicationCodeableConcept",))
_DOSES = ("dosageInstruction", 0)

RESOURCES: dict[str, Resource] = {
    each.name: each
    for each in (
        Resource(
            "Patient", "patients", "patient_id",
            (
                Plain("gender", ("gender",)),
                Plain("birth_date", ("birthDate",), DATE_TIME),
                Coded("marital_status", ("maritalStatus",)),
                Deceased(),
            ),
            "entities", (), "a row for each Patient",
        ),
        Resource(
            "Encounter", "encounters", "encounter_id",
            (
                _PATIENT, Reference("part_of", ("partOf",), "Encounter"), _STATUS, Coded("class", ("class",), alone=True),
                Coded("type", ("type", 0)), Time("start", "end", "period", period=True), _REASON,
                Coded("admit_source", ("hospitalization", "admitSource")),
                Coded("discharge_disposition", ("hospitalization", "dischargeDisposition")),
            ),
            "events", (("start", "end"),), "a row for each stay or contact",
        ),
        Resource(
            "Condition", "conditions", "condition_id",
            (
                _PATIENT, _ENCOUNTER, Coded("clinical_status", ("clinicalStatus",)),
                Coded("verification_status", ("verificationStatus",)), _CATEGORY, Coded("severity", ("severity",)), _CODE,
                Time("onset", "onset_end", "onset"), Plain("abatement", ("abatementDateTime",), DATE_TIME),
                Plain("recorded", ("recordedDate",), DATE_TIME),
            ),
            "events", (("onset", "abatement"), ("recorded", None)), "code says which condition",
        ),
        Resource(
            "Observation", "observations", "observation_id",
            (
                _PATIENT, _ENCOUNTER, _STATUS, _CATEGORY, _CODE, Time("time", "end", "effective"),
                Plain("issued", ("issued",), DATE_TIME), Value(), Coded("interpretation", ("interpretation", 0)),
                Coded("absent_reason", ("dataAbsentReason",)),
            ),
            "long", (("time", "end"), ("issued", None)), "code says what was observed, and value.. what was found",
        ),
        Resource(
            "MedicationRequest", "medication_requests", "medication_request_id",
            (
                _PATIENT, _ENCOUNTER, _STATUS, Plain("intent", ("intent",)), _CATEGORY, _MEDICATION,
                Plain("authored", ("authoredOn",), DATE_TIME),
                Amount("dose", "dose_unit", (*_DOSES, "doseAndRate", 0, "doseQuantity")), Coded("route", (*_DOSES, "route")),
                _REASON,
            ),
            "events", (("authored", None),), "code says which drug was ordered",
        ),
        Resource(
            "MedicationAdministration", "medication_administrations", "medication_administration_id",
            (
                _PATIENT, Reference("encounter_id", ("context",), "Encounter"),
                Reference("medication_request_id", ("request",), "MedicationRequest"), _STATUS,
                Coded("category", ("category",)), _MEDICATION, Time("time", "end", "effective"),
                Amount("dose", "dose_unit", ("dosage", "dose")),
                Coded("route", ("dosage", "route")), _REASON,
            ),
            "events", (("time", "end"),), "code says which drug was given",
        ),
        Resource(
            "Procedure", "procedures", "procedure_id",
            (
                _PATIENT, _ENCOUNTER, _STATUS, Coded("category", ("category",)), _CODE, Time("time", "end", "performed"),
                _REASON, Coded("body_site", ("bodySite", 0)), Coded("outcome", ("outcome",)),
            ),
            "events", (("time", "end"),), "code says which procedure",
        ),
    )
}  # fmt: skip
"""By the type of the resource."""

COMPONENTS = Resource(
    "Observation.component", "observation_components", "observation_id",
    (_CODE, Value(), Coded("interpretation", ("interpretation", 0)), Coded("absent_reason", ("dataAbsentReason",))),
    "long",
)  # fmt: skip
"""The parts of an observation (the two pressures of one measurement), a row each; its first column names the observation."""

CODES, UNITS = ("code", "display"), ("unit", "code")
"""The columns of the two lookups: what a code stands for, and the code of a unit."""

_PARTS = Stated(
    "observation_components",
    "long",
    None,
    {**COMPONENTS.stated.refers, "observation_id": "observations"},
    ("observations",),
    (),
    "a row for each part of an observation: code says of what, value the value",
)

TABLES: tuple[Stated, ...] = (
    *(resource.stated for resource in RESOURCES.values()),
    _PARTS,
    Stated("codes", "lookup", "code", {}, why="what each code stands for"),
    Stated("units", "lookup", "unit", {}, why="the code of each unit"),
)
