"""What every kind of column can do: the one interface through which a column is recognised, read, coded, compared and shown.

    cells of the source -> read -> values, float64 with NaN where empty -> encode -> ends of intervals of scores
    scores -> decode -> values -> write -> cells of the source's type

A `Column` is what a schema holds of one column (fields.py), of the class of its kind (`Real`, `Ordinal`, `Date`, ...) for
what is done with it. Nobody outside this package asks a column for the name of its kind; they ask what it can do (`numeric`,
`ordered`, `calendar`, `levels`), or let it do it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, NoReturn, Self

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import ModelWrapValidatorHandler, model_validator

from reverie.errors import DataError, UsageError, unknown
from reverie.records.codes import Code, CodecSettings
from reverie.records.counts import Counts
from reverie.records.forms import AnyForm
from reverie.records.intervals import Floats
from reverie.records.kinds.evidence import Evidence
from reverie.records.kinds.fields import Fields
from reverie.records.kinds.watch import Watch
from reverie.records.places import ROW, at, first_row, shown

__all__ = ["NAMED", "Column", "emptied"]


class Column(Fields):
    """One column. Made as the class of its kind, also from a mapping of its fields."""

    called: ClassVar[str] = ""
    """The name of the kind; none of what kinds share."""
    what: ClassVar[str] = ""
    """What a cell is, in words, with its article: "a number"."""
    distance: ClassVar[str] = ""
    """What the distance of two samples is, over what ({of})."""
    frame_type: ClassVar[str] = "String"
    """The name of the type that its cells are kept in, where they are read from text."""
    learned: ClassVar[bool] = True
    """Whether the model learns columns of this kind; others are written as they were, numbered, or left empty."""
    same: ClassVar[bool] = False
    """Whether every row has the same value."""
    numeric: ClassVar[bool] = False
    """Whether values are numbers (calendar days among them) rather than places on a list of levels."""
    quantity: ClassVar[bool] = False
    """Whether they are numbers that measure or count something, so that their mean and their logarithm say something."""
    calendar: ClassVar[bool] = False
    """Whether values are days since 1970."""
    whole: ClassVar[bool] = False
    """Whether values are whole numbers."""

    def __new__(cls, *_: Any, **fields: Any) -> Self:
        return super().__new__(NAMED.get(fields.get("kind", ""), cls) if cls is Column else cls)

    @classmethod
    def __pydantic_init_subclass__(cls, **_: Any) -> None:
        if cls.called:
            NAMED[cls.called] = cls

    @model_validator(mode="wrap")
    @classmethod
    def _of_kind(cls, fields: Any, handler: ModelWrapValidatorHandler[Self]) -> Any:
        """A mapping becomes a column of the kind that it names."""
        if not isinstance(fields, Mapping):
            return handler(fields)
        kind = fields.get("kind")
        if kind is not None and kind not in NAMED:
            if kind in ("numeric", "float", "double", "decimal"):  # near "number", whose cells are made anew
                raise ValueError(f"unknown kind {kind!r}: call it real")
            raise ValueError(str(unknown("kind", str(kind), list(NAMED))).rstrip("."))
        if cls is Column and kind is not None:
            return NAMED[kind].model_validate(fields)
        return handler(fields)

    # --- what it is ---------------------------------------------------------------------------------------------------

    @property
    def label(self) -> str:
        """What people see it called: a column that was made here has a name that no source can have."""
        return self.name.removeprefix("\0")

    @property
    def modelled(self) -> bool:
        """Whether the model learns it (identifier and time are seen to apart)."""
        return self.role in ("static", "varying") and self.learned

    @property
    def made(self) -> bool:
        """Whether a synthetic table holds anything where the real one does."""
        return True

    @property
    def ranked(self) -> bool:
        """Whether of any two values one is the greater."""
        return self.numeric

    @property
    def ordered(self) -> bool:
        """Whether values can be taken in order: two levels as 0 and 1."""
        return self.ranked or len(self.levels) == 2

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """A copy with other fields; with another kind, of the class of that."""
        if update and "kind" in update:
            return Column.model_validate({**self.model_dump(), **update})  # pyright: ignore[reportReturnType]
        return super().model_copy(update=update, deep=deep)

    @classmethod
    def recognise(cls, seen: Evidence) -> dict[str, Any] | None:
        """The fields of a column of this kind, with `why`, if the cells are such; else None. Raises DataError."""
        return None

    @classmethod
    def stated(cls, seen: Evidence) -> dict[str, Any]:
        """The fields, where the user says that it is of this kind. Raises UsageError where it cannot be."""
        raise UsageError(
            f"`kinds={seen.name}={cls.called}`: give categorical, ordinal, binary, integer, real, text or number here; "
            "more in a schema file."
        )

    def observed(self, cells: pl.Series) -> dict[str, Any]:
        """The fields that only report what was seen, from the cells of another table."""
        watch = self.watch()
        watch.add(cells, pl.int_range(1, len(cells) + 1, eager=True))
        return watch.observed()

    @property
    def by_form(self) -> dict[str, Any]:
        """The fields that its form decides."""
        return {} if self.form is None else self._follows(self.form)

    def faults(self, dtype: pl.DataType) -> Iterator[tuple[pl.Expr, str]]:
        """Which cells of a type a schema with this column does not allow, and what is said of one."""
        return iter(())

    def strays(self, cells: pl.Series) -> NDArray[np.bool_]:
        """Which cells show that the precision of the column was read off too few of them, bool [n]."""
        return np.zeros(len(cells), dtype=bool)

    def check(self, frame: pl.DataFrame, place: str) -> None:
        """Every cell is one that a schema with this column allows. `frame` has the column and its ROW. Raises DataError."""
        for wrong, what in self.faults(frame.schema[self.name]):
            self._refuse_where(frame, wrong, place, what)

    def watch(self) -> Watch:
        """What gathers, over the parts of a table, what the column reports of it."""
        return Watch(self)

    def in_form(self, form: AnyForm) -> Column:
        """The column with the form of its cells, and with what follows from that."""
        why = f"{form.words}, written back so; {self.why}"
        return self.model_copy(update={"form": form, "why": why, **self._follows(form)})

    def _follows(self, form: AnyForm) -> dict[str, Any]:
        """The fields that a form decides."""
        return {}

    # --- cells and values ---------------------------------------------------------------------------------------------

    def typed(self, cells: pl.Series) -> pl.Series:
        """The cells read by the form, if all of them can be; else as they are."""
        read = cells if self.form is None else self.form.read(cells)
        return read if read.null_count() == cells.null_count() else cells

    def read(self, cells: pl.Series, place: str = "") -> Floats:
        """Values [n] of cells, typed or text; NaN where empty. Raises DataError, naming the row, for a cell that is none."""
        raise NotImplementedError

    def seen(self, cells: pl.Series) -> Floats:
        """Values [n] of a column of numbers as an onlooker sees them: NaN for what is none."""
        raise NotImplementedError

    def names(self, cells: pl.Series) -> pl.Series:
        """Level names [n], as text, of a column of levels; also those that are not on the list."""
        raise NotImplementedError

    def places(self, names: pl.Series, *others: str) -> Floats:
        """The places of level names [n] on the list, and of `others` after it; NaN where missing or on neither."""
        raise NotImplementedError

    def write(self, values: Floats, empty: NDArray[np.bool_] | None, dtype: pl.DataType) -> pl.Series:
        """Cells of a type from values [n]; null where `empty`."""
        raise NotImplementedError

    def text(self, value: float) -> str:
        """A value as people read it."""
        raise NotImplementedError

    def parse(self, text: str) -> float:
        """The value that a person wrote, as in a condition. Raises UsageError."""
        raise NotImplementedError

    def renew(self, dtype: pl.DataType, first: int, count: int) -> pl.Series:
        """Cells [count] of a column that is not learned, of the patients or rows that are numbered from `first`."""
        return pl.Series([None], dtype=dtype).new_from_index(0, count)

    # --- values and scores --------------------------------------------------------------------------------------------

    def rounded(self, values: Floats) -> Floats:
        """Values [n] as a code counts them: on the grid of the column."""
        return values

    def code(self, seen: Counts, settings: CodecSettings) -> Code:
        """The code fitted to rounded values, as they were counted."""
        raise NotImplementedError

    def compare(self, real: Any, other: Any) -> dict[str, float]:
        """How far two samples are apart, by the names of measures: values (of numbers) or names (of levels)."""
        raise NotImplementedError

    # --- for people and figures ---------------------------------------------------------------------------------------

    @property
    def step(self) -> float | None:
        """`unit` in the terms of values."""
        return self.unit

    @property
    def bounds(self) -> tuple[float, float]:
        """`lower` and `upper`, infinite where the tail is open."""
        return -np.inf if self.lower is None else self.lower, np.inf if self.upper is None else self.upper

    @property
    def grid(self) -> float:
        """The step of values; 0 where there is none."""
        return 0.0

    @property
    def range(self) -> str:
        """What values there are, in a few words."""
        return "-"

    @property
    def rounding(self) -> str:
        """Of what values are whole multiples, in a few words."""
        return "-"

    @property
    def about(self) -> dict[str, Any]:
        """Its fields, and what it can do, as one JSON object: for those who cannot ask, such as the page."""
        can = ("modelled", "numeric", "quantity", "calendar", "range", "rounding")
        return {**self.model_dump(mode="json"), **{what: getattr(self, what) for what in can}}

    @property
    def outline(self) -> dict[str, Any]:
        """What may be said of it without giving away any value that a patient had: for a model's card."""
        names = ("name", "role", "kind", "type", "levels", "missing", "unit", "modelled", "numeric", "quantity", "calendar")
        return {**{what: getattr(self, what) for what in names}, "range": self.range if self.levels else "-"}

    def _refuse_where(self, frame: pl.DataFrame, wrong: pl.Expr, place: str, what: str) -> None:
        """Raises DataError for the first row in which a cell is wrong, and says what is wrong with it."""
        if row := first_row(frame, wrong):
            cell = row[self.name] if self.numeric else shown(row[self.name])
            raise DataError(f"{at(place, row[ROW], self.name)}{cell} {what}")

    def _refuse(self, cells: pl.Series, bad: int, place: str, what: str) -> NoReturn:
        raise DataError(
            f"{place + ', ' if place else ''}data row {bad + 1}, column {self.name!r}: {cells[bad]!r} is {what}."
        )


def emptied(cells: pl.Series, empty: NDArray[np.bool_] | None, name: str) -> pl.Series:
    """The cells, null where `empty`."""
    if empty is not None and empty.any():
        cells = pl.select(pl.when(~pl.Series(empty)).then(cells)).to_series()
    return cells.alias(name)


NAMED: dict[str, type[Column]] = {}
"""The classes of kinds by their names; each enters itself."""
