"""Where a column has no values, and none are made: gaps that its own spacing does not explain.

Of n values of a smooth density the distances d of neighbours are independent exponentials whose mean changes slowly, and at
the end of a tail grows as 1/j, j values lying beyond: j d is steady there (Renyi 1953), in a tail of power laws that of the
logarithms is (Hill 1975). So a gap is compared with the NEAR distances on each of its sides:

    T = j d / mean of their j d        P(T > t) = (1 + t / k)^-k, k distances compared with

once for the values and once for the logarithm of their distance from the median, and it is ordinary if any of these says
so. Gaps that are not are found among all by Benjamini and Hochberg's rule, those near an end by FALSE / 2j(j + 1) besides.
So of columns with a smooth density, light or heavy in its tails, at most one in a hundred is given a gap or an end that it
does not have (1.0 % of 1,000 values of Student's t of 3, 0.4 % of 20 of a log-normal law of shape 1.5, else 0 to 0.3 %).

Values that are written in cells (of a unit, of significant digits) are spread evenly in them; cells that touch have no gap.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reverie.records.intervals import Floats

__all__ = ["Support", "support"]

NEAR = 32
"""Distances on a side that a gap is compared with, at most; a power of two."""

FEW = 10
"""Fewer values than these beyond a gap are outliers rather than a group: they do not say what is ordinary, and stay as they
are."""

PILE = 4.0
"""A value that occurs more than so many times as often as the median one (a dose of 0) counts as that one: that it is common
says nothing of how near to each other the others should be."""

FALSE = 0.01
"""The share of false gaps that is allowed."""


@dataclass(frozen=True, eq=False)
class Support:
    """Where values are made.

    Attributes:
        empty: of each gap between neighbouring cells, bool [k - 1], whether nothing is made in it.
        low, high: whether the smallest and the largest value are outliers, beyond which nothing is made either.
    """

    empty: NDArray[np.bool_]
    low: bool
    high: bool


def support(left: Floats, right: Floats, counts: NDArray[np.int64]) -> Support:
    """The support of k cells [left, right] that rise and do not overlap, with as many values in each as `counts` says."""
    gaps = left[1:] - right[:-1]
    apart = gaps > 1e-9 * (right[:-1] - left[:-1] + np.abs(right[:-1]) * 1e-6)
    if not apart.any():
        return Support(apart, False, False)
    upto, n = np.cumsum(counts)[:-1], int(counts.sum())
    middle = np.median(counts)
    level = np.where(counts > PILE * middle, np.ceil(middle), counts).astype(np.int64)
    p = np.where(apart, _ordinary(_spread(left, right, level), np.cumsum(level)[:-1] - 1), 1.0)
    beyond = np.minimum(upto, n - upto).astype(np.float64)
    empty = apart & (p <= np.maximum(_least(p), FALSE / (2 * beyond * (beyond + 1))))
    low, high = _outliers(empty[::-1], upto[::-1], n), _outliers(empty, n - upto, n)
    place = np.arange(len(empty))
    empty |= apart & ((place < low) | (place >= len(empty) - high))
    return Support(empty, low > 0, high > 0)


def _spread(left: Floats, right: Floats, counts: NDArray[np.int64]) -> Floats:
    """The values [n], each cell's evenly spread in it; in units of a typical distance from the median, which is 0."""
    within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    x = np.repeat(left, counts) + np.repeat((right - left) / counts, counts) * (within + 0.5)
    x = x - x[len(x) // 2]
    size = np.abs(x)
    return x / np.median(size[size > 0])


def _ordinary(x: Floats, places: NDArray[np.int64]) -> Floats:
    """How likely so wide a gap is, behind the values [m] at `places`: the largest that any comparison says."""
    n = len(x)
    p_most = np.zeros(len(places))
    before, after = places + 1, n - 1 - places
    for scale in (x, np.sign(x) * np.log1p(np.abs(x))):
        distance: Floats = np.diff(scale)
        for place, own in ((places, after), (n - 2 - places, before)):  # distances after the gap, then those before it
            steady = distance * np.arange(1.0, n)
            total, k = _following(steady)[place], np.minimum(NEAR, n - 2 - place)
            with np.errstate(divide="ignore", invalid="ignore"):
                p = (1 + steady[place] / total) ** -k  # T / k, as total / k is the mean
            distance = distance[::-1]
            tells = (own >= FEW) | (2 * own >= n)
            p_most = np.maximum(p_most, np.where(tells, np.nan_to_num(p, nan=1.0), 0.0))
    return p_most


def _following(x: Floats) -> Floats:
    """The sum of the NEAR numbers after each, fewer at the end; by doubling, as differences of running sums lose digits."""
    total = np.append(x[1:], 0.0)
    width = 1
    while width < NEAR:
        total[:-width] = total[:-width] + total[width:]
        width *= 2
    return total


def _least(p: Floats) -> float:
    """The largest p that is called too small among all (Benjamini and Hochberg 1995)."""
    bound = FALSE * np.arange(1, len(p) + 1) / len(p)
    return float(np.max(bound[np.sort(p) <= bound], initial=0.0))


def _outliers(empty: NDArray[np.bool_], beyond: NDArray[np.int64], n: int) -> int:
    """How many gaps, the last of them empty or not, lie between outliers at the upper end or before them; 0 for no outlier.

    Outliers are fewer than FEW of the n values (and than half) beyond an empty gap, or one value, however often it occurs.
    """
    cut = empty & (beyond < FEW) & (2 * beyond < n)
    cut[-1] = empty[-1]
    return len(empty) - int(cut.argmax()) if cut.any() else 0
