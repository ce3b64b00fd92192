"""An identifier in several columns: subject 1 of site A is not subject 1 of site B.

    identifier of a row = (A, B, ...),  which is dropped on the way back

The last of the columns tells patients apart where the others are the same: it is renumbered. The others are learned as
any column is, unless their names say that they tell someone apart too.
"""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar, Literal, Self

import polars as pl
from pydantic import Field

from reverie.errors import DataError, UsageError, unknown
from reverie.records.shapes.shape import PATIENT, Asked, Shape

__all__ = ["Joined"]

_BETWEEN = " / "
"""How reports call such a patient: A / 1."""


class Joined(Shape):
    """Several columns that together say whose a row is."""

    shape: Literal["joined"] = "joined"
    makes: ClassVar[str] = PATIENT
    columns: tuple[str, ...] = Field(min_length=2)

    @classmethod
    def recognise(cls, frame: pl.DataFrame, name: str, asked: Asked) -> Self | None:
        if len(asked.identifier) < 2:
            return None
        for column in asked.identifier:
            if column not in frame.columns:
                raise unknown("column for `id`", column, frame.columns)
        if len(set(asked.identifier)) < len(asked.identifier) or asked.time in asked.identifier:
            raise UsageError(f"{name}: a column is named twice by `id` and `time`: name each once.")
        return cls(columns=asked.identifier)

    def apply(self, frame: pl.DataFrame, name: str) -> pl.DataFrame:
        for column in self.columns:
            if column not in frame.columns:
                raise DataError(f"{name} has no column {column!r}, a part of the identifier: add it.")
            if (empty := frame[column].is_null()).any():
                raise DataError(
                    f"{name}, data row {empty.arg_true()[0] + 1}, column {column!r}: the cell is empty, so nothing says "
                    "whose visit this is: fill it in, or remove the row."
                )
        parts = [pl.col(column).cast(pl.String).str.strip_chars() for column in self.columns]
        return frame.with_columns(pl.concat_str(parts, separator=_BETWEEN).alias(PATIENT))

    def asked(self, asked: Asked) -> Asked:
        return replace(asked, identifier=(PATIENT,), numbered=(self.columns[-1],))

    @property
    def note(self) -> str:
        *others, last = self.columns
        return f"{', '.join(others)} and {last} together say who a patient is: {last} is renumbered."
