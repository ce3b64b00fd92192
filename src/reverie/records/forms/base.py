"""How a source writes its cells, where the type of the modelled cells does not say it.

    cells of the source -> read -> typed cells -> write -> cells of the source,   write(read(x)) = x

A form is found from the cells of a column, kept in the schema, and written back by whatever leaves to the user.
"""

from __future__ import annotations

from typing import Any

import polars as pl
from pydantic import BaseModel, ConfigDict, SerializerFunctionWrapHandler, model_serializer

__all__ = ["Form", "Habits"]


class Form(BaseModel):
    """The form of a column; `form` is its tag, the name of its class in a schema."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @model_serializer(mode="wrap")
    def _tagged(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """With its tag, also where defaults are left out."""
        return {"form": getattr(self, "form"), **handler(self)}  # noqa: B009 - each form says its own

    @property
    def words(self) -> str:
        """The form in words: "numbers with a decimal comma"."""
        raise NotImplementedError

    @property
    def note(self) -> str:
        """What was decided about the form that its owner should know, as a sentence; none for ""."""
        return ""

    @property
    def dressed(self) -> bool:
        """Whether cells of this form stand in frames as the source writes them; otherwise only in files of text."""
        return True

    def spells(self, dtype: pl.DataType) -> bool:
        """Whether cells of a type are written otherwise in files of text than by every writer."""
        return not self.dressed and (dtype.is_numeric() or dtype.is_temporal())

    @property
    def levels(self) -> tuple[str, ...]:
        """The values that the form allows, in their order, where it says so."""
        return ()

    @property
    def bounds(self) -> tuple[float | None, float | None]:
        """What no value can be beyond, where the form says so."""
        return None, None

    def read(self, cells: pl.Series) -> pl.Series:
        """Typed cells; null where a cell is empty or not of the form. Cells that are typed already stay as they are."""
        raise NotImplementedError

    def write(self, cells: pl.Series) -> pl.Series:
        """Cells as the source has them; null where empty. Cells that are text already stay as they are."""
        if cells.dtype == pl.String:
            return cells
        texts = [None if value is None else self._text(value) for value in cells.to_list()]
        return pl.Series(cells.name, texts, dtype=pl.String)

    def _text(self, value: Any) -> str:
        """One cell as text, of forms that write no others."""
        raise NotImplementedError


class Habits(BaseModel):
    """What the columns of a table that can be read in one way only tell about those that can be read in two.

    Attributes:
        decimal: the decimal sign; none where no column or columns of both kinds tell.
        day_first: whether the day stands before the month in dates of numbers, by the sign between them.
    """

    model_config = ConfigDict(frozen=True)

    decimal: str | None = None
    day_first: dict[str, bool] = {}
