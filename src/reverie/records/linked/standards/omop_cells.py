"""Tables held to OMOP CDM v5.4: its columns in their order, in their types, without empty cells where it requires one.

    taken       as a hospital has them: by any spelling, columns of its own left alone, what can be filled filled
    complete    as they are written: every column there, nothing besides

A cell that is no date, number or whole number where one is declared (omop_columns.py) is named by its row.
"""

from __future__ import annotations

import polars as pl

from reverie.errors import DataError, UsageError
from reverie.records.linked.standards.moments import moments
from reverie.records.linked.standards.omop_columns import COLUMNS, TITLE, Cell
from reverie.records.places import ROW, at, counted, few, not_one_value, shown

__all__ = ["complete", "taken"]

_EMPTY = ("", "null", "\\n", "na", "nan", "none")
"""What databases and programs write for nothing, in columns of numbers and dates."""


def taken(frame: pl.DataFrame, table: str, key: str | None, name: str, notes: list[str]) -> pl.DataFrame:
    """The columns of the standard in its order and types. Raises DataError where one is missing that it requires.

    `frame` may have the numbers of its rows, where it is not all of its file.
    """
    rows = frame[ROW] if ROW in frame.columns else None
    frame, by_name = frame.drop(ROW, strict=False), {}
    for column in frame.columns:
        if column.lower() in by_name:
            raise DataError(f"{name} has the columns {by_name[column.lower()]} and {column}: remove one of them.")
        by_name[column.lower()] = column
    declared = COLUMNS[table]
    if others := [column for lower, column in by_name.items() if lower not in declared]:
        notes.append(
            f"{table}: {counted(len(others), 'column', 'is are')} not of the standard, and left alone: {few(others, 20)}."
        )
    columns: list[pl.Series] = []
    for column, cell in declared.items():
        if column in by_name:
            columns.append(_cells(frame[by_name[column]].alias(column), cell, name, notes, table, rows))
        elif cell.required and column.endswith("concept_id") and column != key:
            notes.append(f"{table} has no {column}, which the standard requires: 0, for no concept, was taken.")
            columns.append(pl.Series(column, [0], dtype=pl.Int64).new_from_index(0, frame.height))
        elif cell.required and (stamp := by_name.get(f"{column}time")):  # x_date by x_datetime
            notes.append(f"{table} has no {column}: the day of {column}time was taken.")
            columns.append(_cells(frame[stamp].alias(column), cell, name, [], table))
        elif cell.required:
            raise DataError(f"{name} has no column {column}, which {TITLE} requires: add it.")
    return _required(pl.DataFrame(columns), table, key, name, notes)


def complete(frame: pl.DataFrame, table: str, long: dict[str, int]) -> pl.DataFrame:
    """All columns of the standard, in its order and types; counts cells that its databases have no space for."""
    columns = []
    for column, cell in COLUMNS[table].items():
        if column not in frame.columns:
            if cell.required:
                raise DataError(f"{table} has no column {column}, which {TITLE} requires: add it.")
            columns.append(pl.Series(column, [None], dtype=cell.dtype).new_from_index(0, frame.height))
            continue
        cells = _cells(frame[column], cell, table, [], table)
        if cell.required and cells.null_count():
            row = int(cells.is_null().arg_true()[0]) + 1
            raise DataError(f"{at(table, row, column)}the cell is empty, and {TITLE} requires one: fill it.")
        if cell.length and (over := int((cells.str.len_chars() > cell.length).sum())):
            long[f"{table}.{column}"] = long.get(f"{table}.{column}", 0) + over
        columns.append(cells)
    if others := [column for column in frame.columns if column not in COLUMNS[table]]:
        raise UsageError(f"{table} has the column {others[0]}, which is not of {TITLE}: leave it out.")
    return pl.DataFrame(columns)


