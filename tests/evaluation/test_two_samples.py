"""Two sets of one distribution are not told from each other, and planted differences are."""

import numpy as np
import pytest

from reverie.errors import UsageError
from reverie.evaluation.two_samples import c2st, sliced_wasserstein

RNG = np.random.default_rng(0)
ONE, OTHER = RNG.standard_normal((2, 1500, 6))


def test_one_distribution_is_chance():
    assert abs(c2st(ONE, OTHER) - 0.5) < 0.03
    assert sliced_wasserstein(ONE, OTHER) < 0.1
    assert sliced_wasserstein(ONE, ONE) == 0


@pytest.mark.parametrize(
    "changed",
    [
        OTHER + 0.25,
        OTHER * 1.2,
        OTHER @ np.linalg.cholesky(0.6 * np.eye(6) + 0.4).T,
        np.where(RNG.random((1500, 1)) < 0.5, -1.5, 1.5) / 1.5 * np.sqrt(0.75) + 0.5 * OTHER,
    ],
)
def test_a_shift_a_width_a_correlation_and_a_second_mode_are_found(changed):
    assert c2st(ONE, changed) > 0.55


def test_a_shift_is_its_length_over_the_directions():
    assert sliced_wasserstein(ONE, ONE + 1.0) == pytest.approx(1.0, abs=0.15)
    assert c2st(ONE, np.full_like(ONE, np.nan)) == 1
    with pytest.raises(UsageError, match="one shape"):
        sliced_wasserstein(ONE, OTHER[:7])
