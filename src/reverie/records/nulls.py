"""What stands for a missing value: an empty cell, some words, and what the user says, everywhere or in one column.

    a cell is missing  <=>  its text is one of the column's, or both are numbers (or times) and equal

so -9, -9.0 and "-9" are one, in text and in typed columns. What the user says is never looked for in the identifier or
the time, where a 9 is a patient and a 0 a day.

Words that mean "missing" in a column of numbers may be names in one of text: None is how much some people drink, NA is where
others live. In text such a word is a value, unless the user or the schema says that it is missing, or the columns of numbers
or dates of the same table write it, and the column leaves no cell empty: then it is the table's word for "missing".
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from operator import or_

import polars as pl

__all__ = ["NULL_VALUES", "WORDS", "NullTexts", "emptied", "listed", "means_missing", "number", "of_columns", "say"]

NULL_VALUES = ("NA", "N/A", "n/a", "NaN", "nan", "NULL", "null", "None", ".")
"""What stands for a missing value where nothing else is said."""

WORDS = ("NA", "N/A", "n/a", "null", "None")
"""Those of NULL_VALUES that people write too. The others (NaN, NULL, a full stop) only programs write: they are no names."""

_PLAIN = r"^[+-]?(?:(?:0|[1-9]\d*)(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?$"
"""A number without leading zeros: 007 is a name, and not 7."""


@dataclass(frozen=True)
class NullTexts:
    """What the user says that stands for a missing value: in every column, and in single ones."""

    everywhere: tuple[str, ...] = ()
    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def of(self, column: str) -> tuple[str, ...]:
        return (*self.everywhere, *self.columns.get(column, ()))

    @classmethod
    def read(cls, texts: Iterable[str], columns: Sequence[str]) -> NullTexts:
        """Reads texts such as "-9" and "weight=-9": a column's name before "=" makes it a text of that column alone.

        Where no column has that name the whole is a plain text; of several names that fit, the longest is meant.
        """
        everywhere, single = [], {}
        for text in texts:
            fits = [column for column in columns if text.startswith(f"{column}=")]
            if fits:
                column = max(fits, key=len)
                single[column] = (*single.get(column, ()), text[len(column) + 1 :])
            else:
                everywhere.append(text)
        return cls(tuple(everywhere), single)


def means_missing(cells: pl.Series, word: str) -> pl.Series:
    """Which cells, of text or of any type, are this text for "missing". Bool, false for an empty cell."""
    value = number(word)
    if cells.dtype == pl.String:
        same = cells == word
        if value is not None:
            same |= (cells.cast(pl.Float64, strict=False) == value) & cells.str.contains(_PLAIN)
    elif cells.dtype.is_numeric():
        same = cells == value if value is not None else cells.is_null() & False
    elif cells.dtype.is_temporal():
        same = cells.cast(pl.String).str.replace(r"[T ]00:00(:00)?(\.0+)?$", "") == word.removesuffix(" 00:00:00")
    else:
        same = cells.cast(pl.String) == word
    return same.fill_null(False)


def emptied(cells: pl.Series, words: Sequence[str]) -> pl.Series:
    """The cells without those that mean "missing"; an empty text does in any case."""
    if cells.dtype == pl.String:
        odd = [word for word in words if number(word) is not None]
        missing = [cells.is_in(["", *words]).fill_null(False), *(means_missing(cells, word) for word in odd)]
    else:
        missing = [means_missing(cells, word) for word in words if word not in NULL_VALUES]
    if not missing or not (where := reduce(or_, missing)).any():
        return cells
    return pl.select(pl.when(~where).then(cells).alias(cells.name)).to_series()


def of_columns(
    cells_of: Mapping[str, pl.Series], said: NullTexts, is_text: Callable[[pl.Series], bool]
) -> tuple[dict[str, tuple[str, ...]], dict[str, tuple[str, ...]]]:
    """What stands for a missing value in each column; and the part of it where that is not what holds for all columns.

    Args:
        cells_of: cells by column, those of text without spaces around them.
        is_text: whether cells of text, without words for "missing", are names rather than numbers, dates or truth values.
    """
    every = tuple(dict.fromkeys((*NULL_VALUES, *said.everywhere)))
    texts = {column: cells for column, cells in cells_of.items() if cells.dtype == pl.String}
    held_by: dict[str, list[str]] = {}
    of_table: set[str] = set()  # what columns that are no text write
    for column, text in texts.items():
        held = [word for word in WORDS if word not in said.of(column) and (text == word).any()]
        if held and is_text(emptied(text, every)):
            held_by[column] = held
        else:
            of_table |= set(held)
    own = {column: (*every, *words) for column, words in said.columns.items()}
    for column, held in held_by.items():
        whole = not texts[column].is_null().any() and not (texts[column] == "").any()
        if kept := [word for word in held if not (whole and word in of_table)]:
            own[column] = tuple(word for word in own.get(column, every) if word not in kept)
    return {column: own.get(column, every) for column in cells_of}, own


def say(
    cells_of: Mapping[str, pl.Series], nulls: Mapping[str, Sequence[str]], own: Mapping[str, Sequence[str]], names: set[str]
) -> list[str]:
    """Notes on each text that means "missing" in some column, and on each that was decided to be a value in one.

    Args:
        cells_of, nulls, own: see of_columns.
        names: columns of names, of which it was decided here what means "missing".
    """
    notes = []
    for word in dict.fromkeys(word for words in (*nulls.values(), NULL_VALUES) for word in words):
        fits = {c: cells for c, cells in cells_of.items() if cells.dtype == pl.String or word not in NULL_VALUES}
        where = {column: int(means_missing(cells, word).sum()) for column, cells in fits.items()}
        lost = {c: f"{c} ({_cells(k)})" for c, k in where.items() if k and word in nulls[c]}
        kept = [f"{c} ({_cells(k)})" for c, k in where.items() if k and c in own and c not in lost and word in NULL_VALUES]
        if kept:
            few = listed(kept)
            notes.append(
                f"{word!r} was taken as a value in {few}: if it means missing there, say so with `null_values={word}`."
            )
        if lost:
            remedy = ": where it is a value, give the column null_values: [] in a schema" if names & set(lost) else ""
            notes.append(f"{word!r} was read as missing in {listed(list(lost.values()))}{remedy}.")
    return notes


def listed(names: Sequence[str]) -> str:
    """The first few of some names, and how many more."""
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")


def _cells(count: int) -> str:
    return f"{count:,} cell{'s'[: count > 1]}"


def number(text: str) -> float | None:
    """The number that a text writes without leading zeros; None for what is no number, or not finite."""
    return float(text) if re.fullmatch(_PLAIN, text) and math.isfinite(float(text)) else None
