"""Which separator a text has: the one by which most of its first lines have equally many cells."""

from __future__ import annotations

import csv
import io
import itertools
from collections import Counter
from collections.abc import Iterator

from reverie.records.reading import grid

__all__ = ["WORDS", "rows_of", "separator_of"]

WORDS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
"""The separators, and what sentences call them."""


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
