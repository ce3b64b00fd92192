"""How classes of rows follow on each other, held to what is counted and to a process that is known."""

import json

import numpy as np
import pytest

from reverie.records.linked.succession import Successions

KINDS, PATIENTS = 4, 400


@pytest.fixture(scope="module")
def lives():
    """(classes, above, lengths) of patients of two kinds: the first of kind stays what it is, the other goes in a round."""
    draw = np.random.default_rng(0)
    above, lengths, classes = draw.integers(1, 3, PATIENTS), draw.integers(1, 9, PATIENTS), []
    for kind, length in zip(above, lengths, strict=True):
        one = int(draw.integers(KINDS))
        for _ in range(length):
            classes.append(one)
            again = one if kind == 1 else (one + 1) % KINDS
            one = again if draw.random() < 0.8 else int(draw.integers(KINDS))
    return np.array(classes), above, lengths


@pytest.fixture(scope="module")
def fitted(lives):
    classes, above, lengths = lives
    return Successions.fit(classes, np.repeat(above, lengths), lengths, np.repeat(np.arange(PATIENTS), lengths), KINDS, 2)


def steps(classes, above, lengths):
    """[3, K, K], how often each class comes after each, below rows of each kind."""
    out, first = np.zeros((3, KINDS, KINDS)), np.cumsum(lengths) - lengths
    for kind, start, length in zip(above, first, lengths, strict=True):
        for a, b in zip(classes[start : start + length - 1], classes[start + 1 : start + length], strict=True):
            out[kind, a, b] += 1
    return out / np.maximum(out.sum(2, keepdims=True), 1)


def test_what_is_drawn_goes_on_as_what_was_counted_did(fitted, lives):
    many = 20_000
    above, lengths = np.repeat([1, 2], many // 2), np.full(many, 5)
    drawn = fitted.drawn(above, lengths, np.full(5 * many, -1), None, np.random.default_rng(1).random(5 * many))
    assert np.abs(steps(drawn, above, lengths) - steps(*lives))[1:].max() < 0.08
    assert np.allclose(np.bincount(drawn[::5]) / many, 1 / KINDS, atol=0.05)  # the first of each


def test_chances_are_shares_and_what_is_drawn_has_the_likelihood_that_they_say(fitted):
    draw = np.random.default_rng(2)
    lengths = draw.integers(1, 6, 30)
    classes, first = draw.integers(0, KINDS, lengths.sum()), np.cumsum(lengths) - lengths
    said = fitted.likelihood(classes, lengths)
    for group, (start, length) in enumerate(zip(first, lengths, strict=True)):
        for above in range(3):
            seen, before, log = np.zeros((1, KINDS)), KINDS, 0.0
            for place, k in enumerate(classes[start : start + length]):
                p = fitted.chances(np.array([above]), np.array([before]), seen, place == 0)
                assert p.sum() == pytest.approx(1, abs=1e-6)
                log, before = log + np.log(p[0, k]), k
                seen[0, k] += 1
            assert said[group, above] == pytest.approx(log)


def test_what_is_given_stays_and_what_is_known_of_rows_weighs(fitted):
    above, lengths, given = np.array([1, 2, 1]), np.array([3, 2, 1]), np.array([2, -1, -1, -1, 3, -1])
    told = np.full((6, KINDS), -50.0)
    told[np.arange(6), [0, 1, 0, 2, 0, 3]] = 0.0
    drawn = fitted.drawn(above, lengths, given, told, np.full(6, 0.5))
    assert drawn.tolist() == [2, 1, 0, 2, 3, 3]


def test_a_config_says_the_same(fitted):
    again = Successions.from_config(json.loads(json.dumps(fitted.config)))
    assert np.array_equal(again.counts, fitted.counts) and np.allclose(again.weights, fitted.weights, atol=1e-5)
    assert again.config == fitted.config


def test_a_row_alone_and_tables_without_rows_are_answered():
    one = Successions.fit(np.array([0, 1]), np.zeros(2, np.int64), np.array([1, 1]), np.arange(2), 2, 0)
    assert set(
        one.drawn(np.zeros(50, np.int64), np.ones(50, np.int64), np.full(50, -1), None, np.linspace(0, 0.99, 50))
    ) == {0, 1}
    none = np.zeros(0, dtype=np.int64)
    assert len(Successions.fit(none, none, none, none, 2, 0).drawn(none, none, none, None, np.zeros(0))) == 0
