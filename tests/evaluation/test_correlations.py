"""Static, trend and cycle correlations against closed forms."""

import numpy as np
import polars as pl
import pytest
from scipy.stats import kendalltau

from reverie.evaluation.cohort import Cohort
from reverie.evaluation.correlations import correlations, distance


def series(toy, x, y, patients: int, visits: int):
    return toy(
        id=np.repeat(range(patients), visits).tolist(),
        t=[*range(visits)] * patients,
        x=x.ravel().tolist(),
        y=y.ravel().tolist(),
    )


def test_static_is_kendalls_tau_over_visits_where_both_are_measured(toy):
    frame, schema = toy(id=[1] * 6, t=[*range(6)], x=[1.0, 2.0, 3.0, 4.0, None, 9.0], y=[2.0, 1.0, 3.0, 5.0, 0.0, None])
    found = correlations(Cohort.read(frame, schema))
    assert found.static[0, 1] == pytest.approx(kendalltau([1, 2, 3, 4], [2, 1, 3, 5])[0])
    assert np.array_equal(found.static, found.static.T) and np.all(np.diag(found.static) == 1)


@pytest.mark.parametrize(("visits", "levels"), [(3, 2), (40, 2), (300, 6), (2000, 900)])
def test_tau_of_tied_values_is_that_of_scipy(toy, visits, levels):
    draw = np.random.default_rng(visits)
    x = draw.integers(0, levels, visits).astype(float)
    x[:2] = 0, levels
    y = np.floor((draw.integers(0, levels, visits) - x) / 2)
    frame, schema = toy(id=[1] * visits, t=[*range(visits)], x=x.tolist(), y=y.tolist())
    assert correlations(Cohort.read(frame, schema)).static[0, 1] == pytest.approx(kendalltau(x, y)[0], abs=1e-12)


def test_trend_is_the_share_of_slopes_that_agree_less_those_that_do_not(toy):
    time, slopes = np.arange(5.0), np.array([1.0, 2.0, 3.0, 4.0])
    other = np.array([1.0, 1.0, 1.0, -2.0])
    frame, schema = series(toy, slopes[:, None] * time, other[:, None] * time + 7, 4, 5)
    found = correlations(Cohort.read(frame, schema))
    assert found.trend[0, 1] == 0.5
    assert np.isnan(found.cycle[0, 1])  # lines leave nothing


def test_cycle_is_the_correlation_of_the_noise_whatever_the_lines(toy):
    generator = np.random.default_rng(0)
    x, other = generator.standard_normal((2, 400, 12))
    y, time = 0.6 * x + 0.8 * other, np.arange(12.0)
    lines = generator.normal(scale=30, size=(2, 400, 1)) * time + generator.normal(scale=1e3, size=(2, 400, 1))
    frame, schema = series(toy, x + lines[0], y + lines[1], 400, 12)
    found = correlations(Cohort.read(frame, schema))
    assert found.cycle[0, 1] == pytest.approx(0.6, abs=0.03) and abs(found.trend[0, 1]) < 0.15


def test_the_distance_leaves_out_pairs_that_are_unknown():
    real = np.array([[1, 0.5, np.nan], [0.5, 1, 0.2], [np.nan, 0.2, 1]])
    drawn = np.array([[1, 0.1, 0.3], [0.1, 1, 0.2], [0.3, 0.2, 1]])
    assert distance(real, drawn) == pytest.approx(0.2)


def test_columns_shuffled_apart_lose_their_correlations(halves, schema):
    train, holdout = halves
    real, other = correlations(Cohort.read(train, schema)), correlations(Cohort.read(holdout, schema))
    mixed = holdout.with_columns(pl.col(name).shuffle(i) for i, name in enumerate(real.columns))
    broken = correlations(Cohort.read(mixed, schema))
    for matrix in ("static", "trend"):
        near, far = (distance(getattr(real, matrix), getattr(c, matrix)) for c in (other, broken))
        assert far > 1.5 * near
