"""Levels as scores."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import ndtr
from scipy.stats import kstest

from reverie.records.codes import code_of
from reverie.records.intervals import inside
from reverie.records.levels import OneHot, OrderedProbit, SequentialProbit

counts = st.lists(st.integers(0, 1000), min_size=1, max_size=12)


@given(counts, st.sampled_from([OrderedProbit, SequentialProbit, OneHot]))
def test_every_float32_within_the_ends_decodes_to_the_level(counts, kind):
    code = kind.fit(np.array(counts))
    level = np.arange(len(counts))
    for end in inside(*code.intervals(level)):
        assert code.level(end.astype(np.float64)).tolist() == level.tolist()
    assert code_of(code.config).level(end.astype(np.float64)).tolist() == level.tolist()


@pytest.mark.parametrize("kind", [OrderedProbit, SequentialProbit])
def test_normal_scores_decode_to_the_shares(kind):
    counts = np.array([5, 400, 95, 300, 200])
    code = kind.fit(counts)
    z = np.random.default_rng(0).normal(size=(200_000, code.width))
    np.testing.assert_allclose(np.bincount(code.level(z), minlength=5) / len(z), counts / 1000, atol=0.004)


def test_sticks_are_independent_normal_channels():
    counts = np.array([5, 400, 95, 300, 200])
    code = SequentialProbit.fit(counts)
    level = np.random.default_rng(0).choice(5, 20_000, p=counts / 1000)
    a, b = (ndtr(e) for e in code.intervals(level))
    u = a + (b - a) * np.random.default_rng(1).random(a.shape)
    assert all(kstest(u[:, j], "uniform").statistic < 0.0115 for j in range(code.width))  # the 1 % point
    assert abs(np.corrcoef(u.T) - np.eye(code.width)).max() < 0.03


def test_ordered_levels_rise_with_the_score():
    code = OrderedProbit.fit(np.array([3, 1, 0, 7]))
    assert (np.diff(code.level(np.linspace(-5, 5, 1001)[:, None])) >= 0).all()
