"""The files of MEDS: shards of events, and metadata beside them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl

from reverie.errors import DataError, UsageError
from reverie.records.places import at, counted, damaged, few
from reverie.records.reading import Bounds

__all__ = [
    "ABOUT", "BIRTH", "CODES", "DATA", "DEATH", "SPLITS", "TYPES", "cast", "description_of", "events_of", "shards_of",
    "side_of",
]  # fmt: skip

TYPES: dict[str, Any] = {
    "subject_id": pl.Int64,
    "time": pl.Datetime("us"),
    "code": pl.String,
    "numeric_value": pl.Float32,
    "text_value": pl.String,
}
"""The columns of the standard."""
BIRTH, DEATH = "MEDS_BIRTH", "MEDS_DEATH"
DATA, ABOUT = "data", "metadata/dataset.json"
CODES, SPLITS = "metadata/codes.parquet", "metadata/subject_splits.parquet"


def shards_of(place: Path) -> list[Path]:
    return sorted(path for path in (place / DATA).rglob("*.parquet") if path.is_file() and not path.name.startswith("."))


def description_of(place: Path, name: str) -> str:
    """What dataset.json says of the data, for a note."""
    path = place / ABOUT
    if not path.is_file():
        return ""
    try:
        about = json.loads(path.read_bytes())
    except ValueError as error:
        raise damaged(f"{name}/{ABOUT}", "file of JSON", error) from error
    said = (
        [str(about[key]) for key in ("dataset_name", "dataset_version", "meds_version") if about.get(key)]
        if isinstance(about, dict)
        else []
    )
    return f" ({', '.join(said)})" if said else ""


def parquet(path: Path, name: str) -> pl.DataFrame:
    try:
        return pl.read_parquet(path)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise damaged(name, "Parquet file", str(error).splitlines()[0]) from error


def cast(frame: pl.DataFrame, types: dict[str, Any], name: str) -> pl.DataFrame:
    """Columns in the types of the standard. Raises DataError for one that cannot be."""
    for column, dtype in types.items():
        if column not in frame.columns:
            continue
        cells = frame[column]
        if isinstance(cells.dtype, pl.Datetime) and cells.dtype.time_zone and dtype == pl.Datetime("us"):
            cells = cells.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
        try:
            cast = cells.cast(dtype)
        except pl.exceptions.PolarsError as error:
            raise DataError(
                f"{at(name, None, column)}cells of type {cells.dtype} are no {dtype}, as MEDS wants them: write them so."
            ) from error
        frame = frame.with_columns(cast)
    return frame


def side_of(path: Path, name: str, types: dict[str, Any]) -> pl.DataFrame | None:
    """A file of metadata, where there is one."""
    if not path.is_file():
        return None
    called = f"{name}/{path.parent.name}/{path.name}"
    frame = cast(parquet(path, called), types, called)
    first = next(iter(types))
    if first not in frame.columns:
        raise DataError(f"{called} has no column {first}: add it.")
    key = frame[first]
    if key.null_count() or key.is_duplicated().any():
        twice = frame.filter(pl.col(first).is_duplicated())
        what = f"{twice[first][0]} stands in several rows" if twice.height else "a cell is empty"
        raise DataError(f"{called}: {first} is its key, and {what}: keep one of them.")
    return frame.with_columns(pl.lit(None, dtype).alias(c) for c, dtype in types.items() if c not in frame.columns)


def events_of(place: Path, name: str, most: Bounds, notes: list[str]) -> pl.DataFrame:
    """All rows of all shards, with what they have besides the columns of the standard."""
    frames, size, rows = [], 0, 0
    lost = {"subject_id": 0, "code": 0}
    zoned, nested = False, set()
    for path in shards_of(place):
        called = f"{name}/{path.relative_to(place)}"
        size += path.stat().st_size
        most.check(name, bytes=size)
        frame = parquet(path, called)
        most.check(name, rows=(rows := rows + frame.height), columns=frame.width, cells=rows * frame.width)
        if missing := next((c for c in ("subject_id", "time", "code") if c not in frame.columns), None):
            raise DataError(f"{called} has no column {missing}, which MEDS requires: add it.")
        zoned |= getattr(frame.schema["time"], "time_zone", None) is not None
        strange = {c for c, dtype in frame.schema.items() if dtype.is_nested()}
        nested |= strange
        frame = cast(frame.drop(strange), TYPES, called)
        for column in lost:
            empty = frame[column].is_null() | (frame[column] == "" if column == "code" else False)
            if count := int(empty.sum()):
                lost[column] += count
                frame = frame.filter(~empty)
        if frame.height:
            frames.append(frame)
    if not frames:
        raise UsageError(f"{name} has no events: its files in data/ hold no row with a subject and a code.")
    for column, count in lost.items():
        notes += [f"{counted(count, 'row', 'was were')} left out, without a {column}."] * bool(count)
    if zoned:
        notes.append("Times with a time zone were brought to UTC.")
    if nested:
        notes.append(f"Columns whose cells hold several values were left alone: {few(sorted(nested), 20)}.")
    events = pl.concat(frames, how="diagonal_relaxed")
    events = events.with_columns(pl.lit(None, dtype).alias(c) for c, dtype in TYPES.items() if c not in events.columns)
    more = [column for column in events.columns if column not in TYPES]
    if more:
        notes.append(f"Columns besides those of MEDS are kept with the events: {few(more, 20)}.")
    return events.select(*TYPES, *more).with_columns(pl.selectors.float().fill_nan(None))
