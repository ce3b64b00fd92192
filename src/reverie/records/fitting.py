"""A table to be completed, which may differ from the one that the model has learned: no cell is refused, changed or lost.

    cells as they came  ->  in shape  ->  the Table that the model sees     a cell that it cannot read is not observed
    cells in shape, and what was drawn  ->  the table whole  ->  as it came     what was given, and the order, stay

What is needed of every row is whose visit it was and when; a row that does not say it comes back as it is.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl

from reverie.errors import DataError, UsageError, unknown
from reverie.records import given, nulls
from reverie.records.dtypes import framed
from reverie.records.infer import observed
from reverie.records.legible import alike, bounded, either, filled, readable
from reverie.records.parsing import parse
from reverie.records.places import ROW, counted, few
from reverie.records.reading import read_source
from reverie.records.schema import Schema
from reverie.records.shaping import numbered
from reverie.records.table import Table, arranged, last_rows, rows_after

__all__ = ["Fitted", "fit", "to_fill"]


@dataclass(frozen=True, eq=False)
class Fitted:
    """A table to be completed.

    Attributes:
        source: the cells as they came.
        cells: the same in the modelled form, see shapes/.
        rows: int64 [rows of cells], the row of the source, counted from 1, that each is from.
        table: what the model sees of them.
        place: int64 [rows of cells], the row of the table that each is; -1 where it is none.
        typed: columns of text of which the model reads every given cell as it is, typed.
        spelling: by column, how the table writes the model's levels, where otherwise.
        lacking: columns that the model has learned and the cells lack.
        schema: of the model.
    """

    source: pl.DataFrame
    cells: pl.DataFrame
    rows: pl.Series
    table: Table
    place: np.ndarray
    typed: dict[str, pl.Series]
    spelling: dict[str, dict[str, str]]
    lacking: tuple[str, ...]
    schema: Schema

    @property
    def notes(self) -> tuple[str, ...]:
        return self.table.notes

    @property
    def text(self) -> bool:
        """Whether the cells came as text, as those of a CSV do."""
        return all(dtype == pl.String for dtype in self.cells.dtypes)

    @cached_property
    def given(self) -> dict[str, pl.Series]:
        """Which cells of each column are given, rather than empty or a text for "missing"."""
        names = set(self.schema.names)
        return {c.name: filled(c, self.schema.nulls(c.name) if c.name in names else ()) for c in self.cells.iter_columns()}

    def whole(self, completed: pl.DataFrame, columns: Collection[str], typed: bool = False) -> pl.DataFrame:
        """As `filled`, in the form of the source."""
        return self.in_source_form(self.filled(completed, columns, typed))

    def longer(self, completed: pl.DataFrame, visits: int, typed: bool = False) -> pl.DataFrame:
        """As `continued`, in the form of the source."""
        return self.in_source_form(self.continued(completed, visits, typed), visits)

    def in_source_form(self, cells: pl.DataFrame, visits: int = 0) -> pl.DataFrame:
        """What was made of the cells, with so many visits added to each patient, brought back into the form they came in."""
        if not self.schema.shapes:
            return cells
        rows = pl.concat([self.rows, pl.Series([0] * (visits * len(self.table)), dtype=pl.Int64)])[self._order(visits)]
        given_cells = self.cells.with_columns(self.rows.alias(ROW))
        return self.schema.restored(cells.with_columns(rows.alias(ROW)), given_cells, numbered(self.source))

    def filled(self, completed: pl.DataFrame, columns: Collection[str], typed: bool = False) -> pl.DataFrame:
        """The cells, with those of `columns` that are empty filled from `completed`, rows of the table.

        Args:
            typed: make text of numbers and dates such, where it came as text and can be read.
        """
        place = pl.Series(self.place).set(pl.Series(self.place < 0), None)
        series = []
        for name in (*self.cells.columns, *self.lacking):
            cells = self._cells(name, typed)
            if name in columns:
                fill = self._as(completed[name].gather(place), name, cells)
                keep = self.given[name] if name in self.given else pl.Series([False]).new_from_index(0, len(cells))
                cells = either(keep | fill.is_null(), cells, fill)
            series.append(cells.alias(name))
        return pl.DataFrame(series)

    def continued(self, completed: pl.DataFrame, visits: int, typed: bool = False) -> pl.DataFrame:
        """The cells, with the last `visits` rows of each patient in `completed` after the patient's last."""
        new = last_rows(self.table.offsets + visits * np.arange(len(self.table) + 1), visits)
        given_rows = self.filled(completed.filter(pl.Series(~new)), (), typed).drop(self.lacking)
        rows = completed.filter(pl.Series(new))
        columns = []
        for cells in given_rows.iter_columns():
            more = rows[cells.name] if cells.name in completed.columns else pl.Series([None]).new_from_index(0, len(rows))
            cells, more = alike(cells, self._as(more, cells.name, cells))
            columns.append(cells.append(more.alias(cells.name)))
        return framed(columns)[self._order(visits)]

    def new(self, visits: int) -> pl.Series:
        """Bool, which rows of the cells with so many visits added to each patient are new."""
        return pl.Series(self._order(visits) >= self.cells.height)

    def _order(self, visits: int) -> np.ndarray:
        """The rows of the cells, with so many more that stand below them brought to where the patient's last row is."""
        patient = np.repeat(np.arange(len(self.table)), self.table.lengths)
        last = np.zeros(len(self.table), dtype=np.int64)
        there = np.flatnonzero(self.place >= 0)
        np.maximum.at(last, patient[self.place[there]], there)
        return rows_after(len(self.cells), last, visits)

    def _cells(self, name: str, typed: bool) -> pl.Series:
        if name not in self.cells.columns:
            wanted = self.table.frame.schema[name]
            as_text = self.text and not typed
            return pl.Series(name, [None], dtype=pl.String if as_text else wanted).new_from_index(0, len(self.cells))
        return self.typed.get(name, self.cells[name]) if typed else self.cells[name]

    def _as(self, fill: pl.Series, name: str, cells: pl.Series) -> pl.Series:
        """Drawn cells as the column writes its own."""
        if spelling := self.spelling.get(name):
            fill = fill.cast(pl.String).replace(spelling)
        fill = self.schema.written(fill.alias(name).to_frame())[name]
        if cells.dtype == pl.String and fill.dtype != pl.String:
            fill = self.schema.spelled(fill.to_frame())[name]
        if cells.dtype == pl.String and fill.dtype != pl.String:
            return given.texts(fill.alias(name).to_frame())[name] if len(fill) else fill.cast(pl.String)
        return fill


