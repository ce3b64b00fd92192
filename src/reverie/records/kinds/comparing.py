"""How far two samples of one column are apart, each from 0 (equal) up.

numbers   Kolmogorov-Smirnov, max_x |F(x) - G(x)|
          Wasserstein-1, integral |F - G| dx, in deviations of the real values
levels    total variation, 1/2 sum |p_i - q_i|
          share of the real levels that occur at all
"""

from __future__ import annotations

import numpy as np
import polars as pl

from reverie.records.intervals import Floats

__all__ = ["covered", "kolmogorov", "total_variation", "transport", "variation"]

DECIMALS = 14
"""Decimals to which numbers are compared."""


def kolmogorov(real: Floats, synthetic: Floats) -> float:
    """max_x |F(x) - G(x)| of two samples without NaN; NaN if one of them is empty."""
    if not len(real) or not len(synthetic):
        return float("nan")
    # Differences of decimals that are equal come out a last digit apart, and would be told apart.
    samples = [np.sort(np.round(sample, DECIMALS)) for sample in (real, synthetic)]
    f, g = (np.searchsorted(sample, np.concatenate(samples), side="right") / len(sample) for sample in samples)
    return float(np.abs(f - g).max())


def transport(real: Floats, synthetic: Floats) -> float:
    """The mean distance by which values must be moved, in standard deviations of the real ones; NaN if these are equal."""
    from scipy.stats import wasserstein_distance

    deviation = real.std() if len(real) and len(synthetic) else 0.0
    return float(wasserstein_distance(real, synthetic) / deviation) if deviation > 0 else float("nan")


def total_variation(real: pl.Series, synthetic: pl.Series) -> float:
    """1/2 sum |p_i - q_i| over levels; nulls do not count, and NaN if nothing is left."""
    real, synthetic = real.drop_nulls(), synthetic.drop_nulls()
    if not len(real) or not len(synthetic):
        return float("nan")
    codes = pl.concat([real, synthetic]).cast(pl.Categorical).to_physical().to_numpy()
    codes = np.unique(codes, return_inverse=True)[1]
    return variation(*(np.bincount(part, minlength=codes.max() + 1) for part in np.split(codes, [len(real)])))


def variation(p: np.ndarray, q: np.ndarray) -> float:
    """1/2 sum |p_i - q_i| of two arrays of counts or weights over the same cells, each brought to sum 1.

    Of counts exact but for the division, so that the order of the cells makes no difference in the last digit.
    """
    return float(np.abs(p * q.sum() - q * p.sum()).sum() / (2 * p.sum() * q.sum()))


def covered(real: pl.Series, other: pl.Series) -> float:
    """The share of the levels of one sample that occur in another; NaN where it has none."""
    levels, found = (set(series.drop_nulls().unique()) for series in (real, other))
    return len(levels & found) / len(levels) if levels else float("nan")
