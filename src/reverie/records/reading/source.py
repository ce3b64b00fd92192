"""From a source to cells: columns of text or typed columns, with every fault of form named by data row and column.

    a file      .csv, .tsv, .psv, .txt (also .gz)   separated.py      .sas7bdat, .xpt, .sav, .dta    statistical.py
                .parquet                            parquet.py        .xlsx, .xls, .ods              spreadsheets.py
    a folder    of files of separated text, for patients or parts of a table: folders.py; or of Parquet: parquet.py
    a query     on a database: queries/; and either kind of file in object storage, at s3://...: objects.py
    a frame     of polars or pandas: frames.py; and the name "pbc2" of the bundled cohort

What was decided about the form of a source is said in notes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import polars as pl

from reverie.errors import DataError, UsageError
from reverie.files import likely
from reverie.modality import DATABASES, RESOURCES
from reverie.records.places import hidden, shown
from reverie.records.reading.blocks import text_stream
from reverie.records.reading.bounds import Bounds, check_text, unzip
from reverie.records.reading.folders import SEPARATED, folder_stream, read_folder, tables_below, tables_in
from reverie.records.reading.frames import from_pandas
from reverie.records.reading.objects import in_object_storage, objects_stream
from reverie.records.reading.parquet import parquet_in, parquet_stream, read_parquet
from reverie.records.reading.queries import Query, asks_a_server, query_stream, redacted
from reverie.records.reading.separated import read_separated
from reverie.records.reading.spreadsheets import SHEETS, read_spreadsheet
from reverie.records.reading.statistical import STATISTICAL, read_statistical
from reverie.records.reading.stream import File, Stream, gathered, state_of

__all__ = ["BUNDLED", "SUFFIXES", "Cells", "no_resources", "place_of", "read_source", "stream_of"]

BUNDLED = {"pbc2": Path(__file__).parents[1] / "data" / "pbc2.csv"}
"""Cohorts that ship with the package, by name."""

SUFFIXES = (*SEPARATED, ".parquet", *STATISTICAL, *SHEETS)
"""Of files that are read as tables."""

_FILES = "a .csv, .tsv, .psv, .txt (also .gz), .parquet, .xlsx, .sas7bdat, .xpt, .sav or .dta file"
_MAGIC = {
    b"PAR1": (".parquet",),
    b"\x1f\x8b": (".csv.gz", ".tsv.gz", ".psv.gz", ".txt.gz"),
    b"PK\x03\x04": (".xlsx", ".xlsm", ".ods"),
    b"\xd0\xcf\x11\xe0": (".xls",),
}
"""How files begin, and the suffixes of those that do; text may begin in any other way."""


@dataclass(frozen=True, eq=False)
class Cells:
    """What a source holds.

    Attributes:
        frame: its rows are the data rows in order; from text and spreadsheets columns may be String, empty cells null.
        name: what messages call the source.
        notes: what was decided about its form.
        path: of the file or folder it was read from, absolute; None for what is bundled, an address and a frame.
        query: by which it was asked for; None for a file that was read as it is.
    """

    frame: pl.DataFrame
    name: str
    notes: tuple[str, ...] = ()
    path: Path | None = None
    query: str | None = None


def read_source(source: Any, name: str | None = None, most: Bounds = Bounds()) -> Cells:
    """The cells of a source, of a file or a folder at most so many.

    Args:
        source: a file, a folder of files, a Query, a polars or a pandas frame, or Cells that were read before.
        name: what messages call it; the name of the file if None.

    Raises:
        UsageError: there is no such file, or the source is of a kind that cannot be read.
        DataError: the content is at fault.
    """
    if isinstance(source, Cells):
        return replace(source, name=name or source.name)
    notes: tuple[str, ...] = ()
    if isinstance(source, Query) or (isinstance(source, str) and in_object_storage(source)):
        stream = stream_of(source, name, most)
        frame, notes = gathered(stream, most)
        check_text(frame, stream.name, most)
        return Cells(frame, stream.name, notes, stream.path, stream.query)
    if isinstance(source, pl.DataFrame):
        frame, name = source, name or "the frame"
    elif type(source).__module__.split(".")[0] == "pandas" and hasattr(source, "columns"):
        name = name or "the frame"
        frame = from_pandas(source, name)
    elif isinstance(source, str | Path):
        path = BUNDLED.get(str(source)) or Path(source)
        name = name or (str(source) if str(source) in BUNDLED else path.name)
        frame, notes = _from_path(path, name, str(source), most)
    else:
        raise UsageError(f"a table is a file, a polars frame or a pandas frame, not {type(source).__name__}.")
    if bad := next((c for c in frame.columns if "\0" in c and not hidden(c)), None):
        raise DataError(f"{name}: the column name {shown(bad)} holds a NUL byte: rename the column.")
    if not frame.width or not frame.height:
        raise DataError(f"{name} has no rows: a table needs at least one.")
    return Cells(frame, name, notes, place_of(source))


def no_resources(name: str) -> DataError:
    """The error for JSON that is no FHIR, from which alone tables are read."""
    return DataError(
        f"{name} names no resourceType, so it is no FHIR: give a Bundle or lines of resources, or save tables as .csv or "
        ".parquet."
    )


def stream_of(source: Any, name: str | None = None, most: Bounds = Bounds()) -> Stream:
    """A source as rows that are read one chunk after the other.

    Args:
        source: a file of separated text or Parquet or a folder of either, here or at s3://..., or a Query.

    Raises UsageError for one that is not kept so, and what is wrong with its form as far as that can be told already.
    """
    if isinstance(source, Query):
        return replace(query_stream(source), name=name or source.name)
    if not isinstance(source, str | Path):
        raise UsageError("a frame cannot be read in parts: leave out --stream, or write it to a Parquet file.")
    if in_object_storage(str(source)):
        return objects_stream(str(source), name or str(source), most)
    path = BUNDLED.get(str(source)) or Path(source)
    called = name or (str(source) if str(source) in BUNDLED else path.name)
    _check_place(path, str(source))
    if path.is_dir() and tables_in(path):
        return folder_stream(path, called, most)
    paths = parquet_in(path) if path.is_dir() else [path]
    suffix = ".parquet" if path.is_dir() else _suffix(path, called)
    if suffix in (*SEPARATED, ".parquet"):
        read = parquet_stream if suffix == ".parquet" else text_stream
        files = [File.at(one, path) for one in paths]
        return read(files, called, most, lambda: state_of(paths, path), None if str(source) in BUNDLED else path.resolve())
    raise UsageError(f"{called} cannot be read in parts: save it as Parquet or CSV, or leave out --stream.")


def place_of(source: Any) -> Path | None:
    """Where a source is kept, so that it can be read again from anywhere; None for what is bundled, and for frames."""
    if isinstance(source, Query | Cells):
        return source.path
    return Path(source).resolve() if isinstance(source, str | Path) and str(source) not in BUNDLED else None


def _check_place(path: Path, source: str) -> None:
    """Raises UsageError unless something is there that may be a table."""
    if asks_a_server(source) or (path.is_file() and path.name.lower().endswith(DATABASES)):
        called = redacted(source) if asks_a_server(source) else path.name
        raise UsageError(f"{called} is a database: say which rows, with --query 'SELECT ... FROM ... ORDER BY ...'.")
    if path.is_dir():
        if not tables_in(path) and not parquet_in(path):
            otherwise = tables_below(path)
            what = f"; {otherwise}" if otherwise else f": give {_FILES}."
            raise UsageError(f"{path} is a folder without files of separated text or Parquet{what}")
    elif not path.exists():
        meant = likely(path, BUNDLED)
        hint = f"did you mean {meant}?" if meant else f"give {_FILES}, or {' or '.join(BUNDLED)}, which is bundled."
        raise UsageError(f"there is no file {path}: {hint}")
    elif not path.is_file():
        raise UsageError(f"{path} is not a regular file: give {_FILES}.")


def _from_path(path: Path, name: str, source: str, most: Bounds) -> tuple[pl.DataFrame, tuple[str, ...]]:
    _check_place(path, source)
    if not path.is_dir():
        frame, notes = _from_file(path, name, most)
    elif tables_in(path):
        frame, notes = read_folder(path, name, most, _from_file)
    else:
        frame, notes = gathered(stream_of(path, name, most), most)
    check_text(frame, name, most)
    return frame, notes


def _suffix(path: Path, name: str) -> str:
    """What kind of table a file is, by its name. Raises DataError unless it begins as such files do."""
    suffix = next((s for s in reversed(SUFFIXES) if path.name.lower().endswith(s)), None)
    if suffix is None and name.lower().endswith(RESOURCES):
        raise no_resources(name)
    if suffix is None:
        raise DataError(f"{name} ends in {path.suffix or 'no suffix'!r}: a table is {_FILES}; save it as one.")
    with path.open("rb") as file:
        start = file.read(4)
    if not start:
        raise DataError(f"{name} is empty: a table needs a header and rows below it.")
    looks = next((kinds for magic, kinds in _MAGIC.items() if start.startswith(magic)), None)
    expected = next((kinds for kinds in _MAGIC.values() if suffix in kinds), None)
    if looks != expected:
        raise DataError(
            f"{name} is not what its suffix says, it looks like {looks[0] if looks else 'text'}: "
            "rename it or save it again as CSV."
        )
    return suffix


def _from_file(path: Path, name: str, most: Bounds) -> tuple[pl.DataFrame, tuple[str, ...]]:
    suffix = _suffix(path, name)
    if suffix in _READERS:
        return _READERS[suffix](path, name, most)
    most.check(name, bytes=path.stat().st_size)
    return read_separated(unzip(path, name, most) if suffix.endswith(".gz") else path.read_bytes(), name, most)


_Reader = Callable[[Path, str, Bounds], tuple[pl.DataFrame, tuple[str, ...]]]
_READERS: dict[str, _Reader] = {
    ".parquet": read_parquet,
    **dict.fromkeys(STATISTICAL, read_statistical),
    **dict.fromkeys(SHEETS, read_spreadsheet),
}
