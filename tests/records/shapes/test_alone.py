"""A table without an identifier: undo(apply(x)) is x, each row is a patient, and nothing of it is shown."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from reverie.errors import UsageError
from reverie.records import Schema, read_table
from reverie.records.describe import describe
from reverie.records.shapes import PATIENT

draw = np.random.default_rng(0)
N = 40


def people(**more) -> pl.DataFrame:
    return pl.DataFrame({"sex": ["M", "F"] * (N // 2), "lab": draw.normal(8, 1, N).round(1), **more})


def test_each_row_is_a_patient_and_like_rows_are_two():
    frame = pl.concat([people(), people()[:1], people()[:1]])
    table = read_table(frame)
    assert len(table) == frame.height and table.schema.identifier.name == PATIENT
    assert table.schema.unshaped(table.frame).columns == frame.columns
    assert any("each row is a patient" in note for note in table.notes)
    assert [column["name"] for column in describe(table)["columns"]] == frame.columns


def test_a_schema_keeps_its_shapes():
    table = read_table(people())
    again = Schema.from_yaml(table.schema.yaml(), "schema.yaml")
    assert again == table.schema and again.shapes
    assert read_table(people(), again).schema.unshaped(read_table(people(), again).frame).columns == ["sex", "lab"]


def test_a_frame_in_the_modelled_form_stays_as_it_is():
    table = read_table(people())
    assert table.schema.shaped(table.frame, "x") is table.frame
    assert read_table(table.frame, table.schema).fingerprint == table.fingerprint


def test_a_table_that_has_times_and_no_identifier_is_asked_about():
    frame = people(visit=[k % 4 for k in range(N)])
    with pytest.raises(UsageError, match=r"--id NAME.*--id row"):
        read_table(frame)
