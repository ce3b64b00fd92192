"""From a file or a frame to columns of text or typed columns, with every fault of form named by data row and column.

A CSV is read as text: what a cell means is decided later (typing.py), when all of its column is known. Accepted are .csv,
.csv.gz and .parquet, in UTF-8; polars and pandas frames; and the name "pbc2" of the bundled cohort.
"""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from reverie.errors import DataError, UsageError, unknown
from reverie.records import footer
from reverie.records.faults import at, not_one_value, shown
from reverie.records.forms.stored import of_pandas
from reverie.records.shapes import hidden

__all__ = ["BUNDLED", "MAX_RATIO", "Bounds", "place_of", "read_source"]


@dataclass(frozen=True)
class Bounds:
    """The most that is read of a file. What the file says of itself is compared first; what it holds, once it is read.

    Attributes:
        bytes: of text or pages, unpacked, and of the text of all cells.
        rows, columns, cells: of the table.
        text: bytes of the text in one cell (that of a CSV is held to 131,072 characters besides).
    """

    bytes: int = 8 * 2**30
    rows: int = 2**30
    columns: int = 2**30
    cells: int = 2**30
    text: int = 2**31

    def check(self, name: str, **found: int) -> None:
        """Raises DataError for the first of `found`, named as the attributes are, that is above its bound."""
        for what, count in found.items():
            if count > (most := getattr(self, what)):
                words, remedy = _SAID[what]
                raise DataError(f"{name} has more than the {most:,} {words} that are read: {remedy}.")


_SPLIT = "split it into files of some patients each"
_SAID = {
    "bytes": ("bytes of content", _SPLIT),
    "rows": ("rows", _SPLIT),
    "columns": ("columns", "leave out those that are not needed"),
    "cells": ("cells", f"{_SPLIT}, or leave out columns"),
    "text": ("bytes of text in one cell", "shorten it, or leave out its column"),
}

MAX_RATIO = 200
"""A gzip that grows by more than this is a bomb: text of tables shrinks 3 to 50 times, a file of one repeated byte 1,000."""

_GRACE = 16 * 2**20
"""So many bytes may come out of a gzip before the ratio counts."""

_FOOTER = 16 * 2**10
"""Bytes of a Parquet footer for each column that there may be: those of some hundred row groups."""

BUNDLED = {"pbc2": Path(__file__).parent / "data" / "pbc2.csv"}
"""Cohorts that ship with the package, by name."""

_MAGIC = {b"PAR1": ".parquet", b"\x1f\x8b": ".csv.gz", b"PK\x03\x04": ".xlsx or .zip"}


def read_source(source: Any, name: str | None = None, most: Bounds = Bounds()) -> tuple[pl.DataFrame, str]:
    """The cells of a source, of a file at most so many, and what messages call it.

    Returns:
        A frame whose rows are the data rows in order (from a CSV all columns are String, empty cells null), and a name.

    Raises:
        UsageError: there is no such file, or the source is of a kind that cannot be read.
        DataError: the content is at fault.
    """
    if isinstance(source, pl.DataFrame):
        frame, name = source, name or "the frame"
    elif type(source).__module__.split(".")[0] == "pandas" and hasattr(source, "columns"):
        name = name or "the frame"
        frame = _from_pandas(source, name)
    elif isinstance(source, str | Path):
        path = BUNDLED.get(str(source)) or Path(source)
        name = name or (str(source) if str(source) in BUNDLED else path.name)
        frame = _from_file(path, name, str(source), most)
    else:
        raise UsageError(f"a table is a file, a polars frame or a pandas frame, not {type(source).__name__}.")
    if bad := next((c for c in frame.columns if "\0" in c and not hidden(c)), None):
        raise DataError(f"{name}: the column name {shown(bad)} holds a NUL byte: rename the column.")
    if not frame.width or not frame.height:
        raise DataError(f"{name} has no rows: a table needs one row for each patient and time.")
    return frame, name


def place_of(source: Any) -> Path | None:
    """Where a source is kept, so that it can be read again from anywhere; None for what is bundled, and for frames."""
    return Path(source).resolve() if isinstance(source, str | Path) and str(source) not in BUNDLED else None


