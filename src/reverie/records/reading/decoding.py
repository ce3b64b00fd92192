"""From the bytes of a text file to UTF-8 with lines that end in \\n or \\r\\n, a note of what they were, and the separator.

A file that is no UTF-8 is cp1252, as western systems write it, unless it is UTF-8 in part: then it is damaged. The
separator is the one by which most of its first lines have equally many cells.
"""

from __future__ import annotations

import csv
import io
import itertools
import re
from collections import Counter
from collections.abc import Iterator

from reverie.errors import DataError
from reverie.records.places import at, shown
from reverie.records.reading import grid

__all__ = ["WORDS", "as_utf8", "rows_of", "separator_of"]

WORDS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
"""The separators, and what sentences call them."""

_UTF_16 = (b"\xff\xfe", b"\xfe\xff")


def as_utf8(data: bytes, name: str) -> tuple[bytes, tuple[str, ...]]:
    """The text in UTF-8 without a byte order mark, and notes. Raises DataError, naming the place, for what is no text."""
    notes: list[str] = []
    data = data.removeprefix(b"\xef\xbb\xbf")
    if data.startswith(_UTF_16):
        try:
            data = data.decode("utf-16").encode()
        except UnicodeDecodeError as error:
            raise DataError(f"{name} is not whole UTF-16 ({error.reason}): save the file as CSV in UTF-8.") from None
        notes.append("The file is in UTF-16.")
    if (byte := data.find(b"\0")) >= 0:
        raise DataError(f"{_place(data, byte, name)}there is a NUL byte (byte {byte:,}): remove it, or save the file again.")
    try:
        data.decode()
    except UnicodeDecodeError as error:
        data, word = _from_cp1252(data, error, name)
        notes.append(f"The file is not in UTF-8: it was read as cp1252 (Latin-1), for example {shown(word)}.")
    if b"\r" in data and b"\n" not in data:
        data = data.replace(b"\r", b"\n")
    return data, tuple(notes)


def _from_cp1252(data: bytes, error: UnicodeDecodeError, name: str) -> tuple[bytes, str]:
    """The text in UTF-8, and a word of it with a letter that tells whether it was read rightly."""
    try:
        in_part = not data.decode(errors="ignore").isascii()
        text = None if in_part else data.decode("cp1252")
    except UnicodeDecodeError:
        text = None
    if text is None:
        raise DataError(
            f"{_place(data, error.start, name)}byte {error.start:,} (0x{data[error.start]:02x}) is not UTF-8: "
            "save the file as CSV in UTF-8."
        )
    word = re.search(r"\w*[^\x00-\x7f]\w*", text)
    return text.encode(), word[0] if word else ""


def _place(data: bytes, byte: int, name: str) -> str:
    """Where a byte is, as the beginning of a sentence."""
    before = data[:byte].decode(errors="replace").replace("\0", " ")
    try:
        separator = separator_of(before[: 2**16])
        rows = [cells for cells in csv.reader(io.StringIO(before + "x", newline=""), delimiter=separator) if cells]
    except csv.Error:
        return at(name)
    if len(rows) == 1:
        return f"{name}, header: "
    return at(name, len(rows) - 1, dict(enumerate(rows[0])).get(len(rows[-1]) - 1))


def separator_of(text: str) -> str:
    """The separator that explains most lines; of those that explain as many, the one that makes more of them."""
    best = (0, False, 0, False, ",")
    for separator in WORDS:
        rows = itertools.islice(rows_of(text, separator), grid.HEAD)
        counts = Counter(len(cells) for cells, _ in rows if not grid.blank(cells))
        width, lines = max(((w, n) for w, n in counts.items() if w > 1), key=lambda item: item[::-1], default=(1, 0))
        whole, rare = lines == counts.total(), separator != ","  # a comma is also a decimal sign, and in texts
        if lines:
            best = max(best, (lines, whole and rare, width, rare, separator))
    return best[-1]


def rows_of(text: str, separator: str) -> Iterator[tuple[list[str], int]]:
    """(cells, where the row ends in the text) of each row; ends quietly where the text cannot be read on."""
    end = 0

    def lines() -> Iterator[str]:
        nonlocal end
        for line in io.StringIO(text, newline=""):
            end += len(line)
            yield line

    try:
        for cells in csv.reader(lines(), delimiter=separator):
            yield cells, end
    except csv.Error:
        return
