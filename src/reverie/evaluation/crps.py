"""Scores of predictive draws for one truth each.

CRPS(F, y) = E|X - y| - 1/2 E|X - X'|,   X, X' ~ F independent        (Gneiting & Raftery 2007, eq. 21)

From K draws, fair, that is without bias for any K (Ferro 2014, eq. 3):
1/K sum_k |x_k - y| - 1/(2 K (K - 1)) sum_kl |x_k - x_l|.  A single draw, or K equal ones, score their absolute error.
"""

from __future__ import annotations

import numpy as np

from reverie.errors import UsageError

__all__ = ["coverage", "crps", "median_error"]


def crps(draws: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """The fair CRPS [n] of draws [K, n] for truth [n], in the truth's unit; lower is better, 0 is perfect."""
    draws, truth = _checked(draws, truth)
    count = len(draws)
    error = np.abs(draws - truth).mean(axis=0)
    if count == 1:
        return error
    # sum_kl |x_k - x_l| = 2 sum_k (2 k - K - 1) x_(k) over the sorted draws, k = 1 .. K
    weight = 2 * np.arange(1, count + 1) - count - 1
    return error - (weight[:, None] * np.sort(draws, axis=0)).sum(axis=0) / (count * (count - 1))


def coverage(draws: np.ndarray, truth: np.ndarray, level: float) -> float:
    """Share of truths [n] inside the central interval of that level (0.9) of their draws [K, n].

    The quantiles are those at rank p (K + 1), for which a truth that is one more draw is inside with probability `level`
    exactly, whatever the distribution, if (1 - level)/2 (K + 1) is whole; K = 19 and 39 are such for level 0.9.
    """
    draws, truth = _checked(draws, truth)
    low, high = np.quantile(draws, [(1 - level) / 2, (1 + level) / 2], axis=0, method="weibull")
    return float(np.mean((low <= truth) & (truth <= high)))


def median_error(draws: np.ndarray, truth: np.ndarray) -> float:
    """Mean absolute error of the draws' median."""
    draws, truth = _checked(draws, truth)
    return float(np.abs(np.median(draws, axis=0) - truth).mean())


def _checked(draws: np.ndarray, truth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    draws, truth = np.asarray(draws, dtype=float), np.asarray(truth, dtype=float)
    if draws.ndim != 2 or truth.shape != draws.shape[1:] or 0 in draws.shape:
        raise UsageError(f"draws of shape [K, n] belong to a truth of shape [n], not {draws.shape} to {truth.shape}.")
    return draws, truth
