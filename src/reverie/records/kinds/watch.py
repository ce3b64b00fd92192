"""What a schema reports of a column, gathered over the parts of a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

if TYPE_CHECKING:
    from reverie.records.kinds.column import Column

__all__ = ["Watch", "share"]


class Watch:
    """How much of a column is missing, and in subclasses what else its kind reports.

    Attributes:
        column: as the schema has it.
    """

    def __init__(self, column: Column) -> None:
        self.column = column
        self._cells = self._empty = 0

    def add(self, cells: pl.Series, rows: pl.Series) -> None:
        """The cells of another part, one a patient of a static column, and their data rows in the source."""
        self._cells += len(cells)
        self._empty += cells.null_count()

    def observed(self) -> dict[str, Any]:
        """The fields that only report what was seen."""
        return {"missing": share(self._empty, self._cells)}

    def decided(self) -> dict[str, Any]:
        """The same, and fields of a schema that was inferred from some of the rows, as all rows have them."""
        return self.observed()


def share(empty: int, cells: int) -> float:
    """The share of missing cells, to 6 digits but never 0 where there is one."""
    exact = empty / max(cells, 1)
    return max(round(exact, 6), 1e-6) if exact else 0.0
