"""A patient in time: when each row was since the first, whose it is, and what it is called."""

from datetime import datetime, timedelta

import polars as pl
import pytest

from reverie.records.linked import read_linked
from reverie.records.linked.columns import columns_of
from reverie.records.linked.growing import grow
from reverie.records.linked.timeline import ROWS, timelines

HOUR = timedelta(hours=1)
BEGUN = datetime(2150, 3, 1)


@pytest.fixture
def ward():
    """Six patients as MIMIC keeps them: codes that a table of items names, drips with a start and an end."""
    people = range(1, 7)
    stays = [(10 * p, p, BEGUN + 24 * p * HOUR, BEGUN + 24 * (p + 2) * HOUR, "URGENT") for p in people]
    drips = [
        (10 * p, BEGUN + 24 * p * HOUR + h * HOUR, BEGUN + 24 * p * HOUR + 3 * h * HOUR, 7) for p in people for h in (6, 12)
    ]
    labs = [(p, 10 * p, 50 + i % 2, BEGUN + 24 * p * HOUR + i * HOUR, 1.5 * i) for p in people for i in range(8)]
    return {
        "patients": pl.DataFrame({"subject_id": people, "sex": ["F", "M"] * 3}),
        "admissions": pl.DataFrame(
            stays, schema=["hadm_id", "subject_id", "admittime", "dischtime", "admission_type"], orient="row"
        ),
        "inputevents": pl.DataFrame(drips, schema=["hadm_id", "starttime", "endtime", "rate"], orient="row"),
        "labevents": pl.DataFrame(labs, schema=["subject_id", "hadm_id", "itemid", "charttime", "valuenum"], orient="row"),
        "d_items": pl.DataFrame({"itemid": [50, 51], "label": ["Lactate", "Sodium"]}),
    }


def told(tables, first=0, count=1):
    found = read_linked(tables)
    grown = grow(found)
    return timelines(grown, found.schema, first, count, {name: found.frames[name] for name in grown.tree.carried})


def test_times_are_days_since_the_first_row_of_the_patient(ward):
    for place, one in enumerate(told(ward, 1, 3), 2):
        lanes = {lane["table"]: lane for lane in one["tables"]}
        assert one["patient"] == str(place) and one["unit"] == "day" and one["lasts"] == 2
        assert [(row["start"], row["end"]) for row in lanes["admissions"]["rows"]] == [(0, 2)]
        assert [(row["start"], row["end"]) for row in lanes["inputevents"]["rows"]] == [(0.25, 0.75), (0.5, 1.5)]
        assert [row["start"] for row in lanes["labevents"]["rows"]] == pytest.approx([i / 24 for i in range(8)], abs=1e-4)


def test_a_code_is_called_as_the_table_that_is_carried_over_says(ward):
    lanes = {lane["table"]: lane for lane in told(ward)[0]["tables"]}
    assert [row["label"] for row in lanes["labevents"]["rows"]] == ["Lactate", "Sodium"] * 4
    assert lanes["labevents"]["rows"][1]["cells"] == {"itemid": "51", "valuenum": "1.5"}
    assert lanes["inputevents"]["shape"] == "bar" and lanes["admissions"]["shape"] == "band"


def test_numbers_stay_numbers_and_beside_dates_they_are_no_times(ward):
    hours = {
        name: frame.with_columns(((pl.col(pl.Datetime) - BEGUN).dt.total_hours()).cast(pl.Float64))
        for name, frame in ward.items()
    }
    plain = told(hours)[0]
    assert plain["unit"] is None and plain["lasts"] == 48
    mixed = told({**ward, "labevents": hours["labevents"]})[0]
    lanes = {lane["table"]: lane for lane in mixed["tables"]}
    assert {row["start"] for row in lanes["labevents"]["rows"]} == {None} and mixed["lasts"] == 2


def test_of_very_many_rows_some_are_told_and_the_others_counted(ward):
    many = pl.concat([ward["labevents"].with_columns(valuenum=pl.col("valuenum") + 100 * i) for i in range(60)])
    lanes = {lane["table"]: lane for lane in told({**ward, "labevents": many})[0]["tables"]}
    assert len(lanes["labevents"]["rows"]) == ROWS and lanes["labevents"]["left"] == 480 - ROWS


def test_what_columns_are_is_told_also_of_tables_that_cannot_be_trained_on(ward):
    found, fault = columns_of(read_linked(ward))
    kinds = {column["name"]: (column["role"], column["kind"]) for column in found["labevents"]}
    assert fault is None and kinds["itemid"][0] == "reference" and kinds["charttime"] == ("start", "datetime")
    twice = {**ward, "people": ward["patients"].rename({"subject_id": "person_id"}).with_columns(pl.col("person_id") + 100)}
    found, fault = columns_of(read_linked(twice))
    assert "one table of patients is needed" in str(fault)
    assert {c["name"]: c["kind"] for c in found["admissions"]}["admittime"] == "datetime"
