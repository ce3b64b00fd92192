"""Linked tables to be completed, which may differ from those that the model has learned: no cell is refused or lost.

cells as they came  ->  typed  ->  rows in the order of the tree, which the model sees     a cell that it cannot read is
not observed; a row of nobody, or without its time, stays as it is
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from reverie.errors import DataError, UsageError, unknown
from reverie.records.dtypes import framed, in_type
from reverie.records.forms.date import DateForm
from reverie.records.forms.number import NumberForm
from reverie.records.given import texts
from reverie.records.linked.beside import called
from reverie.records.linked.checks import found_wrong
from reverie.records.linked.codec import LinkedCodec
from reverie.records.linked.growing import placed
from reverie.records.linked.sources import is_linked_plain, read_tables
from reverie.records.linked.standards.registry import standard_at
from reverie.records.linked.tables import LinkedTables, parts_of_name
from reverie.records.linked.tree import Grown
from reverie.records.nulls import NULL_VALUES, emptied, listed
from reverie.records.parsing import parse
from reverie.records.places import ROW, counted
from reverie.records.reading import Bounds
from reverie.records.shaping import numbered

__all__ = ["Filled", "FittedTables", "fit_tables", "to_fill"]

Filled = dict[str, dict[str, tuple[np.ndarray, pl.Series]]]
"""By table and column, rows of the source, int64 rising, and what stands there."""


@dataclass(frozen=True, eq=False)
class FittedTables:
    """Linked tables to be completed.

    Attributes:
        source: all tables as they came, by name.
        given: by table and column, which cells of the source hold something, Bool [rows].
        grown: what the model sees of them.
        rows: by table, int64, the row of the source, counted from 0, that each row of `grown` is.
        name: what messages call them.
        notes: decisions worth telling.
        path: of their folder; None for frames, and for a database.
    """

    source: Mapping[str, pl.DataFrame]
    given: Mapping[str, Mapping[str, pl.Series]]
    grown: Grown
    rows: Mapping[str, np.ndarray]
    name: str
    notes: tuple[str, ...]
    path: Path | None

    def part(self, first: int, last: int) -> FittedTables:
        """Some of the patients alone, one after the other."""
        patients = np.arange(first, last)
        kept = self.grown.tree.below(patients, len(self.grown), self.grown.parents)
        rows = {table: self.rows[table][at] for table, (at, _) in kept.items()}
        return replace(self, grown=self.grown.take(patients), rows=rows)

    def holes(self, table: str, column: str) -> np.ndarray:
        """Bool [rows of `grown`], where a column is empty; nowhere where the source has no such column."""
        if column not in self.given.get(table, {}):
            return np.zeros(len(self.rows[table]), dtype=bool)
        return ~self.given[table][column].gather(self.rows[table]).to_numpy()

    def filled(self, codec: LinkedCodec, made: Mapping[str, pl.DataFrame]) -> Filled:
        """By table and column the rows of the source that are filled, int64 rising, and what stands there, as the source
        writes it: text where its cells are text.

        Args:
            made: by table, the rows of `grown` with their holes filled.
        """
        out: Filled = {}
        for table, frame in made.items():
            for column in (c for c in frame.columns if c in self.given.get(table, {})):
                where = np.flatnonzero(self.holes(table, column) & frame[column].is_not_null().to_numpy())
                if not where.size:
                    continue
                came = self.source[table].schema[column]
                cells = codec.spelled(table, frame[column].gather(where).to_frame(), came == pl.String)
                cells = texts(cells)[column] if came == pl.String else in_type(cells[column], came)
                order = np.argsort(self.rows[table][where])
                out.setdefault(table, {})[column] = (self.rows[table][where][order], cells.gather(order))
        return out

    def whole(self, cells: Filled) -> dict[str, pl.DataFrame]:
        """The tables as they came, with what `filled` says in its place."""
        out = dict(self.source)
        for table, of in cells.items():
            came = self.source[table]
            out[table] = came.with_columns(in_type(came[c], v.dtype).scatter(rows, v) for c, (rows, v) in of.items())
        return out

    def added(self, codec: LinkedCodec, made: Mapping[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
        """By table new rows as the source writes its own, in those of its columns that the model knows."""
        out = {}
        for table in (table for table in made if table in self.source):
            came, columns = self.source[table].schema, []
            for column in (c for c in made[table].columns if c in came):
                text = came[column] == pl.String
                cells = codec.spelled(table, made[table].select(column), text)
                columns.append(in_type((texts(cells) if text and cells.height else cells)[column], came[column]))
            out[table] = framed(columns)
        return out

    def longer(self, codec: LinkedCodec, made: Mapping[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
        """The tables as they came, with new rows below."""
        more = self.added(codec, made)
        return {t: pl.concat([of, more[t]], how="diagonal_relaxed") if t in more else of for t, of in self.source.items()}


def fit_tables(codec: LinkedCodec, source: Any, name: str | None = None, most: Bounds = Bounds()) -> FittedTables:
    """Reads linked tables to be completed by a model.

    Args:
        source: a folder of .csv or .parquet files, a DuckDB or SQLite file, or frames by name.

    Raises UsageError for a source that is none of these, lacks a table or a column of keys or times, or has a key that
    tells no rows apart; DataError for what is wrong with a file.
    """
    place = None if isinstance(source, Mapping) else Path(str(source))
    name = name or ("the tables" if place is None else place.name)
    if place is not None and not place.exists():
        raise UsageError(f"there is no folder and no file {place}.")
    if place is not None and not (place.is_dir() or is_linked_plain(place)):
        raise UsageError(f"{name} is one file: give a folder of tables like those of the run, a .zip of one, or a database.")
    if place is not None and standard_at(place) is not None:
        raise UsageError(
            f"{name} is no folder of plain tables, which is what linked tables are completed in: write one with "
            f"reverie data convert {name} --to csv."
        )
    cells, said = read_tables(source, name, most, empty=True)
    notes, forms = list(said), codec.forms
    made = [table for table in forms.schema.tables if table.name in forms.forms]
    frames: dict[str, pl.DataFrame] = {}
    given: dict[str, dict[str, pl.Series]] = {}
    for table in made:
        if table.implied:
            continue
        if table.name not in cells:
            raise UsageError(
                f"{name} has no table {table.name}, which the model knows: add it, its header alone where nobody has a row."
            )
        needed = [
            table.key,
            table.clock and table.clock.start,
            *(tie.column for tie in table.refers if tie.table == table.parent),
        ]
        if lost := next((c for c in needed if c is not None and c not in cells[table.name].columns), None):
            raise UsageError(
                f"{name}/{table.name} has no column {lost}, by which the model ties or orders its rows: add it."
            )
        frames[table.name], given[table.name], said = _typed(codec, table.name, cells[table.name], name)
        notes += said
    schema = forms.schema.model_copy(update={"tables": tuple(made)})
    numbered_rows = {}
    for table in (table.name for table in made if table.name in frames):
        numbered_rows[table] = frames[table].with_row_index(ROW)
        if schema[table].key is not None:  # rows that are wholly alike are one, as in training
            numbered_rows[table] = numbered_rows[table].unique(frames[table].columns, keep="first", maintain_order=True)
            if again := frames[table].height - numbered_rows[table].height:
                notes.append(f"{table}: {counted(again, 'row')} identical to another: as given, and not seen.")
    found_wrong(schema, numbered_rows, name)
    for table in made:
        if table.implied:
            key = str(table.key)
            spoken = [frame[key].drop_nulls() for frame in frames.values() if key in frame.columns]
            whole = pl.concat([x.cast(forms.forms[table.name].columns[key]) for x in spoken]).unique(maintain_order=True)
            numbered_rows[table.name] = frames[table.name] = pl.DataFrame([whole]).with_row_index(ROW)
    if not frames[forms.tree.root].height:
        raise DataError(f"{name} has no patient: {forms.tree.root} has no row.")
    grown = placed(forms.tree, LinkedTables(numbered_rows, schema, name))
    rows = {table: frame[ROW].to_numpy().astype(np.int64) for table, frame in grown.frames.items()}
    seen = {table: frame.drop(ROW) for table, frame in grown.frames.items()}
    notes += [note.replace("and left out", "and nothing is drawn there") for note in grown.notes]
    if extra := [table for table in cells if table not in frames and table not in codec.lookups]:
        what = "is a table" if len(extra) == 1 else "are tables"
        notes.append(f"{listed(extra)} {what} the model does not know: carried along as given.")
    path = None if place is None or place.is_file() else place
    return FittedTables(cells, given, Grown(grown.tree, seen, grown.parents), rows, name, tuple(notes), path)


def _typed(
    codec: LinkedCodec, table: str, cells: pl.DataFrame, name: str
) -> tuple[pl.DataFrame, dict[str, pl.Series], list[str]]:
    """A table in the types of the one learned, those of its columns alone; which cells hold something; and notes."""
    form, notes = codec.forms.forms[table], []
    written = {c: of for c, of in codec.written.get(table, {}).items() if c in cells.columns}
    dates = {c: of.pattern for c, of in written.items() if isinstance(of, DateForm) and _holds(cells[c])}
    known = [column for column in form.columns if column in cells.columns]
    if not cells.height:
        empty = pl.DataFrame(schema=dict(form.columns))
        return empty, {c: pl.Series(c, [], dtype=pl.Boolean) for c in known}, []
    parsed = parse(numbered(cells.select(known)), f"{name}/{table}", date_formats=dates)
    columns, given = [], {}
    for column, dtype in form.columns.items():
        if column not in known:
            columns.append(pl.Series(column, [None], dtype=dtype).new_from_index(0, cells.height))
            continue
        read = parsed.frame[column]
        given[column] = read.is_not_null()
        if isinstance(of := written.get(column), NumberForm) and parsed.given[column].dtype == pl.String:
            read = _as_written(of, parsed.given[column], read)
        columns.append(_as(read, parsed.given[column], dtype))
        if lost := columns[-1].null_count() - int((~given[column]).sum()):
            of = f"{table}.{column}"
            notes.append(f"In {of}, {counted(lost, 'given value', 'is are')} not of its type: as given, and not seen.")
    if lacking := [c for c in form.columns if c not in known and c not in form.gone]:
        verb = "is a column" if len(lacking) == 1 else "are columns"
        notes.append(f"{listed(lacking)} {verb} of {table} that {name} lacks: not seen, and not added.")
    if extra := [c for c in cells.columns if c not in form.columns]:
        verb = "is a column" if len(extra) == 1 else "are columns"
        notes.append(f"{listed(extra)} {verb} of {table} that the model does not know: carried along as given.")
    return framed(columns), given, notes


def _as_written(form: NumberForm, text: pl.Series, read: pl.Series) -> pl.Series:
    """Numbers as the tables learned write them ("<0.5", "neg"); the others as they were read."""
    numbers = form.read(emptied(text, NULL_VALUES))
    others = read if read.dtype.is_numeric() and read.null_count() == text.null_count() else numbers
    return pl.select(pl.coalesce(numbers, others.cast(numbers.dtype, strict=False)).alias(read.name)).to_series()


def _holds(cells: pl.Series) -> bool:
    """Whether cells of text hold anything besides words for "missing"."""
    return cells.dtype == pl.String and emptied(cells.str.strip_chars(), NULL_VALUES).count() > 0


def _as(cells: pl.Series, text: pl.Series, dtype: pl.DataType) -> pl.Series:
    """Cells in a type, null where that cannot hold them; `text` are they as they came."""
    if cells.dtype == dtype:
        return cells
    if dtype == pl.String:  # codes that look like numbers here
        whole = text.cast(pl.String)
        return pl.select(pl.when(cells.is_not_null()).then(whole).alias(cells.name)).to_series()
    if dtype == pl.Boolean and cells.dtype == pl.String:
        truth = {"true": True, "false": False}
        return cells.str.to_lowercase().replace_strict(truth, default=None, return_dtype=pl.Boolean)
    if dtype.is_integer() and cells.dtype.is_float():
        cells = cells.set(cells != cells.round(), None)
    if dtype.is_temporal() != cells.dtype.is_temporal() and cells.dtype != pl.String:
        return pl.Series(cells.name, [None], dtype=dtype).new_from_index(0, len(cells))
    return cells.cast(dtype, strict=False)


def to_fill(codec: LinkedCodec, columns: Sequence[str] | None) -> dict[str, set[str]]:
    """By table, the columns whose empty cells are filled: all that are learned but those that say something where they are
    empty, or those named as TABLE.column. Raises UsageError for one that is not learned."""
    forms, tree = codec.forms, codec.tree
    learned: dict[str, dict[str, bool]] = {}
    for branch in tree.branches:
        form, of = forms.forms[branch.table], forms.columns[str(branch.parent) if branch.beside else branch.table]
        learned[branch.table] = {}
        for column in form.columns:
            name = called(branch.table, column) if branch.beside else column
            if column in (branch.time, *form.gone):
                continue
            if column in form.follows:
                learned[branch.table][column] = True
            elif name in of.names and of[name].role in ("static", "varying") and of[name].modelled:
                learned[branch.table][column] = of[name].fill
    if columns is None:
        return {table: {column for column, fill in of.items() if fill} for table, of in learned.items()}
    out: dict[str, set[str]] = {}
    for text in columns:
        table, dot, column = parts_of_name(text, learned)
        if not dot or table not in learned:
            raise unknown("table to fill, as TABLE.column", table, learned)
        if column not in forms.forms[table].columns:
            raise unknown(f"column of {table}", column, learned[table])
        if column not in learned[table]:
            raise UsageError(f"{text} is not learned by the model, so nothing can be drawn there: leave it out.")
        out.setdefault(table, set()).add(column)
    return out
