"""A table without a time: one row for each patient, all of it static.

    time of every row = 0,  which is dropped on the way back

Nothing of such a table moves, so nothing of it can be forecast, and no date in it says when a visit was.
"""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar, Literal, Self

import polars as pl

from reverie.errors import UsageError
from reverie.records.column_names import names_visit_time
from reverie.records.roles import patients
from reverie.records.shapes.shape import TIME, Asked, Shape

__all__ = ["Timeless"]


class Timeless(Shape):
    """One row for each patient, and no time."""

    shape: Literal["timeless"] = "timeless"
    makes: ClassVar[str] = TIME

    @classmethod
    def recognise(cls, frame: pl.DataFrame, name: str, asked: Asked) -> Self | None:
        if asked.time is not None or any(names_visit_time(column, frame.columns) for column in frame.columns):
            return None
        whose = [asked.patient] if asked.patient in frame.columns else [] if asked.patient else patients(frame)
        rows = frame.n_unique()  # of rows that are wholly alike one is kept
        return cls() if whose and all(frame[column].n_unique() == rows for column in whose) else None

    def apply(self, frame: pl.DataFrame, name: str) -> pl.DataFrame:
        return frame.with_columns(pl.lit(0, pl.Int64).alias(TIME))

    def asked(self, asked: Asked) -> Asked:
        return replace(asked, time=TIME)

    def check_forecast(self, frame: pl.DataFrame, visits: int, name: str) -> None:
        raise UsageError(
            f"{name} has no time, one row for each patient, so no later visit can be forecast: leave `forecast` out to "
            "fill its empty cells, or train on a table with several visits for each patient."
        )

    @property
    def note(self) -> str:
        return "There is no time, one row for each patient: all columns are static (if one is a time, name it with `time`)."

    @property
    def timeless(self) -> bool:
        return True
