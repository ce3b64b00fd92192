"""A folder of files of separated text as one table: files of one patient each, or parts of a table.

Where a file holds one patient, its name without the suffix says whose visits they are; it becomes the first column, unless a
column of the files says the same. Where the first rows of files name several patients, the files are parts of one table, in
the order of their names. All files have the same columns in the same order.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from reverie.errors import DataError
from reverie.records.places import at, shown
from reverie.records.reading.blocks import WIDER, differs, first_rows, in_blocks, unpacked_size
from reverie.records.reading.bounds import Bounds
from reverie.records.reading.separated import read_separated
from reverie.records.reading.stream import File, Stream, merged, state_of
from reverie.records.roles import several_patients

__all__ = ["SEPARATED", "folder_stream", "left_out", "read_folder", "tables_below", "tables_in"]

LOOKED_AT = 5
"""Files whose first rows tell whether they hold one patient each."""

_PLAIN = (".csv", ".tsv", ".psv", ".txt", ".tab")
SEPARATED = (*_PLAIN, *(f"{suffix}.gz" for suffix in _PLAIN))
"""Suffixes of files of separated text."""

_NAMES = ("patient", "patient_id", "file")
_ABOUT = ("readme", "license", "licence", "sha256sums", "records", "changelog")
"""How files of text are called that tell about the others."""


def tables_in(folder: Path) -> list[Path]:
    """The files of separated text that lie in a folder, by name; not those below it, hidden ones, and read-mes."""
    paths = [path for path in folder.iterdir() if path.name.lower().endswith(SEPARATED) and path.is_file()]
    return sorted(path for path in paths if not path.name.startswith(".") and not _is_about(path.name.lower()))


def _is_about(name: str) -> bool:
    return name.startswith(_ABOUT) and name.endswith(".txt")  # records.csv are records


def tables_below(folder: Path) -> str:
    """What to do about a folder whose tables lie in folders in it, as those of MIMIC-IV; empty where there are none."""
    inner = sorted(one for one in folder.iterdir() if one.is_dir() and one.name[0] not in "._")
    found = [one.name for one in inner if tables_in(one)]
    more = f" and {len(found) - 3:,} more" if len(found) > 3 else ""
    return f"its tables lie below it, in {', '.join(found[:3])}{more}: put them into one folder." if found else ""


def left_out(folder: Path, tables: Collection[Path]) -> tuple[str, ...]:
    """What is to be told of what lies in a folder besides its tables, and is not hidden: a note, or none."""
    left = sorted(path.name for path in folder.iterdir() if path.name[0] != "." and path not in tables)
    more = f" and {len(left) - 3:,} more" if len(left) > 3 else ""
    note = f"In the folder {', '.join(left[:3])}{more} {'was' if len(left) == 1 else 'were'} left out."
    return (note,) * bool(left)


@dataclass(frozen=True)
class _Files:
    """What is known of the files before they are read as a whole.

    Attributes:
        paths, stems: of each, and its name without the suffix.
        parts: the column by which their first rows name several patients; None for files of one patient each.
        notes: on files that were left out.
    """

    paths: list[Path]
    stems: list[str]
    parts: str | None
    left_out: tuple[str, ...]

    @classmethod
    def of(cls, folder: Path, name: str, most: Bounds) -> _Files:
        """Raises DataError for a folder that is no table, naming the file that cannot be read."""
        paths = tables_in(folder)
        if len(paths) == 1:
            raise DataError(f"{name} is a folder with one table, {paths[0].name}: give that file.")
        stems = [path.name[: -len(next(s for s in reversed(SEPARATED) if path.name.lower().endswith(s)))] for path in paths]
        if twice := next((stem for stem, count in Counter(stems).items() if count > 1), None):
            raise DataError(f"{name} has several files called {twice}: keep one of them, for a file holds all of a patient.")
        heads = (first_rows(File.at(path, folder), f"{name}/{path.name}", most) for path in paths[:LOOKED_AT])
        parts = next((column for head in heads if (column := several_patients(head))), None)
        return cls(paths, stems, parts, left_out(folder, paths))

    def notes(self, column: str, own: bool, said: Counter[str]) -> tuple[str, ...]:
        """What was decided, and what was noted on how many files."""
        count = len(self.paths)
        if self.parts:
            how = f"as parts of one table, for {self.parts!r} names several patients in one of them."
        elif own:
            how = f"as one table; each has its name in the column {column!r}."
        else:
            how = f"as one table; the column {column!r} holds their names, as {shown(self.stems[0])}."
        notes = [note if files == count else f"In {files:,} of {count:,} files: {note}" for note, files in said.items()]
        return (f"{count:,} files were read {how}", *notes, *self.left_out)

    def free(self, columns: list[str], name: str) -> str:
        """A name for the column of the files' names. Raises DataError if there is none."""
        if column := next((c for c in _NAMES if c not in columns), None):
            return column
        raise DataError(f"{name}: the files have columns called {', '.join(map(shown, _NAMES))}: rename one of them.")


