"""Small hospitals as the standards keep them, made by hand, and what it is to come back as they were."""

import json
from datetime import datetime

import polars as pl
import pytest

from reverie.records.linked import read_linked
from reverie.records.linked.standards import STANDARDS, parts_of


def at(day, hour=0):
    return datetime(2026, 1, day, hour)


def _same(one, other):
    """Whether two linked tables hold the same rows, columns and types, and are tied alike."""
    assert set(one.frames) == set(other.frames)
    for name, frame in one.frames.items():
        again = other.frames[name]
        assert dict(again.schema) == dict(frame.schema), name
        assert again.select(frame.columns).sort(frame.columns).equals(frame.sort(frame.columns)), name
    assert {table.name: table for table in one.schema.tables} == {table.name: table for table in other.schema.tables}


@pytest.fixture
def same():
    """Holds one set of tables to be another."""
    return _same


@pytest.fixture
def there_and_back():
    """Reads a place, writes it in parts of so many patients, reads that, and holds it to be the same."""

    def check(place, out, patients=2):
        tables = read_linked(place)
        written = STANDARDS[tables.standard].write(parts_of(tables, patients), out)
        _same(tables, read_linked(out))
        return tables, written

    return check


@pytest.fixture
def meds(tmp_path):
    """Four subjects in two shards: statics of three forms, two stays of one of them, values of numbers and of words."""
    rows = [
        (1, None, "SEX//F", None, None), (2, None, "SEX//M", None, None), (3, None, "SEX//F", None, None),
        (1, None, "HEIGHT", 1.75, None), (1, None, "ALLERGY//nuts", None, None), (1, None, "ALLERGY//milk", None, None),
        (1, datetime(1960, 5, 1), "MEDS_BIRTH", None, None), (3, at(20), "MEDS_DEATH", None, None),
        (1, at(1), "HOSPITAL_ADMISSION//ER", None, None), (1, at(1, 2), "LAB//Na", 139.5, None),
        (1, at(2), "NOTE", None, "slept well"), (1, at(3), "HOSPITAL_DISCHARGE//HOME", None, None),
        (1, at(5), "LAB//Na", 141.0, None), (1, at(8), "HOSPITAL_ADMISSION//WARD", None, None),
        (1, at(9), "HOSPITAL_DISCHARGE//HOME", None, None), (2, at(4), "LAB//Na", 137.0, None),
        (3, at(2), "HOSPITAL_ADMISSION//ER", None, None), (4, at(6), "LAB//K", 4.5, None),
    ]  # fmt: skip
    types = {"subject_id": pl.Int64, "time": pl.Datetime("us"), "code": pl.String}
    types |= {"numeric_value": pl.Float32, "text_value": pl.String}
    frame = pl.DataFrame(rows, schema=types, orient="row").with_columns(unit=pl.lit(None, pl.String))
    frame = frame.with_columns(unit=pl.when(pl.col("code").str.starts_with("LAB")).then(pl.lit("mmol/L")))
    place = tmp_path / "meds"
    for split, who in (("train", (1, 2)), ("held_out", (3, 4))):
        (place / "data" / split).mkdir(parents=True)
        frame.filter(pl.col("subject_id").is_in(who)).write_parquet(place / "data" / split / "0.parquet")
    (place / "metadata").mkdir()
    pl.DataFrame({"code": ["LAB//Na"], "description": ["Sodium"], "parent_codes": [["LOINC/2951-2"]]}).write_parquet(
        place / "metadata" / "codes.parquet"
    )
    pl.DataFrame({"subject_id": [1, 2, 3], "split": ["train", "train", "held_out"]}).write_parquet(
        place / "metadata" / "subject_splits.parquet"
    )
    (place / "metadata" / "dataset.json").write_text(json.dumps({"dataset_name": "ward", "meds_version": "0.4"}))
    return place


