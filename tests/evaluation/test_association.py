"""Associations of mixed types against closed forms and scipy, on tables with holes."""

import numpy as np
import polars as pl
import pytest
from scipy.stats import spearmanr

from reverie.evaluation.association import associations
from reverie.evaluation.cohort import Cohort

N = 400


@pytest.fixture
def pair(toy):
    """The association of two columns, each a list; one visit a patient."""

    def of(a, b, static=()):
        frame, schema = toy(static=static, id=list(range(len(a))), t=[0] * len(a), a=a, b=b)
        columns = [c for c in schema.columns if c.name in "ab"]
        return associations(Cohort.read(frame, schema), columns)["a", "b"]

    return of


def test_numbers_are_spearman(pair):
    generator = np.random.default_rng(0)
    x = generator.standard_normal(N)
    y = np.exp(x + generator.standard_normal(N))
    assert pair(x.tolist(), y.tolist()) == pytest.approx(spearmanr(x, y).statistic)
    assert pair(x.tolist(), (-(x**3)).tolist()) == pytest.approx(-1)


def test_holes_leave_out_rows_and_not_much_else(pair):
    generator = np.random.default_rng(1)
    x = generator.standard_normal(N)
    y = x + generator.standard_normal(N)
    holes = [None if generator.random() < 0.3 else float(v) for v in y]
    known = [i for i, v in enumerate(holes) if v is not None]
    assert pair(x.tolist(), holes) == pytest.approx(spearmanr(x[known], y[known]).statistic, abs=0.01)


def test_names_against_numbers_are_the_correlation_ratio_of_ranks(pair):
    values = np.arange(N, dtype=float)
    names = ["u" if v < 100 else "v" if v < 300 else "w" for v in values]
    means = {"u": 50.5, "v": 200.5, "w": 350.5}  # of the ranks 1..400
    between = sum((means[n] - (N + 1) / 2) ** 2 for n in names)
    assert pair(names, values.tolist()) == pytest.approx(np.sqrt(between / (N * (N**2 - 1) / 12)))
    assert pair(values.tolist(), names) == pytest.approx(pair(names, values.tolist()))


def test_names_against_names_are_cramer_and_unbiased(pair):
    generator = np.random.default_rng(2)
    first, second = (generator.choice(list("uvwxyz"), N).tolist() for _ in range(2))
    assert pair(first, first) == pytest.approx(1) and pair(first, second) < 0.1  # without correction it would be near 0.11


def test_two_levels_keep_a_sign_and_what_does_not_vary_says_nothing(pair):
    names = ["n", "y"] * (N // 2)
    assert pair(names, [0.0, 1.0] * (N // 2)) == pytest.approx(1) and pair(names, [1.0, 0.0] * (N // 2)) == pytest.approx(-1)
    assert np.isnan(pair(names, [1.0] * N)) and np.isnan(pair([None] * N, names))


def test_two_statics_are_seen_once_a_patient(toy):
    """Otherwise the patient with a hundred visits would decide."""
    visits = [100, *[1] * 30]
    x, y = np.random.default_rng(3).standard_normal((2, 31))
    whose = np.repeat(np.arange(31), visits)
    frame, schema = toy(
        static=("a", "b"), id=whose.tolist(), t=np.arange(len(whose)).tolist(), a=x[whose].tolist(), b=y[whose].tolist()
    )
    found = associations(Cohort.read(frame, schema), [c for c in schema.columns if c.name in "ab"])
    assert found["a", "b"] == pytest.approx(spearmanr(x, y).statistic)
    assert isinstance(frame, pl.DataFrame)
