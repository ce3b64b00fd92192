"""One value everywhere: written as it is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

import polars as pl

from reverie.records.kinds.column import Column
from reverie.records.kinds.evidence import Evidence
from reverie.records.kinds.leveled import typed
from reverie.records.places import shown

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

    def faults(self, dtype: pl.DataType) -> Iterator[tuple[pl.Expr, str]]:
        what = f"stands where the schema says that every value is {shown(self.value)}: "
        what += "correct it, or change the kind in the schema."
        yield pl.col(self.name).cast(pl.String) != (self.value or ""), what

    def renew(self, dtype: pl.DataType, first: int, count: int) -> pl.Series:
        return typed((self.value or "",), dtype).new_from_index(0, count)

    @property
    def range(self) -> str:
        return f"always {self.value}"
