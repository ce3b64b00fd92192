"""Correlations as Health Gym judges them (Kuo et al. 2022): over all visits, of trends, and of cycles.

static   Kendall's tau-b between two columns over all visits where both are measured
trend    within each patient, the least-squares lines of both columns in time. Two lines over the same visits correlate by
         +1 or -1 exactly (so Fisher's z of it is infinite): the mean sign over patients is taken, which is a tau of slopes
cycle    within each patient, the Pearson correlation r of what the lines leave; over patients
         tanh(sum w atanh(r) / sum w),   w = n - 4: z of a partial correlation has variance 1 / (n - 1 - 3) (Fisher 1924)

Columns are the varying numbers, ordinal levels by their place, binary ones as 0 and 1. Missing: pairwise complete visits.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from reverie.evaluation.cohort import Cohort

__all__ = ["Correlations", "correlations", "distance"]

LARGEST = 1 - 1e-6
"""Correlations are cut to this size before atanh."""
MOST_ROWS = 20_000


@dataclass(frozen=True, eq=False)
class Correlations:
    """Three symmetric matrices [C, C] with ones on the diagonal; NaN where too few visits say anything."""

    columns: tuple[str, ...]
    static: np.ndarray
    trend: np.ndarray
    cycle: np.ndarray


def correlations(cohort: Cohort, seed: int = 0) -> Correlations:
    """The three matrices of one table. Of more than MOST_ROWS visits, tau is taken over a drawn part."""
    columns = _columns(cohort)
    names, count = tuple(columns), len(columns)
    static, trend, cycle = (np.eye(count) for _ in range(3))
    rows = np.arange(cohort.rows)
    if cohort.rows > MOST_ROWS:
        rows = np.random.default_rng(seed).permutation(cohort.rows)[:MOST_ROWS]
    ranks = [_ranks(values[rows]) for values in columns.values()]
    for i in range(count):
        for j in range(i):
            x, y = columns[names[i]], columns[names[j]]
            static[i, j] = static[j, i] = _tau(ranks[i], ranks[j])
            trend[i, j], cycle[i, j] = _within(cohort, x, y)
            trend[j, i], cycle[j, i] = trend[i, j], cycle[i, j]
    return Correlations(names, static, trend, cycle)


def distance(real: np.ndarray, synthetic: np.ndarray) -> float:
    """Mean |difference| over pairs of columns that both matrices know; NaN if there are none."""
    above = np.triu_indices(len(real), 1)
    gaps = np.abs(real[above] - synthetic[above])
    finite = gaps[~np.isnan(gaps)]
    return float(finite.mean()) if len(finite) else float("nan")


def _columns(cohort: Cohort) -> dict[str, np.ndarray]:
    columns = {}
    for column in cohort.schema.varying:
        if column.numeric:
            columns[column.name] = cohort.numbers[column.name]
        elif column.ordered:
            places = cohort.places[column.name]
            columns[column.name] = np.where(places < len(column.levels), places, np.nan)
    return columns


def _ranks(values: np.ndarray) -> np.ndarray:
    """The place of each value [N] among the different ones, int64, -1 for NaN."""
    there = ~np.isnan(values)
    ranks = np.full(len(values), -1)
    ranks[there] = np.unique(values[there], return_inverse=True)[1]
    return ranks


def _tau(x: np.ndarray, y: np.ndarray) -> float:
    """Kendall's tau-b of ranks [N] = (C - D) / sqrt((n0 - nx) (n0 - ny)), over pairs: C in one order, D in opposite orders,
    n0 all, nx and ny tied; NaN for a constant column. By counting inversions (Knight 1966): a report
    takes thousands of them, and scipy's takes twice as long for some hundred visits."""
    there = (x >= 0) & (y >= 0)
    x, y = x[there], y[there]
    if len(x) < 3:
        return float("nan")
    levels = int(y.max()) + 1
    both = np.sort(x * levels + y)
    runs = np.diff(np.flatnonzero(np.concatenate([[True], both[1:] != both[:-1], [True]])))
    counts = (np.array([len(x)]), np.bincount(x), np.bincount(y), runs)
    pairs, tied_x, tied_y, tied = (int((k * (k - 1) // 2).sum()) for k in counts)
    apart = float(pairs - tied_x) * float(pairs - tied_y)
    if apart == 0:
        return float("nan")
    agreeing = pairs - tied_x - tied_y + tied - 2 * _inversions(both % levels)
    return float(np.clip(agreeing / np.sqrt(apart), -1, 1))


def _inversions(ranks: np.ndarray) -> int:
    """Pairs of which the first is larger: they differ first, from the highest, in a bit that only the first one has."""
    total = 0
    ranks = ranks.astype(np.uint16 if len(ranks) < 2**16 else np.uint32)  # of 16 bits numpy sorts in linear time
    for bit in range(int(ranks.max()).bit_length()):
        order = np.argsort(ranks >> (bit + 1), kind="stable")
        alike = ranks[order]
        ones = (alike >> bit) & 1
        begins = np.concatenate([[True], np.diff(alike >> (bit + 1)) != 0])  # the next numbers with other higher bits
        before = np.cumsum(ones, dtype=np.int64) - ones
        first = np.maximum.accumulate(np.where(begins, before, 0))
        total += int((before - first)[ones == 0].sum())
    return total


def _within(cohort: Cohort, x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """(trend, cycle) of two columns [N]; sums over each patient's visits by bincount."""
    there = ~(np.isnan(x) | np.isnan(y) | np.isnan(cohort.time))
    if not there.any():
        return float("nan"), float("nan")
    whose = cohort.patient[there]
    count = np.bincount(whose, minlength=len(cohort)).astype(float)

    def total(values: np.ndarray) -> np.ndarray:
        return np.bincount(whose, values, minlength=len(cohort))

    def centred(values: np.ndarray) -> np.ndarray:
        return values - (total(values) / np.maximum(count, 1))[whose]

    t, x, y = centred(cohort.time[there]), centred(x[there]), centred(y[there])
    time = total(t * t)
    slopes = [np.divide(total(t * v), time, out=np.zeros_like(time), where=time > 0) for v in (x, y)]
    left = [v - slope[whose] * t for v, slope in zip((x, y), slopes, strict=True)]
    sizes = [total(v * v) for v in (x, y)]
    moving = (count >= 3) & (time > 0) & (sizes[0] > 0) & (sizes[1] > 0)
    trend = float(np.sign(slopes[0] * slopes[1])[moving].mean()) if moving.any() else float("nan")
    powers = [total(e * e) for e in left]
    # A straight line leaves rounding errors, and their correlation says nothing.
    wavy = moving & (count >= 5) & (powers[0] > 1e-12 * sizes[0]) & (powers[1] > 1e-12 * sizes[1])
    if not wavy.any():
        return trend, float("nan")
    r = total(left[0] * left[1])[wavy] / np.sqrt(powers[0][wavy] * powers[1][wavy])
    z = np.arctanh(np.clip(r, -LARGEST, LARGEST))
    return trend, float(np.tanh(np.average(z, weights=count[wavy] - 4)))
