"""A folder of files of separated text, one for each patient, as one table.

The name of a file without its suffix says whose visits it holds; it becomes the first column, unless a column of the files
says the same. All files have the same columns in the same order.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import polars as pl

from reverie.errors import DataError
from reverie.records.places import shown
from reverie.records.reading.bounds import Bounds
from reverie.records.reading.separated import read_separated

__all__ = ["SEPARATED", "read_folder", "tables_in"]

_PLAIN = (".csv", ".tsv", ".psv", ".txt", ".tab")
SEPARATED = (*_PLAIN, *(f"{suffix}.gz" for suffix in _PLAIN))
"""Suffixes of files of separated text."""

_NAMES = ("patient", "patient_id", "file")
_ABOUT = ("readme", "license", "licence", "sha256sums", "records", "changelog")
"""How files of text are called that tell about the others."""


def tables_in(folder: Path) -> list[Path]:
    """The files of separated text that lie in a folder, by name; not those below it, hidden ones, and read-mes."""
    paths = [path for path in folder.iterdir() if path.name.lower().endswith(SEPARATED) and path.is_file()]
    return sorted(path for path in paths if not path.name.startswith(".") and not path.name.lower().startswith(_ABOUT))


def read_folder(
    folder: Path, name: str, most: Bounds, read: Callable[[Path, str, Bounds], tuple[pl.DataFrame, tuple[str, ...]]]
) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """All rows of all files, and notes. The bounds hold for their sum.

    Raises DataError, naming the file, for one that cannot be read or has other columns than the first.
    """
    paths = tables_in(folder)
    if len(paths) == 1:
        raise DataError(f"{name} is a folder with one table, {paths[0].name}: give that file.")
    most.check(name, rows=len(paths), bytes=sum(path.stat().st_size for path in paths))
    stems = [path.name[: -len(next(s for s in reversed(SEPARATED) if path.name.lower().endswith(s)))] for path in paths]
    if twice := next((stem for stem, count in Counter(stems).items() if count > 1), None):
        raise DataError(f"{name} has several files called {twice}: keep one of them, for a file holds all of a patient.")
    table, heights, said = _at_once(paths, name, most) or _one_by_one(paths, name, most, read)
    owner = pl.concat(pl.Series([stem]).new_from_index(0, height) for stem, height in zip(stems, heights, strict=True))
    notes = [
        note if count == len(paths) else f"In {count:,} of {len(paths):,} files: {note}" for note, count in said.items()
    ]
    tables = set(paths)
    left = sorted(path.name for path in folder.iterdir() if path.name[0] != "." and path not in tables)
    if left:
        more = f" and {len(left) - 3:,} more" if len(left) > 3 else ""
        notes.append(f"In the folder {', '.join(left[:3])}{more} {'was' if len(left) == 1 else 'were'} left out.")
    if own := next((column for column in table.columns if table[column].eq_missing(owner).all()), None):
        return table, (f"{len(paths):,} files were read as one table; each has its name in the column {own!r}.", *notes)
    column = next((c for c in _NAMES if c not in table.columns), None)
    if column is None:
        raise DataError(f"{name}: the files have columns called {', '.join(map(shown, _NAMES))}: rename one of them.")
    first_note = (
        f"{len(paths):,} files were read as one table; the column {column!r} holds their names, as {shown(stems[0])}."
    )
    return table.insert_column(0, owner.alias(column)), (first_note, *notes)


def _at_once(paths: list[Path], name: str, most: Bounds) -> tuple[pl.DataFrame, list[int], Counter[str]] | None:
    """The rows of all files read as one text, how many are of each, and notes by how many files they are on.

    None for files that are not plain enough, or that have a fault, which is to be named with its file.
    """
    head, bodies, heights = b"", [], []
    for path in paths:
        first, _, body = path.read_bytes().partition(b"\n")
        head = head or first
        if first != head or b'"' in body or path.name.lower().endswith(".gz"):
            return None
        lines = [line for line in body.split(b"\n") if line.strip(b",;|\t\r ")]
        if lines and not re.search(rb"\d", lines[0]):  # a row of units, maybe
            return None
        bodies += lines
        heights.append(len(lines))
    try:
        frame, notes = read_separated(b"\n".join([head, *bodies, b""]), name, most)
    except DataError:
        return None
    # titles, units and totals are of each file: where one was found, there are fewer rows than lines
    return (frame, heights, Counter(dict.fromkeys(notes, len(paths)))) if frame.height == sum(heights) else None


def _one_by_one(
    paths: list[Path], name: str, most: Bounds, read: Callable[[Path, str, Bounds], tuple[pl.DataFrame, tuple[str, ...]]]
) -> tuple[pl.DataFrame, list[int], Counter[str]]:
    """As _at_once, each file in its own form. Raises DataError, naming the file."""
    frames: list[pl.DataFrame] = []
    said: Counter[str] = Counter()
    rows = size = 0
    for path in paths:
        frame, notes = read(path, f"{name}/{path.name}", most)
        if frames and frame.columns != frames[0].columns:
            raise _differs(name, paths[0], path, frames[0].columns, frame.columns)
        frames.append(frame)
        said.update(notes)
        rows, size = rows + frame.height, size + int(frame.estimated_size())
        most.check(name, rows=rows, cells=rows * (frame.width + 1), bytes=size)
    return pl.concat(frames), [frame.height for frame in frames], said


def _differs(name: str, first: Path, path: Path, wanted: list[str], columns: list[str]) -> DataError:
    """The error for a file whose columns are not those of the first."""
    if lost := next((column for column in wanted if column not in columns), None):
        what = f"has no column {lost!r}, which {first.name} has"
    elif more := next((column for column in columns if column not in wanted), None):
        what = f"has a column {more!r}, which {first.name} has not"
    else:
        what = f"has its columns in another order than {first.name}"
    return DataError(f"{name}/{path.name} {what}: a folder is read as one table, so give all its files the same columns.")
