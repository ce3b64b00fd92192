"""One value everywhere: written as it is."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import polars as pl
from numpy.typing import NDArray

from reverie.errors import DataError
from reverie.records.kinds.column import Column
from reverie.records.kinds.evidence import Evidence
from reverie.records.kinds.leveled import typed
from reverie.records.places import ROW, at, first_row, shown

__all__ = ["Constant"]


class Constant(Column):
    """A column of one value."""

    called: ClassVar[str] = "constant"
    learned: ClassVar[bool] = False
    same: ClassVar[bool] = True

    @classmethod
    def recognise(cls, seen: Evidence) -> dict[str, Any] | None:
        if seen.distinct != 1 or len(seen.values) != len(seen.cells):
            return None
        return {"value": seen.values.cast(pl.String)[0], "why": "one value everywhere: written as it is"}

    def check(self, frame: pl.DataFrame, place: str) -> None:
        if row := first_row(frame, pl.col(self.name).cast(pl.String) != (self.value or "")):
            raise DataError(
                f"{at(place, row[ROW], self.name)}{shown(row[self.name])} stands where the schema says that every value is "
                f"{shown(self.value)}: correct it, or change the kind in the schema."
            )

    def fill(self, dtype: pl.DataType, numbers: NDArray[np.int64]) -> pl.Series:
        return typed((self.value or "",), dtype).new_from_index(0, len(numbers))

    @property
    def range(self) -> str:
        return f"always {self.value}"
