"""Gaps in the values of real patients, and what lies in them.

    wide       between neighbouring first values of the patients drawn, where their spacing explains no such gap (support.py)
    narrowed   to its widest part without a value of any real patient, at any visit; none if that is half of it or less

The wide gaps are found in the sample, and narrowed by every row of every real patient: the few values that lie in them are
gathered part by part.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import polars as pl

from reverie.evaluation.cohort import Cohort
from reverie.records.rounding import cell, on_grid
from reverie.records.schema import Column, Schema
from reverie.records.support import support

__all__ = ["Inside", "wide_gaps"]

WIDE = 0.5
"""A gap of first values is one of all values if so large a part of it has none of them."""

Gap = tuple[str, float, float]
"""A column, and both sides of the gap."""


def wide_gaps(schema: Schema, real: Sequence[Cohort]) -> tuple[Gap, ...]:
    """Gaps of the first values of these patients; a patient's own values lie together."""
    numbers = [c for c in (*schema.static, *schema.varying) if c.numeric and not c.calendar]
    return tuple((c.name, low, high) for c in numbers for low, high in _wide(c, real))


def _wide(column: Column, real: Sequence[Cohort]) -> Iterator[tuple[float, float]]:
    first = np.concatenate([c.numbers[column.name][c.offsets[:-1]] for c in real])
    values, counts = np.unique(on_grid(first[~np.isnan(first)], column.step, column.digits), return_counts=True)
    if len(values) > 1:
        for at in np.flatnonzero(support(*cell(values, column.step, column.digits), counts).empty):
            yield float(values[at]), float(values[at + 1])


@dataclass(frozen=True, eq=False)
class Inside:
    """The values of a table that lie in the wide gaps, ends included: different values and how often each is there."""

    gaps: tuple[Gap, ...]
    found: dict[Gap, tuple[np.ndarray, np.ndarray]] = field(default_factory=dict)

    def add(self, frame: pl.DataFrame, schema: Schema) -> Inside:
        """With those of every row of a frame."""
        frame = schema.typed(frame)
        values = {name: schema[name].seen(frame[name]) for name in {name for name, _, _ in self.gaps}}
        return self.of(values)

    def add_cohort(self, cohort: Cohort) -> Inside:
        """With those of a cohort's visits, of its patients where a column is static."""
        static, first = {c.name for c in cohort.schema.static}, cohort.offsets[:-1]
        names = {name for name, _, _ in self.gaps}
        return self.of({n: cohort.numbers[n][first] if n in static else cohort.numbers[n] for n in names})

    def of(self, values: dict[str, np.ndarray]) -> Inside:
        """With these, by column [N]."""
        found = {}
        for gap in self.gaps:
            name, low, high = gap
            more = np.unique(values[name][(values[name] >= low) & (values[name] <= high)], return_counts=True)
            found[gap] = _merged([self.found[gap], more]) if gap in self.found else more
        return Inside(self.gaps, found)

    def left_empty(self) -> Iterator[Gap]:
        """What the values of all real patients leave of each gap."""
        for name, low, high in self.gaps:
            inside, _ = self.found[name, low, high]
            widest = int(np.diff(inside).argmax()) if len(inside) > 1 else 0
            if len(inside) > 1 and np.diff(inside)[widest] > WIDE * (high - low):
                yield name, float(inside[widest]), float(inside[widest + 1])

    def counted(self, gaps: Iterable[Gap]) -> dict[str, int]:
        """How many values lie in gaps, each within a wide one, by column."""
        counts: dict[str, int] = {}
        for name, low, high in gaps:
            values, times = next(v for (n, a, b), v in self.found.items() if n == name and a <= low and high <= b)
            if count := int(times[(values > low) & (values < high)].sum()):
                counts[name] = counts.get(name, 0) + count
        return counts


def _merged(parts: Sequence[tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    values, where = np.unique(np.concatenate([v for v, _ in parts]), return_inverse=True)
    return values, np.bincount(where, np.concatenate([n for _, n in parts]), len(values)).astype(np.int64)