def _from_file(path: Path, name: str, given: str, most: Bounds) -> pl.DataFrame:
    if path.is_dir():
        raise UsageError(f"{path} is a folder: give one .csv, .csv.gz or .parquet file.")
    if not path.exists():
        hint = "" if path.suffix else f" {unknown('cohort', given, BUNDLED)}"
        raise UsageError(f"there is no file {path}.{hint}")
    if not path.is_file():
        raise UsageError(f"{path} is not a regular file: give one .csv, .csv.gz or .parquet file.")
    suffix = "".join(path.suffixes[-2:]).lower()
    suffix = suffix if suffix == ".csv.gz" else path.suffix.lower()
    if suffix not in (".csv", ".csv.gz", ".parquet"):
        raise DataError(
            f"{name} ends in {path.suffix or 'no suffix'!r}: a table is a .csv, .csv.gz or .parquet file; save it as one."
        )
    with path.open("rb") as file:
        start = file.read(4)
    if not start:
        raise DataError(f"{name} is empty: a table needs a header and one row for each patient and time.")
    looks = next((kind for magic, kind in _MAGIC.items() if start.startswith(magic)), None)
    if looks != suffix and (looks or suffix != ".csv"):
        raise DataError(
            f"{name} is not what its suffix says, it looks like {looks or 'text'}: rename it or save it anew as CSV."
        )
    if suffix == ".parquet":
        frame = _from_parquet(path, name, most)
    elif suffix == ".csv":
        most.check(name, bytes=path.stat().st_size)
        frame = _from_csv(path.read_bytes(), name, most)
    else:
        frame = _from_csv(_unzip(path, name, most), name, most)
    _check_text(frame, name, most)
    return frame


def _from_parquet(path: Path, name: str, most: Bounds) -> pl.DataFrame:
    try:
        schema = pl.read_parquet_schema(path)
        most.check(name, columns=len(schema))
        for column, dtype in schema.items():
            if dtype.is_nested():  # a cell of these may hold anything, and none is modelled
                raise not_one_value(name, column, dtype)
        rows = pl.scan_parquet(path).select(pl.len()).collect().item()
        most.check(name, rows=rows, cells=rows * len(schema), bytes=footer.unpacked(path, _FOOTER * most.columns))
        return pl.read_parquet(path, hive_partitioning=False)
    except (pl.exceptions.PolarsError, OSError, footer.Damaged, pl.exceptions.PanicException) as error:
        reason = shown(str(error).split("\n")[0], 120)
        raise DataError(f"{name} is not a whole Parquet file ({reason}): write or copy it again.") from error


def _check_text(frame: pl.DataFrame, name: str, most: Bounds) -> None:
    """In memory a text that many cells share is there once; whatever is done with it copies it."""
    total = 0
    for cells in frame.select(pl.selectors.string() | pl.selectors.categorical() | pl.selectors.enum()).iter_columns():
        lengths = cells.cast(pl.String).str.len_bytes()
        most.check(name, text=int(lengths.max() or 0))  # pyright: ignore[reportArgumentType]
        total += int(lengths.cast(pl.Int64).sum())
    most.check(name, bytes=total)


def _unzip(path: Path, name: str, most: Bounds) -> bytes:
    """The bytes inside a gzip, within the bounds, and past a grace at most MAX_RATIO times its size."""
    limit = max(_GRACE, MAX_RATIO * path.stat().st_size)
    content = bytearray()
    try:
        with gzip.open(path) as file:
            while piece := file.read(2**20):
                content += piece
                most.check(name, bytes=len(content))
                if len(content) > limit:
                    raise DataError(
                        f"{name} unpacks to more than {limit:,} bytes, {limit // path.stat().st_size:,} times its size: "
                        "that is no table of visits; if it is, unpack it first or save it as Parquet."
                    )
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(f"{name} is not a whole gzip file ({error}): write or copy it again.") from error
    return bytes(content)


def _from_csv(data: bytes, name: str, most: Bounds) -> pl.DataFrame:
    data = data.removeprefix(b"\xef\xbb\xbf")
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise DataError(f"{name} is in UTF-16: save it as CSV in UTF-8.")
    if (byte := data.find(b"\0")) >= 0:
        raise DataError(f"{_place(data, byte, name)}there is a NUL byte (byte {byte:,}): remove it, or save the file again.")
    try:
        data.decode()
    except UnicodeDecodeError as error:
        raise DataError(
            f"{_place(data, error.start, name)}byte {error.start:,} (0x{data[error.start]:02x}) is not UTF-8: "
            "save the file as CSV in UTF-8."
        ) from None
    header, rows, blank = _check_form(data, name, most)
    try:
        frame = pl.read_csv(data, infer_schema=False, raise_if_empty=False)
        frame.columns = header
    except pl.exceptions.PolarsError as error:
        raise DataError(f"{name} is not a CSV that can be read ({shown(str(error).splitlines()[0], 120)}).") from error
    if frame.height != rows + len(blank):
        raise DataError(
            f"{name} has unusual quotes or line ends, so its rows cannot be told apart: save it as plain CSV again."
        )
    if blank:
        keep = pl.Series([True]).new_from_index(0, frame.height).scatter(blank, False)
        frame = frame.filter(keep)
    return frame


