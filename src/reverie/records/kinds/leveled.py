"""What kinds of levels share: a value is the place of a level on the column's list; samples are compared by shares."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np
import polars as pl
from numpy.typing import NDArray

from reverie.errors import UsageError, unknown
from reverie.records.backoff import MOST, Grouped
from reverie.records.codes import Code, CodecSettings
from reverie.records.counts import Counts
from reverie.records.forms import AnyForm
from reverie.records.intervals import Floats
from reverie.records.kinds.column import Column, emptied
from reverie.records.kinds.comparing import covered, total_variation
from reverie.records.kinds.evidence import Evidence
from reverie.records.kinds.watch import Watch
from reverie.records.levels import OneHot, OrderedProbit, SequentialProbit
from reverie.records.places import few

__all__ = ["OTHER", "Leveled", "levels_of", "typed"]

OTHER = "(other)"
"""The level that pooled names are read as."""

FEW = 1_000
"""Cells that are looked up one by one."""
_FIRST = {
    "no", "n", "false", "absent", "negative", "neg", "none", "never", "control", "placebo", "alive", "off", "f", "female",
}  # fmt: skip
"""Of two levels, the one to be counted as 0."""


class Leveled(Column):
    """A column of levels, see Column."""

    what: ClassVar[str] = "one of the levels"
    distance: ClassVar[str] = (
        "Total variation: the share of values that would have to be another level to make the shares equal, over {of}."
    )

    @classmethod
    def stated(cls, seen: Evidence) -> dict[str, Any]:
        levels = levels_of(seen.values)
        if not levels or (cls.called == "binary" and len(levels) != 2):
            raise UsageError(f"`kinds={seen.name}={cls.called}`: the column has {len(levels)} different values.")
        return {"levels": levels, "why": "as you said"}

    def watch(self) -> Watch:
        return Watch(self) if self.levels else Levels(self)

    def _follows(self, form: AnyForm) -> dict[str, Any]:
        """The order of the levels, where the type of the cells has one."""
        seen = set(self.levels)
        return {"levels": tuple(level for level in form.levels if level in seen)} if form.levels and seen else {}

    def faults(self, dtype: pl.DataType) -> Iterator[tuple[pl.Expr, str]]:
        cell, known = pl.col(self.name), [*self.levels, *self.pooled]
        what = (
            f"is not one of the schema's levels ({self._few}): correct it, or add it to levels or null_values in the schema."
        )
        if self.levels:
            yield cell.is_not_null() & ~cell.cast(pl.String).is_in(known), what

    @property
    def _few(self) -> str:
        return few(self.levels, 8)

    def read(self, cells: pl.Series, place: str = "") -> Floats:
        index = self._places(cells)
        if (bad := np.flatnonzero(index == -2)).size:
            self._refuse(cells, int(bad[0]), place, f"not one of the levels ({self._few}): correct it or leave it empty")
        return np.where(index < 0, np.nan, index)

    def heard(self, cells: pl.Series) -> pl.Series:
        """The cells, null where they hold a level that is not on the list."""
        return cells.set(pl.Series(self._places(cells) == -2), None)

    def _places(self, cells: pl.Series) -> NDArray[np.int64]:
        """The places of levels [n], of rare ones that of OTHER; -1 where empty, -2 where not on the list."""
        if cells.dtype == pl.Boolean or not cells.dtype.is_numeric():
            keys, key = cells.cast(pl.String), str
        elif cells.dtype.is_integer():  # not by way of floats, which end at 2^53
            keys, key = cells.cast(pl.Int64), _integer
        else:  # 1 and 1.0 are one level
            keys, key = cells.cast(pl.Float64), _number
        places = {name: i for i, level in enumerate(self.levels) if (name := key(level)) is not None}
        other = self.levels.index(OTHER) if OTHER in self.levels else -2
        places |= {name: other for level in self.pooled if (name := key(level)) is not None and name not in places}
        if keys.len() <= FEW and not keys.dtype.is_float():  # faster where polars takes longer to begin than to do it
            return np.array([-1 if name is None else places.get(name, other) for name in keys.to_list()], dtype=np.int64)
        index = keys.replace_strict(list(places), list(places.values()), default=other, return_dtype=pl.Int64)
        return index.set(keys.is_null(), -1).to_numpy()

    def names(self, cells: pl.Series) -> pl.Series:
        """Level names as text, also of a table that a reader took whole numbers for floats in."""
        if cells.dtype.is_float():
            cells = cells.fill_nan(None)
            if (cells.drop_nulls() % 1 == 0).all():
                cells = cells.cast(pl.Int64)
        return cells.cast(pl.String)

    def places(self, names: pl.Series, *others: str) -> Floats:
        places = {level: float(place) for place, level in enumerate([*self.levels, *others])}
        return names.replace_strict(places, default=None, return_dtype=pl.Float64).fill_null(float("nan")).to_numpy()

    def write(self, values: Floats, empty: NDArray[np.bool_] | None, dtype: pl.DataType) -> pl.Series:
        """OTHER is null where the type cannot hold it."""
        return emptied(typed(self.levels, dtype).gather(values.astype(np.int64)), empty, self.name)

    def text(self, value: float) -> str:
        return self.levels[int(value)]

    def parse(self, text: str) -> float:
        if text in self.levels:
            return float(self.levels.index(text))
        number = _number(text)  # 1 and 1.0 are one level
        same = [place for place, level in enumerate(self.levels) if number is not None and _number(level) == number]
        if not same:
            raise unknown(f"level of {self.name}", text, self.levels)
        return float(same[0])

    def code(self, seen: Counts, settings: CodecSettings) -> Code:
        counts = seen.places(len(self.levels))
        if len(counts) > MOST and not self.ordered and not self.ranked:
            return Grouped.fit(counts, self.levels, settings.levels == "one-hot")
        if len(counts) > 1 and settings.levels == "one-hot":
            return OneHot.fit(counts)
        return OrderedProbit.fit(counts) if self.ordered else SequentialProbit.fit(counts)

    def compare(self, real: pl.Series, other: pl.Series) -> dict[str, float]:
        """Distances of two samples of names: "distance" and the share "covered", in [0, 1]."""
        return {"distance": total_variation(real, other), "covered": covered(real, other)}

    @property
    def range(self) -> str:
        joiner = " < " if self.ranked else ", "
        few = [level if len(level) <= 24 else level[:21] + "..." for level in self.levels]
        some = few[:4] if len(few) > 5 else few
        return joiner.join(some) + (f"{joiner}... ({len(few)})" if len(some) < len(few) else "")


class Levels(Watch):
    """The levels of a column that has none yet."""

    def __init__(self, column: Leveled) -> None:
        super().__init__(column)
        self._levels: pl.Series | None = None

    def add(self, cells: pl.Series, rows: pl.Series) -> None:
        super().add(cells, rows)
        more = cells.drop_nulls().unique()
        self._levels = more if self._levels is None else pl.concat([self._levels, more]).unique()

    def observed(self) -> dict[str, Any]:
        return super().observed() | ({} if self._levels is None else {"levels": levels_of(self._levels)})


def levels_of(values: pl.Series) -> tuple[str, ...]:
    """The different values in order, as text; of two names the negative one first."""
    levels = values.drop_nulls().unique().sort().cast(pl.String).to_list()
    if len(levels) == 2 and levels[1].lower() in _FIRST and levels[0].lower() not in _FIRST:
        levels.reverse()
    return tuple(levels)


def typed(texts: tuple[str, ...], dtype: pl.DataType) -> pl.Series:
    """Texts as cells of a type; null where it cannot hold them."""
    if dtype == pl.Boolean:
        return pl.Series(
            [{"true": True, "false": False, "1": True, "0": False}.get(t.lower()) for t in texts], dtype=pl.Boolean
        )
    if dtype.is_integer():
        return pl.Series([_integer(t) for t in texts], dtype=dtype, strict=False)
    if dtype.is_numeric():
        return pl.Series([_number(t) for t in texts], dtype=pl.Float64).cast(dtype, strict=False)
    return pl.Series(texts, dtype=pl.String).cast(dtype, strict=False)


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _integer(text: str) -> int | None:
    try:
        return int(text)
    except ValueError:
        value = _number(text)
        return int(value) if value is not None and value.is_integer() else None
