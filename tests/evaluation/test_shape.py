"""Time order, lengths, missing values, bounds and levels, tails."""

import numpy as np
import polars as pl
import pytest

from reverie.evaluation import scores
from reverie.evaluation.cohort import Cohort
from reverie.evaluation.shape import impossible, in_order, missing_rates, missing_together
from reverie.evaluation.tails import STATISTICS, tails
from reverie.records.schema import Schema


def read(schema, *frames):
    return [Cohort.read(frame, schema) for frame in frames]


def spreads(schema, train, holdout, synthetic, seed=0):
    real, held, made = read(schema, train, holdout, synthetic)
    return tails(real.join(held), made, seed)


def test_the_order_of_time_wants_later_visits_later(toy):
    frame, schema = toy(id=[1, 1, 2, 2, 3, 4, 4], t=[0, 1, 1, 0, 5, 2, 2])
    assert in_order(Cohort.read(frame, schema)).tolist() == [True, False, True, False]
    ties = schema.model_copy(update={"duplicates": "keep"})
    assert in_order(Cohort.read(frame, ties)).tolist() == [True, False, True, True]


def test_shuffled_visits_lose_their_order(pbc2, schema):
    whole, mixed = read(schema, pbc2, pbc2.sample(fraction=1.0, shuffle=True, seed=1))
    assert in_order(whole).all() and in_order(mixed).mean() < 0.4


def test_lengths_are_scored_by_kolmogorovs_distance_and_two_means(toy):
    real, schema = toy(id=[1, 2, 2, 3, 3, 3, 4, 4], t=[0, 0, 1, 0, 1, 2, 0, 1], x=[1.0] * 8)
    drawn, _ = toy(id=[1, 1, 1, 2, 2, 2], t=[0, 1, 2] * 2, x=[1.0] * 6)
    score = scores(real, real, drawn, schema)
    assert score["length.mean"] == pytest.approx(3 / 2) and score["length.distance"] == 0.75


def test_missing_rates_are_counted_alone_and_together(toy):
    real, schema = toy(id=[1, 1, 2, 2], t=[0, 1] * 2, x=[None, None, 1.0, 2.0], y=[None, None, 1.0, 2.0], z=[1.0] * 4)
    drawn = real.with_columns(y=pl.Series([1.0, 2.0, None, None]))
    for cohort, both in zip(read(schema, real, drawn), (0.5, 0.0), strict=True):
        assert missing_rates(cohort) == {"x": 0.5, "y": 0.5, "z": 0.0}
        assert missing_together(cohort, ["x", "y"]) == {("x", "y"): both}
    score = scores(real, real, drawn, schema)
    assert score["missing.mean"] == score["missing.largest"] == 0
    assert score["missing.together_mean"] == score["missing.together_largest"] == 0.5


def test_filled_values_are_noticed(halves, schema):
    train, holdout = halves
    rates = [
        missing_rates(c) for c in read(schema, train, holdout, holdout.with_columns(pl.col("serChol").fill_null(250.0)))
    ]
    assert max(abs(rates[0][name] - rates[1][name]) for name in rates[0]) < 0.06
    assert rates[2]["serChol"] == 0 and rates[0]["serChol"] == pytest.approx(train["serChol"].null_count() / train.height)


def test_values_beyond_bounds_new_levels_and_changing_statics_are_named(toy):
    real, schema = toy(static=("sex",), id=[1, 1, 2], t=[0, 1, 0], x=[0.0, 1.0, 2.0], sex=["f", "f", "m"])
    bounded = Schema(columns=tuple(c.model_copy(update={"lower": 0.0}) if c.name == "x" else c for c in schema.columns))
    drawn = real.with_columns(x=pl.Series([-1.0, 1.0, None]), sex=pl.Series(["f", "n", "m"]))
    cohort, other = Cohort.read(drawn, bounded), Cohort.read(real, bounded)
    found = impossible(cohort, other)
    assert (found.beyond, found.unseen, found.changing, found.count) == ({"x": 1}, {"sex": ("n",)}, {"sex": 1}, 3)
    assert impossible(other).count == 0
    seldom = real.with_columns(sex=pl.Series([None, "f", "m"]))  # a long table without a row of that test at one visit
    assert impossible(Cohort.read(seldom, bounded), other).changing == {}


def test_real_patients_lie_within_the_spread_of_real_draws_and_halved_deviations_do_not(halves, schema):
    train, holdout = halves
    assert np.mean([s.within for s in spreads(schema, train, holdout, holdout)]) > 0.85
    labs = [c.name for c in schema.varying if c.numeric]
    narrow = holdout.with_columns((pl.col(labs) + pl.col(labs).mean()) / 2)
    found = spreads(schema, train, holdout, narrow)
    assert len(found) == len(labs) * len(STATISTICS)
    assert not any(s.within for s in found if s.statistic == "deviation")
    assert np.mean([s.synthetic / s.real for s in found if s.statistic == "deviation"]) == pytest.approx(0.5, abs=0.06)


@pytest.mark.parametrize("count", [60, 2000])
def test_so_many_new_patients_of_one_law_lie_within_the_spread_in_95_of_100_statistics(toy, count):
    """Whatever their number: their own chance is in the spread, and that of the real ones."""
    generator, within = np.random.default_rng(0), []
    for seed in range(30):
        sizes = (60, 60, count)
        sides = [toy(id=list(range(n)), t=[0] * n, **{k: generator.normal(size=n).tolist() for k in "abcd"}) for n in sizes]
        train, holdout, drawn = (frame for frame, _ in sides)
        found = spreads(sides[0][1], train, holdout, drawn, seed)
        within += [s.within for s in found if s.statistic == "deviation"]
    assert np.mean(within) == pytest.approx(0.95, abs=0.07)


def test_cut_tails_are_noticed_by_the_percentiles(halves, schema):
    train, holdout = halves
    cut = holdout.with_columns(pl.col("serBilir").clip(upper_bound=pl.col("serBilir").quantile(0.95)))
    found = {s.statistic: s for s in spreads(schema, train, holdout, cut) if s.column == "serBilir"}
    assert not found["99th percentile"].within and found["1st percentile"].within
