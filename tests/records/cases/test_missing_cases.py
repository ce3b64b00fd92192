"""Numbers that stand for "missing": told apart with null_values, of their column alone, whatever form the file has.

What is pointed out, and how null values are compared, is in test_missing.py.
"""

import numpy as np
import polars as pl
import pytest

draw = np.random.default_rng(0)
PEOPLE, ROWS = 30, 120


def table(visits):
    def with_code(values, code, share):
        return np.where(draw.random(ROWS) < share, code, values)

    return visits(
        id=[*range(1, 9), 9, 10, 999, *range(12, 31)],
        weight=with_code(draw.normal(80, 12, ROWS).round(1), -9, 0.12),
        hb=with_code(draw.normal(13, 1.2, ROWS).round(1), 999, 0.1),
        map=with_code(draw.normal(85, 12, ROWS).round(), -1, 0.08).astype(int),
        smoke=draw.choice([0, 1, 2, 9], ROWS),
        race=draw.choice([1, 2, 3, 4, 99], PEOPLE),
    )


NULLS = {"weight": -9, "hb": 999, "map": -1}
TOLD = tuple(f"{name}={value}" for name, value in NULLS.items())


@pytest.mark.parametrize("name", ["a.csv", "a.parquet"])
def test_codes_for_missing_are_neither_learned_nor_made_and_are_filled(brought, visits, name):
    frame = table(visits)
    typed = frame.with_columns(
        pl.col("id", "day", "map", "smoke", "race").cast(pl.Int64), pl.col("weight", "hb").cast(pl.Float64)
    )
    told = brought(typed if name == "a.parquet" else frame, name, null_values=TOLD)
    assert not any(f"In {column}," in told.notes for column in NULLS)
    for column, value in NULLS.items():
        cells = typed[column].cast(pl.Float64)
        assert told.table.frame[column].null_count() == (cells == value).sum(), column
        assert value not in told.table.frame[column].to_list()
    assert {9, 999} <= set(told.table.frame["id"]) and len(told.table) == PEOPLE
    assert told.schema["smoke"].levels == ("0", "1", "2", "9") and told.schema["race"].levels == ("1", "2", "3", "4", "99")
    made = told.drawn()
    for column, (low, high) in {"weight": (0, 160), "hb": (5, 22), "map": (0, 170)}.items():
        assert made[column].drop_nulls().cast(pl.Float64).is_between(low, high).all(), column
        share = (typed[column].cast(pl.Float64) == NULLS[column]).mean()
        assert abs(made[column].null_count() / len(made) - share) < 0.06, column
    whole = told.model.impute(told.path, steps=2)[0]
    for column, value in NULLS.items():
        given = typed[column].cast(pl.Float64) != value
        filled = whole[column].cast(pl.Float64)
        assert filled.filter(given).equals(typed[column].cast(pl.Float64).filter(given))
        assert filled.null_count() == 0 and not (filled == value).any()


def test_what_is_not_said_is_pointed_out_and_changed_nowhere(brought, visits):
    frame = table(visits)
    file = brought(frame)
    for told in TOLD:
        assert f"`null_values={told}`" in file.notes
    assert file.back.equals(frame)
    made = file.drawn()
    assert all((made[column].cast(pl.Float64) == value).any() for column, value in NULLS.items())
    assert not made["hb"].cast(pl.Float64).is_between(25, 998.9).any()


def test_a_number_said_of_all_columns_leaves_patients_and_times(brought, visits):
    frame = visits(
        id=[1, 2, -9, *range(4, 31)],
        day=[v * 9 for _ in range(PEOPLE) for v in range(4)],
        score=draw.choice([1, 5, 8, 9, 12], ROWS),
        lab=np.where(draw.random(ROWS) < 0.2, 9.0, draw.normal(20, 3, ROWS).round(1)),
    )
    file = brought(frame, null_values=("9", "-9"))
    assert len(file.table) == PEOPLE and set(file.table.frame["day"]) == {0, 9, 18, 27} and -9 in set(file.table.frame["id"])
    assert 9.0 not in file.table.frame["lab"].to_list() and file.table.frame["lab"].null_count() > 10
    assert "9" not in set(file.drawn()["score"])
