"""Kinds of columns: one file each, one line here. A cell is of the first kind of the list that recognises its column.

empty, constant         no value, one value: written as they were
number                  whose or which it was, never learned: renumbered
date, datetime          calendar days and moments
binary, categorical     two levels; levels without an order, the rare ones of many in groups
ordinal                 levels in an order
integer, real           numbers
text                    free text, written empty; what identifies, replaced by new values of its pattern
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reverie.errors import DataError, unknown
from reverie.records.kinds.binary import Binary
from reverie.records.kinds.categorical import Categorical
from reverie.records.kinds.column import NAMED, Column
from reverie.records.kinds.constant import Constant
from reverie.records.kinds.date import Date
from reverie.records.kinds.datetime import DateTime
from reverie.records.kinds.empty import Empty
from reverie.records.kinds.evidence import Evidence, Mixed
from reverie.records.kinds.fields import ANY, EMPTY, Purpose, Role, Word
from reverie.records.kinds.identifier import Identifier
from reverie.records.kinds.integer import Integer
from reverie.records.kinds.ordinal import Ordinal
from reverie.records.kinds.real import Real
from reverie.records.kinds.text import Text
from reverie.records.kinds.watch import share
from reverie.records.places import at, shown

__all__ = [
    "ANY",
    "EMPTY",
    "KINDS",
    "Column",
    "Evidence",
    "Mixed",
    "Purpose",
    "Role",
    "Word",
    "recognise",
    "recognise_number",
]

KINDS: tuple[type[Column], ...] = (
    Empty,
    Identifier,
    Constant,
    Date,
    DateTime,
    Binary,
    Ordinal,
    Categorical,
    Text,
    Integer,
    Real,
)
"""In the order in which they are tried."""


def recognise(seen: Evidence, stated: str | None = None, **fields: Any) -> Column:
    """The column that cells are.

    Args:
        stated: the kind that the user says it is; None to find it.
        fields: of the column, besides those that its kind decides.

    Raises DataError where numbers and text are mixed beyond what levels can hold, UsageError for a kind that cannot be.
    """
    shared = _shared(seen) | {"missing": share(seen.cells.null_count(), len(seen.cells)), **fields}
    if stated is not None:
        if stated not in NAMED:
            raise unknown(f"kind (`kinds={seen.name}={stated}`)", stated, list(NAMED))
        return _made(NAMED[stated], shared, NAMED[stated].stated(seen))
    for kind in KINDS:
        if (own := kind.recognise(seen)) is not None:
            return _made(kind, shared, own)
    mixed = seen.mixed
    assert mixed is not None  # any other column is text, if nothing else
    raise DataError(
        f"{at(seen.place, mixed.row, seen.name)}{shown(mixed.value)} is "
        f"{'text' if mixed.read >= mixed.text else mixed.what[:-1]} "
        f"among {mixed.read:,} {mixed.what} and {mixed.text:,} text{'s'[: mixed.text > 1]}: correct it, "
        f"say that the text means missing (`null_values={seen.name}=...`), or that the kind is categorical "
        f"(`kinds={seen.name}=categorical`)."
    )


def recognise_number(seen: Evidence) -> Column:
    """The column, of the first kind of numbers that its cells are: numbers, dates or date-times."""
    for kind in KINDS:
        if kind.numeric and (fields := kind.recognise(seen)) is not None:
            return _made(kind, _shared(seen), fields)
    raise TypeError(f"{seen.cells.dtype} is no type of numbers")


def _shared(seen: Evidence) -> dict[str, Any]:
    return {"name": seen.name, "role": seen.role, "type": str(seen.cells.dtype.base_type())}


def _made(kind: type[Column], *fields: Mapping[str, Any]) -> Column:
    merged: dict[str, Any] = {"kind": kind.called}
    for more in fields:
        merged |= more
    return kind.model_validate(merged)
