"""Levels that another table spells otherwise: 1.0 for 1, female for Female, yes for True.

A text is the level that it equals, else the one number that it equals, else the one level that it equals but for capitals;
and where the levels are a yes and a no, the one that says the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import polars as pl

from reverie.records.commonest import commonest
from reverie.records.kinds.leveled import OTHER
from reverie.records.nulls import emptied, number
from reverie.records.places import few, shown
from reverie.records.schema import Column

__all__ = ["reader", "spelled"]

_TRUE = {"true", "t", "yes", "y", "1", "on"}
_FALSE = {"false", "f", "no", "n", "0", "off"}


def spelled(cells: pl.Series, column: Column, words: Sequence[str]) -> tuple[pl.Series, list[str], dict[str, str]]:
    """Cells as the levels of a column, null where they are none of them; notes; and how the cells spell each level.

    The cells themselves are returned if all of them are levels already.
    """
    text = cells.cast(pl.String).str.strip_chars()
    seen = commonest(emptied(text, words))
    level_of = reader(column)
    level_by_text = {value: level_of(value) for value in seen}
    spelling: dict[str, str] = {}
    for value, level in level_by_text.items():  # the commonest first
        if level is not None and level != OTHER:
            spelling.setdefault(level, value)
    other = {value: level for value, level in level_by_text.items() if value != level and value not in column.pooled}
    if not other:
        return cells, [], {}
    notes = []
    if again := [f"{v!r} as {level!r}" for v, level in other.items() if level not in (None, OTHER)]:
        notes.append(f"In {column.name}, {' and '.join(again[:3])}{' and so on' if len(again) > 3 else ''}: read alike.")
    new = [value for value, level in other.items() if level in (None, OTHER)]
    if new:
        lost = int(text.is_in(new).sum())
        seen = f"seen by the model as {OTHER}" if OTHER in column.levels else "not seen by the model"
        count = f"{lost:,} given value{' is no level' if lost == 1 else 's are no levels'}"
        notes.append(f"In {column.name}, {count} that the model knows ({few(map(shown, new))}): as given, and {seen}.")
    same = {level: value for level, value in spelling.items() if level != value}
    read = text.replace_strict(list(level_by_text), list(level_by_text.values()), default=None, return_dtype=pl.String)
    return read.alias(cells.name), notes, same


def reader(column: Column) -> Callable[[str], str | None]:
    """What finds the level that a text means: a rare one is itself; one not known is OTHER, or None without such a level."""
    levels = [level for level in column.levels if level != OTHER]
    unknown = OTHER if OTHER in column.levels else None
    names = {*column.levels, *column.pooled}
    numbers, capitals = (_single(levels, of) for of in (number, str.casefold))
    truths = _single(levels, _truth) if len(levels) == 2 and {_truth(level) for level in levels} == {True, False} else {}

    def level_of(text: str) -> str | None:
        if text in names:
            return text
        for lookup, of in ((numbers, number), (capitals, str.casefold), (truths, _truth)):
            if (key := of(text)) is not None and key in lookup:
                return lookup[key]
        return unknown

    return level_of


def _single(levels: Sequence[str], of: Callable[[str], Any]) -> dict[Any, str]:
    """The levels by something said of them, where it is said of one alone."""
    counts = Counter(of(level) for level in levels)
    return {key: level for level in levels if (key := of(level)) is not None and counts[key] == 1}


def _truth(text: str) -> bool | None:
    text = text.casefold().removesuffix(".0")
    return True if text in _TRUE else False if text in _FALSE else None
