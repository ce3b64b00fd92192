"""Levels that another table spells otherwise: 1.0 for 1, female for Female, yes for True.

A text is the level that it equals, else the one number that it equals, else the one level that it equals but for capitals;
and where the levels are a yes and a no, the one that says the same.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from reverie.records.faults import shown
from reverie.records.kinds import OTHER
from reverie.records.nulls import emptied, means_missing
from reverie.records.schema import Column

__all__ = ["level_of", "spelled"]

_TRUE = {"true", "t", "yes", "y", "1", "on"}
_FALSE = {"false", "f", "no", "n", "0", "off"}


def spelled(cells: pl.Series, column: Column, words: Sequence[str]) -> tuple[pl.Series, list[str], dict[str, str]]:
    """Cells as the levels of a column, null where they are none of them; notes; and how the cells spell each level.

    The cells themselves are returned if all of them are levels already.
    """
    text = cells.cast(pl.String).str.strip_chars()
    counts = emptied(text, words).drop_nulls().value_counts(sort=True)
    found = {value: level_of(value, column) for value in counts[text.name]}
    spelling: dict[str, str] = {}
    for value, level in found.items():  # the commonest first
        if level is not None and level != OTHER:
            spelling.setdefault(level, value)
    other = {value: level for value, level in found.items() if value != level and value not in column.pooled}
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
        few = ", ".join(shown(value) for value in new[:3]) + (", ..." if len(new) > 3 else "")
        notes.append(f"In {column.name}, {count} that the model knows ({few}): as given, and {seen}.")
    same = {level: value for level, value in spelling.items() if level != value}
    read = text.replace_strict(list(found), list(found.values()), default=None, return_dtype=pl.String)
    return read.alias(cells.name), notes, same


def level_of(value: str, column: Column) -> str | None:
    """The level that a text means; a rare one is itself; OTHER, or None where there is none, for one that is not known."""
    levels = [level for level in column.levels if level != OTHER]
    if value in column.levels or value in column.pooled:
        return value
    one = pl.Series(levels, dtype=pl.String)
    alike = [levels[i] for i in means_missing(one, value).arg_true()]  # equal as numbers
    alike = alike or [level for level in levels if level.casefold() == value.casefold()]
    if not alike and len(levels) == 2:
        told = [_truth(level) for level in levels]
        if set(told) == {True, False} and _truth(value) is not None:
            alike = [levels[told.index(_truth(value))]]
    if len(alike) == 1:
        return alike[0]
    return OTHER if OTHER in column.levels else None


def _truth(text: str) -> bool | None:
    text = text.casefold().removesuffix(".0")
    return True if text in _TRUE else False if text in _FALSE else None
