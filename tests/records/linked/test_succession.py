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
    return Successions.fit(classes, above[:, None], lengths, KINDS, [2])


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
    drawn = fitted.drawn(above[:, None], lengths, np.full(5 * many, -1), None, np.random.default_rng(1).random(5 * many))
    assert np.abs(steps(drawn, above, lengths) - steps(*lives))[1:].max() < 0.08
    assert np.allclose(np.bincount(drawn[::5]) / many, 1 / KINDS, atol=0.05)  # the first of each


def test_what_is_drawn_has_the_likelihood_that_its_chances_say(fitted):
    draw = np.random.default_rng(2)
    lengths = draw.integers(1, 6, 30)
    classes, first = draw.integers(0, KINDS, lengths.sum()), np.cumsum(lengths) - lengths
    said = fitted.likelihood(classes, lengths)
    for group, (start, length) in enumerate(zip(first, lengths, strict=True)):
        for above in range(3):
            seen, before, log = np.zeros((1, KINDS)), KINDS, 0.0
            for place, k in enumerate(classes[start : start + length]):
                told = (np.array([one]) for one in ([above], before, place, length - place - 1))
                logits = fitted.logits(*told, seen)[0]
                log, before = log + logits[k] - np.log(np.exp(logits).sum()), k
                seen[0, k] += 1
            assert said[group, above] == pytest.approx(log)


def test_classes_that_come_again_come_again_and_those_that_come_once_come_once():
    """Of a patient's rows half are of one of many classes, hers, and no other class comes twice."""
    draw, count, many = np.random.default_rng(3), 30, 600
    rows = []
    for _ in range(many):
        own, *others = draw.permutation(count)[:7]
        rows.append(draw.permutation([own] * 6 + others))
    lengths, none = np.full(many, 12), np.zeros((many, 0), dtype=np.int64)
    fitted = Successions.fit(np.concatenate(rows), none, lengths, count, [])
    drawn = fitted.drawn(none, lengths, np.full(12 * many, -1), None, draw.random(12 * many)).reshape(many, 12)
    kinds = np.mean([len(np.unique(one)) for one in drawn])
    most = np.mean([np.bincount(one).max() for one in drawn])
    assert kinds == pytest.approx(7, abs=1) and most == pytest.approx(6, abs=1.2)  # 10 and 2 were rows drawn each by itself


def test_what_is_given_stays_and_what_is_known_of_rows_weighs(fitted):
    above, lengths, given = np.array([[1], [2], [1]]), np.array([3, 2, 1]), np.array([2, -1, -1, -1, 3, -1])
    told = np.full((6, KINDS), -50.0)
    told[np.arange(6), [0, 1, 0, 2, 0, 3]] = 0.0
    drawn = fitted.drawn(above, lengths, given, told, np.full(6, 0.5))
    assert drawn.tolist() == [2, 1, 0, 2, 3, 3]


def test_a_config_says_the_same(fitted):
    again = Successions.from_config(json.loads(json.dumps(fitted.config)))
    assert np.array_equal(again.part, fitted.part) and np.array_equal(again.again, fitted.again)
    assert again.config == fitted.config


def test_a_row_alone_and_tables_without_rows_are_answered():
    nothing = np.zeros((2, 0), dtype=np.int64)
    one = Successions.fit(np.array([0, 1]), nothing, np.array([1, 1]), 2, [])
    above, lengths = np.zeros((50, 0), np.int64), np.ones(50, np.int64)
    assert set(one.drawn(above, lengths, np.full(50, -1), None, np.linspace(0, 0.99, 50))) == {0, 1}
    none = np.zeros(0, dtype=np.int64)
    assert len(Successions.fit(none, nothing[:0], none, 2, []).drawn(nothing[:0], none, none, None, np.zeros(0))) == 0
