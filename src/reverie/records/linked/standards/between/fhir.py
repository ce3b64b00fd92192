"""FHIR R4 and what it has in common with others.

    Patient, Encounter, Condition, MedicationRequest and -Administration, Procedure, Observation and its components

What did not happen (entered in error, refuted, cancelled, not done) is no event elsewhere, and is left out. A component is a
finding of its own, at the time of its observation.
"""

from __future__ import annotations

from collections import Counter

import polars as pl

from reverie.records.linked.standards.between.common import Common, lookup, table, tally
from reverie.records.linked.standards.fhir_resources import CODES, COMPONENTS, RESOURCES, UNITS
from reverie.records.linked.standards.fhir_writing import typed
from reverie.records.linked.standards.standard import Content, Frames
from reverie.records.places import counted

__all__ = ["common_of", "frames_of"]

_NEVER = ("entered-in-error", "not-done", "cancelled", "refuted")
_MEASURED = ("laboratory", "vital-signs")
_VALUE = {"value", "value_comparator", "unit", "value_code", "value_text"}
_TAKEN = {
    "patients": {"gender", "birth_date", "marital_status", "deceased", "death_time"},
    "encounters": {"class", "type", "start", "end", "reason", "admit_source", "discharge_disposition"},
    "conditions": {"onset", "abatement", "recorded"},
    "medication_requests": {"authored", "dose", "dose_unit", "route"},
    "medication_administrations": {"time", "end", "dose", "dose_unit", "route"},
    "procedures": {"time", "end"},
    "observations": {"category", "time", "end", "issued", *_VALUE},
    "observation_components": _VALUE,
}
"""The columns of each table that others share; a category tells what is measured."""
_PLACES = {
    "people": ("person", "sex", "birth", "dead", "death", "marital_status"),
    "visits": ("visit", "person", "class", "type", "start", "end", "reason", "admitted_from", "discharged_to"),
    "conditions": ("id", "person", "visit", "code", "start", "end"),
    "drugs": ("id", "person", "visit", "code", "start", "end", "ordered", "dose", "unit", "route"),
    "procedures": ("id", "person", "visit", "code", "start", "end"),
    "findings": (
        *("id", "person", "visit", "code", "start", "end", "measured", "value", "comparator", "unit", "value_code"),
        "value_text",
    ),
}
"""What FHIR has a place for."""


def common_of(frames: Frames) -> Common:
    """The resources, in common. Raises as they are read, for cells that are not of their types."""
    left: Counter[str] = Counter()
    notes: list[str] = []
    declared = {each.table: each for each in (*RESOURCES.values(), COMPONENTS)}
    whole = {
        name: typed(each, frames.get(name, pl.DataFrame(schema={each.key: pl.String}))) for name, each in declared.items()
    }
    for name, frame in whole.items():
        status = [c for c in ("status", "verification_status") if c in frame.columns]
        never = [pl.col(c).str.split("|").list.last().is_in(_NEVER).fill_null(False) for c in status]
        kept = frame.filter(~pl.any_horizontal(never)) if never else frame
        if lost := frame.height - kept.height:
            notes.append(f"{name}: {counted(lost, 'row', 'was were')} left out, whose status says that it never was.")
        whole[name] = kept
    people, visits = whole["patients"], whole["encounters"]
    found = {
        "people": table(
            "people", people, person=pl.col("patient_id"), sex=pl.col("gender"), birth=pl.col("birth_date"),
            dead=pl.col("deceased"), death=pl.col("death_time"), marital_status=pl.col("marital_status"),
        ),
        "visits": table(
            "visits", visits, visit=pl.col("encounter_id"), person=pl.col("patient_id"), start=pl.col("start"),
            end=pl.col("end"), type=pl.col("type"), reason=pl.col("reason"), admitted_from=pl.col("admit_source"),
            discharged_to=pl.col("discharge_disposition"), **{"class": pl.col("class")},
        ),
        "conditions": table(
            "conditions", whole["conditions"], **_event("condition_id"), end=pl.col("abatement"),
            start=pl.coalesce(pl.col("onset", "recorded").cast(pl.Datetime("us"))),
        ),
        "drugs": pl.concat([
            table(
                "drugs", whole[name], **_event(key), **times, ordered=pl.lit(ordered), dose=pl.col("dose"),
                unit=pl.col("dose_unit"), route=pl.col("route"),
            )
            for name, key, ordered, times in (
                ("medication_requests", "medication_request_id", True, {"start": pl.col("authored")}),
                ("medication_administrations", "medication_administration_id", False, _times()),
            )
        ]),
        "procedures": table("procedures", whole["procedures"], **_event("procedure_id"), **_times()),
        "findings": _findings(whole, notes),
    }  # fmt: skip
    for name, frame in whole.items():
        tally(left, name, frame, _TAKEN[name] | {declared[name].key, "patient_id", "encounter_id", "code"})
    for name, second, first in (("observations", "issued", "time"), ("conditions", "recorded", "onset")):
        tally(left, name, whole[name].filter(pl.col(first).is_not_null()).select(second), set())
    words = dict(lookup(frames, "codes", *CODES).drop_nulls().iter_rows())
    units = lookup(frames, "units", *UNITS)
    tally(left, "units", units.filter(pl.col("unit") != pl.col("code").str.split("|").list.last()), {"unit"})
    return Common.of(found, words, left, notes)