def fit(source: Any, schema: Schema, name: str | None = None) -> Fitted:
    """Reads a table to be completed by a model of this schema.

    Raises UsageError for a source that is not there, DataError for one without the identifier, the time, or any column that
    the model has learned, and for one in which no row says whose visit it was and when.
    """
    read = read_source(source, name)
    source, name = read.frame, read.name
    numbered_cells = schema.shaped(numbered(source), name)
    rows, cells = numbered_cells[ROW].cast(pl.Int64), numbered_cells.drop(ROW)
    learned = [column.name for column in (*schema.static, *schema.varying)]
    key = [schema.identifier.name, schema.time.name]
    for column, what in zip(key, ("whose visit a row is", "when a visit was"), strict=True):
        if column not in cells.columns:
            near = get_close_matches(column, [c for c in cells.columns if c not in schema.names], n=1, cutoff=0.5)
            hint = f" (it has {near[0]!r})" if near else ""
            raise DataError(f"{name} has no column {column!r}{hint}, which says {what}: add it, or name it so.")
    if not set(learned) & set(cells.columns):
        columns = few(map(repr, learned), 6)
        raise DataError(f"{name} has none of the columns that the model has learned ({columns}): name its columns so.")
    lacking = tuple(c for c in learned if c not in cells.columns)
    notes = [*read.notes, *schema.unread(source), *_on_columns(cells.columns, schema, lacking)]
    places = pl.Series(ROW, range(1, cells.height + 1), dtype=pl.Int64)
    seen, said, spelling, whole = readable(cells, schema)
    notes += said
    frame = pl.DataFrame([places, *seen]).filter(pl.all_horizontal(filled(c, ()) for c in seen if c.name in key))
    if not frame.height:
        raise DataError(f"{name} has no row that says whose visit it was and when ({key[0]!r} and {key[1]!r}).")
    if left := cells.height - frame.height:
        notes.append(f"{counted(left, 'row', 'came came')} without {key[0]} or {key[1]}: as given, nothing is drawn there.")
    parsed = parse(frame, name, (), schema)
    frame = parsed.frame
    typed = {
        c: frame[c]
        for c in whole
        if frame.height == cells.height and frame.schema[c] != pl.String and not _dressed(schema, c)
    }
    frame, said = bounded(frame, schema)
    notes += said + _on_statics(frame, schema)
    first = frame.select(pl.col(ROW).min().over(schema.names))[ROW].to_numpy()
    unique = frame.filter(pl.col(ROW) == pl.Series(first))
    kept = schema.model_copy(update={"duplicates": "keep"})
    parsed = replace(parsed, notes=[*parsed.notes, *notes])
    table = arranged(unique, observed(kept, unique), name, parsed, as_read=False)
    assert table.rows is not None
    index = np.full(cells.height + 1, -1)
    index[table.rows] = np.arange(len(table.rows))
    place = np.full(cells.height, -1)
    place[frame[ROW].to_numpy() - 1] = index[first]
    fitted = Fitted(source, cells, rows, table, place, typed, spelling, lacking, schema)
    return replace(fitted, table=replace(table, notes=(*table.notes, *_on_filled(fitted))))


