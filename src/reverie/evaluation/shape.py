"""The shape of records: order in time, number of visits, what is missing together, values that cannot be.

Differences are of synthetic and real shares, so 0 is equality and 0.02 is two visits in a hundred.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import polars as pl

from reverie.evaluation.cohort import GAP, Cohort
from reverie.records.schema import Schema

__all__ = [
    "Kept",
    "Lengths",
    "Missingness",
    "in_order",
    "kept",
    "lengths",
    "missing_rates",
    "missing_together",
    "missingness",
    "time_order",
]


@dataclass(frozen=True)
class Lengths:
    """Numbers of visits.

    Attributes:
        real, synthetic: their means.
        distance: Kolmogorov's, max_n |P(length <= n) - Q(length <= n)|.
    """

    real: float
    synthetic: float
    distance: float


@dataclass(frozen=True)
class Missingness:
    """Shares of visits without a value.

    Attributes:
        columns: (real, synthetic) share of each column that lacks a value in either table.
        pairs: the same for both columns of a pair at once.
    """

    columns: dict[str, tuple[float, float]]
    pairs: dict[tuple[str, str], tuple[float, float]]

    @property
    def mean(self) -> float:
        """Mean absolute difference over the columns; 0 if none lacks a value."""
        return _differences(self.columns.values())[0]

    @property
    def largest(self) -> float:
        return _differences(self.columns.values())[1]

    @property
    def together_mean(self) -> float:
        """Mean absolute difference over the pairs."""
        return _differences(self.pairs.values())[0]

    @property
    def together_largest(self) -> float:
        return _differences(self.pairs.values())[1]


@dataclass(frozen=True)
class Kept:
    """Values that the real data or the schema rule out.

    Attributes:
        beyond: values beyond a bound of the schema, by column, where there are any.
        unseen: levels that are in no real table, by column.
        changing: patients whose value of a static column is not the same at all visits, by column.
    """

    beyond: dict[str, int]
    unseen: dict[str, tuple[str, ...]]
    changing: dict[str, int]

    @property
    def count(self) -> int:
        """Of values beyond bounds, unseen levels and patients with a static that changes."""
        return sum(self.beyond.values()) + sum(map(len, self.unseen.values())) + sum(self.changing.values())


def time_order(frame: pl.DataFrame, schema: Schema) -> float:
    """Share of patients whose visits stand in the order of time, later ones strictly later (or at the same time, if the
    schema keeps different rows of one time), each with a time."""
    return float(in_order(Cohort.read(frame, schema)).mean())


def in_order(cohort: Cohort) -> np.ndarray:
    """Whether each patient's visits stand in the order of time, bool [P]; see `time_order`."""
    gap = cohort.numbers[GAP]
    allowed = gap >= 0 if cohort.schema.duplicates == "keep" else gap > 0
    allowed[cohort.offsets[:-1]] = True
    return np.logical_and.reduceat(allowed & ~np.isnan(cohort.time), cohort.offsets[:-1])


def lengths(real: pl.DataFrame, synthetic: pl.DataFrame, schema: Schema) -> Lengths:
    """How many visits patients have."""
    p, q = (Cohort.read(frame, schema).lengths for frame in (real, synthetic))
    at = np.union1d(p, q)
    below = [np.searchsorted(np.sort(n), at, side="right") / len(n) for n in (p, q)]
    return Lengths(float(p.mean()), float(q.mean()), float(np.abs(below[0] - below[1]).max()))


def missingness(real: pl.DataFrame, synthetic: pl.DataFrame, schema: Schema) -> Missingness:
    """Which values are missing, alone and together: varying columns by visit, statics by patient; pairs of varying ones."""
    cohorts = [Cohort.read(frame, schema) for frame in (real, synthetic)]
    alone = [missing_rates(cohort) for cohort in cohorts]
    lacking = {name: (rate, alone[1][name]) for name, rate in alone[0].items() if max(rate, alone[1][name]) > 0}
    varying = [c.name for c in schema.varying if c.name in lacking]
    both = [missing_together(cohort, varying) for cohort in cohorts]
    return Missingness(lacking, {pair: (rate, both[1][pair]) for pair, rate in both[0].items()})


def missing_rates(cohort: Cohort) -> dict[str, float]:
    """Share of patients that lack each static column, and of visits that lack each varying one."""
    first = cohort.offsets[:-1]
    rates = {c.name: float(cohort.missing(c.name)[first].mean()) for c in cohort.schema.static}
    return rates | {c.name: float(cohort.missing(c.name).mean()) for c in cohort.schema.varying}


def missing_together(cohort: Cohort, names: Sequence[str]) -> dict[tuple[str, str], float]:
    """Share of visits that lack both columns of each pair of these."""
    masks = {name: cohort.missing(name) for name in names}
    return {(a, b): float((masks[a] & masks[b]).mean()) for a, b in combinations(names, 2)}


def kept(cohort: Cohort, *real: Cohort) -> Kept:
    """Values beyond the schema's bounds, levels that neither the schema nor a `real` cohort has, statics that change."""
    schema = cohort.schema
    beyond, unseen, changing = {}, {}, {}
    for name in (n for n in cohort.names if n != GAP):
        column = schema[name]
        if column.numeric:
            low = -np.inf if column.lower is None else column.lower
            high = np.inf if column.upper is None else column.upper
            count = int(((cohort.numbers[name] < low) | (cohort.numbers[name] > high)).sum())
            beyond |= {name: count} if count else {}
        else:
            known = {*column.levels, *column.pooled}.union(*(set(o.levels[name].drop_nulls()) for o in real))
            new = tuple(sorted(set(cohort.levels[name].drop_nulls()) - known))
            unseen |= {name: new} if new else {}
    first = cohort.offsets[:-1][cohort.patient]
    for name in (c.name for c in schema.static):
        values = pl.Series(cohort.numbers[name], nan_to_null=True) if name in cohort.numbers else cohort.levels[name]
        count = len(np.unique(cohort.patient[values.ne_missing(values[first]).to_numpy()]))
        changing |= {name: count} if count else {}
    return Kept(beyond, unseen, changing)


def _differences(rates: Iterable[tuple[float, float]]) -> tuple[float, float]:
    found = [abs(p - q) for p, q in rates]
    return (float(np.mean(found)), float(max(found))) if found else (0.0, 0.0)
