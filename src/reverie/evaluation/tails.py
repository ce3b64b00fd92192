"""Are deviation and tails kept? Each statistic beside its spread over real patients drawn again and again.

A statistic of n patients is not one number but a distribution, of variance v / n. That of m synthetic patients of the same
law, beside that of all N real ones, varies by both:

    v / N + v / m = v / k,    k = N m / (N + m)

so k of the pooled real patients are drawn with replacement (Efron 1979), and a synthetic value is within the spread if it
lies between the 2.5th and the 97.5th percentile of what they give. The more synthetic patients, the more it says: of as
many as there are real ones half of the variance is their own.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from reverie.evaluation.cohort import Cohort

__all__ = ["STATISTICS", "Spread", "tails"]

STATISTICS = ("deviation", "1st percentile", "99th percentile")


@dataclass(frozen=True)
class Spread:
    """One statistic of one column.

    Attributes:
        synthetic: its value; NaN if no value is there.
        real: its mean over the draws of real patients.
        low, high: between them lie 95 % of the draws.
        deviation: of the draws.
    """

    column: str
    statistic: str
    synthetic: float
    real: float
    low: float
    high: float
    deviation: float

    @property
    def within(self) -> bool:
        return bool(self.low <= self.synthetic <= self.high)


def tails(real: Cohort, synthetic: Cohort, seed: int = 0, draws: int = 200) -> list[Spread]:
    """Deviation and 1st and 99th percentile of each varying numeric column over all visits, of all `real` patients."""
    generator, count = np.random.default_rng(seed), len(real)
    size = max(1, round(count * len(synthetic) / (count + len(synthetic))))
    chosen = [np.bincount(generator.integers(count, size=size), minlength=count) for _ in range(draws)]
    spreads = []
    for name in (c.name for c in real.schema.varying if c.numeric):
        there = ~real.missing(name)
        whose, values = real.patient[there], real.numbers[name][there]
        statistics = np.stack([_statistics(np.repeat(values, times[whose])) for times in chosen])
        ours = _statistics(synthetic.numbers[name][~synthetic.missing(name)])
        if np.isnan(statistics).all():
            continue
        low, high = np.nanquantile(statistics, [0.025, 0.975], axis=0)
        rows = zip(STATISTICS, ours, np.nanmean(statistics, axis=0), low, high, np.nanstd(statistics, axis=0), strict=True)
        spreads += [Spread(name, row[0], *map(float, row[1:])) for row in rows]
    return spreads


def _statistics(values: np.ndarray) -> np.ndarray:
    if len(values) < 2:
        return np.full(len(STATISTICS), np.nan)
    return np.array([values.std(ddof=1), *np.quantile(values, [0.01, 0.99])])
