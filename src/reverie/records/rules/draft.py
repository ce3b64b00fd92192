"""Rows that may still be changed: what was drawn, and what was given and stays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl

from reverie.records.intervals import Floats
from reverie.records.rules.rows import Bools, Rows

__all__ = ["Draft"]


@dataclass(frozen=True, eq=False)
class Draft(Rows):
    """Rows of a frame of which some columns are changed.

    Attributes:
        fixed: by column, the cells that were given, bool [R]; where such a cell is empty it is still to be derived. A column
            that is not in it is free.
        changed: the columns of which a value was changed.
    """

    fixed: Mapping[str, Bools] = field(default_factory=dict)
    changed: set[str] = field(default_factory=set)

    @classmethod
    def begun(cls, frame: pl.DataFrame, schema: Any, fixed: Mapping[str, Bools]) -> Draft:
        """All rows of a frame; without identifiers, each is a patient of its own."""
        alone = {c.name: c for c in schema.columns}, np.arange(frame.height)
        rows = Rows.of(frame, schema) if schema.identifier.name in frame.columns else Rows(frame, *alone)
        return cls(frame, rows.columns, rows.first, fixed=fixed)

    def part(self, rows: Bools) -> Draft:
        """The rows of some whole patients, bool [R]."""
        at = np.flatnonzero(rows)
        moved = np.cumsum(rows) - 1
        fixed = {name: stays[at] for name, stays in self.fixed.items()}
        values = {name: x[at] for name, x in self.known_values.items()}
        return Draft(self.frame[at], self.columns, moved[self.first[at]], values, fixed)

    def take(self, part: Draft, rows: Bools) -> None:
        """The values of some rows that were changed apart."""
        for name in part.changed:
            x = self.values(name).copy()
            x[rows] = part.values(name)
            self._put(name, x)

    def filled(self, name: str) -> Bools:
        return ~np.isnan(self.values(name)) if self.readable(name) else super().filled(name)

    def readable(self, name: str) -> bool:
        """Whether the column has values, rather than texts that are replaced."""
        column = self.column(name)
        return name in self.frame.columns and (column.modelled or column.role == "time")

    def free(self, name: str) -> Bools:
        """Which cells may be changed, bool [R]; of a static those of patients of whom it was not given."""
        column = self.column(name)
        if not self.readable(name):
            return np.zeros(len(self), dtype=bool)
        free = ~self.fixed[name] | np.isnan(self.values(name)) if name in self.fixed else np.ones(len(self), dtype=bool)
        return self.spread(free, np.logical_and) if column.role == "static" else free

    def surest(self, name: str) -> Floats:
        """The values of patients of whom some were given, those alone; of others all, float64 [R]."""
        x = self.values(name)
        sure = ~self.free(name)
        return np.where(self.spread(sure, np.logical_or) & ~sure, np.nan, x)

    def put(self, name: str, where: Bools, x: Floats, of: np.ufunc | None = None) -> bool:
        """Writes values [R] where asked and free; of a static for the whole patient: `of` those asked, or the first.

        Whether anything was changed.
        """
        where = where & self.free(name)
        old = self.values(name)
        if self.column(name).role == "static":
            if of is not None:
                x = self.spread(np.where(where, x, np.nan), of)
            else:
                at = self.spread(np.where(where, np.arange(len(self)), len(self)), np.minimum)
                x = np.append(x, np.nan)[at]
            where = self.spread(where, np.logical_or)
        if levels := self.column(name).levels:
            where = where & ~((x < 0) | (x >= len(levels)))
        new = np.where(where, x, old)
        if np.array_equal(new, old, equal_nan=True):
            return False
        self._put(name, new)
        return True

    def _put(self, name: str, x: Floats) -> None:
        self.known_values[name] = x
        self.changed.add(name)

    def written(self) -> pl.DataFrame:
        """The frame with what was changed."""
        columns = []
        for name in self.changed:
            x = self.values(name)
            empty = np.isnan(x)
            cells = self.columns[name].write(np.where(empty, 0.0, x), empty, self.frame.schema[name])
            columns.append(cells.alias(name))
        return self.frame.with_columns(columns)
