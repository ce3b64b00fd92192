"""accuracy = 1 - TV over bins."""

import numpy as np
import polars as pl
import pytest

from reverie.errors import DataError
from reverie.evaluation import scores
from reverie.evaluation.accuracy import accuracy
from reverie.evaluation.bins import Bins
from reverie.evaluation.cohort import GAP, Cohort


def read(schema, *frames):
    return [Cohort.read(frame, schema) for frame in frames]


def test_bins_hold_equal_shares_and_missing_values_a_bin_of_their_own(toy):
    frame, schema = toy(id=[*range(101)], t=[0] * 101, x=[*map(float, range(100)), None], s=["a"] * 50 + ["b"] * 50 + [None])
    cohort = Cohort.read(frame, schema)
    bins = Bins.fit(cohort)
    codes = bins.codes(cohort, "x")
    assert np.bincount(codes[:-1]).tolist() == [10] * 10 and codes[-1] == bins.size("x") - 1
    assert np.bincount(bins.codes(cohort, "s")).tolist() == [50, 50, 0, 1]  # between values and missing: the pool


def test_values_beyond_the_reference_fall_into_its_end_bins_and_new_levels_into_the_pool(toy):
    reference, schema = toy(id=[*range(40)], t=[0] * 40, x=[*map(float, range(40))], s=["a", "b"] * 20)
    bins = Bins.fit(Cohort.read(reference, schema))
    other = Cohort.read(pl.DataFrame({"id": [1, 2], "t": [0, 0], "x": [-1e9, 1e9], "s": ["a", "new"]}), schema)
    assert bins.codes(other, "x").tolist() == [0, 9]
    assert bins.codes(other, "s").tolist() == [0, 2]


def test_a_cohort_has_gaps_only_between_visits_and_follows_the_rows_not_the_clock(toy):
    frame, schema = toy(id=[7, 3, 7, 3, 7], t=[5, 1, 2, 4, 9], x=[1.0, 2.0, 3.0, 4.0, 5.0])
    cohort = Cohort.read(frame, schema)
    assert cohort.lengths.tolist() == [3, 2] and cohort.numbers["x"].tolist() == [1, 3, 5, 2, 4]
    assert np.array_equal(cohort.numbers[GAP], [np.nan, -3, 7, np.nan, 3], equal_nan=True)
    assert cohort.take(np.array([1])).numbers["x"].tolist() == [2, 4]


def test_one_visit_patients_give_the_accuracy_of_a_hand_count(toy):
    real, schema = toy(id=[*range(8)], t=[0] * 8, a=["x"] * 4 + ["y"] * 4, b=["u", "v"] * 4)
    drawn = pl.DataFrame({"id": range(8), "t": [0] * 8, "a": ["x"] * 6 + ["y"] * 2, "b": ["u", "v"] * 4})
    found = accuracy(*read(schema, real, drawn), draws=1)
    assert found.columns["a"] == pytest.approx(0.75) and found.columns["b"] == 1
    assert found.pairs["a", "b"] == pytest.approx(0.75)  # cells (2, 2, 2, 2) against (3, 3, 1, 1) of 8
    assert found.overall == pytest.approx((found.univariate + found.bivariate + found.trivariate + found.coherence) / 4)


def test_a_table_is_wholly_accurate_to_itself_where_each_patient_has_one_pair_of_visits(toy):
    frame, schema = toy(id=[1, 1, 2, 2, 3, 3], t=[0, 1] * 3, x=[1.0, 2.0, 2.0, 3.0, 5.0, 5.0])
    found = accuracy(*read(schema, frame, frame))
    assert (found.univariate, found.bivariate, found.trivariate, found.coherence) == (1, 1, 1, 1)


def test_transitions_notice_the_order_of_visits_and_marginals_do_not(toy):
    stay, schema = toy(id=[1, 1, 2, 2] * 10, t=[0, 1] * 20, s=["a", "a", "b", "b"] * 10)
    stay = stay.with_columns(id=pl.int_range(40) // 2)
    move = stay.with_columns(s=pl.Series(["a", "b", "b", "a"] * 10))
    found = accuracy(*read(schema, stay, move))
    assert found.columns["s"] == 1 and found.transitions["s"] == 0


def test_held_out_patients_reach_the_ceiling_and_shuffled_columns_stay_below(halves, schema):
    train, holdout = halves
    ceiling = accuracy(*read(schema, train, holdout))
    assert 0.75 < ceiling.overall < 0.80 and 0.89 < ceiling.univariate < 0.93 and 0.84 < ceiling.coherence < 0.90
    assert accuracy(*read(schema, train, holdout)) == ceiling
    shaken = holdout.with_columns(pl.col("serBilir", "albumin", "edema").shuffle(3))
    assert accuracy(*read(schema, train, shaken), draws=3, triples=1).coherence < ceiling.coherence - 0.01
    scaled = holdout.with_columns(pl.col("serBilir") * 3)
    assert accuracy(*read(schema, train, scaled), draws=3, triples=1).columns["serBilir"] < ceiling.columns["serBilir"] - 0.2
    filled = holdout.with_columns(pl.col("serChol").fill_null(300.0))
    assert accuracy(*read(schema, train, filled), draws=3, triples=1).columns["serChol"] < ceiling.columns["serChol"] - 0.2


def test_a_table_without_a_column_is_refused_by_name(halves, schema):
    with pytest.raises(DataError, match="synthetic table has no column 'albumin'"):
        scores(*halves, halves[1].drop("albumin"), schema)
