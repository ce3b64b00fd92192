"""Are deviation and tails kept? Each statistic beside its spread over random halves of the real patients.

A statistic of n patients is not one number but a distribution. Halves of the pooled real patients, drawn again and again,
show it; a synthetic value is within the spread if it lies between the 2.5th and the 97.5th percentile of the halves.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from reverie.evaluation.cohort import Cohort
from reverie.records.schema import Schema

__all__ = ["STATISTICS", "Spread", "tails"]

STATISTICS = ("deviation", "1st percentile", "99th percentile")


@dataclass(frozen=True)
class Spread:
    """One statistic of one column.

    Attributes:
        synthetic: its value; NaN if no value is there.
        real: its mean over real halves.
        low, high: between them lie 95 % of the halves.
        deviation: of the halves.
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


def tails(
    train: pl.DataFrame, holdout: pl.DataFrame, synthetic: pl.DataFrame, schema: Schema, seed: int = 0, halves: int = 200
) -> list[Spread]:
    """Deviation and 1st and 99th percentile of each varying numeric column over all visits."""
    pooled = [Cohort.read(frame, schema) for frame in (train, holdout)]
    drawn = Cohort.read(synthetic, schema)
    generator = np.random.default_rng(seed)
    count = sum(map(len, pooled))
    chosen = [np.isin(np.arange(count), generator.permutation(count)[: count // 2]) for _ in range(halves)]
    patient = np.concatenate([pooled[0].patient, pooled[1].patient + len(pooled[0])])
    found = []
    for name in (c.name for c in schema.varying if c.numeric):
        values = np.concatenate([c.numbers[name] for c in pooled])
        known = ~np.isnan(values)
        whose, values = patient[known], values[known]
        real = np.stack([_statistics(values[half[whose]]) for half in chosen])
        ours = _statistics(drawn.numbers[name][~drawn.missing(name)])
        if np.isnan(real).all():
            continue
        low, high = np.nanquantile(real, [0.025, 0.975], axis=0)
        rows = zip(STATISTICS, ours, np.nanmean(real, axis=0), low, high, np.nanstd(real, axis=0), strict=True)
        found += [Spread(name, row[0], *map(float, row[1:])) for row in rows]
    return found


def _statistics(values: np.ndarray) -> np.ndarray:
    if len(values) < 2:
        return np.full(len(STATISTICS), np.nan)
    return np.array([values.std(ddof=1), *np.quantile(values, [0.01, 0.99])])
