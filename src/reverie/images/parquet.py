"""Pictures kept as bytes in a column of a Parquet file, as data sets are published.

The column holds the content of a picture file in each row: as binary, or as a struct with a field `bytes`. A column that is
called as labels are (see labels.LABELS) is the class, whole numbers or words.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import polars as pl

from reverie.errors import DataError
from reverie.images.hugging_face import class_names
from reverie.images.labels import classes_of, first, one_a_picture
from reverie.images.splits import unused

__all__ = ["PICTURES", "contents", "holds_pictures", "labels_of", "notes_of", "rows_of"]

CHUNK = 256
UNTOLD = -1
"""The number of a class that is kept secret, as of test sets."""
PICTURES = ("image", "images", "img", "picture", "pixel_values", "jpg", "png")


def holds_pictures(path: Path) -> bool:
    """Whether a Parquet file has a column of bytes; False for what cannot be read."""
    try:
        return _column(pl.read_parquet_schema(path)) is not None
    except (OSError, pl.exceptions.PolarsError):
        return False


def rows_of(path: Path) -> int:
    """How many pictures the file holds. Raises DataError if it holds none, or cannot be read."""
    _column_of(path)
    count = pl.scan_parquet(path).select(pl.len()).collect().item()
    if not count:
        raise DataError(f"{path} has no rows: give a file with a picture in each row.")
    return count


def contents(path: Path) -> Iterator[tuple[str, bytes]]:
    """(what errors call it, the bytes of a picture file) of each row, some rows in memory at a time."""
    name, nested = _column_of(path)
    column = pl.col(name).struct.field("bytes") if nested else pl.col(name)
    frame, row = pl.scan_parquet(path).select(column.alias("bytes")), 0
    while len(part := _collected(frame.slice(row, CHUNK), path)):
        for content in part["bytes"]:
            row += 1
            called = f"{path}, row {row} of the column {name!r},"
            if content is None:
                raise DataError(f"{called} holds no bytes: leave the row out, or write the picture into the file.")
            yield called, content


def labels_of(paths: Sequence[Path], folder: Path) -> tuple[np.ndarray, tuple[str, ...]] | None:
    """Labels int64 [N] of all rows of all files, and the classes that they index, whole numbers or words in order.

    None if there are none. Numbers count through the names that the set gives its classes, in the files or in a README.md
    above them, up to `folder`.
    """
    name = first(pl.read_parquet_schema(paths[0]))
    if name is None:
        return None
    values = pl.concat([_collected(pl.scan_parquet(path).select(name), path)[name] for path in paths])
    taken = (pl.String, pl.Categorical, pl.Enum, pl.Boolean)
    if not (values.dtype.is_numeric() or isinstance(values.dtype, taken)):
        raise DataError(
            f"{paths[0]}: the column {name!r} is {values.dtype}, but classes are whole numbers or words: write them so, or "
            "leave the column out."
        )
    if values.null_count():
        row = int(values.is_null().arg_true()[0]) + 1
        raise DataError(f"{paths[0]}: row {row} of the column {name!r} is empty: give every picture a class, or none.")
    what = f"{paths[0]}: the column {name!r}"
    if isinstance(values.dtype, pl.String | pl.Categorical | pl.Enum):
        words = values.cast(pl.String).to_numpy().astype(str)
        return classes_of(one_a_picture(words, len(values), what), str(paths[0]))
    numbers = one_a_picture(values.to_numpy(), len(values), what)
    names = class_names(paths[0], name, folder)
    if names and (numbers == UNTOLD).all():
        return None
    return classes_of(numbers, f"the column {name!r} of {paths[0]}", names)


def notes_of(path: Path) -> tuple[str, ...]:
    """Which columns are not read."""
    schema = pl.read_parquet_schema(path)
    label = first(schema)
    rest = [name for name in schema if name not in (_column_of(path)[0], label)]
    return unused("of the columns", rest, label, "label")


def _column_of(path: Path) -> tuple[str, bool]:
    try:
        schema = pl.read_parquet_schema(path)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise DataError(f"{path} is not a readable Parquet file: fetch it again.") from error
    if (column := _column(schema)) is None:
        raise DataError(f"{path} has no column of bytes, only {', '.join(schema)}: write pictures as bytes of PNG or JPEG.")
    return column


def _column(schema: pl.Schema | dict[str, pl.DataType]) -> tuple[str, bool] | None:
    """The name of the column of pictures, a usual name first, and whether the bytes are a field of it."""
    columns = {}
    for name, kind in schema.items():
        nested = isinstance(kind, pl.Struct) and any(f.name == "bytes" and f.dtype == pl.Binary for f in kind.fields)
        if nested or kind == pl.Binary:
            columns[name] = nested
    names = [name for name in columns if name.lower() in PICTURES]
    name = min(names, key=lambda name: PICTURES.index(name.lower()), default=next(iter(columns), None))
    return None if name is None else (name, columns[name])


def _collected(frame: pl.LazyFrame, path: Path) -> pl.DataFrame:
    try:
        return frame.collect()
    except (OSError, pl.exceptions.PolarsError) as error:
        raise DataError(f"{path} is damaged or cut short and cannot be read ({error}): fetch it again.") from error
