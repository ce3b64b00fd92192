"""A shape: how a table that is not one row for each patient and time is brought into that form, and written back from it.

    source form --apply--> modelled form (an identifier, a time, one row for each pair) --undo--> source form

A shape is recognised once, when a schema is inferred, and kept with the schema: undo(apply(x)) is x. Columns that a shape
makes and that nobody is to see have names that begin with a NUL, which no source can have.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import polars as pl
from pydantic import BaseModel, ConfigDict, SerializerFunctionWrapHandler, model_serializer

__all__ = ["PATIENT", "TIME", "VARIANT", "Asked", "Shape"]

PATIENT, TIME, VARIANT = "\0patient", "\0time", "\0variant"
"""Columns made by shapes: an identifier and a time where the source has none, and which of its names a visit has."""


@dataclass(frozen=True)
class Asked:
    """What the user says of a table whose schema is to be inferred, and what shapes have made of it.

    Attributes:
        identifier: the columns that together say whose visit a row is; none to find them.
        time: the column that says when it was; None to find it.
        long: (name, value), the columns that say what was measured and its value, of a table with a row for each
            measurement; None to find them.
        numbered: columns that are renumbered, as parts of an identifier.
    """

    identifier: tuple[str, ...] = ()
    time: str | None = None
    long: tuple[str, str] | None = None
    numbered: tuple[str, ...] = ()

    @classmethod
    def of(cls, identifier: str | Sequence[str] | None, time: str | None, long: tuple[str, str] | None) -> Asked:
        """From what read_table takes."""
        names = () if identifier is None else (identifier,) if isinstance(identifier, str) else tuple(identifier)
        return cls(names, time, long)

    def kinds(self, kinds: Mapping[str, str] | None) -> dict[str, str]:
        """With the kinds that follow from the roles."""
        return dict.fromkeys(self.numbered, "number") | dict(kinds or {})

    @property
    def patient(self) -> str | None:
        """The identifier, if it is known."""
        return self.identifier[0] if self.identifier else None


class Shape(BaseModel):
    """One step from the source form to the modelled form.

    A subclass is one file: it names itself in `shape`, implements the methods below, and is listed in the registry of the
    package, in whose order shapes are tried and applied.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    makes: ClassVar[str] = ""
    """The column that is added, where that is all that the shape does."""

    @model_serializer(mode="wrap")
    def _tagged(self, rest: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """With the tag, also where defaults are left out: it is how the shape is known again."""
        return {"shape": self.shape, **rest(self)}  # pyright: ignore[reportAttributeAccessIssue]

    @classmethod
    def recognise(cls, frame: pl.DataFrame, name: str, asked: Asked) -> Self | None:
        """The shape, if a table has it: `frame` is typed, and in the form that the shapes before have made.

        Raises DataError or UsageError, naming the option, where the user must say which of two readings is right.
        """
        raise NotImplementedError

    def done(self, frame: pl.DataFrame) -> bool:
        """Whether a frame is in the modelled form already."""
        return self.makes in frame.columns

    def apply(self, frame: pl.DataFrame, name: str) -> pl.DataFrame:
        """The modelled form of a frame in the source form, whose cells may be text still. Raises DataError.

        The column ROW (places.py), if there is one, has the number of each data row: of rows put together the first's stays.
        """
        raise NotImplementedError

    def undo(self, frame: pl.DataFrame) -> pl.DataFrame:
        """The source form of a typed frame in the modelled form, its columns in the source's order."""
        return frame.drop(self.makes, strict=False)

    def unread(self, frame: pl.DataFrame) -> str:
        """A sentence on what `apply` leaves out of a frame in the source form; empty where that is nothing."""
        return ""

    def left_out(self, frame: pl.DataFrame) -> int:
        """How many rows of a frame `apply` leaves out."""
        return 0

    def restore(self, frame: pl.DataFrame, original: pl.DataFrame, source: pl.DataFrame) -> pl.DataFrame:
        """A completed frame in the source form, in which every row of the source stands as it was given.

        Args:
            frame, original: as it is completed, and as it was read: both undone, with the data row of the source that each
                of their rows is from in the column ROW, 0 for a new one.
            source: its rows with their numbers in ROW; the cells may be text still.
        """
        return frame

    def after(self, frame: pl.DataFrame, rows: int) -> pl.DataFrame:
        """A frame in the source form as it is written below so many other rows."""
        return frame

    def asked(self, asked: Asked) -> Asked:
        """What is known of the roles once the shape is applied."""
        return asked

    def check_forecast(self, frame: pl.DataFrame, visits: int, name: str) -> None:
        """Raises UsageError if the patients of a frame in the modelled form cannot have so many more visits."""
        return

    @property
    def note(self) -> str:
        """A sentence on what was decided; empty where there is nothing to say."""
        return ""

    @property
    def pivots(self) -> bool:
        """Whether a row of the modelled form is put together of several rows of the source."""
        return False

    @property
    def whys(self) -> dict[str, str]:
        """Why columns of the modelled form are what they are, by name, where the shape decided it."""
        return {}

    @property
    def nameless(self) -> bool:
        """Whether identifiers were made here: then nobody is known again in another table."""
        return False

    @property
    def timeless(self) -> bool:
        """Whether the table has no time at all: then nothing can be forecast, and nothing is said of its course."""
        return False
