"""What a kind looks at to recognise a column."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import polars as pl

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

    @property
    def each(self) -> str:
        """What a value of one's own is had by, in words."""
        return "for each patient" if self.role == "static" else "in nearly every row"
