"""Which row of a table is of which picture.

A column names the picture: by its path in the folder, with or without the folder's own name before it, by its name alone
where that is one picture's, or by either without the suffix, or with another as of a file that was saved anew. Without
such a column row i is of picture i; of files that is taken of arrays alone, which have no names.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import PurePosixPath

import numpy as np
import polars as pl

from reverie.errors import DataError, UsageError, unknown
from reverie.images.conditions.columns import Columns
from reverie.images.splits import listed
from reverie.records.places import at, shown

__all__ = ["FILES", "rows_of"]

FILES = ("file", "filename", "file_name", "path", "filepath", "file_path", "image", "image_id", "img", "picture", "photo")
"""Names of columns that name pictures, in small letters; another is taken if its cells do."""


def rows_of(
    columns: Columns, pictures: Sequence[str], root: str, count: int, file_column: str | None
) -> tuple[np.ndarray | None, str | None, tuple[str, ...]]:
    """The row of each picture, int64 [count], -1 where there is none; the column that names them; and notes."""
    name, frame = columns.name, columns.frame
    if file_column is not None and file_column not in frame.columns:
        raise unknown(f"column of {name} for `file_column`", file_column, frame.columns)
    if not pictures:
        if file_column is not None:
            raise UsageError(
                f"`file_column` is for pictures in files, and these are rows of arrays, as {name} is: leave it out."
            )
        if columns.count != count:
            raise DataError(f"{name} has {columns.count:,} rows for {count:,} pictures: give one for each, in their order.")
        return None, None, ()
    usual = [c for c in frame.columns if c.lower() in FILES]
    texts = [c for c in frame.columns if frame.schema[c] == pl.String]
    tried = [file_column] if file_column else [*usual, *(c for c in texts if c not in usual)]
    best: tuple[int, str, dict[str, int], Callable[[str | None], str]] = (0, "", {}, _plain)
    named = [file_column] if file_column else usual
    # at last paths of another machine, by their last part, and files that were saved as of another kind since
    for read, among in ((_plain, tried), (_name, named), (_unsuffixed, named)):
        for column in among if not best[0] else ():
            cells = [read(cell) for cell in frame[column].cast(pl.String).to_list()]
            for keys in _keys(pictures, root):
                best = max(best, (sum(cell in keys for cell in cells), column, keys, read), key=lambda found: found[0])
            if best[0] and (column in usual or best[0] == len(cells)):
                break
    matched, column, keys, read = best
    if not matched:
        if columns.arrays and columns.count == count and file_column is None:
            note = f"{name} names no pictures: row i is of picture i, in the order of their paths, {pictures[0]} the first."
            return None, None, (note,)
        if columns.arrays and not named:
            raise DataError(f"{name} has {columns.count:,} rows for {count:,} pictures: give one for each, in their order.")
        raise _unnamed(columns, pictures[0], named[0] if named else None)
    return _matched(columns, column, keys, pictures, root, read)


def _matched(
    columns: Columns,
    column: str,
    keys: dict[str, int],
    pictures: Sequence[str],
    root: str,
    read: Callable[[str | None], str],
) -> tuple[np.ndarray, str, tuple[str, ...]]:
    name, rows, lost = columns.name, np.full(len(pictures), -1, np.int64), []
    for row, cell in enumerate(columns.frame[column].cast(pl.String).to_list()):
        if (place := keys.get(read(cell))) is None:
            lost.append(shown(cell) if cell is not None else "an empty cell")
            continue
        if place < 0:
            several = [path for path in pictures if read(cell) in (key(path) for key in _ways(root))]
            raise DataError(
                f"{at(name, row + 1, column)}{shown(cell)} names several pictures, {listed(several[:3])}: give paths."
            )
        if rows[place] >= 0:
            raise DataError(
                f"{at(name, row + 1, column)}{shown(cell)} is named by data row {rows[place] + 1} too: keep one row for a "
                "picture."
            )
        rows[place] = row
    without = [path for path, row in zip(pictures, rows, strict=True) if row < 0]
    notes = ()
    if lost:
        rest = "1 row of {} is" if len(lost) == 1 else f"{len(lost):,} rows of {{}} are"
        notes += (f"{rest.format(name)} of no picture that is read, such as {lost[0]}.",)
    if without:
        few = "1 picture has" if len(without) == 1 else f"{len(without):,} pictures have"
        notes += (f"{few} no row in {name}, such as {without[0]}: nothing is told of them.",)
    return rows, column, notes


def _unnamed(columns: Columns, picture: str, column: str | None) -> DataError:
    """The error of a table that names no picture, in the column that is called so or was said to."""
    if column is None:
        return DataError(
            f"{columns.name} names no picture that is read, such as {picture}, by a column called {', '.join(FILES[:4])} or "
            "the like, nor in another: say which with `file_column`."
        )
    cell = next(iter(columns.frame[column].drop_nulls().cast(pl.String)), "nothing")
    return DataError(
        f"{columns.name} names no picture that is read, such as {picture}, in its column {column!r}, where {shown(cell)} is "
        "named: mend the names, or say another column with `file_column`."
    )


def _plain(cell: str | None) -> str:
    """A path as people write it, as that of a picture."""
    return "" if cell is None else str(PurePosixPath(cell.strip().replace("\\", "/")))


def _name(cell: str | None) -> str:
    return PurePosixPath(_plain(cell)).name


def _unsuffixed(cell: str | None) -> str:
    """Of what is called as a file the path without its suffix."""
    path = PurePosixPath(_plain(cell))
    return str(path.with_suffix("")) if re.fullmatch(r"\.[A-Za-z]\w{2,4}", path.suffix) else ""


def _ways(root: str) -> tuple[Callable[[str], str], ...]:
    """What a picture may be called in a table, of its path in the folder `root`."""
    return (
        lambda path: path,
        lambda path: f"{root}/{path}",
        lambda path: PurePosixPath(path).name,
        lambda path: str(PurePosixPath(path).with_suffix("")),
        lambda path: PurePosixPath(path).stem,
    )


def _keys(pictures: Sequence[str], root: str) -> Iterator[dict[str, int]]:
    """By each way of naming pictures, the place of each name; -1 where it names several."""
    for way in _ways(root):
        keys: dict[str, int] = {}
        for place, path in enumerate(pictures):
            keys[way(path)] = -1 if way(path) in keys else place
        yield keys
