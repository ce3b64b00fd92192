"""A table without an identifier: each row is a patient of its own.

identifier of row i = i = 1, 2, ...,  which is dropped on the way back
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal, Self

import polars as pl

from reverie.records.roles import EACH_ROW, may_be_identifiers, may_be_times
from reverie.records.shapes.shape import PATIENT, Asked, Shape

__all__ = ["Alone"]


class Alone(Shape):
    """Each row is a patient: there is no identifier, and nobody has a second row."""

    shape: Literal["alone"] = "alone"

    @classmethod
    def recognise(cls, frame: pl.DataFrame, name: str, asked: Asked) -> Self | None:
        if asked.identifier == (EACH_ROW,) and EACH_ROW not in frame.columns:
            return cls()
        nobody = not asked.identifier and asked.time is None and not may_be_identifiers(frame) and not may_be_times(frame)
        return cls() if nobody else None

    def done(self, frame: pl.DataFrame) -> bool:
        return PATIENT in frame.columns

    def apply(self, frame: pl.DataFrame, name: str) -> pl.DataFrame:
        return frame.with_columns(pl.int_range(1, pl.len() + 1, dtype=pl.Int64).alias(PATIENT))

    def undo(self, frame: pl.DataFrame) -> pl.DataFrame:
        return frame.drop(PATIENT, strict=False)

    def asked(self, asked: Asked) -> Asked:
        return replace(asked, identifier=(PATIENT,))

    @property
    def nameless(self) -> bool:
        return True

    @property
    def note(self) -> str:
        return "No column says whose a row is: each row is a patient of its own (if one does, name it with --id)."
