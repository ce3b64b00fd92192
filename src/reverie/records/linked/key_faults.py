"""Keys that are not what they are called: that of two rows, or of no row where rows of patients would be nobody's."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import polars as pl

from reverie.errors import DataError
from reverie.records.linked.keys import FOUND, fit_of, names_a_person, names_key, says_of_what, share_of
from reverie.records.places import counted, shown

__all__ = ["astray", "no_key_lost", "no_key_twice", "plainly"]

MOSTLY = 0.9
"""From this share of different values on, a column that is named as the key of its table was meant to be it, and what
stands twice is a fault."""


def no_key_twice(frame: pl.DataFrame, table: str, name: str) -> None:
    """Raises DataError for a column that was meant to be the key of its table, and is that of two rows."""
    for column in frame.columns:
        whole = frame[column].is_unique().all() and not frame[column].null_count()
        if not names_key(column) or fit_of(column, table) > 0 or whole:
            continue
        cells = frame[column].drop_nulls()
        if frame.height > 1 and cells.n_unique() >= MOSTLY * frame.height:
            twice = cells.filter(cells.is_duplicated())
            if not twice.len():
                raise _empty(frame[column], table, name)
            which = f"{twice[0]!r} stands in several rows that differ"
            raise DataError(f"{name}/{table}: {column} is its key, and {which}: keep one of them, or rename the column.")


def no_key_lost(frames: Mapping[str, pl.DataFrame], keys: Mapping[str, str | None], name: str) -> None:
    """Raises DataError for a column that would be the key of a table without one, were it not empty in a few rows: other
    tables name its rows, several times the same, and it is no table's key."""
    owned = set(keys.values())
    for table, frame in frames.items():
        for column in frame.columns if keys[table] is None else ():
            if column in owned or not names_key(column) or names_a_person(column) or not frame[column].null_count():
                continue
            cells = frame[column].drop_nulls()
            if cells.len() < MOSTLY * frame.height or not cells.is_unique().all():
                continue
            others = [of[column].drop_nulls() for other, of in frames.items() if other != table and column in of.columns]
            if any(o.n_unique() < o.len() and share_of(o, cells) >= FOUND for o in others):
                raise _empty(frame[column], table, name)


def _empty(cells: pl.Series, table: str, name: str) -> DataError:
    rows = cells.is_null().arg_true()
    which = f"{counted(rows.len(), 'row', 'has have')} none (data row {int(rows[0]) + 1})"
    return DataError(
        f"{name}/{table}: {cells.name} is its key, and {which}: give each row its own, or take out those without, or rename "
        "the column."
    )


def astray(
    frames: Mapping[str, pl.DataFrame],
    name: str,
    keys: Mapping[str, pl.Series],
    tied: Mapping[str, Collection[str]],
    hanging: Collection[str],
) -> tuple[list[str], str | None]:
    """Columns that are called as the key of another table and tie nothing: a sentence for each in a table that hangs on
    patients, and one for the first that does not. Carried over as it is, such a table would give patients away.

    Args:
        keys: by the name of a table that hangs on patients, its key.
        tied: by the name of a table, its columns that refer to others.
    """
    notes, fault = [], None
    for table, frame in frames.items():
        found = _astray(frame.drop(*tied[table]), {other: cells for other, cells in keys.items() if other != table})
        if found is None:
            continue
        column, other = found
        if table not in hanging:
            fault = fault or f"{name}/{table}: {_apart(frame[column], other, keys[other])}"
        elif table not in keys or column != keys[table].name:
            notes.append(f"{table}.{column} is called as keys of {other} are, and names few of its rows: it ties nothing.")
    return notes, fault


def _apart(cells: pl.Series, other: str, keys: pl.Series) -> str:
    """Why cells that are called as the keys of another table name no row there, and what to do."""
    ours, theirs = (series.drop_nulls().cast(pl.String) for series in (cells, keys))
    lost = ours.filter(~ours.is_in(theirs.implode()))
    if not lost.len():
        return f"{cells.name} names rows of {other} by their {keys.name}: call both columns alike."
    near = theirs.filter(plainly(theirs) == plainly(lost)[0])
    first = f"{shown(lost[0])}{f', where {shown(near[0])} stands' if near.len() else ''}"
    return (
        f"{cells.name} is called as keys of {other} are, and {counted(lost.len(), 'cell', 'names name')} no row there "
        f"({first}): write keys alike in both tables, rename the column if it names something else, or say in a schema what "
        "the table is."
    )


def _astray(frame: pl.DataFrame, keys: Mapping[str, pl.Series]) -> tuple[str, str] | None:
    """A column of a table that is called as the key of another (or as keys of persons are, where that is one), and that
    table; None where there is none."""
    for table, theirs in sorted(keys.items(), key=lambda one: fit_of(one[1].name, one[0])):
        person = names_a_person(theirs.name)
        if not says_of_what(theirs.name):
            continue
        for column, dtype in frame.schema.items():
            alike = column.lower() == theirs.name.lower() or (person and names_a_person(column))
            if alike and (dtype == pl.String or dtype.is_integer()) and frame[column].count():
                return column, table
    return None


def plainly(cells: pl.Series) -> pl.Series:
    """Keys without what writes one key in two ways: capitals, spaces, and zeros before it."""
    return cells.cast(pl.String).str.strip_chars().str.to_lowercase().str.replace(r"^(\D*?)0+(\d)", "${1}${2}")
