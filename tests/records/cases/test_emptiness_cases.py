"""Cells that are empty because they must be: so made, and left so in a file that is completed.

The rules, and how they are found, are in test_emptiness.py.
"""

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

draw = np.random.default_rng(0)
PEOPLE, EACH, ROWS = 30, 4, 120


@pytest.fixture
def study(brought, visits):
    sex = [("F", "M")[p % 2] for p in range(PEOPLE)]
    female = np.repeat(np.array(sex) == "F", EACH)
    days = [date(2019, 1, 1) + timedelta(days=30 * v + p % 7) for p in range(PEOPLE) for v in range(EACH)]
    event = draw.random(ROWS) < 0.3
    frame = visits(
        visit_date=days,
        sex=sex,
        death_date=[date(2021, 5, 1) + timedelta(days=9 * p) if p % 5 == 0 else None for p in range(PEOPLE)],
        pregnant=[draw.choice(["yes", "no"]) if f else None for f in female],
        psa=[None if f or draw.random() < 0.2 else f"{draw.lognormal(0, 0.6):.1f}" for f in female],
        ae=["yes" if e else "no" for e in event],
        ae_grade=[draw.choice([1, 2, 3]) if e else None for e in event],
        abnormal_flag=["H" if draw.random() < 0.15 else None for _ in range(ROWS)],
        lab=draw.normal(9, 1, ROWS).round(1),
    )
    return brought(frame.drop("day"))


def test_nobody_is_made_who_was_asked_what_is_not_asked_of_them(study):
    for made in (study.made(40), study.drawn(), study.drawn(spread=3)):
        men, women = made.filter(sex="M"), made.filter(sex="F")
        assert men.height and women.height
        assert men["pregnant"].null_count() == men.height and women["pregnant"].null_count() == 0
        assert women["psa"].null_count() == women.height
        without = made.filter(ae="no")
        assert without.height and without["ae_grade"].null_count() == without.height
        assert set(made["ae_grade"]) <= {None, "1", "2", "3"} and made["ae_grade"].count() > 0


def test_most_of_those_who_are_made_have_not_died(study):
    made = study.drawn()
    people = made.unique("id")
    assert abs(people["death_date"].null_count() / people.height - 0.8) < 0.15
    assert made.group_by("id").agg(pl.col("death_date").n_unique())["death_date"].max() == 1
    assert abs((made["abnormal_flag"] == "H").sum() / made.height - 0.15) < 0.1 and set(made["abnormal_flag"]) == {None, "H"}


def test_completing_leaves_empty_what_says_something(study, holes):
    given = holes(study.cells, "lab", "sex")
    whole = study.completed(given)
    assert whole["lab"].null_count() == 0 and whole["sex"].equals(study.cells["sex"])
    for name in ("death_date", "abnormal_flag"):
        assert whole[name].equals(study.cells[name]), name
    men = whole.filter(sex="M")
    assert men["pregnant"].null_count() == men.height and men["psa"].null_count() == 0
    women, without = whole.filter(sex="F"), whole.filter(ae="no")
    assert women["psa"].null_count() == women.height and without["ae_grade"].null_count() == without.height


def test_what_says_something_is_filled_where_it_is_named(study):
    whole = study.completed(study.cells, columns=("abnormal_flag", "psa"))
    assert set(whole["abnormal_flag"]) == {"H"} and whole["death_date"].equals(study.cells["death_date"])
    women = whole.filter(sex="F")
    assert women["psa"].null_count() == women.height, "a rule holds for named columns too"
