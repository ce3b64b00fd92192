"""Distances of pictures' features, against closed forms."""

import numpy as np
import pytest

from reverie.errors import DataError
from reverie.evaluation.image_distances import frechet, frechet_of_moments, kernel, nearest, precision, recall


def test_frechet_of_normal_laws_with_commuting_covariances_is_the_sum_over_axes():
    mean_a, mean_b = np.array([1.0, -2.0, 0.0]), np.array([0.0, 1.0, 0.5])
    a, b = np.array([4.0, 1.0, 0.25]), np.array([1.0, 9.0, 0.25])
    wanted = ((mean_a - mean_b) ** 2).sum() + ((np.sqrt(a) - np.sqrt(b)) ** 2).sum()
    assert frechet_of_moments(mean_a, np.diag(a), mean_b, np.diag(b)) == pytest.approx(wanted, rel=1e-12)


def test_frechet_does_not_change_when_both_are_turned_and_is_symmetric():
    g = np.random.default_rng(0)
    q, _ = np.linalg.qr(g.standard_normal((4, 4)))
    a, b = (m @ m.T for m in g.standard_normal((2, 4, 4)))
    mean_a, mean_b = g.standard_normal((2, 4))
    d = frechet_of_moments(mean_a, a, mean_b, b)
    assert frechet_of_moments(q @ mean_a, q @ a @ q.T, q @ mean_b, q @ b @ q.T) == pytest.approx(d, rel=1e-9)
    assert frechet_of_moments(mean_b, b, mean_a, a) == pytest.approx(d, rel=1e-9)
    assert frechet_of_moments(mean_a, a, mean_a, a) == pytest.approx(0, abs=1e-9)


def test_frechet_of_samples_comes_to_that_of_their_laws():
    g = np.random.default_rng(1)
    a, b = g.standard_normal((40_000, 3)), 1.5 * g.standard_normal((40_000, 3)) + [1.0, 0.0, 0.0]
    assert frechet(a, b) == pytest.approx(1 + 3 * 0.25, rel=0.03)


def test_kernel_distance_of_normal_laws_comes_to_its_closed_form_and_is_unbiased():
    # (xy + 1)^3 = x^3 y^3 + 3 x^2 y^2 + 3 xy + 1, so the distance is that of the first three moments.
    def moments(m, s):
        return np.array([m, m**2 + s**2, m**3 + 3 * m * s**2])

    gap = moments(0.5, 1.0) - moments(0.0, 1.2)
    wanted = float((np.array([3, 3, 1]) * gap**2).sum())
    g = np.random.default_rng(2)
    found = [kernel(0.5 + g.standard_normal((300, 1)), 1.2 * g.standard_normal((300, 1))) for _ in range(60)]
    assert abs(np.mean(found) - wanted) < 4 * np.std(found) / np.sqrt(60)
    equal = [kernel(g.standard_normal((60, 2)), g.standard_normal((60, 2))) for _ in range(100)]
    assert abs(np.mean(equal)) < 4 * np.std(equal) / np.sqrt(100) and min(equal) < 0


def test_precision_falls_with_pictures_outside_and_recall_with_what_is_never_made():
    g = np.random.default_rng(3)
    two = np.concatenate([g.standard_normal((200, 2)), g.standard_normal((200, 2)) + 100])
    one, far = g.standard_normal((200, 2)), g.standard_normal((200, 2)) - 500
    assert precision(two, one) > 0.9 and recall(two, one) == pytest.approx(0.5, abs=0.05)
    assert precision(two, far) == 0 and recall(two, far) == 0
    assert precision(two, two) == 1 == recall(two, two)


def test_nearest_is_what_an_exhaustive_search_finds_over_blocks():
    g = np.random.default_rng(4)
    points, among = g.standard_normal((1500, 3)), g.standard_normal((40, 3))
    far, which = nearest(points, among)
    every = np.linalg.norm(points[:, None] - among[None], axis=2)
    assert np.allclose(far, every.min(1)) and (which == every.argmin(1)).all()


def test_sets_that_cannot_be_compared_are_refused():
    with pytest.raises(DataError, match=r"\(5, 2\) and \(5, 3\)"):
        frechet(np.zeros((5, 2)), np.zeros((5, 3)))
    with pytest.raises(DataError, match="more than 3"):
        precision(np.zeros((3, 2)), np.zeros((5, 2)))
