"""What each column of a table of visits is, and what was decided about it.

One row per patient and time. A schema is inferred (infer.py), explained by `reverie data`, may be edited as YAML, and is
kept with the model: it is all that is needed to write a table of the same look.
"""

from __future__ import annotations

from typing import Literal, Self, get_args

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from reverie.errors import UsageError, unknown
from reverie.records.kinds import Column, Purpose, Role

__all__ = ["NULL_VALUES", "Column", "Purpose", "Role", "Schema"]

NULL_VALUES = ("NA", "N/A", "n/a", "NaN", "nan", "NULL", "null", "None", ".")
"""What stands for a missing value where nothing else is said."""


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
    null_values: tuple[str, ...] = NULL_VALUES

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
        return self

    def __getitem__(self, name: str) -> Column:
        """The column of that name. Raises UsageError with the nearest name if there is none."""
        for column in self.columns:
            if column.name == name:
                return column
        raise unknown("column", name, [c.name for c in self.columns])

    def nulls(self, name: str) -> tuple[str, ...]:
        """What stands for a missing value in a column."""
        own = self[name].null_values
        return self.null_values if own is None else own

    def with_nulls(self, more: tuple[str, ...]) -> Schema:
        """With more texts that stand for a missing value, in every column."""

        def all_of(words: tuple[str, ...]) -> tuple[str, ...]:
            return tuple(dict.fromkeys((*words, *more)))

        columns = (
            c if c.null_values is None else c.model_copy(update={"null_values": all_of(c.null_values)}) for c in self.columns
        )
        return self.model_copy(update={"columns": tuple(columns), "null_values": all_of(self.null_values)})

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
