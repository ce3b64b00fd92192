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
from scipy.stats import kendalltau

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
    for i in range(count):
        for j in range(i):
            x, y = columns[names[i]], columns[names[j]]
            static[i, j] = static[j, i] = _tau(x[rows], y[rows])
            trend[i, j], cycle[i, j] = _within(cohort, x, y)
            trend[j, i], cycle[j, i] = trend[i, j], cycle[i, j]
    return Correlations(names, static, trend, cycle)


def distance(real: np.ndarray, synthetic: np.ndarray) -> float:
    """Mean |difference| over pairs of columns that both matrices know; NaN if there are none."""
    above = np.triu_indices(len(real), 1)
    gaps = np.abs(real[above] - synthetic[above])
    known = gaps[~np.isnan(gaps)]
    return float(known.mean()) if len(known) else float("nan")


def _columns(cohort: Cohort) -> dict[str, np.ndarray]:
    found = {}
    for column in cohort.schema.varying:
        if column.numeric:
            found[column.name] = cohort.numbers[column.name]
        elif column.ordered:
            found[column.name] = column.places(cohort.levels[column.name])
    return found


def _tau(x: np.ndarray, y: np.ndarray) -> float:
    """Kendall's tau-b of two columns [N] over the visits where both are measured; NaN for a constant one."""
    there = ~(np.isnan(x) | np.isnan(y))
    # Its p-value is not needed; the exact law of it would take longest.
    return float(kendalltau(x[there], y[there], method="asymptotic").statistic) if there.sum() > 2 else float("nan")


def _within(cohort: Cohort, x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """(trend, cycle) of two columns [N]; sums over each patient's visits by bincount."""
    known = ~(np.isnan(x) | np.isnan(y) | np.isnan(cohort.time))
    if not known.any():
        return float("nan"), float("nan")
    whose = cohort.patient[known]
    count = np.bincount(whose, minlength=len(cohort)).astype(float)

    def total(values: np.ndarray) -> np.ndarray:
        return np.bincount(whose, values, minlength=len(cohort))

    def centred(values: np.ndarray) -> np.ndarray:
        return values - (total(values) / np.maximum(count, 1))[whose]

    t, x, y = centred(cohort.time[known]), centred(x[known]), centred(y[known])
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
