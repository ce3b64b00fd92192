"""What a user says to be missing is missing in every spelling and format, and nowhere else; what may be is pointed out."""

import datetime as dt

import numpy as np
import pandas as pd
import polars as pl
import pytest

from reverie.errors import UsageError
from reverie.records.conditions import read_statics
from reverie.records.schema import Schema
from reverie.records.table import read_table


def visits(**columns):
    """12 patients, numbered from 0, of 4 visits; columns give the cell of patient i at day d."""
    rows = [(i, d) for i in range(12) for d in range(4)]
    told = {name: [cell(i, d) for i, d in rows] for name, cell in columns.items()}
    return pl.DataFrame({"id": [i for i, _ in rows], "day": [d for _, d in rows], **told})


def weight(i, d):
    return -9.0 if (i + d) % 5 == 0 else 60.5 + i + d / 4


def smoke(i, d):
    return 9 if i % 4 == 3 else i % 3


def forms(folder, frame):
    """The same table as a CSV, with its numbers written in two ways, as Parquet, and as frames."""
    texts = {"csv": frame, "words.csv": frame.with_columns(pl.col(pl.Float64).cast(pl.String) + "0")}
    for name, cells in texts.items():
        cells.write_csv(folder / f"a.{name}")
        yield folder / f"a.{name}"
    frame.with_columns(pl.col("weight").cast(pl.Float32)).write_parquet(folder / "a.parquet")
    yield folder / "a.parquet"
    yield frame
    yield pd.DataFrame({name: frame[name].to_numpy() for name in frame.columns})


@pytest.mark.parametrize("said", ["-9", "-9.0", "-9.00", "weight=-9", "weight=-9.0"])
def test_a_null_value_is_compared_as_a_number_in_every_format(tmp_path, said):
    frame = visits(weight=weight, smoke=smoke)
    holes = frame["weight"] == -9
    for source in forms(tmp_path, frame):
        read = read_table(source, null_values=(said,))
        assert (read.frame["weight"].is_null() == holes).all(), source
        assert read.schema["weight"].lower == 0 and read.schema["weight"].lowest == 60.75
        assert read.frame["smoke"].null_count() == 0 and read.frame["day"].null_count() == 0
        word = said.removeprefix("weight=")
        assert f"{word!r} was read as missing in weight ({holes.sum()} cells)." in read.notes


def test_no_null_value_is_looked_for_in_the_identifier_or_the_time(tmp_path):
    frame = visits(weight=weight, smoke=smoke)
    for source in forms(tmp_path, frame):
        read = read_table(source, null_values=("9", "0", "3"))
        assert read.frame["id"].cast(pl.Int64).to_list() == frame["id"].to_list()
        assert read.frame["day"].cast(pl.Int64).to_list() == frame["day"].to_list()
        assert read.schema["smoke"].levels == ("1", "2")
        assert not any("in id" in note or "day" in note for note in read.notes)
        again = read_table(source, read.schema)
        assert again.frame.equals(read.frame) and again.schema == read.schema
    for column in ("id", "day"):
        with pytest.raises(UsageError, match=f"'{column}' says w.*none of its cells"):
            read_table(frame, null_values=(f"{column}=3",))
        with pytest.raises(UsageError, match=f"'{column}' says w.*none of its cells"):
            read_table(frame, read_table(frame).schema, null_values=(f"{column}=3",))


def test_a_null_value_of_one_column_leaves_the_others(tmp_path):
    frame = visits(a=lambda i, d: 99 if d == 1 else i + d, b=lambda i, d: 99 if d == 2 else i * d)
    for source in (frame, tmp_path / "a.csv"):
        frame.write_csv(tmp_path / "a.csv")
        read = read_table(source, null_values=("a=99",))
        assert read.frame["a"].null_count() == 12 and read.frame["b"].null_count() == 0
        schema = Schema.from_yaml(read.schema.yaml(), "a.yaml")
        assert schema == read.schema and "99" in schema.nulls("a") and "99" not in schema.nulls("b")
        more = read_table(source, schema, null_values=("b=99",))
        assert more.frame["a"].null_count() == more.frame["b"].null_count() == 12
    edited = read.schema.yaml().replace("- '99'", "- 99.0")  # as people write it
    assert Schema.from_yaml(edited, "a.yaml").nulls("a")[-1] == "99.0"
    assert read_table(frame, Schema.from_yaml(edited, "a.yaml")).frame["a"].null_count() == 12


