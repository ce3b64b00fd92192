"""What each column of a table of visits is, and what was decided about it.

One row per patient and time. A schema is inferred (infer.py), explained by `reverie data`, may be edited as YAML, and is
kept with the model: it is all that is needed to write a table of the same look.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import Any, Literal, Self, get_args

import polars as pl
import yaml
from pydantic import BaseModel, ConfigDict, model_validator

from reverie.errors import UsageError, unknown
from reverie.records.forms import AnyForm
from reverie.records.kinds import ANY, EMPTY, Column, Purpose, Role, Word
from reverie.records.nulls import NULL_VALUES
from reverie.records.places import ROW, hidden
from reverie.records.schema_text import stated
from reverie.records.shapes import AnyShape

__all__ = ["ANY", "EMPTY", "Column", "Duplicates", "Purpose", "Role", "Schema"]

Duplicates = Literal["refuse", "keep", "first", "last", "mean"]
"""What to do with different rows of one patient at one time: keep all, the first, the last, or the mean of their numbers."""


class Schema(BaseModel):
    """All columns, in the source's order, and the rules for reading the table.

    Attributes:
        columns: one entry each.
        duplicates: what to do with different rows of one patient at one time: "refuse", "keep" all in the order of the
            file, keep the "first" or the "last", or take the "mean" of their numbers and the first of all else. Rows that
            are wholly alike are kept once in any case.
        null_values: what stands for a missing value, besides an empty cell, in columns without null_values of their own.
        shapes: what brings the source into the form of one row for each patient and time, in the order in which it is done.
            The columns are those of that form.
        rules: what every patient obeys, as text, see rules/rule.py; kept in all that is made.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    columns: tuple[Column, ...]
    duplicates: Duplicates = "refuse"
    null_values: tuple[Word, ...] = NULL_VALUES
    shapes: tuple[AnyShape, ...] = ()
    rules: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _whole(self) -> Self:
        for role in ("identifier", "time"):
            names = [c.name for c in self.columns if c.role == role]
            if len(names) != 1:
                raise ValueError(f"a table has one {role} column, but {names or 'none'} is marked so")
        for purpose in get_args(Purpose):
            names = [c.name for c in self.columns if c.purpose == purpose]
            if len(names) > 1:
                raise ValueError(f"a table has at most one column whose purpose is {purpose}, but {names} are marked so")
        self._check_asked()
        if self.rules:
            from reverie.records.rules.check import check_rules

            try:
                check_rules(self)
            except UsageError as error:
                raise ValueError(str(error).rstrip(".")) from error
        return self

    def _check_asked(self) -> None:
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
                states = {*by_name[gate].levels, *by_name[gate].pooled, ANY, EMPTY}
                if bad := [level for level in levels if level not in states and by_name[gate].levels]:
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
        from reverie.records.validation import check_null_column

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

    def shaped(self, frame: pl.DataFrame, name: str) -> pl.DataFrame:
        """A frame in the source form, typed or text, brought into the modelled form; `name` is how errors call it.

        A frame that is in the modelled form already stays as it is. Raises DataError.
        """
        for shape in self.shapes:
            frame = frame if shape.done(frame) else shape.apply(frame, name)
        return frame

    def unread(self, frame: pl.DataFrame) -> list[str]:
        """Sentences on what of a frame in the source form is left out of the modelled form."""
        said = []
        for shape in self.shapes:
            if not shape.done(frame):
                said.append(shape.unread(frame))
                frame = shape.apply(frame, "the table")
        return [sentence for sentence in said if sentence]

    @property
    def most_rows(self) -> int:
        """The most rows of the source form that a row of the modelled form becomes."""
        return prod(shape.most_rows for shape in self.shapes)

    def unshaped(self, frame: pl.DataFrame, after: int = 0) -> pl.DataFrame:
        """A typed frame in the modelled form, brought back into the source form, each cell as the source writes it; to be
        written below so many other rows."""
        frame = self.written(frame)
        for shape in reversed(self.shapes):
            frame = shape.undo(frame)
            frame = shape.after(frame, after) if after else frame
        return frame

    def restored(self, frame: pl.DataFrame, original: pl.DataFrame, source: pl.DataFrame) -> pl.DataFrame:
        """A completed frame in the source form, where all that was given stands as it was given.

        Args:
            frame, original: as it is completed, and as it was read, in the modelled form, with the column ROW: the data row
                that each row is from, 0 for a new one.
            source: what was read, in the source form, its rows numbered, typed or text.
        """
        forms = []
        for shape in self.shapes:
            forms.append(None if shape.done(source) else source)
            source = source if shape.done(source) else shape.apply(source, "the table")
        for shape, form in zip(reversed(self.shapes), reversed(forms), strict=True):
            frame, original = shape.undo(frame), shape.undo(original)
            frame = frame if form is None else shape.restore(frame, original, form)
        return frame.drop(ROW, strict=False)

    @property
    def forms(self) -> dict[str, AnyForm]:
        """How the source writes those columns whose types do not say it."""
        return {column.name: column.form for column in self.columns if column.form is not None}

    def typed(self, frame: pl.DataFrame) -> pl.DataFrame:
        """The frame with those columns read by their forms of which every cell can be; the others stay as they are."""
        cells = {c.name: frame[c.name] for c in self.columns if c.form is not None and c.name in frame.columns}
        read = [typed for name, was in cells.items() if (typed := self[name].typed(was)) is not was]
        return frame.with_columns(read) if read else frame

    def written(self, frame: pl.DataFrame) -> pl.DataFrame:
        """The typed frame with its cells in the forms of the source; numbers and dates that all readers know stay typed."""
        here = {name: form for name, form in self.forms.items() if name in frame.columns and form.dressed}
        return frame.with_columns(form.write(frame[name]) for name, form in here.items())

    def spelled(self, frame: pl.DataFrame) -> pl.DataFrame:
        """A frame in the source form as it stands in a file of text: numbers with the digits of the source's."""
        here = {name: form for name, form in self.forms.items() if name in frame.columns and form.spells(frame.schema[name])}
        return frame.with_columns(form.write(frame[name]) for name, form in here.items())

    @property
    def names(self) -> list[str]:
        return [c.name for c in self.columns]

    @property
    def shown(self) -> tuple[Column, ...]:
        """The columns without those that shapes made and nobody is to see."""
        return tuple(c for c in self.columns if not hidden(c.name))

    @property
    def nameless(self) -> bool:
        """Whether nothing says who a patient is: identifiers of two tables have nothing to do with each other."""
        return any(shape.nameless for shape in self.shapes)

    @property
    def timeless(self) -> bool:
        """Whether the table has no time: one row for each patient, all of it static, nothing to forecast."""
        return any(shape.timeless for shape in self.shapes)

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
        return yaml.safe_dump(self.tree, sort_keys=False)

    @property
    def tree(self) -> dict[str, Any]:
        """What a schema file says, as one JSON object."""
        tree = self.model_dump(mode="json", exclude_none=True, exclude_defaults=True)
        return {"duplicates": self.duplicates, "null_values": list(self.null_values), **tree}

    @classmethod
    def from_yaml(cls, text: str, name: str) -> Schema:
        """The schema of a file's text; `name` is how errors call it. Raises UsageError in one sentence."""
        return stated(cls, text, name, "columns")
