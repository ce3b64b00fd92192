"""How far two samples of one column are apart, each from 0 (equal) up.

numbers   Kolmogorov-Smirnov, max_x |F(x) - G(x)|                          1 - sdmetrics' KSComplement
          Wasserstein-1, integral |F - G| dx, in deviations of the real values
levels    total variation, 1/2 sum |p_i - q_i|                             1 - sdmetrics' TVComplement
          share of the real levels that occur at all                       sdmetrics' CategoryCoverage
"""

from __future__ import annotations

import warnings

import polars as pl

from reverie.records.intervals import Floats

__all__ = ["covered", "kolmogorov", "total_variation", "transport"]


def kolmogorov(real: Floats, synthetic: Floats) -> float:
    """max_x |F(x) - G(x)| of two samples without NaN, by sdmetrics; NaN if one of them is empty."""
    from sdmetrics.single_column import KSComplement  # it takes seconds to import

    if not len(real) or not len(synthetic):
        return float("nan")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of the p-value, which is not used
        return 1 - float(KSComplement.compute(real, synthetic))


def transport(real: Floats, synthetic: Floats) -> float:
    """The mean distance by which values must be moved, in standard deviations of the real ones; NaN if these are equal."""
    from scipy.stats import wasserstein_distance

    deviation = real.std() if len(real) and len(synthetic) else 0.0
    return float(wasserstein_distance(real, synthetic) / deviation) if deviation > 0 else float("nan")


def total_variation(real: pl.Series, synthetic: pl.Series) -> float:
    """1/2 sum |p_i - q_i| over levels, by sdmetrics; nulls do not count, and NaN if nothing is left."""
    from sdmetrics.single_column import TVComplement

    real, synthetic = real.drop_nulls(), synthetic.drop_nulls()
    if not len(real) or not len(synthetic):
        return float("nan")
    codes = pl.concat([real, synthetic]).cast(pl.Categorical).to_physical().to_numpy()  # pandas is slow with text
    return 1 - float(TVComplement.compute(codes[: len(real)], codes[len(real) :]))


def covered(real: pl.Series, other: pl.Series) -> float:
    """The share of the levels of one sample that occur in another; NaN where it has none."""
    levels, found = (set(series.drop_nulls().unique()) for series in (real, other))
    return len(levels & found) / len(levels) if levels else float("nan")
