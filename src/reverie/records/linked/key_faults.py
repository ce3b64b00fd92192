"""Keys that are not what they are called: that of two rows, or of no row where rows of patients would be nobody's."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

import polars as pl

from reverie.errors import DataError
from reverie.records.linked.keys import fit_of, names_a_person, names_key, says_of_what
from reverie.records.places import counted, shown

__all__ = ["no_key_twice", "none_astray", "plainly"]

MOSTLY = 0.9
"""From this share of different values on, a column that is named as the key of its table was meant to be it, and what
stands twice is a fault."""


def no_key_twice(frame: pl.DataFrame, table: str, name: str) -> None:
    """Raises DataError for a column that was meant to be the key of its table, and is that of two rows."""
    for column in frame.columns:
        if not names_key(column) or fit_of(column, table) > 0 or frame[column].is_unique().all():
            continue
        cells = frame[column].drop_nulls()
        if frame.height > 1 and cells.n_unique() >= MOSTLY * frame.height:
            twice = cells.filter(cells.is_duplicated())
            which = f"{twice[0]!r} stands in several rows that differ" if twice.len() else "an empty cell is the key"
            raise DataError(f"{name}/{table}: {column} is its key, and {which}: keep one of them, or rename the column.")


def none_astray(
    frames: Mapping[str, pl.DataFrame],
    name: str,
    keys: Mapping[str, pl.Series],
    tied: Mapping[str, Collection[str]],
    hanging: Collection[str],
) -> Iterator[str]:
    """A sentence for each table that hangs on patients, and has a column called as the key of another that ties nothing.

    Args:
        keys: by the name of a table that hangs on patients, its key.
        tied: by the name of a table, its columns that refer to others.

    Raises DataError for such a table that does not hang on them: carried over as it is, it would give patients away.
    """
    for table, frame in frames.items():
        found = _astray(frame.drop(tied[table]), {other: cells for other, cells in keys.items() if other != table})
        if found is None:
            continue
        column, other = found
        if table in hanging:
            if column not in (key.name for of, key in keys.items() if of == table):
                yield f"{table}.{column} is called as keys of {other} are, and names few of its rows: it ties nothing."
            continue
        ours, theirs = (cells.drop_nulls().cast(pl.String) for cells in (frame[column], keys[other]))
        lost = ours.filter(~ours.is_in(theirs.implode()))
        if not lost.len():
            raise DataError(
                f"{name}/{table}: {column} names rows of {other} by their {theirs.name}: call both columns alike."
            )
        near = theirs.filter(plainly(theirs) == plainly(lost)[0])
        first = f"{shown(lost[0])}{f', where {shown(near[0])} stands' if near.len() else ''}"
        none = counted(lost.len(), "cell", "names name")
        raise DataError(
            f"{name}/{table}: {column} is called as keys of {other} are, and {none} no row there ({first}): write keys "
            "alike in both tables, or rename the column if it names something else."
        )


def _astray(frame: pl.DataFrame, keys: Mapping[str, pl.Series]) -> tuple[str, str] | None:
    """A column of a table that is called as the key of another (or as keys of persons are, where that is one), and that
    table; None where there is none."""
    for table, theirs in keys.items():
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
