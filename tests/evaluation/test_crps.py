"""CRPS, coverage and the error of the median against closed forms."""

import numpy as np
import pytest
from scipy.stats import norm

from reverie.errors import UsageError
from reverie.evaluation.crps import coverage, crps, median_error


def test_the_score_of_a_normal_forecast_is_the_closed_form():
    # CRPS(N(0, 1), y) = y (2 Phi(y) - 1) + 2 phi(y) - 1 / sqrt(pi)   (Gneiting & Raftery 2007, eq. 5)
    truth = np.array([-1.5, 0.0, 0.7, 3.0])
    draws = np.random.default_rng(0).standard_normal((200_000, 4))
    exact = truth * (2 * norm.cdf(truth) - 1) + 2 * norm.pdf(truth) - 1 / np.sqrt(np.pi)
    assert crps(draws, truth) == pytest.approx(exact, abs=5e-3)


def test_few_draws_are_not_penalised_for_being_few():
    generator = np.random.default_rng(1)
    truth, draws = np.zeros(200_000), generator.standard_normal((2, 200_000))
    assert crps(draws, truth).mean() == pytest.approx((np.sqrt(2) - 1) / np.sqrt(np.pi), abs=4e-3)


def test_the_sorted_form_is_the_double_sum():
    generator = np.random.default_rng(2)
    draws, truth = generator.gamma(2.0, size=(7, 5)), generator.gamma(2.0, size=5)
    between = np.abs(draws[:, None] - draws[None]).sum(axis=(0, 1)) / (2 * 7 * 6)
    assert crps(draws, truth) == pytest.approx(np.abs(draws - truth).mean(axis=0) - between)


def test_a_point_forecast_scores_its_absolute_error():
    truth = np.array([1.0, 2.0])
    assert crps(np.array([[3.0, 1.5]]), truth).tolist() == [2.0, 0.5]
    assert crps(np.full((5, 2), 3.0), truth).tolist() == [2.0, 1.0]


@pytest.mark.parametrize("level", [0.5, 0.9])
def test_a_truth_that_is_one_more_draw_is_covered_at_the_level_whatever_the_distribution(level):
    draws = np.random.default_rng(3).lognormal(size=(40, 100_000))
    assert coverage(draws[:-1], draws[-1], level) == pytest.approx(level, abs=5e-3)


def test_intervals_that_are_too_narrow_cover_less():
    draws = np.random.default_rng(4).standard_normal((40, 20_000))
    assert coverage(draws[:-1] / 2, draws[-1], 0.9) < 0.7


def test_the_median_is_judged_not_the_mean():
    assert median_error(np.array([[0.0], [1.0], [100.0]]), np.array([1.0])) == 0


def test_shapes_that_do_not_belong_together_are_refused():
    with pytest.raises(UsageError, match="draws of shape"):
        crps(np.zeros(3), np.zeros(3))
