"""A table without an identifier: each row is a patient of its own.

identifier of row i = i = 1, 2, ...,  which is dropped on the way back
"""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar, Literal, Self

import polars as pl

from reverie.errors import Undecided
from reverie.records.column_names import names_visit_time, words
from reverie.records.places import ROW
from reverie.records.roles import EACH_ROW, may_be_identifiers, may_be_times
from reverie.records.shapes.shape import PATIENT, Asked, Shape

__all__ = ["Alone"]

BLOCKS = 10
"""From so many different values on, each in rows that stand together, a column may say whose a row is."""


class Alone(Shape):
    """Each row is a patient: there is no identifier, and nobody has a second row."""

    shape: Literal["alone"] = "alone"
    makes: ClassVar[str] = PATIENT

    @classmethod
    def recognise(cls, frame: pl.DataFrame, name: str, asked: Asked) -> Self | None:
        if asked.identifier == (EACH_ROW,) and EACH_ROW not in frame.columns:
            return cls()
        if asked.identifier or asked.time is not None or may_be_identifiers(frame):
            return None
        dated = [c for c in may_be_times(frame) if frame.schema[c].is_temporal()]
        if dated or any(names_visit_time(c, frame.columns) for c in frame.columns):
            return None
        if (column := next((c for c in frame.columns if _in_blocks(frame[c])), None)) is not None:
            raise Undecided(
                f"{name}: no column is named after patients, but rows with the same {column!r} stand together",
                f"say `id={column}` if it says whose a row is, or `id={EACH_ROW}` if each row is a patient of its own.",
                "id",
                (column, EACH_ROW, *frame.columns),
            )
        return cls()

    def apply(self, frame: pl.DataFrame, name: str) -> pl.DataFrame:
        number = pl.col(ROW) if ROW in frame.columns else pl.int_range(1, pl.len() + 1, dtype=pl.Int64)
        return frame.with_columns(number.alias(PATIENT))

    def asked(self, asked: Asked) -> Asked:
        return replace(asked, identifier=(PATIENT,))

    @property
    def nameless(self) -> bool:
        return True

    @property
    def note(self) -> str:
        return "No column says whose a row is: each row is a patient of its own (if one does, name it with `id`)."


def _in_blocks(cells: pl.Series) -> bool:
    """Whether all rows of each value stand together, as those of a patient do; nobody is told by age or by a measurement."""
    if not (cells.dtype == pl.String or cells.dtype.is_integer()) or {"age", "year"} & {*words(cells.name)}:
        return False
    values = cells.n_unique()
    return BLOCKS <= values <= cells.len() / 2 and not cells.null_count() and cells.rle_id().n_unique() == values
