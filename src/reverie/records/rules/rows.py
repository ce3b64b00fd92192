"""What rules look at: the rows of patients in their order, each column as numbers.

Values are those of the kinds (`Column.read`): numbers as they are, days since 1970 of dates, places on the list of levels.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from reverie.errors import unknown
from reverie.records.intervals import Floats
from reverie.records.kinds import Column

__all__ = ["Bools", "Rows"]

Bools = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Rows:
    """R rows of a typed frame, those of a patient one after the other and in the order of time.

    Attributes:
        frame: typed cells.
        columns: what each column is, by name.
        first: int64 [R], the place of the first row of the patient that each row is of.
    """

    frame: pl.DataFrame
    columns: Mapping[str, Column]
    first: NDArray[np.int64]
    _values: dict[str, Floats] = field(default_factory=dict)

    @classmethod
    def of(cls, frame: pl.DataFrame, schema: Any) -> Rows:
        """The rows of a frame that has the schema's identifier."""
        who = frame[schema.identifier.name]
        new = np.ones(len(who), dtype=bool)
        if len(who) > 1:
            new[1:] = who[1:].ne_missing(who[:-1]).to_numpy()
        first = np.maximum.accumulate(np.where(new, np.arange(len(who)), 0))
        return cls(frame, {c.name: c for c in schema.columns}, first)

    def __len__(self) -> int:
        return self.frame.height

    def column(self, name: str) -> Column:
        """Raises UsageError with the nearest name if there is none."""
        if name not in self.columns:
            raise unknown("column", name, list(self.columns))
        return self.columns[name]

    def values(self, name: str) -> Floats:
        """Float64 [R], NaN where empty."""
        if name not in self._values:
            self._values[name] = self.column(name).read(self.frame[name])
        return self._values[name]

    def filled(self, name: str) -> Bools:
        """Which cells are not empty, bool [R]."""
        return self.frame[self.column(name).name].is_not_null().to_numpy()

    @cached_property
    def place(self) -> NDArray[np.int64]:
        """Of each row among those of its patient, counted from 0."""
        return np.arange(len(self)) - self.first

    def before(self, x: Floats, of: np.ufunc) -> Floats:
        """`of` (np.fmax, np.fmin) over the known values of the rows before, NaN where there is none."""
        found, longest = np.full(len(x), np.nan), int(self.place.max(initial=0))
        order = np.argsort(self.place, kind="stable")
        ends = np.searchsorted(self.place[order], np.arange(longest + 2))
        for at in range(1, longest + 1):
            rows = order[ends[at] : ends[at + 1]]
            found[rows] = of(found[rows - 1], x[rows - 1])
        return found
