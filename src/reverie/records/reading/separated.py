"""Text of separated cells. It is read as text: what a cell means is decided later, when all of its column is known."""

from __future__ import annotations

import csv
import io
from collections import Counter

import polars as pl

from reverie.errors import DataError
from reverie.records.faults import at, shown
from reverie.records.reading.bounds import Bounds

__all__ = ["read_separated"]


def read_separated(data: bytes, name: str, most: Bounds) -> pl.DataFrame:
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
