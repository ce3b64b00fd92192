"""Values as a few bins, so that distributions can be compared by counting.

numeric: ten bins between the deciles of the reference; a value beyond its range falls into the end bin. A column with
at most ten different values has one bin for each. Others: the ten commonest levels of the reference, the rest pooled.
A missing value has a bin of its own, the last.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from reverie.evaluation.cohort import Cohort
from reverie.records.commonest import commonest

__all__ = ["BINS", "Bins", "edges"]

BINS = 10


@dataclass(frozen=True, eq=False)
class Bins:
    """Where the bins of each column lie.

    Attributes:
        edges: inner edges of each numeric column, increasing; a bin holds its left edge.
        levels: the names kept of each other column.
    """

    edges: dict[str, np.ndarray]
    levels: dict[str, tuple[str, ...]]

    @classmethod
    def fit(cls, reference: Cohort, count: int = BINS) -> Bins:
        """Bins of equal share of the reference's rows."""
        levels = {name: _common(series, count) for name, series in reference.levels.items()}
        return cls({name: edges(values, count) for name, values in reference.numbers.items()}, levels)

    def size(self, name: str) -> int:
        """Bins of a column: of its values, of pooled levels, of missing ones."""
        return len(self.edges[name]) + 2 if name in self.edges else len(self.levels[name]) + 2

    def codes(self, cohort: Cohort, name: str) -> np.ndarray:
        """The bin of each row's value, int64 [N], in 0 .. size - 1."""
        missing = self.size(name) - 1
        if name in self.edges:
            values = cohort.numbers[name]
            return np.where(np.isnan(values), missing, np.searchsorted(self.edges[name], values, side="right"))
        kept = self.levels[name]
        places = {level: place for place, level in enumerate(kept)} | {None: missing}
        return cohort.levels[name].replace_strict(places, default=len(kept), return_dtype=pl.Int64).to_numpy()


def edges(values: np.ndarray, count: int) -> np.ndarray:
    """Inner edges of at most `count` bins of equal share; NaN is not counted."""
    values = values[~np.isnan(values)]
    distinct = np.unique(values)
    if len(distinct) <= count:
        return (distinct[1:] + distinct[:-1]) / 2
    return np.unique(np.quantile(values, np.arange(1, count) / count))


def _common(series: pl.Series, count: int) -> tuple[str, ...]:
    return tuple(commonest(series).head(count))
