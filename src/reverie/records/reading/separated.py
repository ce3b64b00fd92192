"""Text whose cells are separated by a comma, a semicolon, a tab or a bar: .csv, .tsv, .psv, .txt, also packed with gzip.

It is read as text: what a cell means is decided later, when all of its column is known. The separator is the one by which
most lines have equally many cells. All rows have as many cells as the header, beyond which only empty ones may stand.
"""

from __future__ import annotations

import csv
import io
import itertools
from collections import Counter
from dataclasses import dataclass, replace

import polars as pl

from reverie.errors import DataError
from reverie.records.places import at, shown, twice
from reverie.records.reading import grid
from reverie.records.reading.bounds import Bounds
from reverie.records.reading.decoding import WORDS, as_utf8, rows_of, separator_of

__all__ = ["header_of", "read_separated"]

_SAMPLE = 2**18
"""Bytes in which the separator and the header are looked for."""


@dataclass(frozen=True)
class _Form:
    """How a text is laid out. Rows are counted from 0 in the lines below the header.

    Attributes:
        names: of the columns, as they stand.
        rows, skipped: how many rows there are, and which of them are no data.
        wide: whether some rows go on with empty cells.
        notes: what was passed over.
        nameless: places of the columns that have no name.
    """

    names: list[str]
    rows: int
    skipped: list[int]
    wide: bool
    nameless: list[int]
    head: grid.Head
    blanks: int
    total: list[str] | None


def read_separated(
    data: bytes, name: str, most: Bounds, before: int = 0, last: bool = True
) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """The data rows, all columns String and empty cells null, and notes. Raises DataError for a fault of form.

    Args:
        before: data rows that came before, where the text is one block of a file; the header stands above each.
        last: whether the text goes to the end of the file, where a total may stand.
    """
    data, notes = as_utf8(data, name)
    most.check(name, bytes=len(data))
    separator, data, head = _head(data, name, most)
    if before:  # units stand under the header of the file alone
        head = replace(head, units=(), under=None)
    form = _form(data, separator, head, name, most, before, last)
    try:
        frame = pl.read_csv(
            data, separator=separator, infer_schema=False, raise_if_empty=False, truncate_ragged_lines=form.wide
        )
        frame.columns = [f"\0{place}" if place in form.nameless else column for place, column in enumerate(form.names)]
    except pl.exceptions.PolarsError as error:
        raise DataError(f"{name} is not a CSV that can be read ({shown(str(error).splitlines()[0], 120)}).") from error
    if frame.height != form.rows:
        raise DataError(
            f"{name} has unusual quotes or line ends, so its rows cannot be told apart: save it as plain CSV again."
        )
    if form.skipped:
        frame = frame.filter(pl.Series([True]).new_from_index(0, frame.height).scatter(form.skipped, False))
    empty = [f"\0{place}" for place in form.nameless if frame[f"\0{place}"].str.strip_chars().fill_null("").eq("").all()]
    frame = frame.drop(empty)
    left = [column for column in frame.columns if column.startswith("\0")]
    if len(left) > 1:
        raise twice(name, "", [int(column[1:]) for column in left])
    if separator != ",":
        notes += (f"Cells are separated by {WORDS[separator]}.",)
    notes += grid.notes_of(form.head, form.blanks, len(empty), form.total)
    return frame.rename({column: form.names[int(column[1:])] for column in left}), notes


def header_of(data: bytes, name: str, most: Bounds) -> bytes:
    """What a later block of a text needs above it to be read as the text is: the separator and the header."""
    data, _ = as_utf8(data, name)
    separator, data, _ = _head(data, name, most)
    text = data.decode()
    _, end = next(rows_of(text, separator))
    header = text[:end].rstrip("\r\n")
    return f"sep={separator}\n{header}\n".encode()


def _head(data: bytes, name: str, most: Bounds) -> tuple[str, bytes, grid.Head]:
    """The separator, the text from its header on, and what stands above the data rows."""
    if data[:4].lower() == b"sep=" and data[4:5] in (b",", b";", b"\t", b"|") and data[5:6] in (b"\r", b"\n"):
        said, data = data[4:5].decode(), data.split(b"\n", 1)[1]  # a line by which Excel is told the separator
    else:
        said = None
    end = data.find(b"\n", _SAMPLE)
    text = (data if end < 0 else data[: end + 1]).decode()
    separator = said or separator_of(text)
    rows, ends = [], []
    for cells, end in itertools.islice(rows_of(text, separator), grid.HEAD):
        rows.append(cells)
        ends.append(end)
    if (head := grid.head_of(rows)) is None:
        raise DataError(f"{name} has no header: the first line must hold the names of the columns.")
    start = ends[head.place - 1] if head.place else 0
    return separator, data[len(text[:start].encode()) :], head


def _form(data: bytes, separator: str, head: grid.Head, name: str, most: Bounds, before: int, to_the_end: bool) -> _Form:
    """Rows have as many cells as the header. `data` begins with the header. Raises DataError."""
    text = io.TextIOWrapper(io.BytesIO(data), "utf-8", newline="")
    lines = csv.reader(text, strict=True, delimiter=separator)
    row, index, skipped, wide, last, where = before, -1, [], False, [], 0
    units = None if head.under is None else head.under - head.place - 1
    try:
        header = next(lines)
        most.check(name, columns=len(header))
        nameless = [place for place, column in enumerate(header) if not column.strip()]
        named = max(place for place, column in enumerate(header) if column.strip()) + 1
        if (again := next((c for c, count in Counter(header).items() if count > 1 and c.strip()), None)) is not None:
            raise twice(name, again, [place for place, column in enumerate(header) if column == again])
        height = min(most.rows, most.cells // len(header))
        for index, cells in enumerate(lines):
            if index == height:  # lines without cells too: each is remembered
                most.check(name, rows=index + 1, cells=(index + 1) * len(header))
            if index == units or grid.blank(cells):
                skipped.append(index)
                continue
            row += 1
            last, where = cells, index
            if len(cells) == len(header):
                continue
            if len(cells) < named or any(map(str.strip, cells[len(header) :])):
                column = header[len(cells)] if len(cells) < len(header) else None
                what = "ends here, it" if column is not None else f"goes on with {shown(cells[len(header)])}, it"
                raise DataError(
                    f"{at(name, row, column)}the row {what} has {len(cells)} cells where the header has {len(header)}: "
                    f"add or remove cells, and put text that holds {WORDS[separator]} in quotes."
                )
            wide = True
    except csv.Error as error:
        raise DataError(f"{at(name, row + 1)}{error}: close every quote, and write a quote inside a text twice.") from error
    blanks = len(skipped) - (units is not None)
    total = last if to_the_end and row > 1 and grid.is_total(last, named) else None
    if total is not None:
        skipped.append(where)
    return _Form(header, index + 1, skipped, wide, nameless, head, blanks, total)
