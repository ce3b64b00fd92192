"""Scores of predicted probabilities, against scikit-learn and closed forms."""

import numpy as np
import pytest
from sklearn.metrics import brier_score_loss, roc_auc_score

from reverie.evaluation.use.scoring import area_under, brier, slope


def probabilities(draw: np.random.Generator, n: int, k: int) -> tuple[np.ndarray, np.ndarray]:
    p = draw.dirichlet(np.ones(k), n)
    return p, np.array([draw.choice(k, p=row) for row in p])


def test_two_levels_agree_with_scikit_learn():
    p, y = probabilities(np.random.default_rng(0), 300, 2)
    assert area_under(p, y) == pytest.approx(roc_auc_score(y, p[:, 1]), abs=1e-12)
    assert brier(p, y) == pytest.approx(brier_score_loss(y, p[:, 1]), abs=1e-12)


def test_several_levels_agree_with_scikit_learn():
    p, y = probabilities(np.random.default_rng(1), 300, 4)
    assert area_under(p, y) == pytest.approx(roc_auc_score(y, p, multi_class="ovr"), abs=1e-12)
    assert brier(p, y) == pytest.approx(((p - np.eye(4)[y]) ** 2).sum(axis=1).mean(), abs=1e-12)


@pytest.mark.parametrize("b", [0.5, 1.0, -1.0])
def test_the_calibration_slope_is_the_one_the_outcome_was_drawn_with(b):
    draw = np.random.default_rng(2)
    z = draw.normal(0, 1.5, 40_000)
    y = (draw.random(40_000) < 1 / (1 + np.exp(-b * z))).astype(int)
    p = 1 / (1 + np.exp(-z))
    assert slope(np.stack([1 - p, p], axis=1), y) == pytest.approx(b, abs=0.04)


def test_nothing_is_said_of_one_level_or_one_probability():
    p = np.full((20, 2), 0.5)
    assert np.isnan(area_under(p, np.zeros(20, dtype=int)))
    assert np.isnan(slope(p, np.arange(20) % 2))
