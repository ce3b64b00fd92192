"""Whose visit and when: names before uniqueness, a person before an id before a stay, and no age unasked."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from reverie.errors import UsageError
from reverie.records import read_table
from reverie.records.column_names import id_of
from reverie.records.roles import patients

draw = np.random.default_rng(0)
PEOPLE, VISITS = 30, 4
ROWS = PEOPLE * VISITS


def cohort(**more) -> pl.DataFrame:
    person = np.repeat(np.arange(PEOPLE) + 1000, VISITS)
    columns = {"person_id": person, "day": np.tile(np.arange(VISITS) * 7, PEOPLE), "x": draw.normal(size=ROWS).round(2)}
    return pl.DataFrame(columns | more)


@pytest.mark.parametrize("name", ["measurement_id", "row_id", "labevent_id", "id", "obs", "encounter_id", "record_id"])
def test_another_number_in_each_row_is_nobody(name):
    frame = cohort(**{name: np.arange(ROWS) + 1}).select(name, "person_id", "day", "x")
    schema = read_table(frame).schema
    assert schema.identifier.name == "person_id" and schema.time.name == "day"


def test_what_is_called_id_alone_comes_after_a_person_and_before_a_stay():
    person = np.repeat(np.arange(PEOPLE), VISITS)
    assert read_table(cohort(id=person)).schema.identifier.name == "person_id"
    assert read_table(cohort(stay_id=person).rename({"person_id": "id"})).schema.identifier.name == "id"
    assert read_table(cohort().rename({"person_id": "ENCOUNTER_NO"})).schema.identifier.name == "ENCOUNTER_NO"


@pytest.mark.parametrize(
    "name", ["eid", "f.eid", "n_eid", "SEQN", "case_no", "CaseNumber", "respondent_id", "bene_id", "patid"]
)
def test_more_names_of_people(name):
    assert patients(cohort().rename({"person_id": name})) == [name]


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        *(
            (name, "number")
            for name in ("person_id", "MRN", "visit_occurrence_id", "provider_id", "labevent_id", "eid", "id")
        ),
        *((name, "levels") for name in ("measurement_concept_id", "itemid", "site_id", "SITEID", "drug_id", "device_id")),
        *((name, None) for name in ("covid", "thyroid", "fluid", "bid", "age", "case", "visit", "acid", "uric_acid", "")),
    ],
)
def test_what_a_column_is_by_a_name_that_ends_in_id(name, kind):
    assert id_of(name) == kind


def test_two_people_that_fit_alike_are_both_named():
    with pytest.raises(UsageError, match=r"identifier could be 'person_id' or 'subject'.*`id`"):
        read_table(cohort(subject=np.repeat(np.arange(PEOPLE), VISITS)))


def test_an_age_is_a_time_only_where_nothing_else_is_and_it_is_said():
    ages = np.repeat(draw.integers(20, 60, PEOPLE), VISITS) + np.tile(np.arange(VISITS), PEOPLE)
    table = read_table(cohort(age=ages).drop("day"))
    assert table.schema.time.name == "age" and any("age was taken as the time" in note for note in table.notes)
    assert read_table(cohort(age=ages)).schema.time.name == "day"
    with pytest.raises(UsageError, match=r"no column looks like the time.*'age'.*`time`"):
        read_table(cohort(age=ages // 2).drop("day"))  # two rows of one age
    with pytest.raises(UsageError, match="no column looks like the time"):
        read_table(cohort(age=ages, age_at_visit=ages + 0.5).drop("day"))


def test_of_two_times_that_fit_alike_the_begin_is_taken():
    frame = cohort(end_day=np.tile(np.arange(VISITS) * 7 + 3, PEOPLE)).rename({"day": "start_day"})
    assert read_table(frame).schema.time.name == "start_day"
