"""When values were taken, for figures over time.

x = the time column where it is a number; the time since the patient's first visit where it is a date or date-time, in hours,
days or years by what reads well. Bins of x hold about equally many real values each, none too narrow, or one time each on a
coarse grid.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from reverie.drawing import shorten
from reverie.evaluation.cohort import Cohort
from reverie.evaluation.figures.tables import REAL, Cohorts
from reverie.records.kinds import Column

__all__ = ["Clock", "summary", "time_bins"]

MOST_BINS = 24
PER_BIN = 30
NARROWEST = 1 / 16
"""Of a bin, as a share of the time that 99 % of the values lie in."""
FEWEST = 8
"""Values in a bin below which nothing is said of it."""


@dataclass(frozen=True, eq=False)
class Clock:
    """x of every row of every table, float64 [N] each, NaN without a time; and what the axis is called."""

    x: dict[str, np.ndarray]
    label: str
    column: Column | None = None

    @classmethod
    def read(cls, cohorts: Cohorts) -> Clock:
        column = cohorts[REAL].schema.time
        if not column.calendar:
            return cls({name: cohort.time for name, cohort in cohorts.items()}, shorten(column.name, 40), column)
        since = {name: since_first(cohort) for name, cohort in cohorts.items()}
        longest = float(np.nanmax(since[REAL], initial=0.0))
        scale, unit = (365.25, "years") if longest > 3 * 365.25 else (1.0, "days") if longest > 3 else (1 / 24, "hours")
        label = f"{unit} since the first {shorten(column.name, 24)}"
        return cls({name: x / scale for name, x in since.items()}, label)

    @property
    def limits(self) -> tuple[float, float]:
        """From the earliest to nearly the latest time of all tables; never of no width."""
        x = np.concatenate(list(self.x.values()))
        x = x[np.isfinite(x)]
        if not len(x):
            return 0.0, 1.0
        low, high = float(x.min()), float(np.quantile(x, 0.995))
        edge = 0.02 * (high - low) if high > low else 0.5
        return low - edge, high + edge


def since_first(cohort: Cohort) -> np.ndarray:
    """Time since the patient's first row, [N]."""
    return cohort.time - cohort.time[cohort.offsets[:-1]][cohort.patient]


def time_bins(x: np.ndarray) -> np.ndarray:
    """Edges of bins [K + 1] for times `x` [N] with no NaN, at least one of them."""
    distinct = np.unique(x)
    if len(distinct) == 1:
        return np.array([distinct[0] - 0.5, distinct[0] + 0.5])
    if len(distinct) <= MOST_BINS:
        middle = (distinct[1:] + distinct[:-1]) / 2
        return np.concatenate([[2 * distinct[0] - middle[0]], middle, [2 * distinct[-1] - middle[-1]]])
    count = int(np.clip(len(x) // PER_BIN, 1, MOST_BINS))
    narrowest = NARROWEST * (np.quantile(x, 0.99) - distinct[0])
    edges = [distinct[0]]
    for edge in np.quantile(x, np.linspace(0, 1, count + 1))[1:-1]:
        if edge - edges[-1] > narrowest and distinct[-1] - edge > narrowest:
            edges.append(edge)
    return np.array([*edges, distinct[-1]])


def place(x: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """The bin of each time; what is beyond the edges counts in the end bins."""
    return np.clip(np.searchsorted(edges, x, side="right") - 1, 0, len(edges) - 2)


def summary(x: np.ndarray, values: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """[K', 4]: mean time, 10 % quantile, median and 90 % quantile of the `values` [N] of each bin that has FEWEST."""
    rows = []
    where = place(x, edges)
    for k in range(len(edges) - 1):
        inside = where == k
        if inside.sum() >= FEWEST:
            rows.append([x[inside].mean(), *np.quantile(values[inside], [0.1, 0.5, 0.9])])
    return np.array(rows).reshape(-1, 4)
