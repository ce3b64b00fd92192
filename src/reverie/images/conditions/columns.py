"""What a table of conditions holds: plain columns, and vectors.

emb_0, emb_1, ...       a vector, of four columns or more that count
emb                     one too, where its cells are lists of numbers, or it is an array [N, D]
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from reverie.errors import DataError, UsageError
from reverie.images.arrays import Named, as_array, is_array
from reverie.records.nulls import NULL_VALUES, emptied
from reverie.records.places import at
from reverie.records.reading import Cells, read_source

__all__ = ["Columns", "columns_of"]

COUNTED = re.compile(r"(.+?)[_. -]?(\d{1,6})")
FEWEST = 4
"""Columns that count make a vector where they are as many; fewer may each say something of its own."""


@dataclass(frozen=True, eq=False)
class Columns:
    """What a table holds.

    Attributes:
        name, path, notes: of the table.
        frame: its plain columns.
        vectors: float32 [N, D] by name; rows of NaN where nothing is told.
        count: N.
        arrays: whether it is arrays, which have rows without names.
    """

    name: str
    frame: pl.DataFrame
    vectors: Mapping[str, np.ndarray]
    count: int
    notes: tuple[str, ...] = ()
    path: Path | None = None
    arrays: bool = False


def columns_of(source: Any, vectors: Mapping[str, int] | None = None) -> Columns:
    """The plain columns and the vectors of a source; of known `vectors` their columns may be fewer than usual."""
    if isinstance(source, str | Path) and (suffix := Path(source).suffix.lower()) in _ARRAYS:
        if not Path(source).is_file():
            raise UsageError(f"there is no file {source}.")
        return _of_arrays(_ARRAYS[suffix](Path(source)), Path(source).resolve())
    if is_array(source) and not hasattr(source, "columns"):  # a frame is none
        return _of_arrays(Named.given({"vector": source}, "the array"))
    if isinstance(source, Mapping):
        return _of_arrays(Named.given(source))
    table = _of_parquet(Path(source)) if _is_parquet(source) else read_source(source)
    frame, found = _lists_apart(table.frame, table.name)
    frame, counted = _counted_apart(frame, table.name, vectors or {})
    return Columns(table.name, frame, {**found, **counted}, table.frame.height, table.notes, table.path)


def _is_parquet(source: Any) -> bool:
    return isinstance(source, str | Path) and Path(source).suffix.lower() == ".parquet" and Path(source).is_file()


def _of_parquet(path: Path) -> Cells:
    """All columns but those of bytes and of structs, such as the pictures themselves."""
    try:
        schema = pl.read_parquet_schema(path)
        kept = [name for name, dtype in schema.items() if dtype != pl.Binary and dtype != pl.Struct]
        frame = pl.read_parquet(path, columns=kept)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise DataError(f"{path} is damaged or cut short and cannot be read ({error}): fetch it again.") from error
    if not frame.width or not frame.height:
        raise DataError(f"{path} has no rows that tell anything of pictures: give one for each picture.")
    return Cells(frame, path.name, path=path.resolve())


def _of_arrays(arrays: Named, path: Path | None = None) -> Columns:
    plain, vectors, counts = {}, {}, {}
    for key, head in arrays.heads.items():
        if len(head.shape) > 2 and len(arrays.heads) > 1:  # pictures
            continue
        array, what = as_array(arrays.load(key), key)[0], f"{arrays.name} ({key})"
        if len(head.shape) == 1 and array.dtype.kind in "biufU":
            plain[key] = pl.Series(key, array if array.dtype.kind != "U" else array.tolist())
        elif len(head.shape) == 2 and array.dtype.kind in "biuf":
            whole = array.astype(np.float32)
            vectors[key] = _whole(whole, np.asarray(np.isnan(whole).all(1)), what)
        else:
            raise DataError(f"{what} is {array.dtype} of shape {array.shape}: give numbers or words [N], or vectors [N, D].")
        counts[key] = len(array)
    if len(set(counts.values())) != 1:
        said = ", ".join(f"{key} of {rows:,} rows" for key, rows in counts.items())
        raise DataError(f"{arrays.name} holds {said or 'nothing'}: give arrays of one row for each picture.")
    count = next(iter(counts.values()))
    return Columns(arrays.name, pl.DataFrame(plain), vectors, count, path=path, arrays=True)


def _npy(path: Path) -> Named:
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except Exception as error:  # a damaged header is parsed as Python text, and fails in as many ways
        raise DataError(f"{path} is not a readable .npy array of numbers: save it again with numpy.save.") from error
    return Named.given({path.stem: array}, str(path))


_ARRAYS: dict[str, Callable[[Path], Named]] = {".npy": _npy, ".npz": Named.npz, ".safetensors": Named.safetensors}


def _lists_apart(frame: pl.DataFrame, name: str) -> tuple[pl.DataFrame, dict[str, np.ndarray]]:
    """The frame without its columns of lists of numbers, and these as vectors."""
    vectors = {}
    for cells in frame.iter_columns():
        if not isinstance(cells.dtype, pl.List | pl.Array):
            continue
        if not cells.dtype.inner.is_numeric():  # pyright: ignore[reportAttributeAccessIssue]
            raise DataError(f"{at(name, None, cells.name)}lists of {cells.dtype.inner} are no vectors: leave it out.")  # pyright: ignore
        lists = cells.cast(pl.List(pl.Float32))
        lengths = lists.list.len()
        usual = lengths.drop_nulls().mode().sort()
        if not len(usual) or not usual[0]:
            raise DataError(f"{at(name, None, cells.name)}every list is empty: leave the column out.")
        length = int(usual[0])
        if len(odd := (lengths != length).fill_null(False).arg_true()):
            raise DataError(
                f"{at(name, odd[0] + 1, cells.name)}the vector has {lengths[odd[0]]} numbers, and others {length}: give all "
                "as many, or leave the cell empty."
            )
        untold = lists.is_null().to_numpy()
        whole = np.full((len(lists), length), np.nan, np.float32)
        whole[~untold] = lists.drop_nulls().explode(empty_as_null=False).to_numpy().reshape(-1, length)
        vectors[cells.name] = _whole(whole, untold, name, cells.name)
    return frame.drop(list(vectors)), vectors


def _counted_apart(frame: pl.DataFrame, name: str, known: Mapping[str, int]) -> tuple[pl.DataFrame, dict[str, np.ndarray]]:
    """The frame without columns of numbers that count, emb_0, emb_1, ..., and these as vectors."""
    groups: dict[str, dict[int, str]] = defaultdict(dict)
    for column in frame.columns:
        if match := COUNTED.fullmatch(column):
            groups[match[1]][int(match[2])] = column
    vectors, used = {}, []
    for prefix, numbered in groups.items():
        columns = [numbered[i] for i in sorted(numbered)]
        counts = sorted(numbered) in (list(range(len(columns))), list(range(1, len(columns) + 1)))
        if prefix in frame.columns or not counts or (len(columns) < FEWEST and prefix not in known):
            continue
        texts = [
            emptied(frame[c].str.strip_chars(), list(NULL_VALUES)) if frame.schema[c] == pl.String else frame[c]
            for c in columns
        ]
        cells = [text.cast(pl.Float32, strict=False) for text in texts]
        if any(number.null_count() > text.null_count() for number, text in zip(cells, texts, strict=True)):
            continue  # they are no numbers
        whole = np.stack([each.to_numpy().astype(np.float32) for each in cells], 1)
        vectors[prefix] = _whole(whole, np.asarray(np.isnan(whole).all(1)), name, f"{columns[0]} to {columns[-1]}")
        used += columns
    return frame.drop(used), vectors


def _whole(vectors: np.ndarray, untold: np.ndarray, name: str, column: str | None = None) -> np.ndarray:
    """Vectors [N, D]. Raises DataError for one that holds what is no number, unless it is untold."""
    bad = ~np.isfinite(vectors).all(1) & ~untold
    if bad.any():
        row = int(bad.argmax())
        entry = int((~np.isfinite(vectors[row])).argmax())
        raise DataError(
            f"{at(name, row + 1, column)}number {entry + 1} of the vector is {vectors[row, entry]:g}: correct it, or "
            "leave the whole vector empty."
        )
    return vectors
