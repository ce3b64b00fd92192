"""What kinds of numbers share: values are the numbers themselves, coded as normal scores, compared by their distribution."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np
import polars as pl
from numpy.typing import NDArray

from reverie.errors import UsageError
from reverie.records.boxcox import BoxCox
from reverie.records.codes import Code, CodecSettings
from reverie.records.counts import Counting, Counts
from reverie.records.forms import AnyForm
from reverie.records.intervals import Floats
from reverie.records.kinds.column import Column, emptied
from reverie.records.kinds.comparing import kolmogorov, transport
from reverie.records.kinds.evidence import Evidence
from reverie.records.kinds.watch import Watch
from reverie.records.precision import as_numbers, precision, precision_of
from reverie.records.rounding import on_grid
from reverie.records.transforms import NormalScore

__all__ = ["Numeric", "precision_fields"]


class Numeric(Column):
    """A column of numbers, see Column."""

    numeric: ClassVar[bool] = True
    quantity: ClassVar[bool] = True
    what: ClassVar[str] = "a number"
    example: ClassVar[str] = ""
    frame_type: ClassVar[str] = "Float64"
    distance: ClassVar[str] = (
        "Kolmogorov-Smirnov: the largest difference between the shares of values below any one value, over {of}; 0 is "
        "equality, 1 no overlap (n: patients on each side)."
    )

    @classmethod
    def stated(cls, seen: Evidence) -> dict[str, Any]:
        if not seen.cells.dtype.is_numeric() or not len(seen.values):
            raise UsageError(f"`kinds={seen.name}={cls.called}`: not all cells of the column are numbers.")
        return {"why": "as you said", **precision_fields(seen.values)}

    def faults(self, dtype: pl.DataType) -> Iterator[tuple[pl.Expr, str]]:
        if not dtype.is_numeric():
            return
        cell = pl.col(self.name)
        for key, word, bound in (("lower", "below", self.lower), ("upper", "above", self.upper)):
            if bound is not None:
                beyond = cell < bound if key == "lower" else cell > bound
                what = f"is {word} the schema's bound {bound:g}: correct it, or change {key} in the schema."
                yield beyond, what

    def strays(self, cells: pl.Series) -> NDArray[np.bool_]:
        """Those that are not rounded as the column says."""
        x = as_numbers(cells)
        exact = 2e-7 if cells.dtype == pl.Float32 else 1e-9
        return np.abs(x - self.rounded(x)) > 1e-3 * (self.step or 0.0) + exact * np.abs(x)

    def watch(self) -> Watch:
        return Numbers(self)

    def read(self, cells: pl.Series, place: str = "") -> Floats:
        values = self._typed(self.typed(cells))
        if (bad := np.flatnonzero((values.is_null() & cells.is_not_null()).to_numpy())).size:
            self._refuse(cells, int(bad[0]), place, f"not {self.what}: correct it or leave it empty")
        return as_numbers(values)

    def seen(self, cells: pl.Series) -> Floats:
        """As `read`, but what is no number is NaN, and so is what is infinite."""
        x = as_numbers(self._typed(self.typed(cells))).copy()
        x[~np.isfinite(x)] = np.nan
        return x

    def _typed(self, cells: pl.Series) -> pl.Series:
        """The cells in the type of the kind; null where that cannot be."""
        return cells.cast(pl.Float64, strict=False)

    def write(self, values: Floats, empty: NDArray[np.bool_] | None, dtype: pl.DataType) -> pl.Series:
        if dtype.is_integer():
            cells = pl.Series(np.rint(values).astype(np.int64))
        else:
            exact = self.unit is not None or self.decimals is None
            cells = pl.Series((values if exact else np.round(values, self.decimals or 0)) + 0.0)  # -0.0 reads as 0.0
        return emptied(cells.cast(dtype), empty, self.name)

    def text(self, value: float) -> str:
        return f"{value:.{self.decimals}f}" if self.decimals is not None else f"{value:.4g}"

    def parse(self, text: str) -> float:
        """Also of a text in the form of the source."""
        numbers = as_numbers(self._typed(self.typed(pl.Series([text]))).drop_nulls())
        if not len(numbers) or np.isnan(numbers[0]):
            example = f" such as {self.example}" if self.example else ""
            raise UsageError(f"{self.name} is {self.what}{example}, so {text!r} cannot be compared with it.")
        return float(numbers[0])

    def _follows(self, form: AnyForm) -> dict[str, Any]:
        """Its bounds; those of the time are the clock's."""
        if self.role not in ("static", "varying"):
            return {}
        bounds = {side: bound for side, bound in zip(("lower", "upper"), form.bounds, strict=True) if bound is not None}
        percent = form.form == "number" and form.suffix.strip() == "%"
        if percent and self.upper is None and self.lowest is not None and self.highest is not None:
            bounds = ({"upper": 100.0} if self.lowest >= 0 and self.highest <= 100 else {}) | bounds  # a share of a whole
        return bounds

    def rounded(self, values: Floats) -> Floats:
        return on_grid(values, self.step, self.digits)

    def code(self, seen: Counts, settings: CodecSettings) -> Code:
        kind = NormalScore if settings.numbers == "normal-score" else BoxCox
        return kind.of(seen, self.step, self.lower, self.upper, self.digits)

    def compare(self, real: Floats, other: Floats) -> dict[str, float]:
        """Distances of two samples without NaN: "distance" in [0, 1], "transport" in deviations of the real values."""
        return {"distance": kolmogorov(real, other), "transport": transport(real, other)}

    @staticmethod
    def in_schema(unit: float | None) -> float | None:
        """A unit in the terms of the schema, from one in those of values."""
        return unit

    @property
    def grid(self) -> float:
        """The step of values, for bins; 0 where there is none."""
        return self.step or 0.0

    @property
    def range(self) -> str:
        """The range seen and, in brackets, the bounds that hold."""
        if self.lowest is None or self.highest is None:
            return "-"
        seen = f"{self.text(self.lowest)} .. {self.text(self.highest)}"
        match self.lower, self.upper:
            case None, None:
                return seen
            case lower, None:
                return f"{seen} (≥ {lower:g})"
            case None, upper:
                return f"{seen} (≤ {upper:g})"
            case lower, upper:
                return f"{seen} ({lower:g} to {upper:g})"

    @property
    def rounding(self) -> str:
        if self.unit is None:
            return "-"
        return f"1/{1 / self.unit:g}" if self.unit < 1 and self.decimals is None else f"{self.unit:g}"


