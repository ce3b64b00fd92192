"""Files of SAS, SPSS and Stata, read by pyreadstat, which the extra "formats" installs.

Cells are read by the labels of their values where every value that occurs has a label of its own. What a file declares to be
missing is read as empty, and counted in a note. These formats know one type of number: what is whole becomes an integer.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import polars as pl

from reverie.errors import DataError, UsageError
from reverie.records.faults import shown
from reverie.records.reading.bounds import Bounds
from reverie.records.reading.frames import with_integers

__all__ = ["STATISTICAL", "read_statistical"]

_READERS = {
    ".sas7bdat": ("SAS", "read_sas7bdat"),
    ".xpt": ("SAS transport", "read_xport"),
    ".sav": ("SPSS", "read_sav"),
    ".zsav": ("SPSS", "read_sav"),
    ".dta": ("Stata", "read_dta"),
}
STATISTICAL = tuple(_READERS)
"""Suffixes of files of statistical packages."""

_Read = Callable[..., tuple[Any, Any]]


def read_statistical(path: Path, name: str, most: Bounds) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """The table, and notes. What the file says of its size is compared with the bounds before its cells are read.

    Raises UsageError without pyreadstat, DataError for a damaged file and one beyond the bounds.
    """
    program, reader = _READERS[path.suffix.lower()]
    try:
        import pyreadstat
    except ImportError:
        raise UsageError(f"{name} is a file of {program}: to read it, pip install 'reverie[formats]'.") from None

    def read(**options: Any) -> tuple[Any, Any]:
        try:
            return getattr(pyreadstat, reader)(str(path), **options)
        except (MemoryError, DataError):
            raise
        except Exception as error:  # a damaged file raises many kinds
            reason = shown(str(error).split("\n")[0], 120)
            raise DataError(f"{name} is not a whole {program} file ({reason}): write or copy it again.") from error

    told = read(metadataonly=True)[1]
    frame = _cells(read, told, path.stat().st_size, name, most)
    missing, notes = ([], []) if path.suffix.lower() == ".xpt" else _declared_missing(read, frame, told)
    frame = frame.with_columns(
        pl.when(pl.col(pl.String) != "").then(pl.col(pl.String)),
        pl.col(pl.Time).dt.to_string("%H:%M:%S"),
        *(pl.col(column).cast(pl.Float64) for column in missing if frame.schema[column] == pl.Null),
    )
    frame, said = _labelled(frame, told)
    return with_integers(frame), (*notes, *said)


def _cells(read: _Read, told: Any, size: int, name: str, most: Bounds) -> pl.DataFrame:
    """The cells as they are kept, read in parts where a row may hold more than its width says."""
    columns, rows = len(told.column_names), told.number_rows
    most.check(name, columns=columns, bytes=size)
    if not columns:
        raise DataError(f"{name} has no columns: a table needs one row for each patient and time.")
    width = sum(max(int(told.variable_storage_width.get(column) or 8), 8) for column in told.column_names)
    if rows is not None:
        most.check(name, rows=rows, cells=rows * columns, bytes=rows * width)
    limit = min(most.rows, most.cells // columns) + 1
    long = any(kind == "string_ref" for kind in told.readstat_variable_types.values())  # texts kept once, for many rows
    step = max(1, min(limit, most.bytes // max(size, 1))) if long else limit
    parts: list[pl.DataFrame] = []
    count = content = 0
    while count < limit:
        part = read(output_format="polars", row_offset=count, row_limit=min(step, limit - count))[0]
        parts.append(part)
        count, content = count + part.height, content + int(part.estimated_size())
        most.check(name, rows=count, cells=count * columns, bytes=content)
        if part.height < step or count == rows:
            break
    return pl.concat(parts, how="vertical_relaxed")


def _declared_missing(read: _Read, frame: pl.DataFrame, told: Any) -> tuple[list[str], list[str]]:
    """Columns in which cells are empty because the file declares their values missing, and a note on each."""
    holes = [column for column in frame.columns if frame[column].null_count() and frame.schema[column] != pl.String]
    if not holes:
        return [], []
    columns, notes = [], []
    values, _ = read(usecols=holes, user_missing=True, output_format="dict", disable_datetime_conversion=True)
    for column in holes:
        empty = frame[column].is_null().to_list()
        kept = Counter(v for v, hole in zip(values[column], empty, strict=False) if hole and v is not None and v == v)
        if kept:
            labels = told.variable_value_labels.get(column, {})
            kinds = ", ".join(_told(value, labels) for value in sorted(kept, key=str))
            notes.append(
                f"In {column}, {kept.total():,} cell{'s'[: kept.total() > 1]} hold{'s'[: kept.total() == 1]} what the file "
                f"declares missing ({kinds}) and {'was' if kept.total() == 1 else 'were'} read as empty."
            )
            columns.append(column)
    return columns, notes


def _told(value: Any, labels: Mapping[Any, str]) -> str:
    text = f".{value}" if isinstance(value, str) else f"{value:g}"
    return f"{text} {labels[value]}" if value in labels else text


def _labelled(frame: pl.DataFrame, told: Any) -> tuple[pl.DataFrame, list[str]]:
    """The frame with labels in the place of values where all that occur have one, and notes.

    A scale that the file calls ordinal becomes an Enum, in the order of its values.
    """
    read, notes = [], []
    for column, labels in told.variable_value_labels.items():
        if column not in frame.columns or frame.schema[column].is_temporal():
            continue
        found = sorted(frame[column].drop_nulls().unique().to_list())
        known = {value: str(labels[value]).strip() for value in found if value in labels}
        if not known:
            continue
        if len(known) < len(found) or len(set(known.values())) < len(known) or not all(known.values()):
            lacking = [f"{value:g}" if isinstance(value, float) else str(value) for value in found if value not in known]
            why = (
                f"{', '.join(lacking[:3])} ha{'s' if len(lacking) == 1 else 've'} none"
                if lacking
                else "they are not distinct"
            )
            notes.append(f"The values of {column} were kept, for not each has a label of its own ({why}).")
            continue
        ordinal = told.variable_measure.get(column) == "ordinal"
        ordered = dict.fromkeys(str(label).strip() for value, label in sorted(labels.items(), key=_order) if value in known)
        frame = frame.with_columns(
            pl.col(column).replace_strict(known, return_dtype=pl.Enum(list(ordered)) if ordinal else pl.String)
        )
        read.append(column)
    if read:
        notes.insert(0, f"Read by the labels of their values: {', '.join(read)}.")
    return frame, notes


def _order(item: tuple[Any, str]) -> tuple[bool, Any]:
    return isinstance(item[0], str), item[0]
