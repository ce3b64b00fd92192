"""What a schema holds of one column: plain fields, the same for all kinds.

What is done with them is the business of the kind that they name, see column.py.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from reverie.records.forms import AnyForm
from reverie.records.identifiers import Pattern

__all__ = ["ANY", "EMPTY", "Fields", "Purpose", "Role", "Word"]

Role = Literal["identifier", "time", "static", "varying"]
"""identifier: whose visit; time: when; static: the same at every visit of a patient; varying: may change."""

Purpose = Literal["outcome", "treatment", "follow-up"]
"""What the report may use a column for: outcome: what is to be predicted and explained; treatment: what was done about it;
follow-up: for how long a patient was watched, until the outcome where there was one."""

ANY, EMPTY = "(any)", "(empty)"
"""States of another column in asked_if, besides its levels: that it is filled, and that it is empty."""


def _as_text(value: Any) -> Any:
    """A null value or a level in YAML, where -9 is a number and null is nothing."""
    return "null" if value is None else str(value) if type(value) in (int, float) else value


Word = Annotated[str, BeforeValidator(_as_text)]
"""A text that a person may write as a number."""


class Fields(BaseModel):
    """What a schema holds of one column.

    Attributes:
        name: as in the source.
        role: see Role. The time column is real, integer, date or datetime.
        kind: the name of its kind, see the registry in reverie.records.kinds.
        type: polars' name of its type in the source ("Int64", "Float64", "String", "Boolean", "Date", "Datetime").
        levels: of an ordinal, binary or categorical column, as text, in order where they have one.
        pooled: level names that you want kept apart no longer; they are read as the level "(other)".
        null_values: what stands for a missing value in this column, besides an empty cell; none for those of the schema.
        missing: share of cells without a value; above 0, missing cells are modelled.
        unit: every value is a whole multiple of this; none for no rounding. Dates are in days, date-times in seconds.
        decimals: digits after the point to write; none for as many as it takes.
        digits: significant digits that every value has at most; none for no rounding of that kind.
        lowest, highest: smallest and largest value seen.
        lower, upper: bounds that no value can be beyond; none where the tail is open.
        skew: of the values seen (third standardised moment).
        value: of a constant column, as text.
        pattern: how new identifiers are written, of columns that are renumbered; none for 1, 2, ...
        form: how the source writes the cells, where their type does not say it.
        asked_if: other columns, and their levels at which this one may be filled; "(any)": wherever that one is filled,
            "(empty)": also where it is empty. Elsewhere it is empty, and stays so, see emptiness.py.
        fill: whether its empty cells are filled when a table is completed and nothing else is said.
        patterns: of a text column that identifies: shapes of the new values that are written in its place, see patterns.py.
        taken: bits that say which new values may be real ones, and are not written.
        purpose: see Purpose; one column of each at most. Training does not look at it.
        why: the reasons, in words.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    role: Role
    kind: str
    type: str = "Float64"
    levels: tuple[str, ...] = ()
    pooled: tuple[str, ...] = ()
    null_values: tuple[Word, ...] | None = None
    missing: float = Field(0.0, ge=0, le=1)
    unit: float | None = Field(None, gt=0)
    decimals: int | None = Field(None, ge=0)
    digits: int | None = Field(None, ge=1, le=15)
    lowest: float | None = None
    highest: float | None = None
    lower: float | None = None
    upper: float | None = None
    skew: float | None = None
    value: str | None = None
    pattern: Pattern | None = None
    form: AnyForm | None = None
    asked_if: dict[str, tuple[Word, ...]] = {}
    fill: bool = True
    patterns: tuple[str, ...] = ()
    taken: str = ""
    purpose: Purpose | None = None
    why: str = ""
