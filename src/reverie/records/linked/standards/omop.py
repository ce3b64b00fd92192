"""The OMOP Common Data Model, version 5.4: persons, their visits, and what happened at them, by concepts.

    person <- visit_occurrence <- condition_occurrence, drug_exposure, measurement, observation, procedure_occurrence
    person <- death;  concept, care_site, provider and location are lookups, where they are there

A folder of .csv or .parquet files, a DuckDB or SQLite file, or a server; names in small or capital letters. What each table
has is declared in omop_columns.py. Concept 0 means that none fits, and is kept; a required concept that is missing is 0. Of
the vocabulary (CONCEPT.csv) only the concepts that occur are read (omop_concepts.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import ClassVar

import polars as pl

from reverie.errors import DataError, UsageError
from reverie.modality import DATABASES
from reverie.records.linked.sources import names_of, read_tables
from reverie.records.linked.standards.databases import DatabaseFile
from reverie.records.linked.standards.moments import moments
from reverie.records.linked.standards.omop_columns import COLUMNS, LOOKUPS, Cell
from reverie.records.linked.standards.omop_concepts import commonest, concepts, named_in
from reverie.records.linked.standards.plain import TableFiles
from reverie.records.linked.standards.standard import Content, Parts, Standard, Written, new_folder
from reverie.records.linked.standards.stated import Stated
from reverie.records.places import ROW, at, counted, few, not_one_value, shown
from reverie.records.reading import Bounds

__all__ = ["Omop", "complete"]

_EMPTY = ("", "null", "\\n", "na", "nan", "none")
"""What databases and programs write for nothing, in columns of numbers and dates."""
_VISIT = ("visit_occurrence", "person")


def _stated(name: str, kind: str, parents: tuple[str, ...], clocks: tuple[tuple[str, str | None], ...], why: str) -> Stated:
    key = None if name == "death" else f"{name}_id"
    tied = {
        "person_id": "person",
        "visit_occurrence_id": "visit_occurrence",
        **{f"{lookup}_id": lookup for lookup in LOOKUPS},
    }
    refers = {column: tied[column] for column in COLUMNS[name] if column in tied and column != key}
    concepts = [column for column in COLUMNS[name] if column.endswith("concept_id") and column != key]
    refers |= dict.fromkeys(concepts, "concept")
    if name == "visit_occurrence":
        refers["preceding_visit_occurrence_id"] = "visit_occurrence"
    return Stated(name, kind, key, refers, parents, clocks, why)  # pyright: ignore[reportArgumentType]


def _both(start: str, end: str | None) -> tuple[tuple[str, str | None], ...]:
    """The clock by times, then by days."""
    return tuple((f"{start}_{unit}", f"{end}_{unit}" if end else None) for unit in ("datetime", "date"))


class Omop(Standard):
    """OMOP CDM v5.4."""

    called: ClassVar[str] = "omop"
    title: ClassVar[str] = "OMOP CDM v5.4"
    tables: ClassVar[tuple[Stated, ...]] = (
        _stated("person", "entities", (), (), "a row for each person_id"),
        _stated("visit_occurrence", "events", ("person",), _both("visit_start", "visit_end"), "a row for each stay"),
        _stated(
            "condition_occurrence", "events", _VISIT, _both("condition_start", "condition_end"),
            "condition_concept_id says which condition",
        ),
        _stated(
            "drug_exposure", "events", _VISIT, _both("drug_exposure_start", "drug_exposure_end"),
            "drug_concept_id says which drug",
        ),
        _stated(
            "procedure_occurrence", "events", _VISIT, _both("procedure", "procedure_end"),
            "procedure_concept_id says which procedure",
        ),
        _stated(
            "measurement", "long", _VISIT, _both("measurement", None),
            "measurement_concept_id says what was measured, value_as_.. the value",
        ),
        _stated(
            "observation", "long", _VISIT, _both("observation", None),
            "observation_concept_id says what was observed, value_as_.. the value",
        ),
        _stated("death", "events", ("person",), _both("death", None), "at most a row for each person"),
        *(_stated(name, "lookup", (), (), "refers to no patient") for name in LOOKUPS),
    )  # fmt: skip

    def recognises(self, place: str) -> bool:
        names = {name.lower() for name in names_of(place, Path(place).name)}
        return {"person", "visit_occurrence"} <= names

    def read(self, place: str, name: str, most: Bounds = Bounds()) -> Content:
        raw, notes = read_tables(
            place, name, most, only=lambda table: table.lower() in COLUMNS and not _is_vocabulary(table)
        )
        content = Content({}, [f"It was read as {self.title}: two of its tables are person and visit_occurrence.", *notes])
        if others := [t for t in names_of(place, name) if t.lower() not in COLUMNS]:
            content.notes.append(f"{counted(len(others), 'other table', 'was were')} left alone: {', '.join(others)}.")
        for stated in self.tables:
            named = [table for table in raw if table.lower() == stated.name]
            if len(named) > 1:
                raise DataError(f"{name} has the tables {' and '.join(named)}: keep one of them.")
            for table in named:
                content.frames[stated.name] = _typed(raw[table], stated.name, stated.key, f"{name}/{table}", content.notes)
        self._named(content, place, name, most)
        bare = {t: [c for c in f.columns if f[c].null_count() == f.height] for t, f in content.frames.items()}
        content.frames = {table: frame.drop(bare[table]) for table, frame in content.frames.items()}
        if count := sum(map(len, bare.values())):
            content.notes.append(f"{counted(count, 'column', 'holds hold')} no cell, and will be there when written.")
        if "person" not in content.frames:
            raise UsageError(f"{name}/person has no rows: there is nobody whom the other tables could be about.")
        content.notes += _unmapped(content.frames)
        if "concept" in content.frames:
            content.notes += commonest(content.frames)
        return content

    def _named(self, content: Content, place: str, name: str, most: Bounds) -> None:
        """Adds the rows of the vocabulary that the other tables name."""
        found = [table for table in names_of(place, name) if _is_vocabulary(table)]
        if len(found) > 1:
            raise DataError(f"{name} has the tables {' and '.join(found)}: keep one of them.")
        for table in found:
            named = named_in(content.frames)
            frame, height = concepts(place, table, name, most, named)
            if left := height - frame.height:
                content.notes.append(f"concept: {counted(left, 'row', 'is are')} named by no other table, and left alone.")
            if frame.height:
                content.frames["concept"] = _typed(frame, "concept", "concept_id", f"{name}/{table}", content.notes)

    def write(self, parts: Parts, place: Path) -> Written:
        database = place.name.lower().endswith(DATABASES)
        if database:
            with DatabaseFile.new(place) as file:
                written = self._write(parts, file)
            return written
        with new_folder(place, ("*.csv",)) as folder:
            files = TableFiles(folder, ".csv")
            try:
                written = self._write(parts, files)
                files.join()
            finally:
                files.close()
        return written

    def _write(self, parts: Parts, files: TableFiles | DatabaseFile) -> Written:
        long: dict[str, int] = {}
        for part in parts:
            self.fits({table: frame.columns for table, frame in part.items()}, "a part")
            for table, frame in part.items():
                files.add(table, complete(frame, table, long))
        notes = [
            f"{place}: {counted(n, 'cell', 'is are')} longer than databases of the standard hold."
            for place, n in long.items()
        ]
        return Written(files.rows, len(files.rows), "every column held to the types and required cells of CDM v5.4", notes)


def _typed(frame: pl.DataFrame, table: str, key: str | None, name: str, notes: list[str]) -> pl.DataFrame:
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
            raise DataError(f"{name} has no column {column}, which {Omop.title} requires: add it.")
    return _required(pl.DataFrame(columns), table, key, name, notes)


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


def _is_vocabulary(table: str) -> bool:
    return table.lower() == "concept"


def _unmapped(frames: Mapping[str, pl.DataFrame]) -> Iterator[str]:
    for table, frame in frames.items():
        for column in frame.columns if table not in LOOKUPS else ():
            if not column.endswith("concept_id") or column.endswith(("type_concept_id", "source_concept_id")):
                continue
            if none := int((frame[column] == 0).sum()):
                source = column.replace("_concept_id", "_source_value")
                beside = f"; {source} says what they were" if source in frame.columns else ""
                rows = f"{none:,} of {counted(frame.height, 'row', 'is are')}"
                yield f"{table}.{column}: {rows} unmapped (0) and kept so{beside}."


def complete(frame: pl.DataFrame, table: str, long: dict[str, int]) -> pl.DataFrame:
    """All columns of the standard, in its order and types; counts cells that its databases have no space for."""
    columns = []
    for column, cell in COLUMNS[table].items():
        if column not in frame.columns:
            if cell.required:
                raise DataError(f"{table} has no column {column}, which {Omop.title} requires: add it.")
            columns.append(pl.Series(column, [None], dtype=cell.dtype).new_from_index(0, frame.height))
            continue
        cells = _cells(frame[column], cell, table, [], table)
        if cell.required and cells.null_count():
            row = int(cells.is_null().arg_true()[0]) + 1
            raise DataError(f"{at(table, row, column)}the cell is empty, and {Omop.title} requires one: fill it.")
        if cell.length and (over := int((cells.str.len_chars() > cell.length).sum())):
            long[f"{table}.{column}"] = long.get(f"{table}.{column}", 0) + over
        columns.append(cells)
    if others := [column for column in frame.columns if column not in COLUMNS[table]]:
        raise UsageError(f"{table} has the column {others[0]}, which is not of {Omop.title}: leave it out.")
    return pl.DataFrame(columns)
