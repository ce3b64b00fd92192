"""What a kind looks at to recognise a column."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import polars as pl

from reverie.records.patterns import identifying, identifying_number

__all__ = ["Evidence", "Mixed"]


@dataclass(frozen=True)
class Mixed:
    """A column of numbers (or dates) and text: how many cells are which, and the first odd one out."""

    what: str
    read: int
    text: int
    row: int
    value: str


@dataclass(frozen=True, eq=False)
class Evidence:
    """A column before anything is decided of it.

    Attributes:
        name: of the column.
        cells: all rows of a varying column, one a patient of a static one; typed, null where missing.
        role: static or varying.
        mixed: how numbers (or dates) and text share the column, if they do.
        place: the name of the table, for errors.
    """

    name: str
    cells: pl.Series
    role: str
    mixed: Mixed | None
    place: str

    @cached_property
    def values(self) -> pl.Series:
        """The cells that are not missing."""
        return self.cells.drop_nulls()

    @cached_property
    def distinct(self) -> int:
        """How many different values there are."""
        return self.values.n_unique()

    @cached_property
    def identifying(self) -> str | None:
        """By what the cells identify patients, in words; None if they do not."""
        if self.values.dtype == pl.String and not self.mixed:
            return identifying(self.name, self.values, self.role)
        whole = self.values.dtype.is_numeric() and bool((self.values == self.values.round(0)).all())
        return identifying_number(self.name, self.values, self.role) if whole and len(self.values) else None

    @property
    def each(self) -> str:
        """What a value of one's own is had by, in words."""
        return "for each patient" if self.role == "static" else "in nearly every row"
