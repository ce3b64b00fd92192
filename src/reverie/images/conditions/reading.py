"""Tables that tell attributes of pictures: what their columns are, and what they say of which picture.

    colour, age             levels, numbers and dates, recognised as those of records are (records/parsing, records/kinds)
    emb_0, emb_1, ...       a vector, as are a column of lists and an array [N, D] (columns)
    file                    names the picture (rows)

Columns that nothing is learned of (text, identifiers, one value) are left out, and said to be.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl

from reverie.errors import DataError, Undecided, UsageError
from reverie.images.conditions.attribute import Attribute, named
from reverie.images.conditions.columns import columns_of
from reverie.images.conditions.rows import FILES, rows_of
from reverie.images.conditions.told import Told
from reverie.records.kinds import Column, Evidence, recognise
from reverie.records.nulls import NULL_VALUES, emptied
from reverie.records.parsing import parse
from reverie.records.places import ROW, at, shown

__all__ = ["read_told", "read_wishes"]


def read_told(source: Any, pictures: Sequence[str], count: int, root: str = "", file_column: str | None = None) -> Told:
    """What a table tells of `count` pictures.

    Args:
        source: a table as of records (a file, a frame of polars or pandas), a .parquet file or frame with columns of lists,
            an .npy, .npz or .safetensors file, an array [N, D] or a dict of arrays.
        pictures, root: their paths where they are files, and the name of their folder; empty for arrays.
        file_column: the column that names them; found if left out.

    Raises DataError for a table that does not fit the pictures, for two rows of one, for a vector that is not whole, and for
    a table that tells nothing; UsageError for an unknown column.
    """
    columns = columns_of(source)
    rows, column, notes = rows_of(columns, pictures, root, count, file_column)
    if rows is None:
        rows = np.arange(count)
    there = np.flatnonzero(rows >= 0)
    plain = columns.frame.drop(column) if column else columns.frame
    numbers = pl.int_range(1, columns.count + 1, dtype=pl.Int64, eager=True).alias(ROW)
    plain = pl.DataFrame([*plain.get_columns(), numbers])[rows[there]]  # there may be vectors alone
    attributes, values, unused = _recognised(plain, columns.name)
    for name, vectors in columns.vectors.items():
        attributes.append(Attribute(name=name, kind="vector", length=vectors.shape[1]))
        values[name] = vectors[rows[there]]
    if not attributes:
        why = "; ".join(unused) or "it has no other columns"
        raise DataError(
            f"{columns.name} tells nothing of the pictures that can be learned ({why}): add a column that does, or "
            "leave it out."
        )
    spread = {name: _spread(cells, there, count) for name, cells in values.items()}
    notes = (*columns.notes, *notes)
    notes += (f"Not used of {columns.name}: {'; '.join(unused)}.",) if unused else ()
    return Told(columns.name, tuple(attributes), spread, count, notes, columns.path)


def read_wishes(source: Any, attributes: Sequence[Attribute]) -> tuple[dict[str, np.ndarray], int]:
    """What a table wishes of pictures, a row for each: values by the names of attributes, and the number of rows.

    Raises DataError, naming table, row and column, for what a model with these attributes was not trained with.
    """
    columns = columns_of(source, {each.name: each.length for each in attributes if each.kind == "vector"})
    frame = columns.frame.drop([name for name in columns.frame.columns if name.lower() in FILES])
    values: dict[str, np.ndarray] = {}
    try:
        for name in (*frame.columns, *columns.vectors):
            if (named(attributes, name).kind == "vector") != (name in columns.vectors):
                raise UsageError(f"{name} is {named(attributes, name).words}, and here it is not: give it so")
        for cells in frame.iter_columns():
            known = named(attributes, cells.name)
            values[cells.name] = known.read(emptied(cells, list(NULL_VALUES)), columns.name)
            known.check(values[cells.name])
        for name, vectors in columns.vectors.items():
            if vectors.shape[1] != (length := named(attributes, name).length):
                raise UsageError(f"{name} has {vectors.shape[1]} numbers here, and {length} in training: give as many")
            values[name] = vectors
    except UsageError as error:
        raise DataError(f"{columns.name}: {str(error).rstrip('.')}.") from error
    if not values:
        raise DataError(f"{columns.name} has no attribute: give some of {', '.join(each.name for each in attributes)}.")
    return values, columns.count


def _recognised(frame: pl.DataFrame, name: str) -> tuple[list[Attribute], dict[str, np.ndarray], list[str]]:
    """The attributes among plain columns, their values, and what was left out and why."""
    try:
        parsed = parse(frame, name)
    except Undecided as error:
        raise DataError(f"{error.fault}: write its dates as 2026-01-31.") from error
    attributes, values, unused = [], {}, []
    for cells in parsed.frame.drop(ROW).iter_columns():
        if cells.dtype.is_float() and len(bad := cells.is_infinite().fill_null(False).arg_true()):
            place = at(name, parsed.frame[ROW][bad[0]], cells.name)
            raise DataError(f"{place}the number is infinite: correct it or leave it empty.")
        column = _column(Evidence(cells.name, cells, "varying", parsed.mixed.get(cells.name), name))
        if form := parsed.forms.get(cells.name):
            column = column.in_form(form)
        if not column.learned or column.same or not (column.numeric or len(column.levels) > 1):
            unused.append(f"{column.label} ({column.kind}: {column.why})")
            continue
        if column.numeric:
            column = column.model_copy(update=column.observed(cells))
        attribute = Attribute.of(column)
        attributes.append(attribute)
        values[cells.name] = attribute.read(cells, name)
    return attributes, values, unused


def _column(seen: Evidence) -> Column:
    """As records have it; what mixes numbers and text beyond levels is refused with a remedy that there is here."""
    try:
        return recognise(seen)
    except DataError as error:
        if (mixed := seen.mixed) is None:
            raise
        odd, rest = ("text", mixed.what) if mixed.read >= mixed.text else (mixed.what[:-1], "text")
        raise DataError(
            f"{at(seen.place, mixed.row, seen.name)}{shown(mixed.value)} is {odd} among {rest}: correct it, or leave the "
            "cell empty."
        ) from error


def _spread(values: np.ndarray, there: np.ndarray, count: int) -> np.ndarray:
    """Values of the pictures that have a row, among all of them."""
    whole = np.full((count, *values.shape[1:]), np.nan, values.dtype)
    whole[there] = values
    return whole