def _dressed(schema: Schema, name: str) -> bool:
    """Whether frames have the cells of a column as text, as the source writes them."""
    form = schema[name].form
    return form is not None and form.dressed


def to_fill(schema: Schema, columns: Sequence[str] | None) -> tuple[str, ...]:
    """The columns whose empty cells are filled: all that are learned but those that the schema leaves out, or those named.

    Raises UsageError for a column that is not learned.
    """
    learned = [column.name for column in (*schema.static, *schema.varying)]
    if columns is None:
        return tuple(name for name in learned if schema[name].fill)
    for name in columns:
        if name not in schema.names:
            raise unknown("column to fill", name, learned)
        if name not in learned:
            raise UsageError(f"{name!r} is not learned by the model, so nothing can be drawn there: leave it out.")
    return tuple(dict.fromkeys(columns))


def _on_filled(fitted: Fitted) -> list[str]:
    """Notes on empty cells of statics that other visits of the patient fill."""
    notes = []
    for column in (c.name for c in fitted.schema.static if c.name in fitted.given):
        there = np.flatnonzero(fitted.place >= 0)
        known = fitted.table.frame[column].is_not_null().to_numpy()[fitted.place[there]]
        if holes := int((known & ~fitted.given[column].to_numpy()[there]).sum()):
            cells = counted(holes, "empty cell", "is are")
            notes.append(f"In {column}, which is static, {cells} filled from other visits of the patient.")
    return notes


def _on_columns(columns: Sequence[str], schema: Schema, lacking: Sequence[str]) -> list[str]:
    """Notes on columns that are more or fewer than the model's."""
    notes = []
    if extra := [c for c in columns if c not in schema.names]:
        what = "was a column" if len(extra) == 1 else "were columns"
        notes.append(f"{nulls.listed(extra)} {what} the model does not know: carried along as given.")
    if lacking:
        what = "was a column" if len(lacking) == 1 else "were columns"
        notes.append(f"{nulls.listed(lacking)} {what} the model knows and the table lacks: drawn for every row, at the end.")
    return notes


def _on_statics(frame: pl.DataFrame, schema: Schema) -> list[str]:
    """Notes on patients that have several values of what is one for each."""
    notes = []
    for column in (c for c in schema.static if frame[c.name].count()):
        several = frame.group_by(schema.identifier.name).agg(pl.col(column.name).drop_nulls().n_unique())[column.name] > 1
        if count := int(several.sum()):
            who = "patient has" if count == 1 else "patients have"
            static = f"In {column.name}, which is static"
            notes.append(f"{static}, {count:,} {who} several values: as given, and the model sees the first.")
    return notes