def read_folder(
    folder: Path, name: str, most: Bounds, read: Callable[[Path, str, Bounds], tuple[pl.DataFrame, tuple[str, ...]]]
) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """All rows of all files, and notes. The bounds hold for their sum.

    Raises DataError, naming the file, for one that cannot be read or has other columns than the first.
    """
    files = _Files.of(folder, name, most)
    most.check(name, rows=len(files.paths), bytes=sum(path.stat().st_size for path in files.paths))
    table, heights, said = _at_once(files.paths, name, most) or _one_by_one(files.paths, name, most, read)
    if files.parts:
        return table, files.notes("", False, said)
    stems = zip(files.stems, heights, strict=True)
    owner = pl.concat(pl.Series([stem]).new_from_index(0, height) for stem, height in stems)
    if own := next((column for column in table.columns if table[column].eq_missing(owner).all()), None):
        return table, files.notes(own, True, said)
    column = files.free(table.columns, name)
    return table.insert_column(0, owner.alias(column)), files.notes(column, False, said)


def folder_stream(folder: Path, name: str, most: Bounds) -> Stream:
    """As read_folder, one block after the other."""
    files = _Files.of(folder, name, most)
    said: Counter[str] = Counter()
    head = first_rows(File.at(files.paths[0], folder), f"{name}/{files.paths[0].name}", most)
    own = next((c for c in head.columns if head.height and head[c].eq_missing(pl.Series([files.stems[0]])).all()), None)
    column = "" if files.parts else own or files.free(head.columns, name)

    def frames() -> Iterator[pl.DataFrame]:
        said.clear()
        for path, stem in zip(files.paths, files.stems, strict=True):
            told: set[str] = set()
            for frame, notes in in_blocks(File.at(path, folder), f"{name}/{path.name}", most):
                if frame.columns != head.columns:
                    raise differs(f"{name}/{path.name}", files.paths[0].name, head.columns, frame.columns)
                told.update(notes)
                if files.parts:
                    yield frame
                elif own is None:
                    yield frame.insert_column(0, pl.Series(column, [stem]).new_from_index(0, frame.height))
                elif (odd := frame[own].ne_missing(pl.Series([stem])).arg_true()).len():
                    raise DataError(
                        f"{at(f'{name}/{path.name}', int(odd[0]) + 1, own)}the cell is not the name of the file, as in "
                        f"{files.paths[0].name}: give every file the name of its patient."
                    )
                else:
                    yield frame
            said.update(told)

    return Stream(
        name,
        lambda: merged(frames()),
        bytes=WIDER * sum(unpacked_size(File.at(path, folder)) for path in files.paths),
        state=lambda: state_of(files.paths, folder),
        notes=lambda: files.notes(column, own is not None, said),
        path=folder.resolve(),
    )


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
            raise differs(f"{name}/{path.name}", paths[0].name, frames[0].columns, frame.columns)
        frames.append(frame)
        said.update(notes)
        rows, size = rows + frame.height, size + int(frame.estimated_size())
        most.check(name, rows=rows, cells=rows * (frame.width + 1), bytes=size)
    return pl.concat(frames), [frame.height for frame in frames], said
