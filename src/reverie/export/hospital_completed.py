"""Linked tables with the holes of their rows filled, or with rows that come after, to a folder of files or a database."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from reverie.errors import UsageError
from reverie.export.completed import check_columns
from reverie.files import folder_beside, take_place
from reverie.modality import DATABASES
from reverie.models import LinkedModel
from reverie.records import given
from reverie.records.linked.fitting import Filled, FittedTables
from reverie.records.linked.sources import files_of
from reverie.records.linked.storing import store
from reverie.records.linked.tables import file_of
from reverie.records.output import write_table
from reverie.records.reading.spliced import spliced

_SQL = {pl.Int64: "BIGINT", pl.Float64: "DOUBLE", pl.Date: "DATE", pl.Datetime: "TIMESTAMP", pl.Boolean: "BOOLEAN"}
"""What cells that came as text are in a database, if all of them are."""

__all__ = ["check_apart", "complete_hospital", "files_completed"]


def complete_hospital(
    model: LinkedModel,
    fitted: FittedTables,
    out: Path,
    draws: int = 1,
    seed: int = 0,
    columns: Sequence[str] | None = None,
    forecast: int | str | None = None,
    settings: Mapping[str, Any] | None = None,
    on_step: Callable[[int, int], None] | None = None,
    hear: Callable[[str], None] = lambda note: None,
) -> dict[str, Any]:
    """Fills the holes of linked tables, `draws` times, and writes them with what was drawn to the folder `out`; or adds what
    comes after, as far as `forecast` says (see LinkedModel.forecast), below the rows given.

    Of tables in a folder every file stays, and of a file of text every byte but for the cells that are filled; of those of
    a database, and frames, each becomes a file as the model writes them. Where `out` is called as a DuckDB or SQLite file it
    is one, with each table as it came, of a database in its types. Of several draws each has a folder of its own in
    `out`: 1, 2, ... `settings` are those of LinkedModel.shards; `hear` is told what was decided. Raises UsageError and
    DataError as LinkedModel.impute does, and for `out` within the source; then `out` is as it was.

    Returns a summary, with the holes of each column, "TABLE.column", and how many of them were filled in each draw.
    """
    began = time.monotonic()
    database = out.name.lower().endswith(DATABASES)
    if database and draws > 1:
        raise UsageError(f"{out.name} holds one draw: leave `draws` out, or name a folder or a .zip as `out`.")
    check_columns(columns, forecast)
    check_apart(fitted, out)
    source = fitted.path
    for note in fitted.notes:
        hear(note)
    filled: Filled = {}
    more: dict[str, pl.DataFrame] = {}
    stands = count = added = 0
    told: dict[str, Any] = {"on_step": on_step, "hear": hear, **(settings or {})}
    with folder_beside(out) as beside:
        whole = beside / "whole"
        if forecast is None:
            made = model.completed(fitted, draws, seed, columns, **told)
        else:
            made = model.continued(fitted, forecast, draws, seed, **told)
        for number, tables in enumerate(made, 1):
            if forecast is None:
                filled = fitted.filled(model.codec, tables)
            else:
                more = {table: rows for table, rows in fitted.added(model.codec, tables).items() if rows.height}
                added += sum(rows.height for rows in more.values())
            same, of = _unchanged(fitted, filled)
            stands, count = stands + same, count + of
            if database:
                _store(out, beside, model, fitted, filled, more)
                continue
            folder = whole if draws == 1 else whole / str(number)
            if source is None:
                folder.mkdir(parents=True)
            else:
                shutil.copytree(source, folder)
            for table, file in _files(model, fitted).items():
                if source is None or table in filled or table in more:
                    _write(folder / file, None if source is None else source / file, fitted, table, filled, more.get(table))
        if not database:
            take_place(whole, out)
    return {
        "out": str(out),
        "patients": len(fitted.grown),
        "rows": {table: frame.height for table, frame in fitted.source.items()},
        **({"rows_added": added} if forecast is not None else {}),
        "draws": draws,
        "given_values": {"unchanged": stands, "of": count},
        "seed": seed,
        "seconds": round(time.monotonic() - began, 2),
        "holes": {} if forecast is not None else _holes(fitted, filled),
    }


def check_apart(fitted: FittedTables, out: Path) -> None:
    """Raises UsageError where a place to write lies within the folder of the source."""
    if fitted.path is not None and fitted.path.resolve() in (out.resolve(), *out.resolve().parents):
        raise UsageError(f"{out} lies in {fitted.path}, which stays as it is: name another place.")


def files_completed(model: LinkedModel, fitted: FittedTables, draws: int = 1) -> tuple[str, ...]:
    """The names of all files that `complete_hospital` writes, as seen from its folder. Raises UsageError for a table that no
    file can be called after."""
    if fitted.path is None:
        names = [*_files(model, fitted).values()]
    else:
        found = (path for path in fitted.path.rglob("*") if path.is_file())
        names = sorted(path.relative_to(fitted.path).as_posix() for path in found)
    return tuple(names if draws == 1 else (f"{draw}/{name}" for draw in range(1, draws + 1) for name in names))


def _files(model: LinkedModel, fitted: FittedTables) -> dict[str, str]:
    """The file of each table, by the name of the table."""
    if fitted.path is not None:
        return {table: path.name for table, path in files_of(fitted.path).items()}
    return {table: file_of(table, model.codec.suffix) for table in fitted.source}


def _write(
    out: Path, came: Path | None, fitted: FittedTables, table: str, filled: Filled, more: pl.DataFrame | None
) -> None:
    """A table with cells filled and rows added, in the form of the file that it came in, or in that of `out`."""
    if came is None or out.name.lower().endswith(".parquet"):
        whole = fitted.whole(filled)[table]
        write_table(out, [whole if more is None else pl.concat([whole, more], how="diagonal")])
        return
    texts = {c: dict(zip(rows.tolist(), values, strict=True)) for c, (rows, values) in filled.get(table, {}).items()}
    out.write_bytes(spliced(came, f"{fitted.name}/{out.name}", fitted.source[table], texts, more))


def _store(
    out: Path, beside: Path, model: LinkedModel, fitted: FittedTables, filled: Filled, more: Mapping[str, pl.DataFrame]
) -> None:
    """All tables, with cells filled and rows added, as a database file."""
    parts, forms = {}, model.codec.forms.forms
    for number, (table, whole) in enumerate(fitted.whole(filled).items()):
        parts[table] = [beside / f"{number}.parquet"]
        frame = pl.concat([whole, more[table]], how="diagonal") if table in more else whole
        frame.write_parquet(parts[table][0], compression="lz4")
    read = {
        table: {c: _SQL[d.base_type()] for c, d in of.columns.items() if d.base_type() in _SQL}
        for table, of in forms.items()
    }
    types = {table: {**read.get(table, {}), **model.codec.declared.get(table, {})} for table in parts}
    store(out, model.codec.forms.schema, parts, types)


def _unchanged(fitted: FittedTables, cells: Filled) -> tuple[int, int]:
    """How many given values stand in the text that they were given in, and how many there are."""
    same = of = 0
    for table, frame in fitted.whole(cells).items():
        was, now = given.texts(fitted.source[table]), given.texts(frame)
        for column in was.columns:
            here = fitted.given.get(table, {}).get(column, was[column].is_not_null())
            same += int(((was[column] == now[column]).fill_null(False) & here).sum())
            of += int((was[column].is_not_null() & here).sum())
    return same, of


def _holes(fitted: FittedTables, cells: Filled) -> dict[str, dict[str, int]]:
    """Of each column with empty cells, how many, and how many of them are filled."""
    out = {}
    for table, of in fitted.given.items():
        for column, here in of.items():
            if empty := int((~here).sum()):
                rows = cells.get(table, {}).get(column, (np.zeros(0), None))[0]
                out[f"{table}.{column}"] = {"empty": empty, "filled": len(rows)}
    return out
