"""Numbers as scores: monotone, invertible in float64, normal, within bounds, with tails that are kept and not overdone."""

import json

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import boxcox, kstest

from reverie.records.boxcox import BoxCox
from reverie.records.intervals import between, inside
from reverie.records.transforms import NormalScore, on_grid


def numbers_of(seed: int, kind: str, n: int):
    """Values, unit and bounds of columns that are hard: ties, atoms, heavy tails, few values, far from 0."""
    r = np.random.default_rng(seed)
    match kind:
        case "normal":
            return r.normal(5, 2, n), None, None, None
        case "heavy":
            return r.standard_cauchy(n), None, None, None
        case "tied":
            return r.integers(0, 4, n).astype(float), 1.0, 0.0, 3.0
        case "zeros":
            return np.where(r.random(n) < 0.7, 0.0, np.round(np.exp(r.normal(3, 2, n)), 1)), 0.1, 0.0, None
        case "lumps":
            return np.where(r.random(n) < 0.3, 0.25, r.random(n)), None, 0.0, None
        case "halves":
            return np.floor(r.normal(-40, 9, n)) / 2, 0.5, None, None
        case "far":
            return 1.6e9 + r.integers(0, 90_000, n).astype(float), 1.0, None, None
        case "constant":
            return np.full(n, 3.7), None, None, None
        case "days":
            return np.round(r.integers(0, 5000, n) / 365.25, 12), 1 / 365.25, 0.0, None
        case "negative skew":
            return -np.round(np.exp(r.normal(0, 1, n)), 2), 0.01, None, 0.0
    raise AssertionError(kind)


NUMBERS = ("normal", "heavy", "tied", "zeros", "lumps", "halves", "far", "constant", "days", "negative skew")
columns_of_numbers = st.builds(
    numbers_of, st.integers(0, 2**20), st.sampled_from(NUMBERS), st.sampled_from([1, 2, 3, 17, 400])
)


def to_score(transform, x, u=0.5):
    """Draws of the scores of x, from uniform numbers."""
    return between(*map(torch.from_numpy, (*transform.intervals(x), np.broadcast_to(u, x.shape).copy()))).numpy()


def uniforms(n):
    return np.random.default_rng(2**30).random(n)


@given(columns_of_numbers, st.sampled_from([NormalScore, BoxCox]))
def test_from_score_inverts_to_score(column, kind):
    x, unit, lower, upper = column
    transform = kind.fit(x, unit, lower, upper)
    back = transform.from_score(to_score(transform, x, uniforms(len(x))))
    if unit is None or unit == 1 / 365.25 or kind is BoxCox:
        np.testing.assert_allclose(back, x, rtol=1e-9, atol=1e-9 * np.abs(x).max() * (1 if kind is NormalScore else 10))
    else:
        np.testing.assert_array_equal(back, x)


@given(columns_of_numbers)
def test_every_float32_within_the_ends_decodes_to_the_value(column):
    x, unit, lower, upper = column
    transform = NormalScore.fit(x, unit, lower, upper)
    for end in inside(*transform.intervals(x)):
        back = transform.from_score(end.astype(np.float64))
        if unit is not None:
            np.testing.assert_array_equal(back, on_grid(x, unit))


@given(columns_of_numbers, st.sampled_from([NormalScore, BoxCox]))
@settings(max_examples=60)
def test_values_never_fall_as_scores_rise(column, kind):
    x, unit, lower, upper = column
    transform = kind.fit(x, unit, lower, upper)
    values = transform.from_score(np.linspace(-9, 9, 4001))
    assert (np.diff(values) >= -1e-12 * np.abs(values).max()).all()
    assert np.isfinite(values).all()
    assert lower is None or values.min() >= lower
    assert upper is None or values.max() <= upper


@given(columns_of_numbers)
def test_knots_rise_strictly_and_are_few(column):
    transform = NormalScore.fit(*column)
    assert (np.diff(transform.z) > 0).all()
    assert (np.diff(transform.x) >= (0 if column[1] is None else 1e-12)).all()
    assert len(transform.z) <= 260


