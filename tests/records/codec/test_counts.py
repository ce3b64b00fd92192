"""Counts gathered part by part: exact while they can be, and off by no more than they say."""

import numpy as np
import pytest

from reverie.records.counts import ENDS, EXACT, SIZE, Counting, Counts
from reverie.records.transforms import NormalScore

N = 600_000
ORDERS = {
    "rising": np.arange(N),
    "falling": np.arange(N)[::-1],
    "in and out": np.stack([np.arange(N // 2), N - 1 - np.arange(N // 2)], 1).ravel(),
    "every 7th": np.concatenate([np.arange(k, N, 7) for k in range(7)]),
    "at random": np.random.default_rng(0).permutation(N),
    "half of them alike": np.where(np.arange(N) % 2, N // 3, np.random.default_rng(1).permutation(N)),
}


def gathered(x, part=40_000):
    counting = Counting()
    for first in range(0, len(x), part):
        counting.add(x[first : first + part].astype(np.float64))
    return counting.counts()


@pytest.mark.parametrize("order", ORDERS)
def test_ranks_are_off_by_no_more_than_is_stated(order):
    x = ORDERS[order]
    counts, truth = gathered(x), np.sort(x)
    assert len(counts) == len(x) and 0 < counts.error <= len(x) * np.ceil(np.log2(len(x) / SIZE)) / (2 * SIZE) + 1
    upto = np.cumsum(counts.counts)
    below, at_most = (np.searchsorted(truth, counts.values, side) for side in ("left", "right"))
    off = np.maximum(np.maximum(below - upto, upto - counts.counts - below), np.maximum(upto - at_most, 0))
    assert off.max() <= counts.error + counts.weight
    assert len(counts.values) < 8 * SIZE  # flat, whatever the order


@pytest.mark.parametrize("order", ORDERS)
def test_the_ends_stay_exact(order):
    x = ORDERS[order]
    counts, truth = gathered(x), np.sort(x)
    assert counts.ranked(len(x))[:ENDS].tolist() == truth[:ENDS].tolist()
    assert counts.ranked(len(x))[-ENDS:].tolist() == truth[-ENDS:].tolist()


def test_few_values_are_counted_exactly_in_any_parts():
    x = np.random.default_rng(0).integers(0, EXACT, 200_000).astype(np.float64)
    whole, parts = Counts.of(x), gathered(x, 7_000)
    assert (whole.values == parts.values).all() and (whole.counts == parts.counts).all() and parts.error == 0


def test_a_code_of_many_values_is_that_of_all_up_to_the_stated_error():
    r = np.random.default_rng(0)
    for x in (r.normal(size=N), r.lognormal(0, 1, N), np.where(r.random(N) < 0.3, 0.0, r.normal(size=N) ** 2)):
        counts = gathered(x)
        made = NormalScore.of(counts).from_score(r.normal(size=200_000))
        truth = np.sort(x)
        grid = np.quantile(truth, np.linspace(0.001, 0.999, 500))
        share = np.searchsorted(truth, grid, "right") / N - np.searchsorted(np.sort(made), grid, "right") / len(made)
        assert np.abs(share).max() < (counts.error + counts.weight) / N + 1.95 / np.sqrt(
            len(made)
        )  # Kolmogorov's, p = 0.001
        assert abs((made == 0).mean() - (x == 0).mean()) < 0.005
