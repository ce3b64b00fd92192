"""Rules across tables that every patient keeps: found in those that were read (binding.py), kept in what is made (bound.py)
and in what is filled (around.py), counted in what is given (broken.py).

    Number  each row of stays has a row of diagnoses, or none, where its column is at one of some levels
    Goes    a code is had only where a column of the row above is at one level
    Same    a column has the value that the column of that name has in the row above
    Order   a time is not before (after) a time of a row above, or of what has one row at most for each of those
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

import polars as pl

from reverie.plain import number_of
from reverie.records.linked.form import Form
from reverie.records.linked.times import Bounds

__all__ = ["Bonds", "Goes", "Number", "Order", "Same", "base_of", "dated", "told_of"]


@dataclass(frozen=True)
class Number:
    """Rows of `above` have some rows of `table` (or none) below them, those alone whose `column` is at one of `levels`; all
    where there is no column."""

    table: str
    above: str
    some: bool
    column: str | None = None
    levels: tuple[str, ...] = ()

    def __str__(self) -> str:
        where = f" where {self.column} is {' or '.join(self.levels)}" if self.column else ""
        return f"{'a row' if self.some else 'no row'} of {self.table} for each of {self.above}{where}"


@dataclass(frozen=True)
class Goes:
    """`code` of a table is at each of `only` where `column` of `above` is at that level alone; `shares` are counts of all
    codes by level, from which another is drawn where one cannot be."""

    table: str
    code: str
    above: str
    column: str
    only: Mapping[str, str]
    shares: Mapping[str, Mapping[str, int]]

    def __str__(self) -> str:
        (code, level), *more = self.only.items()
        others = f", and {number_of(len(more), 'more such code')}" if more else ""
        return f"{self.table}.{self.code} {code} only with {self.above}.{self.column} {level}{others}"


@dataclass(frozen=True)
class Same:
    """`column` of a table is that of `above` where both are filled."""

    table: str
    above: str
    column: str

    def __str__(self) -> str:
        return f"{self.table}.{self.column} = {self.above}.{self.column}"


@dataclass(frozen=True)
class Order:
    """A time of a table is "<=", ">=" or "=" one of `above`, where both are filled; by the day where one is a day."""

    table: str
    column: str
    above: str
    theirs: str
    sign: str

    def bounds(self, theirs: pl.Series) -> Bounds:
        """Of rows below such times."""
        return theirs if self.sign != "<=" else None, theirs if self.sign != ">=" else None

    def __str__(self) -> str:
        return f"{self.table}.{self.column} {self.sign} {self.above}.{self.theirs}"


@dataclass(frozen=True)
class Bonds:
    """All of them."""

    numbers: tuple[Number, ...] = ()
    codes: tuple[Goes, ...] = ()
    same: tuple[Same, ...] = ()
    orders: tuple[Order, ...] = ()

    def __iter__(self) -> Iterator[Number | Goes | Same | Order]:
        yield from (*self.numbers, *self.codes, *self.same, *self.orders)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    @property
    def config(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        numbers = (Number(**{**of, "levels": tuple(of["levels"])}) for of in config["numbers"])
        return cls(
            tuple(numbers),
            tuple(Goes(**of) for of in config["codes"]),
            tuple(Same(**of) for of in config["same"]),
            tuple(Order(**of) for of in config["orders"]),
        )


def base_of(form: Form, column: str) -> str:
    """The column that is learned of which one follows, itself if it follows of none."""
    while column in form.follows:
        column = form.follows[column][0]
    return column


def told_of(form: Form, column: str, cells: pl.Series) -> pl.Series:
    """A column, as text, from the cells of the one it follows from (see base_of)."""
    if column not in form.follows:
        return cells.cast(pl.String)
    other, values = form.follows[column]
    keys, told = values[:, 0].cast(pl.String), values[:, 1].cast(pl.String)
    return told_of(form, other, cells).replace_strict(keys, told, default=None, return_dtype=pl.String)


def dated(dtype: pl.DataType) -> bool:
    return dtype == pl.Date or dtype == pl.Datetime
