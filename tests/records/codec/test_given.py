"""Statics that are given, identifiers that are new, and what is refused in one sentence."""

import numpy as np
import polars as pl
import pytest
import torch

from reverie.errors import DataError, UsageError
from reverie.records.codec import RecordCodec
from reverie.records.codes import CodecSettings
from reverie.records.table import read_table


@pytest.fixture(scope="module")
def table():
    return read_table("pbc2")


@pytest.fixture(scope="module")
def codec(table):
    return RecordCodec.fit(table)


@pytest.mark.parametrize("generator", [None, torch.Generator().manual_seed(0)])
def test_what_is_given_is_known_and_what_is_empty_is_not(codec, generator):
    records = codec.given(pl.DataFrame({"sex": ["male", None], "age": [50.0, 61.0]}), generator)
    assert records.values.shape == (2, 1, codec.stage.shape[1])
    said = codec.statics(records.values)
    assert said["sex"][0] == "male"
    np.testing.assert_allclose(said["age"], [50, 61], atol=0.002)
    channels = {f.column: f.channels[0] for f in codec.fields if f.part == "value"}
    assert records.known[:, 0, channels["sex"]].tolist() == [True, False]
    assert int(records.known.sum()) == 3


def test_statics_may_be_given_as_text(codec):
    assert codec.statics(codec.given(pl.DataFrame({"age": ["50"]})).values)["age"][0] == pytest.approx(50, abs=0.002)


@pytest.mark.parametrize(
    ("frame", "said"),
    [
        ({"sex": ["male", "other"]}, "data row 2, column 'sex': 'other' is not one of the levels"),
        ({"age": [50.0, -1.0]}, "data row 2, column 'age': -1 is out of the bounds"),
        ({"age": ["50", "old"]}, "data row 2, column 'age': 'old' is not a number"),
    ],
)
def test_a_static_that_cannot_be_is_refused_by_row_and_column(codec, frame, said):
    with pytest.raises(DataError, match=said):
        codec.given(pl.DataFrame(frame))


def test_a_column_that_is_not_static_is_refused(codec):
    with pytest.raises(UsageError, match="static column 'albumin'"):
        codec.given(pl.DataFrame({"albumin": [3.0]}))


def test_repeated_statics_are_given_as_one_visit(table):
    codec = RecordCodec.fit(table, CodecSettings(statics="repeated"))
    records = codec.given(pl.DataFrame({"sex": ["male"]}))
    assert records.values.shape[1] == 2
    assert codec.statics(records.values)["sex"].to_list() == ["male"]
    with pytest.raises(UsageError, match="statics are in the visits"):
        codec.statics(records.values[:, :1])


def test_patients_and_rows_are_numbered_from_first(codec, table):
    records = codec.encode(table).records([0, 1, 2], torch.Generator().manual_seed(0))
    frame = codec.decode(records, first=101, first_row=11).frame
    assert frame["id"].unique(maintain_order=True).to_list() == [101, 102, 103]
    assert frame["sno."].to_list() == list(range(11, 11 + len(frame)))


def test_a_level_that_was_never_seen_is_refused_in_encoding(codec, table):
    frame = table.frame.with_columns(pl.lit("violet").alias("edema"))
    with pytest.raises(DataError, match="data row 1, column 'edema': 'violet' is not one of the levels"):
        codec.encode(type(table)(frame, table.schema, "the table", "", table.offsets))


def test_a_codec_of_another_version_is_refused(codec):
    with pytest.raises(UsageError, match="version 7"):
        RecordCodec.from_config(codec.config | {"version": 7})
