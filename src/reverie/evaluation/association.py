"""How strongly two columns of any kind go together: 0 not at all, 1 one decides the other.

ordered, ordered   Spearman's rank correlation, in [-1, 1]
names, ordered     correlation ratio of ranks, eta^2 = sum_k n_k (mean_k - mean)^2 / sum (rank - mean)^2, eta in [0, 1]
names, names       Cramer's V = sqrt(phi^2 / (min(r, c) - 1)), with phi^2, r and c corrected for what chance alone gives
                   (Bergsma, Journal of the Korean Statistical Society 42:323, 2013), in [0, 1]

Ordered are numbers, ordinal levels by their place, and two levels as 0 and 1. A pair is seen over the rows where both have
a value; ranks are those among all values of a column, so that all pairs come out of a few products of matrices.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from scipy.stats import rankdata

from reverie.evaluation.cohort import Cohort
from reverie.records.schema import Column

__all__ = ["associations"]

LEAST = 10
"""Rows with both values below which nothing is said."""


def associations(cohort: Cohort, columns: list[Column]) -> dict[tuple[str, str], float]:
    """The association of each pair of columns, NaN where one of them does not vary: over patients where both are static,
    else over visits."""
    visits = _Coded.of(cohort, columns, np.arange(cohort.rows))
    patients = _Coded.of(cohort, [c for c in columns if c.role == "static"], cohort.offsets[:-1])
    of_visits, of_patients = visits.associations(), patients.associations()
    return {pair: of_patients.get(pair, value) for pair, value in of_visits.items()}


@dataclass(frozen=True, eq=False)
class _Coded:
    """Columns as numbers.

    Attributes:
        names: all columns.
        ranks: of each ordered column, float64 [N], centred, 0 where missing, in one matrix [N, O].
        known: where they have a value, as 0 and 1 [N, O].
        flags: of each other column, whether a row is at each level, as 0 and 1 [N, K].
    """

    names: tuple[str, ...]
    ordered: tuple[str, ...]
    ranks: np.ndarray
    known: np.ndarray
    flags: dict[str, np.ndarray]

    @classmethod
    def of(cls, cohort: Cohort, columns: list[Column], rows: np.ndarray) -> _Coded:
        ordered = [c for c in columns if c.ordered]
        ranks, filled = np.zeros((len(rows), len(ordered))), np.zeros((len(rows), len(ordered)))
        for i, column in enumerate(ordered):
            values = _places(cohort, column, rows)
            there = ~np.isnan(values)
            filled[:, i] = there
            if there.any():
                ranked = rankdata(values[there])
                ranks[there, i] = ranked - ranked.mean()
        flags = {}
        for column in (c for c in columns if c not in ordered):
            places = _places(cohort, column, rows)
            levels = np.unique(places[~np.isnan(places)])
            flags[column.name] = (places[:, None] == levels).astype(float)
        return cls(tuple(c.name for c in columns), tuple(c.name for c in ordered), ranks, filled, flags)

    def associations(self) -> dict[tuple[str, str], float]:
        strength = self._ordered() | self._mixed() | self._named()
        return {(a, b): strength.get((a, b), strength.get((b, a), float("nan"))) for a, b in combinations(self.names, 2)}

    def _ordered(self) -> dict[tuple[str, str], float]:
        x, m = self.ranks, self.known
        n, sums, squares = m.T @ m, x.T @ m, (x * x).T @ m
        with np.errstate(all="ignore"):
            covariance = x.T @ x - sums * sums.T / n
            variance = squares - sums**2 / n  # [a, b]: of a over the rows where b is known too
            r = covariance / np.sqrt(variance * variance.T)
        r[(n < LEAST) | (variance <= 1e-9) | (variance.T <= 1e-9)] = np.nan
        return {(a, b): float(np.clip(r[i, j], -1, 1)) for (i, a), (j, b) in combinations(enumerate(self.ordered), 2)}

    def _mixed(self) -> dict[tuple[str, str], float]:
        etas = {}
        for name, flags in self.flags.items():
            count, sums = flags.T @ self.known, flags.T @ self.ranks  # [levels, O]
            n = count.sum(axis=0)
            with np.errstate(all="ignore"):
                between = np.where(count > 0, sums**2 / count, 0.0).sum(axis=0) - sums.sum(axis=0) ** 2 / n
                whole = (flags.sum(axis=1) @ (self.ranks**2)) - sums.sum(axis=0) ** 2 / n
                eta = np.sqrt(np.clip(between / whole, 0, 1))
            eta[(n < LEAST) | (whole <= 1e-9) | ((count > 0).sum(axis=0) < 2)] = np.nan
            etas |= {(name, other): float(value) for other, value in zip(self.ordered, eta, strict=True)}
        return etas

    def _named(self) -> dict[tuple[str, str], float]:
        return {(a, b): _cramers_v(self.flags[a].T @ self.flags[b]) for a, b in combinations(self.flags, 2)}


def _cramers_v(table: np.ndarray) -> float:
    """Bias-corrected V of a table of counts; NaN if a column has one level."""
    table = table[table.sum(axis=1) > 0][:, table.sum(axis=0) > 0]
    (r, c), n = table.shape, table.sum()
    if min(r, c) < 2 or n < LEAST:
        return float("nan")
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / n
    phi2 = max(0.0, ((table - expected) ** 2 / expected).sum() / n - (r - 1) * (c - 1) / (n - 1))
    least = min(r - (r - 1) ** 2 / (n - 1), c - (c - 1) ** 2 / (n - 1)) - 1
    return float(min(1.0, np.sqrt(phi2 / least))) if least > 0 else float("nan")


def _places(cohort: Cohort, column: Column, rows: np.ndarray) -> np.ndarray:
    """Values, or places of levels, as float64 with NaN where missing."""
    return (cohort.numbers if column.numeric else cohort.places)[column.name][rows]
