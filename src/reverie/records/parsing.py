"""From text to typed columns: a column has a type when every one of its cells that is not missing can be read as it.

    whole numbers -> Int64, numbers -> Float64, 2026-01-31 -> Date, 2026-01-31T08:30[:00] -> Datetime, all else -> String

These are read by plainly.py. How else a source writes them (31.12.2026, "169,6", 95%, <0.5, Decimal) is found by forms/, and
kept: the form of a column. What stands for a missing value is taken away before (nulls.py).

Numbers written with leading zeros are names (007 is not 7). A column where some cells can be read and some cannot is mixed;
whether that is a fault is decided in infer.py, where the role of the column is known. With a schema, its types are law.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

import polars as pl

from reverie.errors import DataError, UsageError, unknown
from reverie.records import nulls
from reverie.records.column_names import names_someone
from reverie.records.days import days_told
from reverie.records.dtypes import TYPES
from reverie.records.forms import (
    AnyForm,
    Habits,
    NumberForm,
    StoredForm,
    as_stated,
    habits,
    nearly,
    recognise,
    recognise_whole,
)
from reverie.records.kinds import Mixed
from reverie.records.places import ROW, at, not_one_value, shown
from reverie.records.plainly import dates, numbers, reads
from reverie.records.schema import Column, Schema

__all__ = ["Parsed", "parse"]

MOSTLY_TEXT = 0.05
"""Below this share of cells that can be read as numbers (or dates), a column is text that happens to hold some."""


@dataclass
class Parsed:
    """A typed frame with the numbers of its data rows in the column ROW, its mixed columns, the forms of those columns whose
    cells are not plainly what they are, and notes on what was done.

    `null_values` are those of the columns in which other texts mean "missing" than in all of the table, `given` the cells
    before any was taken for missing, `missing` what was. `untold` are the columns, and how they are mixed, that have more
    cells without what the user says to be missing.
    """

    frame: pl.DataFrame
    mixed: dict[str, Mixed] = field(default_factory=dict)
    forms: dict[str, AnyForm] = field(default_factory=dict)
    null_values: dict[str, tuple[str, ...]] = field(default_factory=dict)
    untold: dict[str, tuple[pl.Series, Mixed | None]] = field(default_factory=dict)
    given: dict[str, pl.Series] = field(default_factory=dict)
    missing: dict[str, tuple[str, ...]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def keeping(self, columns: Collection[str]) -> Parsed:
        """With these columns as they are whatever the user says to be missing, and notes on the others."""
        back = {column: kept for column, kept in self.untold.items() if column in columns}
        mixed = {c: m for c, m in self.mixed.items() if c not in back} | {c: m for c, (_, m) in back.items() if m}
        untouched = {column: cells for column, cells in self.given.items() if column not in back}
        names = {column for column in untouched if self.frame.schema[column] == pl.String}
        notes = nulls.say(untouched, self.missing, self.null_values, names)
        frame = self.frame.with_columns(cells for cells, _ in back.values())
        return replace(self, frame=frame, mixed=mixed, notes=[*notes, *self.notes])


def parse(
    frame: pl.DataFrame,
    name: str,
    null_values: tuple[str, ...] = (),
    schema: Schema | None = None,
    date_formats: Mapping[str, str] | None = None,
    identifier: Sequence[str] = (),
    strays: list[pl.Series] | None = None,
) -> Parsed:
    """Types every column, by what its cells hold, or as the schema says.

    Args:
        null_values: what stands for a missing value, whatever the cells say: "-9" in every column, "weight=-9" in one;
            with a schema, what it says counts (Schema.with_nulls).
        date_formats: the forms of dates by column, such as "%d/%m/%Y"; under "" that of all columns that have it.
        identifier: columns that say whose visit a row is: their cells are names.
        strays: receives the numbers of rows with a cell that is not as the schema says, which is then left empty.

    Raises:
        DataError: a column that cannot be in a table, or a cell that is not of the schema's type; row and column named.
        UsageError: the schema names a type that does not exist, or nothing tells which part of a date is the day.
    """
    rows = frame[ROW] if ROW in frame.columns else pl.Series(ROW, range(1, frame.height + 1), dtype=pl.Int64)
    parsed = Parsed(pl.DataFrame([rows]))
    spaced, zoned = [], []
    formats = _formats(frame, date_formats or {})
    cells_of = {}
    for cells in frame.iter_columns():
        if cells.name == ROW:
            continue
        stored = _stored(cells, schema)
        if stored and schema is None:
            parsed.forms[cells.name] = stored
        cells_of[cells.name] = _plain(stored.read(cells) if stored else cells, name)
        if stored and not stored.wall:
            zoned.append(cells.name)
    for column, cells in cells_of.items():
        if cells.dtype == pl.String:
            cells_of[column] = cells.str.strip_chars()
            if (cells_of[column] != cells).any():
                spaced.append(column)
    said = nulls.NullTexts.read(null_values, list(cells_of))
    if schema is None:
        missing, parsed.null_values = nulls.of_columns(cells_of, said, _is_text)
    else:
        missing = {column: schema.nulls(column) for column in cells_of}
    columns = []
    texts = {c: nulls.emptied(cells, missing[c]) for c, cells in cells_of.items() if cells.dtype == pl.String}
    table_habits = _habits(texts, formats) if schema is None else Habits()

    def read(cells: pl.Series) -> tuple[pl.Series, AnyForm | None, Mixed | None]:
        form = None if cells.name in identifier else _form(cells, rows, table_habits, formats, name)
        if form is not None:
            return form.read(cells), form, None
        typed, mixed = _typed(cells, rows, zoned, table_habits) if cells.dtype == pl.String else (cells, None)
        return typed, None, mixed

    for column, text in cells_of.items():
        cells = nulls.emptied(text, missing[column])
        if schema is not None:
            columns.append(_as_schema(cells, rows, schema[column], name, strays))
            continue
        if more := said.of(column):
            usual = nulls.emptied(text, [word for word in missing[column] if word not in more])
            if usual.null_count() < cells.null_count():
                whole, _, mixed = read(usual)
                parsed.untold[column] = whole, mixed
        cells, form, mixed = read(cells)
        parsed.mixed |= {column: mixed} if mixed else {}
        parsed.forms |= {column: form} if form else {}
        columns.append(cells)
    for at_column, cells in enumerate(columns):
        form = parsed.forms.get(cells.name)
        if schema is None and isinstance(form, NumberForm) and _said_again(cells, form, texts[cells.name], columns):
            columns[at_column] = texts[cells.name]  # the numbers have a column, so that this one may be the words
            del parsed.forms[cells.name]
    parsed.frame = pl.DataFrame({cells.name: cells for cells in (rows, *columns)})  # a list would name a nameless one
    parsed.given, parsed.missing = cells_of, missing
    if schema is not None:
        parsed.notes += nulls.say(cells_of, missing, parsed.null_values, set())
    if spaced:
        parsed.notes.append(f"Spaces around values were removed in {nulls.listed(spaced)}.")
    parsed.notes += [note for cells in columns if (note := days_told(cells, texts.get(cells.name)))]
    parsed.notes += [f"In {column}, {form.note}." for column, form in parsed.forms.items() if form.note]
    if zoned:
        parsed.notes.append(
            f"Date-times with a time zone were brought to UTC in {nulls.listed(list(dict.fromkeys(zoned)))}."
        )
    return parsed


def _said_again(numbers: pl.Series, form: NumberForm, text: pl.Series, columns: Sequence[pl.Series]) -> bool:
    """Whether another column has the numbers of one alone, and nothing where that has a word."""
    words = [mark for mark in form.marks if not form.is_limit(mark)]
    if not words:
        return False
    alone = numbers.set(text.is_in(words).fill_null(False), None).cast(pl.Float64)
    others = (c for c in columns if c.name != numbers.name and c.dtype.is_numeric() and c.null_count() == alone.null_count())
    return any(bool(alone.eq_missing(other.cast(pl.Float64)).all()) for other in others)


def _stored(cells: pl.Series, schema: Schema | None) -> StoredForm | None:
    """How to read cells of a type that a table does not have as such."""
    if cells.dtype == pl.String:
        return None
    own = schema[cells.name].form if schema is not None else None
    return own if isinstance(own, StoredForm) and own.dtype == cells.dtype else recognise(cells)  # pyright: ignore


def _formats(frame: pl.DataFrame, said: Mapping[str, str]) -> dict[str, str]:
    """The forms of dates that the user gives, by column. Raises UsageError."""
    for column in said:
        if column and column not in frame.columns:
            raise unknown("column for `date_formats`", column, [c for c in frame.columns if c != ROW])
    every = {c.name: said[""] for c in frame.iter_columns() if "" in said and c.dtype == pl.String}
    return {column: pattern for column, pattern in every.items() if as_stated(frame[column], pattern)} | {
        column: pattern for column, pattern in said.items() if column
    }


def _habits(texts: Mapping[str, pl.Series], formats: Mapping[str, str]) -> Habits:
    return habits(as_stated(text, formats[c]) if c in formats else text for c, text in texts.items())


def _form(cells: pl.Series, rows: pl.Series, table_habits: Habits, formats: Mapping[str, str], name: str) -> AnyForm | None:
    """The form of a column, if its cells are not plainly what they are."""
    if pattern := formats.get(cells.name):
        if form := as_stated(cells, pattern):
            return form
        single = (as_stated(cells[i : i + 1], pattern) for i in range(len(cells)))
        bad = next(i for i, form in enumerate(single) if form is None and cells[i] is not None)
        raise DataError(
            f"{at(name, rows[bad], cells.name)}{shown(cells[bad])} is not of the form {pattern}: correct it, leave it "
            "empty, or give another form in `date_formats`."
        )
    if names_someone(cells.name):
        return None
    if cells.dtype.is_numeric():
        return recognise_whole(cells)
    if cells.dtype != pl.String or not cells.count():
        return None
    if cells.str.contains(r"^(?:0|-?[1-9]\d{0,15})$").all():
        return recognise_whole(cells.cast(pl.Int64))
    return recognise(cells, table_habits)


def _is_text(cells: pl.Series) -> bool:
    """Whether cells without any word for "missing" are names rather than numbers, dates or truth values."""
    if cells.str.to_lowercase().is_in(["true", "false"]).all(ignore_nulls=True) and cells.count():
        return False
    any_order = Habits(day_first={"/": True, "-": True, ".": True})
    if recognise(cells, any_order) is not None:
        return False
    typed, mixed = _typed(cells, pl.Series(range(cells.len())), [], any_order)
    return typed.dtype == pl.String and (mixed is None or mixed.read < mixed.text)


def _plain(cells: pl.Series, name: str) -> pl.Series:
    """One of the few types that a table can hold; NaN is missing."""
    if cells.dtype.is_float():
        return cells.fill_nan(None)
    if str(cells.dtype.base_type()) not in TYPES:
        raise not_one_value(name, cells.name, cells.dtype)
    return cells


def _typed(cells: pl.Series, rows: pl.Series, zoned: list[str], table_habits: Habits) -> tuple[pl.Series, Mixed | None]:
    """The cells as what all of them can be read as; and which are what, where that is more than one thing."""
    count = cells.len() - cells.null_count()
    for what in ("numbers", "dates") if count else ():
        good = reads(cells, what)
        read = int(good.sum())
        if read == count:
            return (numbers(cells) if what == "numbers" else dates(cells, zoned)), None
        if read >= MOSTLY_TEXT * count:
            return cells, _mixed(cells, good, rows, what)
    if count and (form := nearly(cells, table_habits)) and not names_someone(cells.name):
        good = form.read(cells).is_not_null().set(cells.is_null(), None)
        return cells, _mixed(cells, good, rows, "dates" if form.form == "date" else "numbers")
    return cells, None


def _mixed(cells: pl.Series, good: pl.Series, rows: pl.Series, what: str) -> Mixed:
    count, read = cells.count(), int(good.sum())
    odd = (~good if 2 * read >= count else good).fill_null(False).arg_true()[0]
    return Mixed(what, read, count - read, rows[odd], cells[odd])


def _as_schema(
    cells: pl.Series, rows: pl.Series, column: Column, name: str, strays: list[pl.Series] | None = None
) -> pl.Series:
    """The cells in the type that the schema says. Names (levels, identifiers, text) may stay text."""
    if column.type not in TYPES:
        raise UsageError(f"the schema's column {column.name!r} has type {column.type!r}: known are {', '.join(TYPES)}.")
    dtype = TYPES[column.frame_type if column.numeric and column.type == "String" else column.type]  # a kind edited by hand
    if column.form is not None and not isinstance(column.form, StoredForm) and cells.dtype != dtype:
        read = column.form.read(cells)
        if len(lost := (read.is_null() & cells.is_not_null()).arg_true()) and strays is not None:
            strays.append(rows.gather(lost))
        elif len(lost):
            raise DataError(
                f"{at(name, rows[lost[0]], column.name)}{shown(cells[lost[0]])} is not written as the schema says "
                f"({column.form.words}): correct it, add it to null_values in the schema, or change the column's form there."
            )
        cells = read
    if cells.dtype == dtype:
        return cells
    if cells.dtype == pl.String and dtype == pl.Boolean:
        cast = cells.str.to_lowercase().replace_strict({"true": True, "false": False, "1": True, "0": False}, default=None)
    elif cells.dtype == pl.String and dtype in (pl.Date, pl.Datetime):
        good = reads(cells, "dates")
        cast = dates(cells.set(~good.fill_null(False), None), []).cast(dtype, strict=False)
    else:
        cast = cells.cast(pl.Float64, strict=False) if cells.dtype == pl.String and dtype.is_numeric() else cells
        if dtype.is_integer() and cells.dtype == pl.String:  # not by way of floats, which end at 2^53
            whole = cells.cast(dtype, strict=False)
            cast = whole if whole.null_count() == cells.null_count() else cast
        if dtype.is_integer() and cast.dtype.is_float():
            cast = cast.set((cast != cast.round(0)) | cast.is_infinite(), None)
        cast = cast.cast(dtype, strict=False)
        cast = cast.fill_nan(None) if dtype.is_float() else cast
    lost = (cast.is_null() & cells.is_not_null()).arg_true()
    if not len(lost):
        return cast
    if strays is not None:
        strays.append(rows.gather(lost))
        return cast
    if cells.dtype == pl.String and not column.numeric:
        return cells
    words = {pl.Date: "a date (2026-01-31)", pl.Datetime: "a date-time (2026-01-31T08:30:00)", pl.Boolean: "true or false"}
    what = words.get(dtype.base_type(), "a whole number" if dtype.is_integer() else "a number")
    raise DataError(
        f"{at(name, rows[lost[0]], column.name)}{shown(cells[lost[0]])} is not {what}: correct it, "
        "add it to null_values in the schema, or change the column's type and kind there."
    )
