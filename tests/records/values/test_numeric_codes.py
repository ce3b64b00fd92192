"""Whole numbers that are names are levels, quantities stay numbers, and what is made of either occurs or could."""

import numpy as np
import polars as pl
import pytest
import torch

from reverie.records.codec import RecordCodec
from reverie.records.encoded import Records
from reverie.records.table import read_table

draw = np.random.default_rng(0)
ROWS = 240


def frame(**columns):
    """60 patients of 4 visits."""
    of = np.repeat(np.arange(60), 4)
    return pl.DataFrame(
        {"id": of + 1, "day": np.tile([0, 7, 30, 91], 60), "lab": draw.normal(9, 1, ROWS).round(1), **columns}
    )


def some(codes, rows=ROWS):
    return draw.choice(np.asarray(codes), rows)


LISTS = {
    "smoke": [0, 1, 2, 9],
    "race": [1, 2, 3, 4, 99],
    "v_unknown": [1, 2, 3, 4, 5, 99],
    "drg": [189, 194, 291, 470, 871, 885],
    "v_spaced": [189, 194, 291, 470, 871, 885],
    "dispo": [1, 2, 3, 6, 20, 50, 62],
    "icd9": [4019, 4280, 5849, 25000, 41401, 42731],
    "v_beyond": [2**60 + k * k * 7919 for k in range(1, 9)],
    "site": list(range(1, 31)),
    "zip": [10001, 10002, 10003, 60601, 94103, 94105],
}


@pytest.mark.parametrize("name", LISTS)
def test_codes_are_levels(name):
    column = read_table(frame(**{name: some(LISTS[name])})).schema[name]
    assert (column.kind, column.levels) == ("categorical", tuple(map(str, LISTS[name]))), column.why
    assert "codes" in column.why and "no order" in column.why


@pytest.mark.parametrize("name", ["race", "v_spaced"])
def test_codes_are_levels_also_with_holes_and_written_as_decimals(name):
    cells = [None if k % 9 == 0 else float(code) for k, code in enumerate(some(LISTS[name]))]
    column = read_table(frame(**{name: cells})).schema[name]
    assert column.kind == "categorical" and column.levels == tuple(f"{code}.0" for code in LISTS[name])


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("tablets", some([0, 1, 2, 3, 4, 6])),
        ("v", some([0, 1, 2, 3, 4, 6])),
        ("v", some([0, 5, 10, 20, 40])),
        ("v", some([0, 1, 2, 5, 10, 25, 50])),
        ("v", some([1, 2, 4, 8, 12, 24])),
        ("v", some([1, 8, 15, 29, 57])),
        ("fio2", some([21, 30, 35, 40, 50, 60, 100])),
        ("peep", some([0, 5, 8, 10, 12, 14])),
        ("years", some(range(30, 70))),
        ("age_at_diagnosis", some(range(30, 70))),
        ("v", draw.poisson(3, ROWS)),
        ("v", draw.negative_binomial(0.5, 0.02, ROWS)),
        ("v", np.append(some(range(120, 150), ROWS - 5), [999] * 5)),
        ("days_in_hospital", some([1, 2, 3, 7, 30])),
    ],
)
def test_quantities_stay_numbers(name, values):
    assert read_table(frame(**{name: values})).schema[name].kind in ("integer", "ordinal")


def test_few_halves_have_the_unit_of_halves():
    column = read_table(frame(edss=some(np.arange(0, 7, 0.5)), likert=some([1.5, 3, 4, 2, 2.5, 3.5]))).schema
    assert (column["edss"].unit, column["likert"].unit) == (0.5, 0.5)


def test_only_what_occurs_is_made_and_a_table_comes_back_cell_for_cell():
    codes = {name: some(values) for name, values in LISTS.items()}
    icd = some([f"{c}{k}.{j}" for c in "EIJ" for k in range(10, 22) for j in range(3)])
    table = read_table(
        frame(**codes, icd10=icd, dose=some([0.5, 1.5, 3.0]), typo=np.append(some(range(135, 146), 239), [10**6]))
    )
    codec = RecordCodec.fit(table)
    assert len(codec.codes["value:icd10"].config["group"]) == len(set(icd)) and codec.codes["value:icd10"].width <= 30
    records = codec.encode(table).records(np.arange(60), torch.Generator().manual_seed(0))
    back = codec.decode(records).frame
    assert back.drop("id").equals(table.frame.drop("id"))
    values = torch.randn(400, 5, codec.channels, generator=torch.Generator().manual_seed(1)) * 2
    visits = codec.visits(values)
    made = codec.decode(Records(values, codec.known(values, visits), visits)).frame
    for name in [*LISTS, "icd10", "dose"]:
        assert set(made[name]) <= set(table.frame[name]) and made[name].dtype == table.frame[name].dtype, name
    assert not made["typo"].is_between(200, 10**6 - 1).any() and made["typo"].max() == 10**6
