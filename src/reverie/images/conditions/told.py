"""What a table tells of pictures: the values of attributes, a row a picture."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import polars as pl

from reverie.denoisers.attributes import Attributes
from reverie.errors import UsageError
from reverie.images.conditions.attribute import Attribute, condition_of, named
from reverie.records.dtypes import TYPES
from reverie.records.kinds import Column

__all__ = ["CLASS", "Told", "cells_of"]

CLASS = "class"
"""The attribute that classes become."""


@dataclass(frozen=True, eq=False)
class Told:
    """What a table tells of N pictures.

    Attributes:
        name: of the table, for messages.
        attributes: not fitted yet.
        values: by their names, float64 [N] or of vectors float32 [N, D]; NaN where nothing is told.
        count: N.
        notes: what was decided, in sentences.
        path: of its file, absolute.
    """

    name: str
    attributes: tuple[Attribute, ...]
    values: Mapping[str, np.ndarray]
    count: int
    notes: tuple[str, ...] = ()
    path: Path | None = None

    @property
    def sentence(self) -> str:
        """What is told."""
        said = ", ".join(f"{each.name} ({each.words})" for each in self.attributes)
        return f"Of the pictures {self.name} tells {said}."

    @cached_property
    def fingerprint(self) -> str:
        """sha256 of all that is told."""
        digest = hashlib.sha256()
        for each in self.attributes:
            values = self.values[each.name]
            digest.update(repr((each.name, each.kind, each.levels, values.shape, values.dtype.str)).encode())
            digest.update(np.ascontiguousarray(values).data)
        return digest.hexdigest()

    def fitted(self, rows: np.ndarray) -> tuple[Attribute, ...]:
        """The attributes, fitted to the pictures at these indices."""
        return tuple(each.fit(self.values[each.name][rows]) for each in self.attributes)

    def condition(self, attributes: Sequence[Attribute]) -> Attributes:
        """As a network receives it that was trained with `attributes`."""
        return condition_of(attributes, self.values, self.count)

    def with_classes(self, labels: np.ndarray, classes: tuple[str, ...]) -> Told:
        """With the classes of the pictures, int64 [N] into their names, as an attribute more; one of that name stays."""
        if CLASS in self.values:
            note = f"The classes of the pictures are not used, for {self.name} has a column {CLASS!r} itself."
            return replace(self, notes=(*self.notes, note))
        about = {"name": CLASS, "role": "varying", "kind": "categorical", "type": "String", "levels": classes}
        column = Column.model_validate(about)
        values = {CLASS: labels.astype(np.float64), **self.values}
        return replace(self, attributes=(Attribute.of(column), *self.attributes), values=values)

    def like(self, attributes: Sequence[Attribute], run: str) -> Told:
        """The same in terms of the attributes of a run. Raises UsageError for one that it has not, or has otherwise, and for
        a level that it does not know; one that no picture was trained with is untold, as is all that this table has not."""
        values = dict(self.values)
        for each in self.attributes:
            of_run = named(attributes, each.name)
            if (of_run.kind, of_run.length) != (each.kind, each.length):
                raise UsageError(
                    f"{each.name} is {of_run.words} in {run}, and {each.words} in {self.name}: bring it to that."
                )
            if each.kind == "levels":
                places = np.array([of_run.place(level) for level in each.levels])
                own = values[each.name]
                there = np.isfinite(own)
                values[each.name] = np.where(there, places[np.where(there, own, 0).astype(np.int64)], np.nan)
        return replace(self, attributes=tuple(attributes), values=values)


def cells_of(attributes: Sequence[Attribute], condition: Attributes) -> pl.DataFrame:
    """What is told, as cells of the table it was read from; null where untold. The columns are those told of any state."""
    levels, numbers, columns = condition.levels.T, iter(condition.numbers.split(list(condition.lengths), 1)), []
    kinds = iter(levels)
    for each in attributes:
        values = (next(kinds) if each.kind == "levels" else next(numbers)).cpu().double().numpy()
        if each.kind != "levels":
            values = values * each.deviation + np.array(each.mean)
        if each.column is None:
            there = np.asarray(np.isfinite(values).all(1))
            cells = pl.Series(each.name, values.astype(np.float32)).set(pl.Series(~there), None)
        else:
            values = values.reshape(-1)
            empty = values < 0 if each.kind == "levels" else ~np.isfinite(values)
            values = np.where(empty, 0, values)
            exact = values if each.kind == "levels" else each.column.rounded(values)
            cells = each.column.write(exact, empty, TYPES[each.column.type])
        if cells.null_count() < len(cells):
            columns.append(cells)
    return pl.DataFrame(columns)
