"""Calendar days: values are days since 1970."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any, ClassVar

import numpy as np
import polars as pl
from numpy.typing import NDArray

from reverie.records.dtypes import TYPES
from reverie.records.intervals import Floats
from reverie.records.kinds.column import emptied
from reverie.records.kinds.evidence import Evidence
from reverie.records.kinds.numeric import Numeric, precision_fields

__all__ = ["Calendar", "Date"]


class Calendar(Numeric):
    """What columns of dates share, with the time of day or without."""

    example: ClassVar[str] = "2001-12-31"
    quantity: ClassVar[bool] = False
    calendar: ClassVar[bool] = True
    forms: ClassVar[tuple[str, ...]]
    """How they are written in text, the first that fits."""

    def _typed(self, cells: pl.Series) -> pl.Series:
        dtype = TYPES[self.frame_type]
        if cells.dtype == pl.String:
            read = (cells.str.strptime(dtype, form, strict=False) for form in self.forms)  # pyright: ignore[reportArgumentType]
            return pl.select(pl.coalesce(read)).to_series()
        return cells.cast(dtype, strict=False)


class Date(Calendar):
    """A column of calendar days."""

    called: ClassVar[str] = "date"
    what: ClassVar[str] = "a date"
    frame_type: ClassVar[str] = "Date"
    forms: ClassVar[tuple[str, ...]] = ("%Y-%m-%d",)

    @classmethod
    def recognise(cls, seen: Evidence) -> dict[str, Any] | None:
        if seen.cells.dtype != pl.Date:
            return None
        return {"why": "every cell is a date", **precision_fields(seen.values)}

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