def _event(key: str) -> dict[str, pl.Expr]:
    return {"id": pl.col(key), "person": pl.col("patient_id"), "visit": pl.col("encounter_id"), "code": pl.col("code")}


def _times() -> dict[str, pl.Expr]:
    return {"start": pl.col("time"), "end": pl.col("end")}


def _findings(whole: Frames, notes: list[str]) -> pl.DataFrame:
    """Observations, and after them their components."""
    observations = whole["observations"]
    owner = observations.select("observation_id", "patient_id", "encounter_id", "time", "end", "issued", "category")
    parts = whole["observation_components"].join(owner, on="observation_id", how="inner", maintain_order="left")
    number = pl.int_range(pl.len()).over("observation_id") + 1
    parts = parts.with_columns(id=pl.col("observation_id") + "." + number.cast(pl.String))
    if parts.height:
        notes.append(f"{counted(parts.height, 'component', 'is are')} made findings of their own, tied to no other.")
    category = pl.col("category").str.split("|").list.last().is_in(_MEASURED).fill_null(False)
    return pl.concat([
        table(
            "findings", frame, **_event(key),
            end=pl.col("end"), start=pl.coalesce(pl.col("time", "issued").cast(pl.Datetime("us"))),
            measured=category | pl.col("value").is_not_null(), value=pl.col("value"), comparator=pl.col("value_comparator"),
            unit=pl.col("unit"), value_code=pl.col("value_code"), value_text=pl.col("value_text"),
        )
        for frame, key in ((observations, "observation_id"), (parts, "id"))
    ])  # fmt: skip


def frames_of(common: Common, title: str) -> Content:
    """What is in common, as tables of resources."""
    common.only(_PLACES)
    findings = common.frames["findings"]
    told = findings["measured"].is_not_null() & (findings["measured"] != findings["value"].is_not_null())
    common.left["findings: whether they were measured"] += int(told.sum())
    frames = dict(common.frames)
    people, visits = frames["people"], frames["visits"]
    about = {"patient_id": pl.col("person"), "encounter_id": pl.col("visit"), "code": pl.col("code")}
    given = frames["drugs"].filter(~pl.col("ordered").fill_null(False))
    if lost := given["start"].null_count():
        common.notes.append(f"drugs: {counted(lost, 'row', 'was were')} left out, without a time, which {title} wants.")
    dose = {"dose": pl.col("dose"), "dose_unit": pl.col("unit"), "route": pl.col("route")}
    if nameless := visits["class"].null_count():
        common.notes.append(f"{counted(nameless, 'visit', 'has have')} no class, which {title} wants: unknown was taken.")
    made = {
        "patients": people.select(
            patient_id="person", gender="sex", birth_date=pl.col("birth").cast(pl.Date), marital_status="marital_status",
            deceased="dead", death_time="death",
        ),
        "encounters": visits.select(
            encounter_id="visit", patient_id="person", **{"class": pl.col("class").fill_null("unknown")}, type="type",
            start="start", end="end", reason="reason", admit_source="admitted_from", discharge_disposition="discharged_to",
        ),
        "conditions": frames["conditions"].select(condition_id="id", **about, onset="start", abatement="end"),
        "medication_requests": frames["drugs"].filter(pl.col("ordered").fill_null(False)).select(
            medication_request_id="id", **about, intent=pl.lit("order"), authored="start", **dose,
        ),
        "medication_administrations": given.drop_nulls("start").select(
            medication_administration_id="id", **about, time="start", end="end", **dose,
        ),
        "procedures": frames["procedures"].select(procedure_id="id", **about, time="start", end="end"),
        "observations": frames["findings"].select(
            observation_id="id", **about, time="start", end="end", value="value", unit="unit", value_comparator="comparator",
            value_code="value_code", value_text="value_text",
        ),
    }  # fmt: skip
    made["codes"] = pl.DataFrame([list(common.words), list(common.words.values())], schema=dict.fromkeys(CODES, pl.String))
    return Content({n: f for n, f in made.items() if f.height}, common.said(title))
