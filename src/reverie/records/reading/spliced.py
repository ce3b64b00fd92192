"""Cells written into a file of separated text where they stand, and rows after its last: all else stays, byte for byte.

sex,ward\\r\\n"F",\\r\\n     and ward of row 0 is A     ->     sex,ward\\r\\n"F",A\\r\\n
"""

from __future__ import annotations

import csv
import gzip
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import polars as pl

from reverie.errors import DataError
from reverie.records.reading.decoding import separator_of

__all__ = ["spliced"]

SAMPLE = 2**18
"""Characters in which the separator is looked for."""
Spans = list[tuple[int, int]]
"""Where the cells of a row begin and end in a text, quotes within."""


def spliced(
    path: Path, name: str, frame: pl.DataFrame, cells: Mapping[str, Mapping[int, str]], more: pl.DataFrame | None = None
) -> bytes:
    """The bytes of a file of separated text, packed or not, with some cells replaced and rows added.

    Args:
        name: what messages call it.
        frame: what was read of it, all String: its rows in order, those without content left out.
        cells: by column and row of the frame, counted from 0, the text to stand there.
        more: rows to stand after the last, String, of some columns of the frame; the others are empty.

    Raises DataError for a file in which the rows that were read are not found again, and for text that its encoding lacks.
    """
    packed = path.name.lower().endswith(".gz")
    data = gzip.decompress(path.read_bytes()) if packed else path.read_bytes()
    encoding = _encoding(data)
    text = data.decode(encoding)
    said = re.match("\ufeff?[sS][eE][pP]=([,;\t|])\r?\n", text)
    separator = said[1] if said else separator_of(text[:SAMPLE].removeprefix("\ufeff"))
    head, places, rows = _found(text, separator, frame, name)
    pieces, done = [], 0
    for row in sorted({row for of in cells.values() for row in of}):
        for place, value in sorted((places[c], of[row]) for c, of in cells.items() if row in of):
            start, end = rows[row][place]
            pieces += [text[done:start], _lines([[value]], separator, "")]
            done = end
    if more is not None and more.height:
        last = rows[-1][-1][1] if rows else head[-1][1]
        names = [None if place not in places.values() else place for place in range(len(head))]
        at = {place: column for column, place in places.items()}
        columns = [more[at[p]] if p is not None and at[p] in more.columns else [None] * more.height for p in names]
        lines = _lines(zip(*columns, strict=True), separator, "\r\n" if "\r\n" in text else "\n")
        pieces += [text[done:last], "\r\n" if "\r\n" in text else "\n", lines]
        done = last
    out = "".join([*pieces, text[done:]])
    try:
        data = out.encode(encoding)
    except UnicodeEncodeError as error:
        lost = error.object[error.start]
        raise DataError(f"{name}: {lost!r} cannot be written in its encoding: save it as CSV in UTF-8.") from None
    return gzip.compress(data, mtime=0) if packed else data


def _encoding(data: bytes) -> str:
    """As reading/decoding.py finds it; a byte order mark stays a character."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16-le" if data.startswith(b"\xff\xfe") else "utf-16-be"
    try:
        data.decode()
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8"


def _found(text: str, separator: str, frame: pl.DataFrame, name: str) -> tuple[Spans, dict[str, int], list[Spans]]:
    """The header, the place of each column in it, and the rows of the frame. Raises DataError where they are not found."""
    rows, wanted, found = _rows(text, separator), frame.iter_rows(), []
    head: Spans = []
    places: dict[str, int] = {}
    for spans in rows:
        names = [_cell(text, *span) for span in spans]
        if set(frame.columns) <= set(names):
            head, places = spans, {column: names.index(column) for column in frame.columns}
            break
    row = next(wanted, None)
    while row is not None and (spans := next(rows, None)) is not None:
        cells = [_cell(text, *spans[place]) if place < len(spans) else "" for place in places.values()]
        if cells == [cell or "" for cell in row]:
            found.append(spans)
            row = next(wanted, None)
    if row is not None or not head:
        raise DataError(f"{name}: its rows are not found again as they were read: save it as plain CSV.")
    return head, places, found


def _rows(text: str, separator: str) -> Iterator[Spans]:
    """The cells of each row, those without content too."""
    plain = rf"[^{re.escape(separator)}\r\n]*"
    cell = re.compile(rf'"(?:[^"]|"")*"{plain}|{plain}')
    spans: Spans = []
    at = 1 if text[:1] == "\ufeff" else 0
    while at <= len(text):
        found = cell.match(text, at)
        assert found is not None  # what has no content is a cell too
        spans.append(found.span())
        end = found.end()
        at = end + (2 if text[end : end + 2] == "\r\n" else 1)
        if text[end : end + 1] != separator:
            yield spans
            spans = []


def _cell(text: str, start: int, end: int) -> str:
    cell = text[start:end]
    return cell[1:-1].replace('""', '"') if len(cell) > 1 and cell[0] == cell[-1] == '"' else cell


def _lines(rows: Iterator[Sequence[str | None]] | list[list[str]], separator: str, end: str) -> str:
    """Rows as text, each ended so but for the last."""
    lines = io.StringIO()
    csv.writer(lines, delimiter=separator, lineterminator=end).writerows(rows)
    return lines.getvalue().removesuffix(end) if end else lines.getvalue()
