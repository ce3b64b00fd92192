"""Levels as digits: scores are N(0, 1), decode to the shares of the table, and near scores are levels that go together."""

import numpy as np
import pytest

from reverie.records.codes import code_of
from reverie.records.digits import Digits
from reverie.records.nearness import nearest_order


def code(k, seed=0):
    draw = np.random.default_rng(seed)
    return Digits.fit(draw.pareto(1, k) * 10 + 0.1, draw.permutation(k))


@pytest.mark.parametrize("k", [2, 3, 4, 5, 17, 300])
def test_a_score_anywhere_in_the_interval_of_a_level_is_that_level(k):
    digits, levels, draw = code(k), np.arange(k), np.random.default_rng(1)
    lower, upper = (np.clip(ends, -6, 6) for ends in digits.intervals(levels))
    assert (lower < upper).all()
    for u in (0.0, 0.5, *draw.random(3)):
        assert (digits.level(lower + u * (upper - lower) * (1 - 1e-9)) == levels).all()


@pytest.mark.parametrize("k", [2, 5, 40])
def test_normal_scores_decode_to_the_shares_of_the_table(k):
    digits, n = code(k), 50_000
    drawn = np.bincount(digits.level(np.random.default_rng(2).standard_normal((n, digits.width))), minlength=k) / n
    assert np.abs(drawn - digits.share).max() < 5 * np.sqrt(0.25 / n)


def test_digits_are_few_and_a_common_level_takes_one():
    assert code(300).width <= 8
    digits = Digits.fit(np.array([1000, *[1] * 60]), np.arange(61))
    lower, upper = digits.intervals(np.array([0]))
    assert (lower[0, 1:] < -4).all() and (upper[0, 1:] > 4).all()  # whatever stands in the others


def test_a_code_is_its_config():
    digits = code(40)
    again = code_of(digits.config)
    z = np.random.default_rng(0).standard_normal((100, digits.width))
    assert isinstance(again, Digits) and (again.level(z) == digits.level(z)).all()


def test_levels_that_are_seen_with_the_same_stand_side_by_side():
    draw = np.random.default_rng(0)
    family = draw.integers(0, 5, 4000)
    levels = draw.permutation(20)[family * 4 + draw.integers(0, 4, 4000)]
    order = nearest_order(levels, 20, [(np.arange(4000), family)])
    of = np.array([family[levels == level][0] for level in order])
    assert (of[1:] != of[:-1]).sum() == 4  # five families, one after the other
    assert sorted(order) == list(range(20))