def _check_form(data: bytes, name: str, most: Bounds) -> tuple[list[str], int, list[int]]:
    """Rows have as many cells as the header. Returns the header, the number of rows, the blank lines. Raises DataError."""
    lines = csv.reader(io.TextIOWrapper(io.BytesIO(data), "utf-8", newline=""), strict=True)
    row, blank = 0, []
    try:
        header = next(lines, [])
        if not any(cell.strip() for cell in header):
            raise DataError(f"{name} has no header: the first line must hold the names of the columns.")
        most.check(name, columns=len(header))
        if len(header) == 1 and (mark := next((m for m in ";\t|" if m in header[0]), None)):
            raise DataError(f"{name} is separated by {mark!r}: save it as CSV separated by commas.")
        twice = next((column for column, count in Counter(header).items() if count > 1), None)
        if twice is not None:
            places = " and ".join(str(i + 1) for i, c in enumerate(header) if c == twice)
            raise DataError(f"{name} has several columns named {twice!r} (columns {places}): rename or remove one.")
        height = min(most.rows, most.cells // len(header))
        for index, cells in enumerate(lines):
            if index == height:  # lines without cells too: each is remembered
                most.check(name, rows=index + 1, cells=(index + 1) * len(header))
            if not cells:
                blank.append(index)
                continue
            row += 1
            if len(cells) != len(header):
                column = header[len(cells)] if len(cells) < len(header) else None
                what = "ends here, it" if column is not None else f"goes on with {shown(cells[len(header)])}, it"
                raise DataError(
                    f"{at(name, row, column)}the row {what} has {len(cells)} cells where the header has {len(header)}: "
                    "add or remove cells, and put text that holds commas in quotes."
                )
    except csv.Error as error:
        raise DataError(f"{at(name, row + 1)}{error}: close every quote, and write a quote inside a text twice.") from error
    return header, row, blank


def _place(data: bytes, byte: int, name: str) -> str:
    """Where a byte is, as the beginning of a sentence."""
    before = data[:byte].decode(errors="replace").replace("\0", " ")
    try:
        rows = [cells for cells in csv.reader(io.StringIO(before + "x", newline="")) if cells]
    except csv.Error:
        return at(name)
    if len(rows) == 1:
        return f"{name}, header: "
    return at(name, len(rows) - 1, dict(enumerate(rows[0])).get(len(rows[-1]) - 1))


def _from_pandas(frame: Any, name: str) -> pl.DataFrame:
    """A pandas frame, column by column; a named index becomes columns."""
    if any(level is not None for level in frame.index.names):
        frame = frame.reset_index()
    columns = [str(column) for column in frame.columns]
    if twice := next((column for column, count in Counter(columns).items() if count > 1), None):
        raise DataError(f"{name} has several columns named {twice!r}: rename or remove one.")
    series = []
    for index, column in enumerate(columns):
        cells = frame.iloc[:, index]
        try:
            if getattr(cells.dtype, "kind", "O") in "biufM" and type(cells.dtype).__module__.startswith("numpy"):
                values = cells.to_numpy()
                values = values.astype("datetime64[us]") if values.dtype.kind == "M" else values
                series.append(pl.Series(column, values))
                continue
            values = cells.astype(object).where(cells.notna(), None).tolist()
            if len({type(value) for value in values if value is not None}) > 1:
                values = [None if value is None else str(value) for value in values]
            series.append(of_pandas(pl.Series(column, values), cells.dtype))
        except (TypeError, ValueError, pl.exceptions.PolarsError) as error:
            raise DataError(
                f"{at(name, None, column)}cells of type {cells.dtype} cannot be read: make them text."
            ) from error
    return pl.DataFrame({cells.name: cells for cells in series})
