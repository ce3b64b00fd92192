"""What each column of a table of visits is, and what was decided about it.

One row per patient and time. A schema is inferred (infer.py), explained by `reverie data`, may be edited as YAML, and is
kept with the model: it is all that is needed to write a table of the same look.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self, get_args

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from reverie.errors import UsageError

__all__ = ["ANY", "EMPTY", "NULL_VALUES", "Column", "Kind", "Purpose", "Role", "Schema"]

Role = Literal["identifier", "time", "static", "varying"]
"""identifier: whose visit; time: when; static: the same at every visit of a patient; varying: may change."""

Kind = Literal[
    "real", "integer", "ordinal", "binary", "categorical", "date", "datetime", "constant", "empty", "number", "text"
]
"""The last four are not modelled: constant and empty columns are written as they were, "number" is an id-like column that is
numbered anew (1, 2, ...), "text" is free text or too many names, and is written empty."""

Purpose = Literal["outcome", "treatment", "follow-up"]
"""What the report may use a column for: outcome: what is to be predicted and explained; treatment: what was done about it;
follow-up: for how long a patient was watched, until the outcome where there was one."""

NULL_VALUES = ("NA", "N/A", "n/a", "NaN", "nan", "NULL", "null", "None", ".")
"""What stands for a missing value where nothing else is said."""

ANY, EMPTY = "(any)", "(empty)"
"""States of another column in asked_if, besides its levels: that it is filled, and that it is empty."""


def _as_text(value: Any) -> Any:
    """A null value or a level in YAML, where -9 is a number and null is nothing."""
    return "null" if value is None else str(value) if type(value) in (int, float) else value


Word = Annotated[str, BeforeValidator(_as_text)]

MODELLED = ("real", "integer", "ordinal", "binary", "categorical", "date", "datetime")


class Column(BaseModel):
    """One column.

    Attributes:
        name: as in the source.
        role, kind: see Role and Kind. The time column is real, integer, date or datetime.
        type: polars' name of its type in the source ("Int64", "Float64", "String", "Boolean", "Date", "Datetime").
        levels: of an ordinal, binary or categorical column, as text, in order where they have one.
        pooled: level names too rare to keep apart; they are read as the level "(other)".
        null_values: what stands for a missing value in this column, besides an empty cell; none for those of the schema.
        missing: share of cells without a value; above 0, missing cells are modelled.
        unit: every value is a whole multiple of this; none for no rounding. Dates are in days, date-times in seconds.
        decimals: digits after the point to write; none for as many as it takes.
        lowest, highest: smallest and largest value seen.
        lower, upper: bounds that no value can be beyond; none where the tail is open.
        skew: of the values seen (third standardised moment).
        value: of a constant column, as text.
        asked_if: other columns, and their levels at which this one may be filled; "(any)": wherever that one is filled,
            "(empty)": also where it is empty. Elsewhere it is empty, and stays so, see emptiness.py.
        fill: whether its empty cells are filled when a table is completed and nothing else is said.
        purpose: see Purpose; one column of each at most. Training does not look at it.
        why: the reasons, in words.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    role: Role
    kind: Kind
    type: str = "Float64"
    levels: tuple[str, ...] = ()
    pooled: tuple[str, ...] = ()
    null_values: tuple[Word, ...] | None = None
    missing: float = Field(0.0, ge=0, le=1)
    unit: float | None = Field(None, gt=0)
    decimals: int | None = Field(None, ge=0)
    lowest: float | None = None
    highest: float | None = None
    lower: float | None = None
    upper: float | None = None
    skew: float | None = None
    value: str | None = None
    asked_if: dict[str, tuple[Word, ...]] = {}
    fill: bool = True
    purpose: Purpose | None = None
    why: str = ""

    @property
    def modelled(self) -> bool:
        """Whether the model learns it (identifier and time are seen to apart)."""
        return self.role in ("static", "varying") and self.kind in MODELLED

    @property
    def numeric(self) -> bool:
        return self.kind in ("real", "integer", "date", "datetime")


