"""Types of stored cells that the plain types of a modelled frame do not tell: they come out as they went in.

Decimal -> Float64, Enum and Categorical -> String, Duration and Time -> whole seconds or microseconds,
Datetime of any unit and zone -> the clock on the wall in that zone (or UTC, where an hour came twice)
"""

from __future__ import annotations

import re
from typing import Any, Literal

import polars as pl

from reverie.errors import UsageError
from reverie.records.dtypes import DATETIME
from reverie.records.forms.base import Form

__all__ = ["StoredForm", "of_pandas", "recognise"]

_DAY = 86_400 * 10**6
_PLAIN_TIME = pl.Datetime("us")


class StoredForm(Form):
    """A type of cells.

    Attributes:
        type: as polars calls it: "Decimal(10, 2)", "Enum", "Categorical", "Datetime[ns, Europe/Paris]", "Duration[ms]",
            "Time", "Null".
        categories: of an Enum or a Categorical, in their order.
        step: microseconds that a value of a Duration or Time counts.
        wall: date-times with a zone are those of its own clock, else of UTC.
    """

    form: Literal["stored"] = "stored"
    type: str
    categories: tuple[str, ...] = ()
    step: int = 1
    wall: bool = True

    @property
    def words(self) -> str:
        kind = self.type.partition("[")[0].partition("(")[0]
        if kind in ("Duration", "Time"):
            return f"stored as {self.type}, in {'seconds' if self.step == 10**6 else 'microseconds'}"
        clock = " on its own clock" if self.wall else " in UTC"
        return f"stored as {self.type}{clock if ', ' in self.type and kind == 'Datetime' else ''}"

    @property
    def levels(self) -> tuple[str, ...]:
        return self.categories if self.type == "Enum" else ()

    @property
    def bounds(self) -> tuple[float | None, float | None]:
        return (0.0, float(_DAY // self.step - 1)) if self.type == "Time" else (None, None)

    @property
    def dtype(self) -> pl.DataType:
        """The type of the cells. Raises UsageError for one that is none of these."""
        if match := re.fullmatch(r"Decimal\((\d+), ?(\d+)\)", self.type):
            return pl.Decimal(int(match[1]), int(match[2]))
        if match := DATETIME.fullmatch(self.type):
            return pl.Datetime(match[1], match[2])  # pyright: ignore[reportArgumentType]
        if match := re.fullmatch(r"Duration\[(ms|us|ns)\]", self.type):
            return pl.Duration(match[1])  # pyright: ignore[reportArgumentType]
        simple = {"Enum": pl.Enum(self.categories), "Categorical": pl.Categorical(), "Time": pl.Time(), "Null": pl.Null()}
        if self.type not in simple:
            raise UsageError(
                f"{self.type!r} is no type in which cells are stored: take out the column's form in the schema."
            )
        return simple[self.type]

    def read(self, cells: pl.Series) -> pl.Series:
        if cells.dtype != self.dtype:
            return cells
        if cells.dtype.is_decimal():
            return cells.cast(pl.Float64)
        if isinstance(cells.dtype, pl.Datetime):
            zone = cells.dtype.time_zone
            cells = cells.dt.convert_time_zone("UTC") if zone and not self.wall else cells
            return cells.dt.replace_time_zone(None).cast(_PLAIN_TIME) if zone else cells.cast(_PLAIN_TIME)
        if isinstance(cells.dtype, pl.Duration):
            return cells.cast(pl.Duration("us")).to_physical() // self.step
        if cells.dtype == pl.Time:
            return cells.to_physical() // (1000 * self.step)
        return cells.cast(pl.String)

    def write(self, cells: pl.Series) -> pl.Series:
        target = self.dtype
        if cells.dtype == target:
            return cells
        if isinstance(target, pl.Decimal):
            return cells.cast(pl.Float64).round(target.scale or 0).cast(target, strict=False)
        if isinstance(target, pl.Datetime) and target.time_zone and isinstance(cells.dtype, pl.Datetime):
            if self.wall:
                shown, later = (
                    clock.dt.replace_time_zone(target.time_zone, ambiguous="earliest", non_existent="null")
                    for clock in (cells, cells.dt.offset_by("1h"))  # an hour left out in spring is one that does not exist
                )
                return shown.fill_null(later).cast(target)
            return cells.dt.replace_time_zone("UTC").dt.convert_time_zone(target.time_zone).cast(target)
        if isinstance(target, pl.Duration) and cells.dtype.is_numeric():
            return (cells.cast(pl.Float64).round(0).cast(pl.Int64) * self.step).cast(pl.Duration("us")).cast(target)
        if target == pl.Time and cells.dtype.is_numeric():
            ticks = cells.cast(pl.Float64).round(0).cast(pl.Int64).clip(0, _DAY // self.step - 1)
            return (ticks * self.step * 1000).cast(pl.Time)
        return cells.cast(target, strict=False)


def recognise(cells: pl.Series) -> StoredForm | None:
    """The form of cells of a type that the modelled frame does not have; None for a plain one and for what is no value."""
    dtype = cells.dtype
    if isinstance(dtype, pl.Enum):
        return StoredForm(type="Enum", categories=tuple(dtype.categories))
    if isinstance(dtype, pl.Categorical):
        return StoredForm(type="Categorical")
    if isinstance(dtype, pl.Decimal):
        return StoredForm(type=f"Decimal({dtype.precision}, {dtype.scale})")
    if dtype == pl.Null:
        return StoredForm(type="Null")
    if isinstance(dtype, pl.Duration):
        whole = bool((cells.dt.total_microseconds() % 10**6 == 0).all())
        return StoredForm(type=f"Duration[{dtype.time_unit}]", step=10**6 if whole else 1)
    if dtype == pl.Time:
        whole = bool((cells.to_physical() % 10**9 == 0).all())
        return StoredForm(type="Time", step=10**6 if whole else 1)
    if isinstance(dtype, pl.Datetime) and dtype != _PLAIN_TIME:
        zone = f", {dtype.time_zone}" if dtype.time_zone else ""
        form = StoredForm(type=f"Datetime[{dtype.time_unit}{zone}]")
        if zone and not form.write(form.read(cells)).equals(cells.dt.cast_time_unit("us").cast(dtype)):
            form = form.model_copy(update={"wall": False})
        return form
    return None


def of_pandas(cells: pl.Series, dtype: Any) -> pl.Series:
    """Cells that were taken out of a pandas column as objects, in the type nearest to the column's."""
    if hasattr(dtype, "ordered") and cells.dtype == pl.String:
        return cells.cast(pl.Enum([str(c) for c in dtype.categories]) if dtype.ordered else pl.Categorical())
    if re.fullmatch(r"U?Int(8|16|32)|UInt64|Float32", str(dtype)) and cells.dtype.is_numeric():
        return cells.cast(getattr(pl, str(dtype)))
    return cells
