"""The precision of a column: halves, quarters, significant digits; what is made has it too."""

import numpy as np
import polars as pl
import pytest

from reverie.records.boxcox import BoxCox
from reverie.records.intervals import inside
from reverie.records.precision import precision
from reverie.records.transforms import NormalScore, on_grid


def significant(x, digits):
    return np.array([float(f"{v:.{digits - 1}e}") for v in x])


draw = np.random.default_rng(0)


@pytest.mark.parametrize(
    ("x", "unit", "decimals", "digits"),
    [
        (significant(np.exp(draw.normal(-9, 1, 160)), 3), None, None, 3),
        (significant(np.exp(draw.normal(0, 3, 160)), 3), None, None, 3),
        (significant(np.exp(draw.normal(8, 2, 300)).clip(10), 2), 1.0, 0, 2),
        (significant(np.exp(draw.normal(14, 2, 300)).clip(2e4), 2), 1000.0, 0, 2),
        (significant(-np.exp(draw.normal(0, 3, 160)), 4), None, None, 4),
        (np.round(np.exp(draw.normal(0, 1, 160)), 2), 0.01, 2, None),
        (draw.choice(np.arange(0, 10.5, 0.5), 200), 0.5, 1, None),
        (draw.choice(np.arange(0, 10, 0.25), 200), 0.25, 2, None),
        (draw.integers(0, 5000, 200) * 1.0, 1.0, 0, None),
        (draw.normal(size=200), None, None, None),
        (np.exp(draw.normal(0, 3, 200)).astype(np.float32), None, None, None),
    ],
)
def test_the_precision_is_found_and_made(x, unit, decimals, digits):
    found = precision(pl.Series(x))
    assert (found.unit, found.decimals, found.digits) == (unit, decimals, digits)
    x = x.astype(np.float64)
    t = NormalScore.fit(x, found.unit, found.lower, found.upper, found.digits)
    made = t.from_score(np.random.default_rng(1).normal(size=5000))
    if digits:
        assert (significant(made, digits) == made).all() and (np.abs(made).min() > 0 or 0 in x)
        assert any(significant([v], digits - 1)[0] != v for v in made)
    if unit:
        np.testing.assert_array_equal(made, np.round(np.round(made / unit) * unit, decimals))
    if unit or digits:
        for end in inside(*t.intervals(x)):
            np.testing.assert_array_equal(t.from_score(end.astype(np.float64)), x)
    published = BoxCox.fit(x, found.unit, None, None, found.digits).from_score(np.linspace(-1, 1, 50))
    assert digits is None or (significant(published, digits) == published).all()
    shares = [np.mean(v <= np.median(x)) for v in (x, made)]
    assert abs(shares[0] - shares[1]) < 0.03


def test_significant_digits_are_rounded_as_their_text_is():
    x = np.array([0.0, 8.774e-05, -0.012349, 99.96, 999.4, 1.2345e7, 1e-20])
    assert on_grid(x, None, 3).tolist() == [0.0, 8.77e-05, -0.0123, 100.0, 999.0, 1.23e7, 1e-20]
    assert on_grid(np.array([3.2, 99.6, 1049.0]), 1.0, 2).tolist() == [3.0, 100.0, 1000.0]