class Schema(BaseModel):
    """All columns, in the source's order, and the rules for reading the table.

    Attributes:
        columns: one entry each.
        duplicates: what to do with different rows of one patient at one time: "refuse", "keep" both in the order of the
            file, or keep the "first". Rows that are wholly alike are kept once in any case.
        null_values: what stands for a missing value, besides an empty cell, in columns without null_values of their own.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    columns: tuple[Column, ...]
    duplicates: Literal["refuse", "keep", "first"] = "refuse"
    null_values: tuple[Word, ...] = NULL_VALUES

    @model_validator(mode="after")
    def _whole(self) -> Self:
        for role in ("identifier", "time"):
            found = [c.name for c in self.columns if c.role == role]
            if len(found) != 1:
                raise ValueError(f"a table has one {role} column, but {found or 'none'} is marked so")
        for purpose in get_args(Purpose):
            found = [c.name for c in self.columns if c.purpose == purpose]
            if len(found) > 1:
                raise ValueError(f"a table has at most one column whose purpose is {purpose}, but {found} are marked so")
        self._check_rules()
        return self

    def _check_rules(self) -> None:
        """Every asked_if names columns and levels that there are, and none leads back to itself. Raises ValueError."""
        by_name = {c.name: c for c in self.columns}
        for column in self.columns:
            for gate, levels in column.asked_if.items():
                if gate not in by_name:
                    raise ValueError(f"{column.name} is asked_if {gate}, and there is no such column")
                if column.role not in ("static", "varying") or by_name[gate].role not in ("static", "varying"):
                    raise ValueError(f"{column.name} is asked_if {gate}: identifier and time have no such rules")
                if column.role == "static" and by_name[gate].role == "varying":
                    raise ValueError(f"{column.name} is static and asked_if {gate}, which varies from visit to visit")
                known = {*by_name[gate].levels, *by_name[gate].pooled, ANY, EMPTY}
                if bad := [level for level in levels if level not in known and by_name[gate].levels]:
                    raise ValueError(f"{column.name} is asked_if {gate} is {bad[0]!r}, which is no level of {gate}")
                if not levels:
                    raise ValueError(f"{column.name} is asked_if {gate} without a level: name some, or strike it")
            seen, left = set(), list(column.asked_if)
            while left:
                gate = left.pop()
                if gate == column.name:
                    raise ValueError(f"{column.name} is asked_if of itself, by way of {', '.join(sorted(seen)) or gate}")
                if gate not in seen:
                    seen.add(gate)
                    left += by_name[gate].asked_if if gate in by_name else ()

    def __getitem__(self, name: str) -> Column:
        """The column of that name. Raises UsageError with the nearest name if there is none."""
        from reverie.errors import unknown

        for column in self.columns:
            if column.name == name:
                return column
        raise unknown("column", name, [c.name for c in self.columns])

    def nulls(self, name: str) -> tuple[str, ...]:
        """What stands for a missing value in a column. What is said of all columns does not hold for identifier and time."""
        column = self[name]
        if column.null_values is not None:
            return column.null_values
        if column.role in ("identifier", "time"):
            return tuple(word for word in self.null_values if word in NULL_VALUES)
        return self.null_values

    def with_nulls(self, everywhere: tuple[str, ...], columns: Mapping[str, tuple[str, ...]]) -> Schema:
        """With more texts that stand for a missing value, in every column and in single ones. Raises UsageError for one that
        tells whose visit it was or when."""
        from reverie.records.faults import check_null_column

        every = tuple(dict.fromkeys((*self.null_values, *everywhere)))
        changed = []
        for column in self.columns:
            more = columns.get(column.name, ())
            if more:
                check_null_column(column.name, self.identifier.name, self.time.name)
            if column.role not in ("identifier", "time") and (more or column.null_values is not None):
                own = every if column.null_values is None else (*column.null_values, *everywhere)
                column = column.model_copy(update={"null_values": tuple(dict.fromkeys((*own, *more)))})
            changed.append(column)
        return self.model_copy(update={"columns": tuple(changed), "null_values": every})

    @property
    def names(self) -> list[str]:
        return [c.name for c in self.columns]

    @property
    def identifier(self) -> Column:
        return next(c for c in self.columns if c.role == "identifier")

    @property
    def time(self) -> Column:
        return next(c for c in self.columns if c.role == "time")

    @property
    def static(self) -> tuple[Column, ...]:
        """The columns that the model learns once per patient."""
        return tuple(c for c in self.columns if c.role == "static" and c.modelled)

    @property
    def varying(self) -> tuple[Column, ...]:
        """The columns that the model learns at each visit."""
        return tuple(c for c in self.columns if c.role == "varying" and c.modelled)

    def yaml(self) -> str:
        """The text of a schema file, to be edited."""
        tree = self.model_dump(mode="json", exclude_none=True, exclude_defaults=True)
        return yaml.safe_dump(
            {"duplicates": self.duplicates, "null_values": list(self.null_values), **tree}, sort_keys=False
        )

    @classmethod
    def from_yaml(cls, text: str, name: str) -> Schema:
        """The schema of a file's text; `name` is how errors call it. Raises UsageError in one sentence."""
        try:
            return cls.model_validate(yaml.safe_load(text))
        except yaml.YAMLError as error:
            raise UsageError(f"{name} is not YAML: {' '.join(str(error).split())}.") from error
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(map(str, first["loc"])) or "the schema"
            raise UsageError(f"{name}: {place}: {first['msg'].removeprefix('Value error, ')}.") from error