def test_a_text_with_an_equals_sign_is_a_text_where_no_column_has_that_name(tmp_path):
    frame = visits(lab=lambda i, d: i + d + 0.5, note=lambda i, d: ["x=1", "y", "z"][i % 3])
    read = read_table(frame, null_values=("x=1",))
    assert read.schema["note"].levels == ("y", "z") and "x=1" in read.schema.null_values
    twice = frame.rename({"note": "lab=x"})  # of two names that fit, the longer is meant
    assert read_table(twice, null_values=("lab=x=y",)).schema["lab=x"].levels == ("x=1", "z")


def test_numbers_with_leading_zeros_are_names_and_no_numbers():
    frame = visits(code=lambda i, d: ["007", "7", "A"][i % 3], lab=lambda i, d: i + d + 0.5)
    assert read_table(frame, null_values=("7",)).schema["code"].levels == ("007", "A")


def test_a_date_may_stand_for_missing():
    frame = visits(seen=lambda i, d: dt.date(9999, 12, 31) if d == 1 else dt.date(2020, 1 + d, 1 + i))
    for cells in (frame, frame.with_columns(pl.col("seen").cast(pl.Datetime("ms"))), frame.cast({"seen": pl.String})):
        assert read_table(cells, null_values=("9999-12-31",)).frame["seen"].null_count() == 12


def test_null_values_hold_for_tables_of_statics():
    schema = read_table(visits(smoke=smoke, lab=lambda i, d: i + d + 0.5), null_values=("smoke=9",)).schema
    statics = read_statics(pl.DataFrame({"smoke": [1.0, 9.0, 2.0]}), schema)
    assert statics["smoke"].to_list() == [1.0, None, 2.0]


def piles_of(**columns):
    return [note.split("say so with ")[1] for note in read_table(visits(**columns)).notes if "far from all others" in note]


def test_isolated_piles_are_pointed_out_with_the_option_and_changed_by_nothing():
    draw = np.random.default_rng(0)

    def odd(value, usual):
        return lambda i, d: value if (i + d) % 6 == 0 else usual(i, d)

    found = piles_of(
        weight=weight,
        hb=odd(999.0, lambda i, d: round(draw.normal(12, 1), 1)),
        ward=odd(8888, lambda i, d: int(draw.integers(100, 140))),
        platelets=odd(-1, lambda i, d: int(draw.integers(10, 500))),
        smoke=smoke,
        race=lambda i, d: 99 if i % 4 == 3 else 1 + i % 3,
    )
    assert found == [
        "`null_values=weight=-9`.",
        "`null_values=hb=999`.",
        "`null_values=ward=8888`.",
        "`null_values=platelets=-1`.",
        "`null_values=smoke=9`.",
        "`null_values=race=99`.",
    ]
    read = read_table(visits(weight=weight))
    assert read.frame["weight"].null_count() == 0 and read.schema["weight"].lowest == -9
    told = piles_of(**{"rel weight": weight})
    assert told == ["`null_values=rel weight=-9`."]


def test_outliers_tails_and_codes_in_a_row_are_no_piles():
    draw = np.random.default_rng(0)
    assert not piles_of(
        typo=lambda i, d: 1e6 if (i, d) == (3, 1) else round(draw.normal(60, 5), 1),
        once=lambda i, d: 999 if (i, d) == (3, 1) else int(draw.normal(60, 5)),
        change=lambda i, d: int(draw.integers(-9, 10)),
        better=lambda i, d: (i + d) % 3 - 1,
        age=lambda i, d: int(draw.integers(70, 100)),
        cost=lambda i, d: round(float(draw.lognormal(5, 1.5)), 0),
        stays=lambda i, d: [0, 1, 2, 3, 5, 6, 9][(i * d) % 7],
    )
