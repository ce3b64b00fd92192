"""The outcomes of attacks: closed forms, and agreement with other implementations."""

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.metrics import roc_auc_score
from statsmodels.stats.proportion import proportion_confint

from reverie.evaluation.privacy.rates import auc, risk, true_positives, wilson


def test_auc_is_that_of_scikit_learn_ties_too():
    draw = np.random.default_rng(0)
    members, others = draw.integers(0, 9, 60) + 1, draw.integers(0, 9, 90)
    expected = roc_auc_score(np.repeat([1, 0], [60, 90]), np.concatenate([members, others]))
    assert auc(members, others).value == pytest.approx(expected, abs=1e-12)


def test_the_interval_of_auc_covers_the_truth_of_two_normals_as_often_as_it_says():
    draw = np.random.default_rng(1)
    truth = norm.cdf(0.5 / np.sqrt(2))
    found = [auc(draw.normal(0.5, 1, 80), draw.normal(0, 1, 60)) for _ in range(400)]
    covered = np.mean([f.interval[0] <= truth <= f.interval[1] for f in found])
    assert 0.92 < covered < 0.98
    assert np.mean([f.deviation for f in found]) == pytest.approx(np.std([f.value for f in found]), rel=0.1)


def test_complete_separation_is_not_certain():
    found = auc(np.array([2.0, 3.0]), np.array([0.0, 1.0]))
    assert found.value == 1 and found.interval[1] == 1


def test_true_positives_at_one_percent():
    others = np.arange(200.0)  # two of them may be above the threshold, which is then 197
    members = np.array([0.0, 197.0, 197.5, 300.0])
    assert true_positives(members, others).value == 0.5
    assert true_positives(members, others[:50]).value == 0.75  # none of 50 may be


def test_wilson_is_that_of_statsmodels():
    for count, n in ((0, 12), (5, 40), (40, 40)):
        low, high = proportion_confint(count, n, method="wilson")
        assert wilson(count, n).interval == pytest.approx((low, high), abs=1e-6)


def test_risk_is_what_the_control_leaves_open():
    assert risk(wilson(60, 100), wilson(20, 100)).value == pytest.approx(0.5)
    assert risk(wilson(20, 100), wilson(20, 100)).value == 0
    assert risk(wilson(100, 100), wilson(50, 100)).value == 1
