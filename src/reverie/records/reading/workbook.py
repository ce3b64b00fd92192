"""What a workbook (.xlsx, .ods) will take to read, found out without taking it.

unpacked   bytes that come out of the zip, counted: what its directory says of them may be false
reach      rows x columns up to the last cell, for a grid is made of all that lies between
text       the shared texts, each as often as cells refer to it
"""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from reverie.errors import DataError
from reverie.records.places import damaged
from reverie.records.reading.bounds import Bounds

__all__ = ["check_workbook"]

_PIECE, _LONGEST = 2**20, 2**12
_COLUMN = re.compile(rb"""r=["']\$?([A-Za-z]{1,3})\$?\d""")
_ROW = re.compile(rb"""r=["']\$?[A-Za-z]{0,3}\$?(\d{1,7})["']""")
_SHARED = re.compile(rb"""t=["']s["'][^<>]*>\s*<(?:\w+:)?v>(\d{1,9})</""")
_TEXT = re.compile(rb"<(?:\w+:)?si[\s/>]")


def check_workbook(path: Path, name: str, most: Bounds) -> None:
    """Raises DataError for a workbook beyond the bounds, or one that is no zip."""
    try:
        with zipfile.ZipFile(path) as book:
            most.check(name, bytes=sum(entry.file_size for entry in book.infolist()))
            _check_entries(book, name, most)
    except DataError:
        raise
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError, ValueError) as error:
        raise damaged(name, "spreadsheet", error, "save or copy") from error


def _check_entries(book: zipfile.ZipFile, name: str, most: Bounds) -> None:
    unpacked, lengths, sheets = 0, np.zeros(0, np.int64), []
    for entry in book.infolist():
        starts, rows, columns, shared = [], 0, 0, []
        strings, sheet = entry.filename.lower().endswith("sharedstrings.xml"), "/worksheets/" in entry.filename.lower()
        at = 0
        for piece, new in _pieces(book, entry, most.bytes, strings or sheet):
            unpacked += new
            most.check(name, bytes=unpacked)
            if strings:
                starts += [at + match.start() for match in _TEXT.finditer(piece)]
            elif sheet:
                rows = max(rows, *map(int, set(_ROW.findall(piece))), 0)
                columns = max(columns, *map(_number, set(_COLUMN.findall(piece))), 0)
                shared.append(np.array(_SHARED.findall(piece), dtype=np.int64))
            at += len(piece)
        if strings:
            lengths = np.diff(np.array([*starts, at], dtype=np.int64))
            most.check(name, text=int(lengths.max(initial=0)))
        elif sheet:
            most.check(name, rows=rows, columns=columns, cells=rows * columns)
            sheets.append(np.concatenate([np.zeros(0, np.int64), *shared]))
    for references in sheets:
        most.check(name, bytes=int(lengths[references[references < len(lengths)]].sum()))


def _pieces(book: zipfile.ZipFile, entry: zipfile.ZipInfo, limit: int, whole: bool) -> Iterator[tuple[bytes, int]]:
    """(a piece, how many bytes are new) of what really comes out of an entry; if `whole`, no cell is cut in two."""
    entry.file_size, entry.CRC = limit + 2 * _PIECE, None  # pyright: ignore[reportAttributeAccessIssue]
    rest = b""
    with book.open(entry) as file:
        while new := file.read(_PIECE):
            rest += new
            end = max(rest.rfind(b"<c "), rest.rfind(b"<si"), len(rest) - _LONGEST, 0) if whole else len(rest)
            yield rest[:end], len(new)
            rest = rest[end:]
    yield rest, 0


def _number(letters: bytes) -> int:
    """The number of a column from its letters: A is 1, Z is 26, AA is 27."""
    number = 0
    for letter in letters.upper():
        number = 26 * number + letter - 64
    return number