@pytest.fixture
def omop(tmp_path):
    """Three persons and all eight tables, in capital letters here and there; one concept of two is not mapped."""
    place = tmp_path / "omop"
    place.mkdir()
    tables = {
        "PERSON": {
            "PERSON_ID": [1, 2, 3], "GENDER_CONCEPT_ID": [8532, 8507, 8532], "YEAR_OF_BIRTH": [1960, 1975, 1990],
            "RACE_CONCEPT_ID": [0, 0, 0], "ETHNICITY_CONCEPT_ID": [0, 0, 0], "GENDER_SOURCE_VALUE": ["F", "M", "F"],
        },
        "visit_occurrence": {
            "visit_occurrence_id": [11, 12, 13], "person_id": [1, 2, 2], "visit_concept_id": [9201, 9201, 9202],
            "visit_start_date": ["2026-01-01", "2026-01-02", "2026-01-08"],
            "visit_end_date": ["2026-01-03", "2026-01-04", "2026-01-08"], "visit_type_concept_id": [32817] * 3,
            "preceding_visit_occurrence_id": [None, None, 12],
        },
        "condition_occurrence": {
            "condition_occurrence_id": [1, 2], "person_id": [1, 2], "condition_concept_id": [201826, 0],
            "condition_start_date": ["2026-01-01", "2026-01-02"], "condition_type_concept_id": [32817] * 2,
            "visit_occurrence_id": [11, 12], "condition_source_value": ["E11", "home code 7"],
        },
        "drug_exposure": {
            "drug_exposure_id": [1], "person_id": [2], "drug_concept_id": [1503297],
            "drug_exposure_start_date": ["2026-01-02"], "drug_exposure_end_date": [""], "drug_type_concept_id": [32817],
            "quantity": [1.5], "visit_occurrence_id": [12],
        },
        "measurement": {
            "measurement_id": [1, 2, 3], "person_id": [1, 2, 2], "measurement_concept_id": [3019550, 3019550, 3023103],
            "measurement_date": ["2026-01-01", "2026-01-02", "2026-01-03"],
            "measurement_datetime": ["2026-01-01T08:00:00", "2026-01-02 09:30:00", "2026-01-03T10:00:00.25"],
            "measurement_type_concept_id": [32817] * 3, "value_as_number": [139.0, 141.5, 4.5],
            "visit_occurrence_id": ["11.0", "12.0", ""],
        },
        "observation": {
            "observation_id": [1], "person_id": [3], "observation_concept_id": [4275495], "observation_date": ["2026-01-05"],
            "observation_type_concept_id": [32817], "value_as_string": ["never"],
        },
        "procedure_occurrence": {
            "procedure_occurrence_id": [1], "person_id": [1], "procedure_concept_id": [4107731],
            "procedure_date": ["2026-01-02"], "procedure_type_concept_id": [32817], "visit_occurrence_id": [11],
        },
        "death": {"person_id": [2], "death_date": ["2026-01-20"]},
        "care_site": {"care_site_id": [5], "care_site_name": ["Ward 5"]},
        "concept": {
            "concept_id": [201826, 3019550, 99], "concept_name": ["Diabetes", "Sodium", "of nobody"],
            "domain_id": ["Condition", "Measurement", "Drug"], "vocabulary_id": ["SNOMED", "LOINC", "ATC"],
            "concept_class_id": ["Disorder", "Lab Test", "ATC"], "concept_code": ["44054006", "2951-2", "X"],
            "valid_start_date": [19700101] * 3, "valid_end_date": [20991231] * 3,
        },
        "note": {"note_id": [1], "person_id": [1], "note_text": ["all is well"]},
    }  # fmt: skip
    for name, columns in tables.items():
        pl.DataFrame(columns, strict=False).write_csv(place / f"{name}.csv")
    return place


def resource(kind, key, **parts):
    return {"resourceType": kind, "id": key, **parts}


def coded(system, code, display=None, **more):
    coding = {"system": system, "code": code} | ({"display": display} if display else {})
    return {"coding": [coding], **more}


LOINC, SNOMED = "http://loinc.org", "http://snomed.info/sct"


