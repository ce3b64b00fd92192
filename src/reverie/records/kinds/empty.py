"""No value at all: written empty."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

import polars as pl

from reverie.records.kinds.column import Column
from reverie.records.kinds.evidence import Evidence

__all__ = ["Empty"]


class Empty(Column):
    """A column without a value."""

    called: ClassVar[str] = "empty"
    learned: ClassVar[bool] = False

    @classmethod
    def recognise(cls, seen: Evidence) -> dict[str, Any] | None:
        return None if seen.distinct else {"why": "every cell is empty: written empty"}

    def faults(self, dtype: pl.DataType) -> Iterator[tuple[pl.Expr, str]]:
        what = "stands where the schema says that every cell is empty: remove it, or change the kind in the schema."
        yield pl.col(self.name).is_not_null(), what
