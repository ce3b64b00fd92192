"""Bins, smoothing and short names of figures: what they keep of the numbers and names they are given."""

import numpy as np
import pytest

from reverie.drawing import distinct, shorten
from reverie.evaluation.figures.histograms import bin_edges, count_in, is_skewed
from reverie.evaluation.figures.losses import smoothed
from reverie.evaluation.figures.timing import FEWEST, summary, time_bins


def test_smoothing_keeps_lines_and_ends():
    line = np.linspace(3, 7, 101)
    np.testing.assert_allclose(smoothed(line), line)
    noise = np.random.default_rng(0).normal(size=200)
    assert smoothed(noise)[0] == pytest.approx(noise[0]) and smoothed(noise).std() < noise.std() / 2


def test_bins_are_whole_multiples_of_the_unit_between_values_that_can_be():
    values = np.random.default_rng(0).integers(0, 1000, 5000).astype(float)
    edges = bin_edges(values, 1.0, log=False)
    assert np.allclose(np.diff(edges) % 1, 0) and np.allclose(edges % 1, 0.5)
    assert edges[0] <= values.min() and edges[-1] > values.max()
    assert count_in(values, edges).sum() == 5000
    assert np.allclose(np.diff(bin_edges(values % 12, 1.0, log=False)), 1)
    fine = bin_edges(np.round(values / 997, 2), 0.01, log=False)
    assert np.allclose(np.diff(fine) / 0.01, np.round(np.diff(fine) / 0.01))


def test_a_few_tenths_among_whole_numbers_leave_no_comb():
    draw = np.random.default_rng(0)
    values = draw.integers(88, 101, 3000) + np.where(draw.random(3000) < 0.1, 0.5, 0.0)
    edges = bin_edges(values, 0.1, log=False)
    assert np.allclose(np.diff(edges), 1) and (count_in(values, edges)[1:-1] > 0).all()
    tenths = np.r_[np.zeros(9000), draw.integers(1, 99, 1000) / 10]
    assert np.diff(bin_edges(tenths, 0.1, log=False))[0] < 1


def test_a_log_axis_is_for_skewed_positive_numbers_only():
    draw = np.random.default_rng(0)
    skewed = np.exp(draw.normal(0, 2, 500))
    assert is_skewed(skewed)
    assert not is_skewed(skewed - 1)
    assert not is_skewed(draw.normal(100, 5, 500))


def test_time_bins_are_the_times_of_a_coarse_grid_and_cover_any_other():
    np.testing.assert_allclose(time_bins(np.array([0.0, 2, 2, 4])), [-1, 1, 3, 5])
    assert np.diff(time_bins(np.full(9, 3.0))).tolist() == [1.0]
    x = np.random.default_rng(0).exponential(2, 2000)
    edges = time_bins(x)
    assert edges[0] == x.min() and edges[-1] == x.max() and (np.diff(edges) > 0).all() and len(edges) > 8


def test_nothing_is_said_of_a_bin_with_few_values():
    x = np.r_[np.zeros(FEWEST - 1), np.ones(FEWEST)]
    assert summary(x, x + 5, np.array([-0.5, 0.5, 1.5])).tolist() == [[1, 6, 6, 6]]


def test_different_names_stay_different():
    long = [f"a long name of a column that is like others, number {k}, and its end" for k in (1, 2, 12)]
    short = distinct([*long, "short", long[0]])
    assert short[0] == short[4] and len(set(short)) == 4
    assert all(f"number {k}" in name for k, name in zip((1, 2, 12), short[:3], strict=True))
    assert len(set(distinct(["x" * 50 + tail + "y" * 60 + "z" for tail in "ab"], 12))) == 2
    assert len(set(distinct(["a b", "a  b", "a b (2)"]))) == 3


def test_names_are_shortened_in_the_middle():
    assert shorten("abc") == "abc" and shorten("a\nb$") == "a b$" and shorten("  ") == "(blank)"
    short = shorten("laboratory_creatinine_serum_mg_dl", 20)
    assert len(short) == 20 and short.startswith("laboratory") and short.endswith("mg_dl")