@given(columns_of_numbers, st.sampled_from([NormalScore, BoxCox]))
@settings(max_examples=40)
def test_a_transform_survives_json(column, kind):
    x, unit, lower, upper = column
    transform = kind.fit(x, unit, lower, upper)
    again = kind.from_config(json.loads(json.dumps(transform.config, allow_nan=False)))
    z = np.linspace(-4, 4, 101)
    np.testing.assert_array_equal(again.from_score(z), transform.from_score(z))
    np.testing.assert_array_equal(to_score(again, x, uniforms(len(x))), to_score(transform, x, uniforms(len(x))))


@pytest.mark.parametrize("kind", [k for k in NUMBERS if k != "constant"])
def test_scores_of_a_column_are_normal(kind):
    x, unit, lower, upper = numbers_of(0, kind, 5000)
    z = to_score(NormalScore.fit(x, unit, lower, upper), x, uniforms(5000))
    assert kstest(z, "norm").statistic < 0.023  # the 1 % point of 5,000 draws


@pytest.mark.parametrize("kind", NUMBERS)
def test_normal_scores_decode_to_the_distribution_of_the_column(kind):
    x, unit, lower, upper = numbers_of(0, kind, 5000)
    new = NormalScore.fit(x, unit, lower, upper).from_score(np.random.default_rng(1).normal(size=20_000))
    points = np.unique(x)
    for side in ("left", "right"):  # atoms keep their weight, so both one-sided limits agree
        shares = [np.searchsorted(np.sort(v), points, side) / len(v) for v in (x, new)]
        assert abs(shares[0] - shares[1]).max() < 0.02


@pytest.mark.parametrize(
    "law", [lambda r, n: r.normal(size=n), lambda r, n: np.exp(r.normal(size=n)), lambda r, n: -r.exponential(size=n)]
)
def test_extremes_reach_as_far_as_real_ones(law):
    fitted, real = ([], [])
    for seed in range(40):
        r = np.random.default_rng(seed)
        x = law(r, 500)
        fitted.append(NormalScore.fit(x).from_score(r.normal(size=5000)))
        real.append(law(r, 5000))
    for edge in (np.max, np.min):
        found, true = (np.median([edge(v) for v in some]) for some in (fitted, real))
        spread = np.median([np.ptp(v) for v in real])
        assert abs(found - true) < spread / 3


def test_box_cox_is_scipys_with_min_max():
    x = np.exp(np.random.default_rng(0).normal(2, 0.7, 500))
    y, power = boxcox(x)
    transform = BoxCox.fit(x)
    assert transform.power == pytest.approx(power, abs=1e-4)
    np.testing.assert_allclose(to_score(transform, x), 2 * (y - y.min()) / np.ptp(y) - 1, atol=1e-4)
    assert to_score(transform, x).min() == pytest.approx(-1) and to_score(transform, x).max() == pytest.approx(1)


def test_box_cox_counts_and_cuts_what_is_beyond_the_ends():
    transform = BoxCox.fit(np.arange(1.0, 50.0), 1.0)
    z = np.array([-1.5, -1.0, 0.0, 1.0, 1.2])
    assert transform.clipped(z) == 2
    assert transform.from_score(z)[[0, -1]].tolist() == [1.0, 49.0]


@pytest.mark.parametrize("kind", [NormalScore, BoxCox])
def test_a_value_far_beyond_those_fitted_has_a_finite_score(kind):
    x, unit, lower, _ = numbers_of(0, "zeros", 400)
    z = to_score(kind.fit(x, unit, lower, None), np.array([0.0, 1e9]), uniforms(2))
    assert np.isfinite(z).all() and abs(z).max() <= 8 and z[1] > z[0]


def test_a_column_without_a_value_still_has_a_transform():
    assert NormalScore.fit(np.empty(0), 1.0, 2.0, None).from_score(np.zeros(1)).tolist() == [2.0]
    assert np.isfinite(BoxCox.fit(np.empty(0)).from_score(np.zeros(1))).all()


@pytest.mark.parametrize(("value", "width"), [(3.7, 3.7e-3), (-250.0, 0.25), (0.0, 1.0)])
def test_beyond_one_value_the_tails_grow_by_a_thousandth_of_it_for_each_deviation(value, width):
    t = NormalScore.fit(np.full(50, value))
    ends = t.from_score(np.array([t.z[0] - 1, t.z[-1] + 1]))
    np.testing.assert_allclose(ends, [value - width, value + width], rtol=1e-9)
