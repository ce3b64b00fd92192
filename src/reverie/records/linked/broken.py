"""Linked tables as rules across them see them: cells of a row beside those of the rows above, and which rows break one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl

from reverie.records.linked.bonds import Goes, Number, Order, Same, base_of, told_of
from reverie.records.linked.forms import LinkedForms
from reverie.records.linked.times import kept
from reverie.records.linked.tree import gathered

__all__ = ["Tied"]


@dataclass(frozen=True, eq=False)
class Tied:
    """Tables in the order of their tree.

    Attributes:
        forms: what is known of them.
        frames: their rows, empty cells where nothing is known.
        parents: by table, int64 [rows], the row of the parent's frame that each hangs on.
    """

    forms: LinkedForms
    frames: Mapping[str, pl.DataFrame]
    parents: Mapping[str, np.ndarray]

    def up(self, table: str, above: str) -> np.ndarray:
        """int64 [rows], the row that each row of a table has above it, in a table or beside one; -1 for none."""
        return self.forms.tree.up(table, above, np.arange(self.frames[table].height), self.parents.__getitem__)

    def cells(self, table: str, column: str) -> pl.Series:
        """A column; where it is empty and follows from another, what follows."""
        cells, form = self.frames[table][column], self.forms.forms[table]
        if column not in form.follows:
            return cells
        found = told_of(form, column, self.frames[table][base_of(form, column)])
        return pl.select(pl.coalesce(cells, found.cast(cells.dtype))).to_series().alias(column)

    def text(self, table: str, column: str) -> pl.Series:
        return self.cells(table, column).cast(pl.String)

    def theirs(self, table: str, above: str, column: str) -> pl.Series:
        """The cells of a column of the rows above, for each row of a table."""
        return gathered(self.cells(above, column), self.up(table, above))

    def some(self, table: str, above: str) -> np.ndarray:
        """Bool [rows of `above`], whether a row has any of a table below it."""
        return np.bincount(self.up(table, above), minlength=self.frames[above].height) > 0

    def breaking(self, rule: Number | Goes | Same | Order) -> np.ndarray:
        """Bool, the rows that are known to break a rule: of its table, or of the table above where it is on how many."""
        if isinstance(rule, Number):
            wrong = self.some(rule.table, rule.above) != rule.some
            if rule.column is not None:
                wrong &= _true(self.text(rule.above, rule.column).is_in(list(rule.levels)))
            return wrong
        if isinstance(rule, Goes):
            levels = self.theirs(rule.table, rule.above, rule.column).cast(pl.String)
            only = self.text(rule.table, rule.code).replace_strict(rule.only, default=None, return_dtype=pl.String)
            return _true(only != levels)
        if isinstance(rule, Same):
            return _true(self.cells(rule.table, rule.column) != self.theirs(rule.table, rule.above, rule.column))
        theirs = self.theirs(rule.table, rule.above, rule.theirs)
        return _true(~kept(self.frames[rule.table][rule.column], rule.sign, theirs))


def _true(cells: pl.Series) -> np.ndarray:
    return cells.fill_null(False).to_numpy().copy()
