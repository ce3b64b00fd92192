"""From a place to tables by name: cells as they stand there.

    a folder     a table for each file of text or Parquet, called as the file is without its suffix
    a database   all tables of a DuckDB or SQLite file, or of the schema of PostgreSQL that is searched first
    a mapping    frames by name, from Python

A folder whose files have the same columns is one table in parts (reading/folders.py), and is not read here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import polars as pl

from reverie.errors import DataError, UsageError
from reverie.modality import DATABASES
from reverie.records.linked.databases import counted_rows, relations, views, whole
from reverie.records.reading import Bounds, Query, read_source
from reverie.records.reading.blocks import first_rows
from reverie.records.reading.folders import SEPARATED, left_out, tables_in
from reverie.records.reading.queries import asks_a_server
from reverie.records.reading.stream import File

__all__ = ["files_of", "is_linked_plain", "names_of", "read_tables", "rows_in"]


def is_linked_plain(source: Any) -> bool:
    """Whether a source is several tables rather than one: frames by name, a folder of files with different columns, or a
    database that no query asks."""
    if isinstance(source, Mapping):
        return True
    if not isinstance(source, str | Path):
        return False
    path = Path(source)
    if asks_a_server(str(source)) or (path.is_file() and path.name.lower().endswith(DATABASES)):
        return True
    return path.is_dir() and len(_files(path)) > 1 and len({_columns(file) for file in _files(path)}) > 1


def names_of(place: str, name: str) -> list[str]:
    """The names of the tables that lie in a folder or a database; none where it is neither."""
    if asks_a_server(place) or (Path(place).is_file() and place.lower().endswith(DATABASES)):
        return _names(place, name)
    return [_stem(path) for path in _files(Path(place))] if Path(place).is_dir() else []


def files_of(folder: Path) -> dict[str, Path]:
    """The files of the tables in a folder, by the name of the table. Raises DataError for two of one name."""
    return {_stem(path): path for path in _files(folder)}


def read_tables(
    source: Any,
    name: str,
    most: Bounds = Bounds(),
    only: Callable[[str], bool] = lambda table: True,
    empty: bool = False,
    where: str = "",
) -> tuple[dict[str, pl.DataFrame], tuple[str, ...]]:
    """Cells by the name of the table, in the order of names, and notes; columns of text may be String.

    Args:
        only: which tables are read, by their names.
        where: of a database, which of their rows: a condition in SQL.

    Raises UsageError where there are no tables, and DataError, naming the file, for one that cannot be read. A table
    without a row is left out, which is noted; of files and frames its header is kept where `empty` says so. What lies in a
    folder and is no table is noted.
    """
    notes: list[str] = []
    there: dict[str, str] = {}
    if isinstance(source, Mapping):
        asked: dict[str, Any] = {str(table): frame for table, frame in source.items()}
    elif asks_a_server(str(source)) or not Path(source).is_dir():
        some = f" WHERE {where}" if where else ""
        there = relations(str(source), name)
        asked = {table: Query.of(source, f"SELECT * FROM {of}{some}", table) for table, of in there.items()}
        notes += [f"{view} is a view, and was left out: make a table of it to have it." for view in views(str(source), name)]
    else:
        asked = dict(files_of(Path(source)))
        notes += left_out(Path(source), asked.values())
    tables = {}
    for table, of in asked.items():
        if not only(table):
            continue
        if not counted_rows(of.place, there[table]) if isinstance(of, Query) else _is_empty(of):
            if empty and not isinstance(of, Query):
                tables[table] = _header(of)
                continue
            notes.append(f"{table} has no rows, and was left out.")
            continue
        called = f"{name}/{of.name}" if isinstance(of, Path) else f"{name}.{table}"
        with whole(called):
            cells = read_source(of, called, most)
        if not cells.frame.height:
            notes.append(f"{table} has no rows, and was left out.")
            continue
        tables[table] = cells.frame
        notes += [f"{table}: {note}" for note in cells.notes if not isinstance(of, Query)]  # the whole of it, in any order
    if not any(frame.height for frame in tables.values()):
        raise UsageError(f"{name} holds no table with a row: give a folder of .csv or .parquet files, or a database.")
    return tables, tuple(notes)


def _files(folder: Path) -> list[Path]:
    """Those that are tables, one of each name: hidden ones, read-mes and those without a byte are not."""
    parquet = [path for path in folder.iterdir() if path.name.lower().endswith(".parquet") and path.name[0] != "."]
    files = sorted(path for path in (*tables_in(folder), *parquet) if path.is_file() and path.stat().st_size)
    stems = [_stem(path) for path in files]
    if twice := next((stem for stem in stems if stems.count(stem) > 1), None):
        raise DataError(f"{folder} has several files called {twice}: keep one of them.")
    return files


def _stem(path: Path) -> str:
    suffix = next(s for s in (".parquet", *reversed(SEPARATED)) if path.name.lower().endswith(s))
    return path.name[: -len(suffix)]


def _header(source: Any) -> pl.DataFrame:
    """A table of no rows, with the columns of its file, those of files of text as text."""
    if not isinstance(source, Path):
        return source
    if source.suffix.lower() == ".parquet":
        return pl.DataFrame(schema=pl.read_parquet_schema(source))
    return first_rows(File.at(source, source.parent), source.name, Bounds()).clear().cast(pl.String)


def _columns(path: Path) -> frozenset[str]:
    if path.suffix.lower() == ".parquet":
        return frozenset(pl.read_parquet_schema(path))
    return frozenset(first_rows(File.at(path, path.parent), path.name, Bounds()).columns)


def _is_empty(source: Any) -> bool:
    """Whether it is plain that there is not one row: a file of a header alone, a frame of none."""
    if isinstance(source, Path):
        if source.suffix.lower() == ".parquet":
            return pl.scan_parquet(source).select(pl.len()).collect().item() == 0
        if source.suffix.lower() == ".gz":
            return False
        with source.open("rb") as lines:
            return not any(map(bytes.strip, islice(lines, 1, None)))
    return isinstance(source, pl.DataFrame) and not source.height


def rows_in(place: str, table: str) -> int:
    """How many rows a table of a database has."""
    return counted_rows(place, relations(place, Path(place).name)[table])


def _names(place: str, name: str) -> list[str]:
    return list(relations(place, name))
