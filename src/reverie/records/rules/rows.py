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

__all__ = ["Bools", "Reckoned", "Rows", "countable", "number_of", "place_of"]

Bools = NDArray[np.bool_]


def number_of(text: str) -> float:
    """The number that a text is, NaN where it is none."""
    try:
        return float(text)
    except ValueError:
        return float("nan")


def countable(column: Column) -> bool:
    """Whether a column holds numbers, or levels that are."""
    return column.numeric or (bool(column.levels) and not any(np.isnan(number_of(level)) for level in column.levels))


def place_of(column: Column, numbers: Floats) -> Floats:
    """The places on the list of levels of the levels nearest to numbers, float64 of the same shape."""
    levels = np.array([number_of(level) for level in column.levels])
    order = np.argsort(levels)
    near = np.searchsorted((levels[order][1:] + levels[order][:-1]) / 2, numbers)
    return np.where(np.isnan(numbers), np.nan, order[near].astype(np.float64))


@dataclass(frozen=True, eq=False)
class Rows:
    """R rows of a typed frame, those of a patient one after the other and in the order of time.

    Attributes:
        frame: typed cells.
        columns: what each column is, by name.
        first: int64 [R], the place of the first row of the patient that each row is of.
        known_values: what was read of columns already.
    """

    frame: pl.DataFrame
    columns: Mapping[str, Column]
    first: NDArray[np.int64]
    known_values: dict[str, Floats] = field(default_factory=dict)

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
        if name not in self.known_values:
            self.known_values[name] = self.column(name).read(self.frame[name])
        return self.known_values[name]

    def numbers(self, name: str) -> Floats:
        """The same, of levels that are numbers the numbers; NaN for levels that are none."""
        x, levels = self.values(name), self.column(name).levels
        if not levels:
            return x
        numbers = np.array([*map(number_of, levels), np.nan])
        return numbers[np.where(np.isnan(x), -1, x).astype(np.int64)]

    @property
    def reckoned(self) -> Reckoned:
        """The same rows with the numbers of levels in the place of their places."""
        return Reckoned(self.frame, self.columns, self.first, {}, self)

    def filled(self, name: str) -> Bools:
        """Which cells are not empty, bool [R]."""
        return self.frame[self.column(name).name].is_not_null().to_numpy()

    @cached_property
    def place(self) -> NDArray[np.int64]:
        """Of each row among those of its patient, counted from 0."""
        return np.arange(len(self)) - self.first

    @cached_property
    def starts(self) -> NDArray[np.int64]:
        """The first row of each patient, int64 [P]."""
        return np.flatnonzero(self.place == 0)

    @cached_property
    def lengths(self) -> NDArray[np.int64]:
        """The rows of each patient, int64 [P]."""
        return np.diff(np.append(self.starts, len(self)))

    @property
    def spans(self) -> list[tuple[int, int]]:
        """The first row of each patient, and the row after the last."""
        return [(i, i + n) for i, n in zip(self.starts.tolist(), self.lengths.tolist(), strict=True)]

    def spread(self, x: Any, of: np.ufunc) -> Any:
        """`of` over all rows of each patient, at each of them."""
        return np.repeat(of.reduceat(x, self.starts), self.lengths) if len(x) else x

    def first_known(self, x: Floats) -> Floats:
        """The first value of each patient that is known, at each of the patient's rows, float64 [R]."""
        at = self.spread(np.where(np.isnan(x), len(x), np.arange(len(x))), np.minimum)
        return np.append(x, np.nan)[at]

    def before(self, x: Floats, of: np.ufunc) -> Floats:
        """`of` (np.fmax, np.fmin) over the known values of the rows before, NaN where there is none."""
        before, longest = np.full(len(x), np.nan), int(self.place.max(initial=0))
        order = np.argsort(self.place, kind="stable")
        ends = np.searchsorted(self.place[order], np.arange(longest + 2))
        for at in range(1, longest + 1):
            rows = order[ends[at] : ends[at + 1]]
            before[rows] = of(before[rows - 1], x[rows - 1])
        return before


@dataclass(frozen=True, eq=False)
class Reckoned(Rows):
    """Rows as arithmetic sees them: levels that are numbers are those numbers.

    Attributes:
        of_places: the rows.
    """

    of_places: Rows | None = None

    def values(self, name: str) -> Floats:
        return self.of_places.numbers(name) if self.of_places is not None else super().values(name)
