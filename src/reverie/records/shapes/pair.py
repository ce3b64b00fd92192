"""A column of two numbers in one cell, such as a blood pressure of 127/82: split into two columns, and joined again.

    "127/82" --split--> 127, 82 --join--> "127/82"

A column is a pair if the two numbers of every one of its cells, joined again, are that cell, to the last character.
"""

from __future__ import annotations

import re
from typing import Literal, Self

import polars as pl
from pydantic import BaseModel, ConfigDict

from reverie.errors import DataError
from reverie.records.column_names import id_of, names_someone
from reverie.records.dtypes import framed
from reverie.records.nulls import NULL_VALUES
from reverie.records.roles import may_be_times
from reverie.records.shapes.shape import Asked, Shape

__all__ = ["Pair", "Pairs"]

_FORM = r"^(-?\d+(?:\.\d+)?)(\s*[/|;x×\\]\s*|\s+-\s+)(-?\d+(?:\.\d+)?)$"

FEW = 10
"""So many different pairs, each in five cells or more, are names of levels."""


class Pair(BaseModel):
    """One column of pairs.

    Attributes:
        column: its name.
        between: what stands between the two numbers.
        decimals: how many digits each of the two has after the point; None for as many as it takes.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    column: str
    between: str
    decimals: tuple[int | None, int | None] = (0, 0)

    @property
    def halves(self) -> tuple[str, str]:
        """The names of the two columns."""
        return f"{self.column} (1)", f"{self.column} (2)"

    def split(self, cells: pl.Series) -> list[pl.Series]:
        """The texts of the two numbers; of a cell of another form, the whole cell twice, for the reader to judge."""
        text = cells.cast(pl.String).str.strip_chars()
        pattern = rf"^([^\s]+?){re.escape(self.between)}([^\s]+)$"
        parts = [text.str.extract(pattern, group) for group in (1, 2)]
        return [
            pl.select(pl.coalesce(part, text)).to_series().alias(name) for part, name in zip(parts, self.halves, strict=True)
        ]

    def join(self, first: pl.Series, second: pl.Series) -> pl.Series:
        """The pairs as text; empty where one of the two is."""
        texts = [self._written(cells, digits) for cells, digits in zip((first, second), self.decimals, strict=True)]
        return (texts[0] + self.between + texts[1]).alias(self.column)

    @staticmethod
    def _written(cells: pl.Series, decimals: int | None) -> pl.Series:
        if not cells.dtype.is_float() or decimals is None:
            return cells.cast(pl.String)
        texts = [None if value is None else f"{value:.{decimals}f}" for value in cells]
        return pl.Series(texts, dtype=pl.String)


class Pairs(Shape):
    """Columns of two numbers a cell."""

    shape: Literal["pairs"] = "pairs"
    pairs: tuple[Pair, ...]

    @classmethod
    def recognise(cls, frame: pl.DataFrame, name: str, asked: Asked) -> Self | None:
        roles = {*asked.identifier, asked.time, *may_be_times(frame)}
        texts = [c for c, dtype in frame.schema.items() if dtype == pl.String and c not in roles and not _names_rows(c)]
        pairs = tuple(pair for c in texts if (pair := _pair(frame[c], set(frame.columns))) is not None)
        return cls(pairs=pairs) if pairs else None

    def done(self, frame: pl.DataFrame) -> bool:
        return all(half in frame.columns for pair in self.pairs for half in pair.halves)

    def apply(self, frame: pl.DataFrame, name: str) -> pl.DataFrame:
        for pair in self.pairs:
            if pair.column not in frame.columns:
                raise DataError(f"{name} has no column {pair.column!r}, which the table learned from has: add it.")
        split = {pair.column: pair.split(frame[pair.column]) for pair in self.pairs}
        return framed(part for cells in frame.iter_columns() for part in split.get(cells.name, [cells]))

    def undo(self, frame: pl.DataFrame) -> pl.DataFrame:
        joined = {
            pair.halves[0]: pair.join(frame[pair.halves[0]], frame[pair.halves[1]])
            for pair in self.pairs
            if self._has(frame, pair)
        }
        gone = {pair.halves[1] for pair in self.pairs}
        return framed(joined.get(cells.name, cells) for cells in frame.iter_columns() if cells.name not in gone)

    @staticmethod
    def _has(frame: pl.DataFrame, pair: Pair) -> bool:
        return all(half in frame.columns for half in pair.halves)

    @property
    def note(self) -> str:
        said = ", ".join(f"{pair.column} as {pair.halves[0]} and {pair.halves[1]}" for pair in self.pairs)
        return f"Cells of two numbers were read as two columns, and are written as they came: {said}."


def _names_rows(column: str) -> bool:
    return names_someone(column) or id_of(column) is not None


def _pair(cells: pl.Series, taken: set[str]) -> Pair | None:
    """The pair that a column of text holds, if it does."""
    text = cells.str.strip_chars()
    text = text.set(text.is_in(["", *NULL_VALUES]), None).drop_nulls()
    if not len(text) or not text.str.contains(_FORM).all():
        return None
    parts = [text.str.extract(_FORM, group) for group in (1, 2, 3)]
    few = text.n_unique() == 1 or (text.n_unique() <= FEW and len(text) >= 5 * text.n_unique())
    if few or parts[1].n_unique() > 1 or any(part.str.contains(r"^-?0\d").any() for part in parts[::2]):
        return None  # names of levels, or of something else that has zeros before it
    if parts[2].str.contains(r"^(19|20)\d\d$").all():
        return None  # a month and a year
    decimals = tuple(_decimals(part) for part in parts[::2])
    pair = Pair(column=cells.name, between=parts[1][0], decimals=decimals)  # type: ignore[arg-type]
    numbers = [_number(part) for part in parts[::2]]
    same = pair.join(*numbers).rename("") == text.rename("")
    return pair if same.all() and not {*pair.halves} & taken else None


def _decimals(texts: pl.Series) -> int | None:
    """Digits after the point, if all have as many."""
    digits = texts.str.extract(r"\.(\d+)$", 1).str.len_chars().fill_null(0)
    return int(digits[0]) if digits.n_unique() == 1 else None


def _number(texts: pl.Series) -> pl.Series:
    whole = texts.cast(pl.Int64, strict=False)
    return whole if not whole.null_count() else texts.cast(pl.Float64)
