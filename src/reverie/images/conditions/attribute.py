"""Attributes of pictures, as a table tells them and a model receives them.

    levels    colour: red, green, blue      the place of the level
    number    age                           (v - mean) / deviation, over the pictures that were trained on
    vector    an embedding of D numbers     (v - mean) / deviation, a mean for each of the D, one deviation for all

What an attribute is, and how its cells are read, is a column of records (records/kinds); a vector has none. What no picture
was trained with, a level or a number beyond all of them, cannot be asked for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Self

import numpy as np
import polars as pl
import torch
from pydantic import BaseModel, ConfigDict, Field, model_validator

from reverie.denoisers.attributes import UNTOLD, Attributes
from reverie.errors import DataError, UsageError, unknown
from reverie.records.kinds import Column
from reverie.records.places import at

__all__ = ["Attribute", "condition_of", "named", "sizes"]


LARGEST = 1e30
"""A number of a picture: it is told in float32."""


class Attribute(BaseModel):
    """One attribute.

    Attributes:
        name: the column's, or that of the array.
        kind: "levels", "number" or "vector".
        column: how its cells are read; none of a vector.
        length: how many numbers it is told by: D of a vector, 1 of a number, 0 of levels.
        mean, deviation: of the pictures that were trained on; a mean for each number.
        untrained: levels that no picture was trained with.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    kind: Literal["levels", "number", "vector"]
    column: Column | None = None
    length: int = Field(default=0, ge=0, le=100_000)
    mean: tuple[float, ...] = ()
    deviation: float = Field(default=1.0, gt=0)
    untrained: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _whole(self) -> Self:
        fits = {"levels": self.length == 0, "number": self.length == 1, "vector": self.length > 0}[self.kind]
        if not fits or (self.column is None) != (self.kind == "vector") or len(self.mean) not in (0, self.length):
            raise ValueError(f"{self.name} is no whole attribute")
        return self

    @classmethod
    def of(cls, column: Column) -> Attribute:
        """That of a column with levels or numbers."""
        return cls(
            name=column.name, kind="number" if column.numeric else "levels", column=column, length=int(column.numeric)
        )

    @property
    def config(self) -> dict[str, Any]:
        """Its fields as JSON, without those that say nothing."""
        return self.model_dump(mode="json", exclude_defaults=True)

    @property
    def outline(self) -> dict[str, Any]:
        """What may be said of it far away: what it is and its levels; of a number no bounds, which are of pictures."""
        many = {} if self.kind != "vector" else {"length": self.length}
        return {"name": self.name, "kind": self.kind, "levels": list(self.levels), **many}

    @property
    def levels(self) -> tuple[str, ...]:
        return () if self.column is None else self.column.levels

    @property
    def words(self) -> str:
        """What it is, in a few words: "3 levels: blue, green, red"."""
        if self.column is None:
            return f"a vector of {self.length:,} numbers"
        many = f"{len(self.levels)} {'level' if len(self.levels) == 1 else 'levels'}: " if self.levels else ""
        return f"{many}{self.column.range}" if self.levels else f"{self.column.kind}, {self._range}"

    @property
    def _range(self) -> str:
        assert self.column is not None
        low, high = self.column.lowest, self.column.highest
        return "any" if low is None or high is None else f"{self.column.text(low)} to {self.column.text(high)}"

    def fit(self, values: np.ndarray) -> Attribute:
        """With mean, deviation and untrained levels of the pictures that are trained on, of which these are the values."""
        there = values[np.isfinite(values)] if self.kind != "vector" else values[np.isfinite(values).all(1)]
        if not len(there):
            raise DataError(f"{self.name} is told of no picture that is trained on: leave it out, or tell it of some.")
        if self.kind == "levels":
            seen = {int(place) for place in there}
            return self.model_copy(update={"untrained": tuple(n for i, n in enumerate(self.levels) if i not in seen)})
        there = there.reshape(len(there), -1).astype(np.float64)
        spread = float(np.sqrt(((there - there.mean(0)) ** 2).mean()))
        return self.model_copy(update={"mean": tuple(map(float, there.mean(0))), "deviation": spread or 1.0})

    def read(self, cells: pl.Series, place: str) -> np.ndarray:
        """Values float64 [N] of cells: places of levels or numbers, NaN where empty. Raises DataError that names the row."""
        assert self.column is not None
        values = self.column.read(cells, place)
        if (bad := np.flatnonzero(np.isinf(values))).size:
            raise DataError(f"{at(place, int(bad[0]) + 1, self.name)}the number is infinite: correct it or leave it empty.")
        if (bad := np.flatnonzero(np.abs(values) > LARGEST)).size:
            raise DataError(
                f"{at(place, int(bad[0]) + 1, self.name)}{values[bad[0]]:g} is beyond {LARGEST:g}, up to which numbers are "
                "told: correct it, give it in another unit, or leave it empty."
            )
        return values

    def place(self, level: str) -> float:
        """The place of a level; NaN of one that no picture was trained with. Raises UsageError, naming the nearest, for one
        that is not known."""
        assert self.column is not None
        place = self.column.parse(level)
        return float("nan") if self.levels[int(place)] in self.untrained else place

    def wishes(self, asked: Any) -> list[Any]:
        """The values that a wish stands for, of "*" one for each level. Raises UsageError for what was not trained."""
        if self.column is None:
            return [self._vector(asked)]
        if asked == "*":
            if not self.levels:
                raise UsageError(f"{self.name} has no levels, so '*' stands for nothing: give a number in {self._range}.")
            return [float(i) for i, level in enumerate(self.levels) if level not in self.untrained]
        text = str(asked).lower() if isinstance(asked, bool) else str(asked)
        value = self.column.parse(text)
        self.check(np.array([value]))
        return [value]

    def check(self, values: np.ndarray) -> None:
        """Raises UsageError for the first of some values, as `read` has them, that no picture was trained with."""
        if self.kind == "levels":
            wrong = {self.levels[int(place)] for place in values[np.isfinite(values)]} & set(self.untrained)
            if wrong:
                rest = [level for level in self.levels if level not in self.untrained]
                raise UsageError(
                    f"{self.name}={min(wrong)} is in the table, but no picture of it was trained on: ask for one of "
                    f"{', '.join(rest)}."
                )
        elif self.kind == "number" and self.column is not None:
            low, high = self.column.lowest, self.column.highest
            beyond = np.zeros(len(values), bool) if low is None or high is None else (values < low) | (values > high)
            if beyond.any():
                asked = self.column.text(float(values[beyond][0]))
                raise UsageError(f"{self.name} was trained in {self._range}, so {asked} cannot be asked for: stay inside.")

    def _vector(self, asked: Any) -> np.ndarray:
        if isinstance(asked, str):
            raise UsageError(
                f"{self.name} is a vector of {self.length} numbers, which no text says: give a table of wishes with `given`."
            )
        vector = np.asarray(asked, dtype=np.float32)
        if vector.shape != (self.length,) or not np.isfinite(vector).all():
            raise UsageError(
                f"{self.name} is a vector of {self.length} finite numbers, but was given as an array of shape "
                f"{list(vector.shape)}: give it as it was trained."
            )
        return vector

    def standard(self, values: np.ndarray) -> np.ndarray:
        """Numbers [N] or [N, length] as a network receives them: float32 [N, length]."""
        mean = np.zeros(self.length) if not self.mean else np.array(self.mean)
        return ((values.reshape(len(values), self.length) - mean) / self.deviation).astype(np.float32)


