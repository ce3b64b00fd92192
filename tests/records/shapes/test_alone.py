"""A table without an identifier: undo(apply(x)) is x, each row is a patient, and nothing that was made for it is shown."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from reverie.errors import UsageError
from reverie.records import Schema, read_table
from reverie.records.describe import describe
from reverie.records.shapes import PATIENT
from reverie.sources import TableSource

draw = np.random.default_rng(0)
N = 40


def people(**more) -> pl.DataFrame:
    return pl.DataFrame({"sex": ["M", "F"] * (N // 2), "lab": draw.normal(8, 1, N).round(1), **more})


def test_each_row_is_a_patient_and_like_rows_are_two():
    frame = pl.concat([people(), people()[:1], people()[:1]])
    table = read_table(frame)
    assert len(table) == frame.height and table.schema.identifier.name == PATIENT
    assert table.schema.unshaped(table.frame).equals(frame)
    assert any("each row is a patient" in note for note in table.notes)
    assert [column["name"] for column in describe(table)["columns"]] == frame.columns


def test_a_schema_keeps_its_shapes():
    frame = people()
    table = read_table(frame)
    again = Schema.from_yaml(table.schema.yaml(), "schema.yaml")
    assert again == table.schema and again.shapes
    assert again.unshaped(read_table(frame, again).frame).equals(frame)


def test_a_frame_in_the_modelled_form_stays_as_it_is():
    table = read_table(people())
    assert table.schema.shaped(table.frame, "x") is table.frame
    assert read_table(table.frame, table.schema).fingerprint == table.fingerprint


def test_other_patients_may_be_held_out_though_nobody_has_a_name():
    both = TableSource.read(people(), holdout=people()[:10])
    assert len(both.table) == N and both.holdout is not None and len(both.holdout) == 10


def test_a_table_that_has_times_and_no_identifier_is_asked_about():
    frame = people(visit=[k % 4 for k in range(N)])
    with pytest.raises(UsageError, match=r"`id`.*`id=row`"):
        read_table(frame)
    table = read_table(frame, identifier="row")
    assert len(table) == N and table.schema["visit"].role == "time"


def test_rows_that_stand_together_by_some_column_are_asked_about():
    frame = people(who=np.repeat(np.arange(N // 2), 2))
    with pytest.raises(UsageError, match=r"rows with the same 'who' stand together: say `id=who`.*or `id=row`"):
        read_table(frame)
    assert len(read_table(frame, identifier="row")) == N
    assert len(read_table(people(who=draw.permutation(np.repeat(np.arange(N // 2), 2))))) == N


@pytest.mark.parametrize("name", ["covid", "thyroid", "fluid", "case", "site_id", "provider_id", "sample_id"])
def test_what_names_nobody_is_no_identifier(name):
    table = read_table(people(**{name: [k % 2 for k in range(N)]}))
    assert table.schema.identifier.name == PATIENT and name in table.schema.names


def test_new_patients_and_completed_ones_have_the_columns_of_the_source(model):
    frame = people().with_columns(pl.when(pl.int_range(N) < 5).then(None).otherwise(pl.col("lab")).alias("lab"))
    alone = model(frame)
    assert alone.sample(7, steps=2).schema == frame.schema
    whole = alone.impute(frame)[0]
    assert whole["lab"].null_count() == 0 and whole[5:].equals(frame[5:])
