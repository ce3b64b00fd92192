"""Text that identifies is replaced by new values of its pattern, which equal no real one."""

import re

import numpy as np
import polars as pl
import pytest

from reverie.records.codec import RecordCodec
from reverie.records.patterns import identifying, identifying_number, new_values, pattern_of, taken_of
from reverie.records.table import read_table

draw = np.random.default_rng(0)
PEOPLE = 60


def names(seed=0):
    r = np.random.default_rng(seed)
    some = ["".join(r.choice(list("aeioulnrst"), r.integers(4, 9))).capitalize() for _ in range(PEOPLE - 4)]
    return some + some[:4]  # families share theirs


COLUMNS = {
    "surname": (names(), r"[A-Z][a-z]{3,7}"),
    "v_name": ([f"{a} {b}" for a, b in zip(names(1), names(2), strict=True)], r"[A-Z][a-z]{3,7} [A-Z][a-z]{3,7}"),
    "contact": ([f"{n.lower()}{k}@clinic.nhs.uk" for k, n in enumerate(names())], r"[a-z]{4,8}\d+@example\.org"),
    "mobile": ([f"07{k:09d}" for k in draw.integers(10**8, 10**9, PEOPLE)], r"07\d{9}"),
    "call": ([f"+49 30 {k}" for k in draw.integers(10**6, 10**7, PEOPLE)], r"\+49 .{10}"),
    "where": (
        [f"{'ABD'[k % 3]}{k % 9 + 1} {k % 7}{'QRX'[k % 3]}{'ZS'[k % 2]}" for k in range(PEOPLE)],
        r"[A-Z]\d \d[A-Z]{2}",
    ),
    "ssn": ([f"{k}-{k % 90 + 10}-{k % 9000 + 1000}" for k in draw.integers(100, 1000, PEOPLE)], r"\d{3}-\d{2}-\d{4}"),
    "policy": ([f"QX-{k}-{k % 97:02d}" for k in draw.integers(10**5, 10**6, PEOPLE)], r"QX-\d{6}-\d\d"),
}


@pytest.mark.parametrize("column", COLUMNS)
def test_new_values_have_the_pattern_and_are_no_real_ones(column):
    real, form = COLUMNS[column]
    assert identifying("v" if column == "v_name" else column, pl.Series(real), "static")
    pattern, taken = pattern_of(real), taken_of(real)
    made = new_values(pattern, taken, column, range(1, 3001))
    assert not set(made) & set(real) and all(re.fullmatch(form, value) for value in made)
    assert len(set(made)) > 0.8 * 3000
    assert new_values(pattern, taken, column, range(11, 16)) == made[10:15]
    assert len(taken) < 10 * PEOPLE and not any(str(value) in taken + "".join(pattern) for value in real)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("town", draw.choice(["Bath", "Cork", "Deal", "Ayr", "Hove"], PEOPLE)),
        ("visit", [f"{k % 28 + 1:02d}/{k % 12 + 1:02d}/2019" for k in range(PEOPLE)]),
        ("weight", [f"{k / 10} kg" for k in draw.integers(500, 990, PEOPLE)]),
        ("pressure", [f"{k}/{k // 2}" for k in draw.integers(90, 180, PEOPLE)]),
        ("drug_name", draw.choice(["aspirin", "warfarin", "heparin"], PEOPLE)),
        ("code", [f"P{k}" for k in range(PEOPLE)]),
        ("icd", [f"E{k}.{k % 7}" for k in draw.integers(10, 40, PEOPLE)]),
    ],
)
def test_what_many_share_does_not_identify(name, values):
    assert identifying(name, pl.Series(np.asarray(values)), "static") is None


def test_form_and_name_tell_also_where_a_patient_has_one_row_or_changed_it():
    for column in ("surname", "contact", "mobile", "call", "where"):
        assert identifying(column, pl.Series(COLUMNS[column][0] * 3), "varying"), column
    assert identifying("ward", pl.Series(["a1", "b2", "c3"] * 40), "varying") is None
    assert identifying("note", pl.Series([f"seen {k}" for k in range(90)]), "varying") is None


def test_numbers_of_as_many_digits_another_for_each_patient_identify():
    long, short = pl.Series(draw.integers(4 * 10**9, 5 * 10**9, PEOPLE)), pl.Series(draw.integers(10**5, 10**6, PEOPLE))
    assert identifying_number("v", long, "static") and identifying_number("nhs_no", short, "static")
    assert identifying_number("v", short, "static") is None and identifying_number("v", long, "varying") is None
    viral = pl.Series(np.round(np.exp(draw.normal(10, 3, PEOPLE))).astype(int))
    assert identifying_number("viral_load", viral, "static") is None


def test_where_no_value_of_the_shape_is_free_a_longer_one_is_made():
    made = new_values(("9",), taken_of([str(k) for k in range(10)]), "v", range(1, 51))
    assert all(len(value) >= 1 and value not in map(str, range(10)) for value in made)


def test_a_table_of_people_gives_no_real_name_out():
    of = np.repeat(np.arange(PEOPLE), 3)
    data = {"id": of + 1, "day": np.tile([0, 7, 30], PEOPLE), "lab": np.round(draw.normal(9, 1, 3 * PEOPLE), 1)}
    data |= {column: [real[k] for k in of] for column, (real, _) in COLUMNS.items()}
    data |= {"nhs_no": (4 * 10**9 + draw.integers(0, 10**9, PEOPLE))[of], "lat": np.round(51 + draw.random(PEOPLE), 5)[of]}
    frame = pl.DataFrame(data)
    table = read_table(frame)
    codec = RecordCodec.fit(table)
    records = codec.encode(table).records(np.arange(PEOPLE), None)
    made = codec.decode(records, first=1).frame
    for column in [*COLUMNS, "nhs_no"]:
        assert table.schema[column].kind == "text" and "identifying" in table.schema[column].why, column
        assert not set(made[column]) & set(frame[column]) and made[column].null_count() == 0
        assert made.group_by("id").agg(pl.col(column).n_unique())[column].max() == 1
        assert made[column].dtype == frame[column].dtype
    assert "may identify" in table.schema["lat"].why
    assert made["nhs_no"].cast(pl.String).str.len_chars().unique().to_list() == [10]
