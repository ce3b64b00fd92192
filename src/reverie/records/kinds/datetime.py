"""Moments: values are days since 1970, with their fractions; what they are whole multiples of is given in seconds."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, ClassVar

import numpy as np
import polars as pl
from numpy.typing import NDArray

from reverie.records.intervals import Floats
from reverie.records.kinds.column import emptied
from reverie.records.kinds.date import Calendar
from reverie.records.kinds.evidence import Evidence
from reverie.records.kinds.numeric import precision_fields

__all__ = ["DateTime"]

DAY = 86_400
"""Seconds."""
MICROSECOND = 1e6 * DAY
"""Microseconds a day."""


class DateTime(Calendar):
    """A column of dates with the time of day."""

    called: ClassVar[str] = "datetime"
    what: ClassVar[str] = "a datetime"
    frame_type: ClassVar[str] = "Datetime"
    forms: ClassVar[tuple[str, ...]] = ("%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d")

    @classmethod
    def recognise(cls, seen: Evidence) -> dict[str, Any] | None:
        if seen.cells.dtype != pl.Datetime:
            return None
        fields = precision_fields(seen.values)
        return {"why": "every cell is a date-time", **fields, "unit": cls.in_schema(fields.get("unit"))}

    @staticmethod
    def in_schema(unit: float | None) -> float | None:
        return None if unit is None else round(unit * DAY)

    def _typed(self, cells: pl.Series) -> pl.Series:
        if isinstance(cells.dtype, pl.Datetime) and cells.dtype.time_zone:
            cells = cells.dt.convert_time_zone("UTC").dt.replace_time_zone(None)  # an hour told twice in autumn is two
        return super()._typed(cells)

    def write(self, values: Floats, empty: NDArray[np.bool_] | None, dtype: pl.DataType) -> pl.Series:
        if self.unit:  # whole seconds, minutes, hours: days as floats are exact to a microsecond only
            micro = np.rint(values * DAY / self.unit).astype(np.int64) * round(self.unit * 1_000_000)
        else:
            micro = np.rint(values * MICROSECOND).astype(np.int64)
        cells = pl.Series(micro).cast(pl.Datetime("us"))
        zone = getattr(dtype, "time_zone", None)
        cells = cells.dt.replace_time_zone("UTC").dt.convert_time_zone(zone) if zone else cells
        return emptied(cells.cast(dtype), empty, self.name)

    def text(self, value: float) -> str:
        return (datetime(1970, 1, 1) + timedelta(days=float(value))).strftime("%Y-%m-%d %H:%M")

    @property
    def step(self) -> float | None:
        return None if self.unit is None else self.unit / DAY

    @property
    def rounding(self) -> str:
        return "-" if self.unit is None else f"{self.unit:g} s"
