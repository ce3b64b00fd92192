"""One row for each patient: all of it is static, nobody's age or date is a time, and nothing is forecast."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from reverie.errors import UsageError
from reverie.evaluation.areas import AREAS
from reverie.evaluation.figures import save_figures
from reverie.evaluation.measure import Split
from reverie.evaluation.tables import Tables
from reverie.records import read_table
from reverie.records.shapes import TIME

draw = np.random.default_rng(0)
N = 40


def people(**more) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "id": range(1, N + 1),
            "sex": draw.choice(["M", "F"], N),
            "age": draw.integers(30, 90, N),
            "born": [date(1950, 1, 1) + timedelta(days=int(d)) for d in draw.integers(0, 9000, N)],
            "lab": draw.normal(8, 1, N).round(1),
            **more,
        }
    )


def test_all_columns_are_static_and_there_is_no_time():
    table = read_table(people(visit_year=draw.integers(2001, 2009, N)).rename({"visit_year": "year"}))
    assert table.schema.timeless and table.schema.time.name == TIME
    assert {c.name: c.role for c in table.schema.shown} == {"id": "identifier"} | dict.fromkeys(
        ("sex", "age", "born", "lab", "year"), "static"
    )
    assert any("all columns are static" in note for note in table.notes)
    assert table.schema.unshaped(table.frame).columns == [c.name for c in table.schema.shown]


@pytest.mark.parametrize("name", ["eid", "f.eid", "case_no", "record_id", "USUBJID", "mrn", "participant_number"])
def test_the_identifier_is_found_by_its_name(name):
    schema = read_table(people().rename({"id": name})).schema
    assert schema.timeless and schema.identifier.name == name


def test_a_row_that_stands_twice_is_one_patient_and_two_rows_of_one_are_asked_about():
    frame = people()
    table = read_table(pl.concat([frame, frame[:2]]))
    assert table.schema.timeless and len(table) == N and any("2 rows were identical" in note for note in table.notes)
    other = frame[:1].with_columns(pl.col("lab") + 1)
    with pytest.raises(UsageError, match=r"no column looks like the time.*`id=row`"):
        read_table(pl.concat([frame, other]))
    assert len(read_table(pl.concat([frame, other]), identifier="row")) == N + 1


def test_a_time_until_an_event_is_a_number_of_the_patient():
    schema = read_table(people(time=draw.integers(1, 2000, N), status=draw.integers(0, 2, N))).schema
    assert schema.timeless and schema["time"].role == "static" and schema["time"].kind == "integer"


def test_a_time_of_a_visit_is_one_also_where_all_have_one_visit():
    assert read_table(people(visit=draw.integers(1, 9, N))).schema.time.name == "visit"
    assert read_table(people(), time="age").schema.time.name == "age"  # where somebody says so


def test_conditions_hold_and_new_patients_are_new(model):
    frame = people()
    made = model(frame).sample(30, where={"sex": "F"}, steps=2)
    assert made.schema == frame.schema and set(made["sex"]) == {"F"}
    assert made["id"].n_unique() == 30 and not set(made["id"]) & set(frame["id"])


def test_a_forecast_is_refused_in_a_sentence(model):
    frame = people()
    with pytest.raises(UsageError, match="no time, one row for each patient, so no later visit can be forecast"):
        model(frame).forecast(frame, 1)


def test_nothing_is_claimed_or_drawn_in_time(tmp_path):
    table = read_table(people())
    split = Split(table.frame[:20], table.frame[20:])
    tables = Tables.read(split, table.frame, table.schema)
    assert not {"fidelity.course", "use.next_visit", "use.policy"} & {area.name for area in AREAS if area.given(tables)}
    drawn = {path.stem for path in save_figures(table.frame, table.frame, table.schema, tmp_path)}
    assert drawn == {"marginals", "missingness", "correlations", "losses"}
