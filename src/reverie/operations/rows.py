"""A small table of visits inside a call."""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from reverie.operations.fields import Word
from reverie.operations.request import Request

__all__ = ["Rows"]

Cell = bool | int | float | Annotated[str, Field(max_length=10_000)] | None


class Rows(Request):
    """A small table inside the call."""

    columns: list[Word] = Field(min_length=1, max_length=1000)
    rows: list[list[Cell]] = Field(
        min_length=1, max_length=5000, description="Cap: rows x columns is at most 200,000. null is a hole."
    )

    @model_validator(mode="after")
    def _whole(self) -> Self:
        width = len(self.columns)
        if len(set(self.columns)) < width:
            raise ValueError("two columns have one name: rename one")
        if short := next((i for i, row in enumerate(self.rows, 1) if len(row) != width), 0):
            raise ValueError(f"row {short} has {len(self.rows[short - 1])} cells where there are {width} columns")
        if len(self.rows) * width > 200_000:
            raise ValueError("rows x columns is above 200,000: upload the table as a file instead")
        return self

    @property
    def frame(self) -> Any:
        """The cells as text: what they are is read by the model's schema, as from a file."""
        import polars as pl

        cells = {name: [_text(row[i]) for row in self.rows] for i, name in enumerate(self.columns)}
        return pl.DataFrame({name: pl.Series(column, dtype=pl.String) for name, column in cells.items()})


def _text(cell: bool | int | float | str | None) -> str | None:
    if cell is None or cell == "":
        return None
    return str(cell).lower() if isinstance(cell, bool) else str(cell)
