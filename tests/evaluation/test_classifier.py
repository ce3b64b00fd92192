"""Real or synthetic: 0.5 for halves of one cohort, 1 for what anyone can tell."""

import numpy as np
import polars as pl
import pytest

from reverie.evaluation.classifier import c2st_auc
from reverie.evaluation.cohort import Cohort
from reverie.evaluation.features import features, vocabulary


def auc(schema, real, synthetic, **settings):
    return c2st_auc(Cohort.read(real, schema), Cohort.read(synthetic, schema), **settings)


def test_features_are_the_hand_count(toy):
    frame, schema = toy(
        static=("sex",),
        id=[1, 1, 1, 2],
        t=[1, 3, 8, 0],
        x=[2.0, None, 6.0, 5.0],
        s=["a", "b", "b", None],
        sex=["f", "f", "f", "m"],
    )
    cohort = Cohort.read(frame, schema)
    values, names = features(cohort, vocabulary([cohort]))
    found = dict(zip(names, values.T.tolist(), strict=True))
    assert found["visits"] == [3, 1] and found["start"] == [1, 0] and found["sex = f"] == [1, 0]
    assert found["x, mean"] == [4, 5] and found["x, first"] == [2, 5] and found["x, last"] == [6, 5]
    assert found["x, lowest"] == [2, 5] and found["x, highest"] == [6, 5]
    assert found["x, missing"] == pytest.approx([1 / 3, 0]) and found["s, missing"] == [0, 1]
    assert found["x, deviation"][0] == pytest.approx(np.std([2, 6], ddof=1)) and np.isnan(found["x, deviation"][1])
    assert found["(gap), mean"][0] == 3.5 and np.isnan(found["(gap), mean"][1])
    assert found["s, at b"][0] == pytest.approx(2 / 3) and found["s, changes"][0] == 0.5


def test_two_halves_of_one_cohort_cannot_be_told_apart(halves, schema):
    assert 0.35 < auc(schema, *halves)[0] < 0.62


def test_wrong_deviations_and_broken_courses_are_told(halves, schema):
    train, holdout = halves
    narrow = holdout.with_columns(pl.col("serBilir").mean() + (pl.col("serBilir") - pl.col("serBilir").mean()) / 2)
    success, telling = auc(schema, train, narrow, repeats=1)
    assert success > 0.8 and next(iter(telling)).startswith("serBilir")
    mixed = holdout.with_columns(pl.col("serBilir", "albumin").shuffle(5))
    assert auc(schema, train, mixed, repeats=1)[0] > 0.8


def test_copied_patients_fall_below_a_half(halves, schema):
    assert auc(schema, halves[0], halves[0], repeats=1)[0] < 0.4
