"""Time as a start and gaps: t_1 = start, t_i = t_i-1 + gap_i.

Gaps are never below the smallest one seen, so decoded times rise as those of the table do. Times are whole multiples of the
column's unit where it has one, and sums of them are rounded to it, so that they are exact.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from reverie.records.counts import Counts
from reverie.records.intervals import Floats
from reverie.records.transforms import on_grid

__all__ = ["VisitTimes", "gaps"]


@dataclass(frozen=True)
class VisitTimes:
    """What is constant about time.

    Attributes:
        unit: of the time column.
        start: the time of every first visit; None where it varies.
        gap: the time between all visits, a grid; None where it varies.
        least: the smallest gap.
    """

    unit: float | None
    start: float | None
    gap: float | None
    least: float

    @classmethod
    def of(cls, starts: Counts, steps: Counts, unit: float | None) -> VisitTimes:
        """From the times of all first visits, and all times between visits."""
        first, steps_ = starts.values, steps.values
        least = float(steps_[0]) if len(steps_) else unit or 1.0
        even = not len(steps_) or float(steps_[-1]) - least <= 1e-9 * abs(least)
        return cls(unit, float(first[0]) if len(first) == 1 else None, least if even else None, least)

    def times(self, starts: Floats, steps: Floats, visits: np.ndarray) -> Floats:
        """Times of all rows [R] from starts [B], gaps [R] (a first visit's is not looked at) and visits [B]."""
        place = np.arange(visits.max(initial=0)) < visits[:, None]
        table = np.zeros(place.shape)
        table[place] = steps
        table[:, :1] = starts[:, None]
        return on_grid(table.cumsum(1)[place], self.unit)

    @property
    def config(self) -> dict[str, Any]:
        return {"unit": self.unit, "start": self.start, "gap": self.gap, "least": self.least}


def gaps(times: Floats, offsets: np.ndarray, unit: float | None) -> Floats:
    """The time since the visit before, [R]; NaN at first visits."""
    steps = on_grid(np.diff(times, prepend=np.nan), unit)
    steps[offsets[:-1]] = np.nan
    return steps
