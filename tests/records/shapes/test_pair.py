"""Two numbers in a cell: 127/82 is split in two columns, and joined again to the last character."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reverie.errors import DataError
from reverie.records.shapes import Asked, Pairs
from reverie.records.table import read_table


def visits(cells, column="bp"):
    """Three visits a patient, and one cell of text at each."""
    rows = [(k // 3, k % 3, cell) for k, cell in enumerate(cells)]
    return pl.DataFrame(rows, {"id": pl.String, "day": pl.String, column: pl.String}, orient="row", strict=False)


def pairs(cells, column="bp"):
    return Pairs.recognise(visits(cells, column), "a.csv", Asked())


PRESSURES = [f"{110 + 7 * k % 41}/{70 + 5 * k % 23}" for k in range(60)]


@pytest.mark.parametrize("between", ["/", " / ", "|", " x ", " - "])
def test_the_halves_are_numbers_and_are_joined_as_they_were(between):
    cells = [cell.replace("/", between) for cell in PRESSURES]
    table = read_table(visits(cells))
    assert table.frame.schema["bp (1)"] == table.frame.schema["bp (2)"] == pl.Int64
    assert table.frame["bp (1)"].to_list() == [int(cell.split("/")[0]) for cell in PRESSURES]
    assert table.schema.unshaped(table.frame)["bp"].to_list() == cells
    assert any("bp as bp (1) and bp (2)" in note for note in table.notes)


def test_the_halves_are_missing_together_and_a_half_alone_is_not_written():
    cells = [None if k % 7 == 0 else "NA" if k % 11 == 0 else cell for k, cell in enumerate(PRESSURES)]
    table = read_table(visits(cells))
    assert table.frame["bp (1)"].null_count() == table.frame["bp (2)"].null_count() == 14
    half = table.frame.with_columns(pl.lit(None, pl.Int64).alias("bp (2)"))
    assert table.schema.unshaped(half)["bp"].null_count() == 60


@given(
    st.lists(st.tuples(st.integers(-99, 999), st.integers(0, 9999)), min_size=12, max_size=30, unique=True),
    st.sampled_from([0, 1, 2]),
)
def test_join_of_split_is_the_cell(numbers, decimals):
    cells = [f"{first}/{second / 10**decimals:.{decimals}f}" for first, second in numbers]
    shape = pairs(cells)
    if shape is None:  # all years, or so few that they are names
        assert all(1900 <= second <= 2099 for _, second in numbers)
        return
    (pair,) = shape.pairs
    halves = [
        half.cast(pl.Int64 if k == 0 or not decimals else pl.Float64)
        for k, half in enumerate(pair.split(pl.Series("bp", cells)))
    ]
    assert pair.join(*halves).to_list() == cells


@pytest.mark.parametrize(
    "cells",
    [
        [*PRESSURES[:59], "127-82"],  # another separator
        [*PRESSURES[:59], "high"],
        [f"0{k % 9}/12" for k in range(60)],  # zeros before a number: a name
        [f"{1 + k % 12}/{2000 + k % 20}" for k in range(60)],  # a month of a year
        [("20/20", "20/40", "20/25")[k % 3] for k in range(60)],  # few: names of levels
        [f"{k}.50/1" if k % 2 else f"{k}.5/1" for k in range(60)],  # a spelling that would be lost
    ],
)
def test_what_is_no_pair_in_every_cell_stays_as_it_is(cells):
    assert pairs(cells) is None


def test_an_identifier_of_two_numbers_is_none():
    frame = pl.DataFrame([(f"701/{k // 3}", k % 3, f"{k}.5") for k in range(60)], ["subject_id", "day", "lab"], orient="row")
    assert Pairs.recognise(frame, "a.csv", Asked()) is None


def test_a_cell_of_another_form_in_a_later_table_is_named_by_row():
    schema = read_table(visits(PRESSURES)).schema
    with pytest.raises(DataError, match=r"data row 5, column 'bp \(1\)': '120 over 80' is not a"):
        read_table(visits([*PRESSURES[:4], "120 over 80", *PRESSURES[5:]]), schema)


def test_a_pressure_among_tests_of_a_long_table_is_a_pair():
    rows = [
        (k // 3, k % 3, test, PRESSURES[k] if test == "BP" else f"{k % 17}.5") for k in range(60) for test in ("BP", "HR")
    ]
    frame = pl.DataFrame(rows, ["subject_id", "day", "vital", "value"], orient="row")
    table = read_table(frame)
    assert [column.name for column in table.schema.varying] == ["BP (1)", "BP (2)", "HR"]
    assert table.schema.unshaped(table.frame).equals(frame)
