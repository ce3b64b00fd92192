"""What tells persons, visits or rows apart: never learned, renumbered."""

from __future__ import annotations

from typing import Any, ClassVar

import polars as pl

from reverie.records.column_names import id_of, names_someone, words
from reverie.records.identifiers import Pattern, as_type, deciding, new_identifiers
from reverie.records.kinds.categorical import MANY, MAX_LEVELS
from reverie.records.kinds.column import Column
from reverie.records.kinds.evidence import Evidence
from reverie.records.kinds.integer import is_whole
from reverie.records.kinds.ordinal import MAX_CODES
from reverie.records.kinds.text import is_prose
from reverie.records.kinds.watch import Watch
from reverie.records.places import hidden
from reverie.records.precision import as_numbers

__all__ = ["Identifier"]

_STUDY = {"study", "studyid", "trial", "trialid", "protocol", "protocolid"}


class Identifier(Column):
    """A column of names or numbers that are another for each patient or row."""

    called: ClassVar[str] = "number"
    learned: ClassVar[bool] = False

    @classmethod
    def stated(cls, seen: Evidence) -> dict[str, Any]:
        return {"why": "as you said", "pattern": _pattern(seen.cells, seen.role != "static")}

    @classmethod
    def of_patients(cls, cells: pl.Series, why: str) -> Column:
        """The column that says whose visit a row is."""
        fields = {"name": cells.name, "role": "identifier", "kind": cls.called, "type": str(cells.dtype.base_type())}
        return cls.model_validate({**fields, "why": why, "pattern": _pattern(cells)})

    @classmethod
    def recognise(cls, seen: Evidence) -> dict[str, Any] | None:
        why = cls._reason(seen)
        return None if why is None else {"why": f"{why}: renumbered", "pattern": _pattern(seen.cells, seen.role != "static")}

    @classmethod
    def _reason(cls, seen: Evidence) -> str | None:
        values, distinct, count = seen.values, seen.distinct, len(seen.values)
        study = distinct == 1 and len(seen.cells) == count > 1 and bool(_STUDY & set(words(seen.name)))
        if names_someone(seen.name) and not study:  # the study of all is no secret of one
            return "an identifier by its name"
        if seen.identifying:
            return None
        if values.dtype == pl.String and not seen.mixed:
            many = distinct > MAX_LEVELS or distinct == count >= MANY
            if many and distinct >= 0.95 * count and not is_prose(values):
                return f"another name {seen.each}"
        elif values.dtype.is_numeric() and is_whole(values) and _counts(seen.name, values, distinct):
            return f"another number {seen.each} (id-like)"
        return None

    def watch(self) -> Watch:
        return Identifiers(self)

    def renew(self, dtype: pl.DataType, first: int, count: int) -> pl.Series:
        """By the pattern; without one the numbers, as text of the identifier of patients "P000001", else "1"."""
        if self.pattern is not None:
            return new_identifiers(self.pattern, first, count, dtype, self.name)
        cells = pl.Series(range(first, first + count), dtype=pl.Int64)
        if dtype.is_numeric():
            return as_type(cells, dtype, self.name)
        text = cells.cast(pl.String)
        text = "P" + text.str.zfill(6) if self.role == "identifier" else text
        return text.cast(dtype, strict=False)


class Identifiers(Watch):
    """How identifiers are written, from those that decide it; and whether they count rows.

    The pattern is that of all, but where there is so little room above the largest that new ones begin in a gap
    (identifiers.py): that is the widest one among those that were kept.
    """

    def __init__(self, column: Column) -> None:
        super().__init__(column)
        self._seen: pl.Series | None = None
        self._ahead: set[int] = set()

    def add(self, cells: pl.Series, rows: pl.Series) -> None:
        super().add(cells, rows)
        present = cells.drop_nulls()
        if cells.dtype.is_integer() and len(self._ahead) < 2:
            self._ahead |= set((cells.cast(pl.Int64, strict=False) - rows).drop_nulls().unique()[:2].to_list())
        both = present if self._seen is None else pl.concat([self._seen, present])
        self._seen = both if self._seen is None else deciding(both)

    def observed(self) -> dict[str, Any]:
        if self._seen is None:
            return super().observed()
        cells = self._seen.alias(self.column.name)
        numbers = self.column.role != "static" and len(self._ahead) == 1 and self._ahead <= {-1, 0}
        counts = numbers and id_of(cells.name) != "number" and not self._empty and not hidden(cells.name)
        return super().observed() | {"pattern": None if counts else _pattern(cells, False)}


def _pattern(cells: pl.Series, rows: bool = True) -> Pattern | None:
    """How new identifiers of a column are written; None where they are not shown, and where it counts `rows`: 1, 2, ..."""
    if hidden(cells.name) or not (cells.dtype.is_numeric() or cells.dtype == pl.String):
        return None
    counts = rows and cells.dtype.is_integer() and id_of(cells.name) != "number" and cells.null_count() == 0
    if counts and cells.len() and set(cells[:2]) <= {0, 1, 2} and (cells.diff().drop_nulls() == 1).all():
        return None
    return Pattern.of(cells)


def _counts(name: str, values: pl.Series, distinct: int) -> bool:
    """Whether whole numbers tell rows or patients apart rather than measure: another each, close together or so named."""
    numbers, count = as_numbers(values), len(values)
    named = bool({"id", "no", "sno", "nr", "number", "index", "row", "mrn"} & set(words(name))) or name == ""
    if named and distinct > MAX_CODES and distinct >= 0.5 * count:
        return True
    return distinct == count >= 20 and float(numbers.max() - numbers.min()) + 1 <= 1.5 * count
