"""The shape of numbers in latent classes."""

import json

import numpy as np
import pytest

from reverie.records.linked.shapes import Shapes

N = 4000


@pytest.fixture(scope="module")
def sides():
    """Class 1 lies on both sides of a gap, class 2 is as wide as it is drawn; both are drawn as normal numbers."""
    randomness, of = np.random.default_rng(0), np.arange(N) % 2 + 1
    apart = np.where(randomness.random(N) < 0.3, randomness.uniform(-1.1, -0.9, N), randomness.uniform(1.0, 1.2, N))
    one = np.where(of == 1, apart, randomness.normal(0.5, 0.2, N))
    moments = {k: (one[of == k].mean(), one[of == k].std()) for k in (1, 2)}
    drawn = randomness.normal(size=N) * np.array([moments[k][1] for k in of]) + np.array([moments[k][0] for k in of])
    return np.stack([np.full(N, np.nan), one], 1), of, np.stack([randomness.normal(size=N), drawn], 1)


@pytest.mark.parametrize("seen", [N, 0], ids=["as it was drawn", "as it is before anything is learned"])
def test_numbers_of_a_class_are_where_they_were(sides, seen):
    trained, of, drawn = sides
    asked = np.zeros((N, 2), dtype=bool)
    asked[:, 1] = True
    shapes = Shapes.fit([1], (trained, of, np.arange(N)), (drawn[:seen], of[:seen]), asked[:seen])
    right = shapes(drawn, asked, of)
    first, second = right[of == 1, 1], right[of == 2, 1]
    assert (abs(drawn[of == 1, 1]) < 0.8).mean() > 0.4 and (abs(first) < 0.8).mean() < 0.12
    assert np.mean(first < 0) == pytest.approx(0.3, abs=0.07)
    assert abs(np.sort(second) - np.sort(drawn[of == 2, 1])).max() < 0.15
    assert np.array_equal(right[:, 0], drawn[:, 0])
    for k in (1, 2):  # what is larger stays larger
        order = np.argsort(drawn[of == k, 1])
        assert (np.diff(right[of == k, 1][order]) >= 0).all()


def test_what_was_given_and_classes_that_are_small_stay(sides):
    trained, of, drawn = sides
    asked = np.arange(N)[:, None] % 3 > np.zeros(2)
    few = np.where(np.arange(N) < 10, 3, of)
    shapes = Shapes.fit([1], (trained, few, np.arange(N)), (drawn, few), asked)
    right = shapes(drawn, asked, few)
    assert np.array_equal(right[~asked], drawn[~asked]) and np.array_equal(right[:10], drawn[:10])
    assert not np.array_equal(right[asked[:, 1], 1], drawn[asked[:, 1], 1])
    beyond = np.full(N, 7)  # a class that nobody trained on was of
    assert np.array_equal(shapes(drawn, asked, beyond), drawn)
    again = Shapes.from_config(json.loads(json.dumps(shapes.config)))
    assert np.allclose(again(drawn, asked, few), right, atol=0.02)


def test_a_class_of_few_patients_has_no_shape(sides):
    trained, of, drawn = sides
    asked = np.ones((N, 2), dtype=bool)
    for patients, changed in ((9, False), (10, True)):
        shapes = Shapes.fit([1], (trained, of, np.arange(N) // 2 % patients), (drawn, of), asked)
        assert np.array_equal(shapes(drawn, asked, of), drawn) != changed