def _required(frame: pl.DataFrame, table: str, key: str | None, name: str, notes: list[str]) -> pl.DataFrame:
    """Without empty cells where it requires one: concepts become 0, rows without a person or a day are left out."""
    for column, cell in COLUMNS[table].items():
        if not cell.required or column not in frame.columns or not (empty := frame[column].null_count()):
            continue
        if column == key:
            row = int(frame[column].is_null().arg_true()[0]) + 1
            raise DataError(f"{at(name, row, column)}the cell is empty, and it is the key: give the row a number.")
        if column.endswith("concept_id"):
            frame = frame.with_columns(pl.col(column).fill_null(0))
            notes.append(f"{table}.{column}: {counted(empty, 'empty cell', 'was were')} taken for 0, no concept.")
            continue
        if column.endswith("_date") and f"{column}time" in frame.columns:
            frame = frame.with_columns(pl.col(column).fill_null(pl.col(f"{column}time").cast(pl.Date)))
        if column.endswith("end_date") and (start := column.replace("end_date", "start_date")) in frame.columns:
            frame, without = frame.with_columns(pl.col(column).fill_null(pl.col(start))), frame[column].null_count()
            notes += [
                f"{table}.{column}: {counted(without, 'empty cell', 'was were')} taken for the day of {start}."
            ] * bool(without)
        if lost := frame[column].null_count():
            frame = frame.drop_nulls(column)
            notes.append(
                f"{table}: {counted(lost, 'row', 'was were')} left out, without a {column}, which the standard requires."
            )
    if key is not None and (twice := frame.filter(pl.col(key).is_duplicated())).height:
        differ = twice.unique()
        if (odd := differ.filter(pl.col(key).is_duplicated())).height:
            raise DataError(
                f"{name}: {key} is its key, and {odd[key][0]} stands in several rows that differ: keep one of them."
            )
    return frame


def _cells(
    cells: pl.Series, cell: Cell, name: str, notes: list[str], table: str, rows: pl.Series | None = None
) -> pl.Series:
    """Cells in the type of the standard. Raises DataError that names the row of one that cannot be; `rows` are their
    numbers, if not those of the cells."""
    place = f"{table}.{cells.name}"
    if cells.dtype.is_nested() or cells.dtype in (pl.Binary, pl.Object):
        raise not_one_value(name, cells.name, cells.dtype)
    if cell.dtype == pl.String:
        return cells.cast(pl.String).replace("", None)
    if cells.dtype == pl.String:
        cells = cells.str.strip_chars()
        cells = cells.set(cells.str.to_lowercase().is_in(_EMPTY).fill_null(False), None)
    elif cells.dtype.is_float():
        cells = cells.fill_nan(None)
    if cell.dtype in (pl.Date, pl.Datetime("us")):
        if cells.dtype.is_temporal():
            if isinstance(cells.dtype, pl.Datetime) and cells.dtype.time_zone:
                notes.append(f"{place}: times of one zone were brought to UTC.")
                cells = cells.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
            return cells.cast(cell.dtype)
        read = moments(cells.cast(pl.String))
        _all_read(read.wrong, cells, name, "date or time, such as 2026-01-31", rows)
        if cell.dtype != pl.Date:
            notes += read.notes(place)
        return read.cells.cast(cell.dtype)
    text = cells if cells.dtype.is_numeric() else cells.cast(pl.String)
    number = text.cast(pl.Float64, strict=False).fill_nan(None)
    if cell.dtype == pl.Int64:
        whole = text.cast(pl.Int64, strict=False)
        if text.dtype == pl.String:  # as pandas writes whole numbers beside empty cells: 8507.0
            whole = text.str.replace(r"\.0+$", "").cast(pl.Int64, strict=False)
        wrong = (whole.is_null() | (whole.cast(pl.Float64) != number)) & text.is_not_null()
        _all_read(wrong, cells, name, "whole number", rows)
        return whole
    _all_read(number.is_null() & text.is_not_null(), cells, name, "number", rows)
    return number


def _all_read(wrong: pl.Series, cells: pl.Series, name: str, what: str, numbers: pl.Series | None) -> None:
    if (rows := wrong.fill_null(False).arg_true()).len():
        row = int(rows[0])
        where = at(name, 1 + int(row if numbers is None else numbers[row]), cells.name)
        raise DataError(f"{where}{shown(cells[row])} is no {what}: correct it, or leave it empty.")
