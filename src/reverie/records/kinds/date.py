"""Calendar days: values are days since 1970."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any, ClassVar

import numpy as np
import polars as pl
from numpy.typing import NDArray

from reverie.records.intervals import Floats
from reverie.records.kinds.column import emptied
from reverie.records.kinds.evidence import Evidence
from reverie.records.kinds.numeric import Numeric, precision_fields

__all__ = ["Date"]

FORMS = ("%Y-%m-%d",)
"""Of dates in text."""


class Date(Numeric):
    """A column of calendar days."""

    called: ClassVar[str] = "date"
    what: ClassVar[str] = "a date"
    example: ClassVar[str] = "2001-12-31"
    frame_type: ClassVar[str] = "Date"
    quantity: ClassVar[bool] = False
    calendar: ClassVar[bool] = True

    @classmethod
    def recognise(cls, seen: Evidence) -> dict[str, Any] | None:
        if seen.cells.dtype != pl.Date:
            return None
        return {"why": "every cell is a date", **precision_fields(seen.values)}

    def _typed(self, cells: pl.Series) -> pl.Series:
        if cells.dtype == pl.String:
            read = (cells.str.strptime(pl.Date, form, strict=False) for form in FORMS)
            return pl.select(pl.coalesce(read)).to_series()
        return cells.cast(pl.Date, strict=False)

    def _floats(self, typed: pl.Series) -> Floats:
        return super()._floats(typed.to_physical().cast(pl.Float64))

    def write(self, values: Floats, empty: NDArray[np.bool_] | None, dtype: pl.DataType) -> pl.Series:
        cells = pl.Series(np.rint(values).astype(np.int64)).cast(pl.Int32).cast(pl.Date)
        return emptied(cells.cast(dtype), empty, self.name)

    def text(self, value: float) -> str:
        return str(date(1970, 1, 1) + timedelta(days=float(value)))

    @property
    def grid(self) -> float:
        return self.unit or 1.0

    @property
    def rounding(self) -> str:
        return "-" if self.unit is None else "1 day"