def precision_fields(values: pl.Series) -> dict[str, Any]:
    """What a schema keeps of the precision of values."""
    found = precision(values)
    return {key: value for key in _PRECISION if (value := getattr(found, key)) is not None}


_PRECISION = ("unit", "decimals", "digits", "lowest", "highest", "lower", "upper", "skew")


class Numbers(Watch):
    """The numbers of a column."""

    def __init__(self, column: Numeric) -> None:
        super().__init__(column)
        self._in_schema = column.in_schema
        self._counting, self._dtype = Counting(), pl.DataType()

    def add(self, cells: pl.Series, rows: pl.Series) -> None:
        super().add(cells, rows)
        self._dtype = cells.dtype
        self._counting.add(as_numbers(cells.drop_nulls()))

    def observed(self) -> dict[str, Any]:
        return super().observed() | self._fields("lowest", "highest", "skew")

    def decided(self) -> dict[str, Any]:
        """What all values say of their precision, where they were counted; of more no cell is off the grid (`strays`)."""
        bounds = () if self.column.role == "time" else ("lower", "upper")
        precise = ("unit", "decimals", "digits") if self._counting.counts().weight == 1 else ()
        fields = self.observed() | self._fields(*bounds, *precise)
        return fields | self.column.model_copy(update=fields).by_form

    def _fields(self, *names: str) -> dict[str, Any]:
        seen = self._counting.counts()
        if not len(seen.values) or not self.column.numeric:
            return {}
        said = precision_of(seen, self._dtype)
        fields = {name: getattr(said, name) for name in names}
        return fields | ({"unit": self._in_schema(said.unit)} if "unit" in fields else {})