def sizes(attributes: Sequence[Attribute]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """How many levels each has that has levels, and how many numbers each other: what a network knows of them."""
    levels = tuple(len(each.levels) for each in attributes if each.kind == "levels")
    return levels, tuple(each.length for each in attributes if each.kind != "levels")


def condition_of(attributes: Sequence[Attribute], values: Mapping[str, np.ndarray], count: int) -> Attributes:
    """What is told of `count` pictures: values by the names of attributes, as they are read; others are untold."""
    levels, numbers = [np.zeros((count, 0), np.int64)], [np.zeros((count, 0), np.float32)]
    for each in attributes:
        if each.kind != "levels":
            nothing = np.full((count, each.length), np.nan, np.float32)
            numbers.append(each.standard(values[each.name]) if each.name in values else nothing)
        else:
            places = values.get(each.name, np.full(count, np.nan))
            levels.append(np.where(np.isfinite(places), places, UNTOLD).astype(np.int64)[:, None])
    both = torch.from_numpy(np.concatenate(levels, 1)), torch.from_numpy(np.concatenate(numbers, 1))
    return Attributes(*both, sizes(attributes)[1])


def named(attributes: Sequence[Attribute], name: str) -> Attribute:
    """The attribute of this name. Raises UsageError with the nearest."""
    for each in attributes:
        if each.name == name:
            return each
    raise unknown("attribute", name, [each.name for each in attributes])