@pytest.fixture
def resources():
    """Resources of two patients, one of each type, with what no table holds beside."""
    about = {"subject": {"reference": "Patient/a"}, "encounter": {"reference": "Encounter/e1"}}
    mg = {"value": 500, "unit": "mg", "system": "http://unitsofmeasure.org", "code": "mg"}
    pressure = {"unit": "mmHg", "system": "http://unitsofmeasure.org", "code": "mm[Hg]"}
    return [
        resource("Patient", "a", gender="female", birthDate="1960-05-01", deceasedBoolean=False, name=[{"family": "Doe"}]),
        resource("Patient", "b", gender="male", birthDate="1975", deceasedDateTime="2026-01-20T10:00:00+01:00"),
        resource(
            "Encounter", "e1", status="finished", subject={"reference": "Patient/a"},
            **{"class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "IMP"}},
            period={"start": "2026-01-01T08:00:00+01:00", "end": "2026-01-03T12:00:00+01:00"},
        ),
        resource(
            "Condition", "c1", **about, code=coded(SNOMED, "44054006", "Diabetes", text="Diabetes"),
            onsetDateTime="2026-01-01", clinicalStatus=coded("urn:status", "active"),
        ),
        resource(
            "Observation", "o1", **about, status="final", code=coded(LOINC, "2951-2", "Sodium"),
            effectiveDateTime="2026-01-01T09:00:00Z",
            valueQuantity={"value": 139.5, "unit": "mmol/L", "system": "http://unitsofmeasure.org", "code": "mmol/L"},
            referenceRange=[{"low": {"value": 135}}], performer=[{"reference": "Practitioner/p"}],
        ),
        resource(
            "Observation", "o2", **about, status="final", code=coded(LOINC, "85354-9", "Blood pressure"),
            effectivePeriod={"start": "2026-01-02T09:00:00Z", "end": "2026-01-02T09:05:00Z"},
            component=[
                {"code": coded(LOINC, "8480-6"), "valueQuantity": {"value": 127, **pressure}},
                {"code": coded(LOINC, "8462-4"), "valueQuantity": {"value": 82, **pressure}},
            ],
        ),
        resource(
            "Observation", "o3", subject={"reference": "Patient/b"}, status="final", code={"text": "mood"},
            effectiveDateTime="2026-01-05T09:00:00Z", valueString="well",
        ),
        resource(
            "MedicationRequest", "m1", **about, status="active", intent="order", authoredOn="2026-01-01T10:00:00Z",
            medicationCodeableConcept=coded("urn:drugs", "860975", "Metformin"),
            dosageInstruction=[{"doseAndRate": [{"doseQuantity": mg}]}],
        ),
        resource(
            "MedicationAdministration", "g1", subject={"reference": "Patient/a"}, context={"reference": "Encounter/e1"},
            status="completed", request={"reference": "MedicationRequest/m1"}, effectiveDateTime="2026-01-01T11:00:00Z",
            medicationCodeableConcept=coded("urn:drugs", "860975"), dosage={"dose": mg, "route": {"text": "mouth"}},
        ),
        resource(
            "Procedure", "p1", **about, status="completed", code=coded(SNOMED, "80146002", "Appendectomy"),
            performedPeriod={"start": "2026-01-02T10:00:00Z", "end": "2026-01-02T11:00:00Z"},
        ),
    ]  # fmt: skip


@pytest.fixture
def lines(tmp_path):
    """Writes resources as NDJSON, a file for each type."""

    def write(resources, name="ndjson"):
        (place := tmp_path / name).mkdir()
        for each in resources:
            with (place / f"{each['resourceType']}.ndjson").open("a") as file:
                file.write(json.dumps(each) + "\n")
        return place

    return write


@pytest.fixture
def bundle(tmp_path):
    """Writes resources as a Bundle; those without an id are known by their address."""

    def write(resources, name="bundle.json"):
        entries = [
            {"fullUrl": each.pop("\0url", f"https://x.example/{each['resourceType']}/{each.get('id')}"), "resource": each}
            for each in resources
        ]
        place = tmp_path / name
        place.write_text(json.dumps({"resourceType": "Bundle", "type": "collection", "entry": entries}))
        return place

    return write
