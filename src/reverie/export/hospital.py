"""New patients in linked tables, to a folder of files, and a summary of what was made.

shards -> a part of each table beside the folder, as Parquet -> a file for each table in it, or one of a database, when all
is made
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import polars as pl

from reverie.export.sampled import speed
from reverie.files import folder_beside, take_place
from reverie.modality import DATABASES
from reverie.models import LinkedModel
from reverie.records.linked.storing import store
from reverie.records.linked.tables import file_of

__all__ = ["hospital"]


def hospital(
    model: LinkedModel,
    count: int | None,
    out: Path,
    seed: int = 0,
    settings: Mapping[str, Any] | None = None,
    on_step: Callable[[int, int], None] | None = None,
    hear: Callable[[Mapping[str, pl.DataFrame]], None] = lambda tables: None,
) -> dict[str, Any]:
    """New patients to files in the folder `out`, one for each table, in memory that does not grow with their number; or to
    `out` as a DuckDB or SQLite file, by its suffix.

    Tables in files are .csv, or .parquet where those trained on were. `settings` are those of LinkedModel.shards; `hear` is
    shown each part. Raises UsageError and DataError as that does, and UsageError for a table that no file can be called
    after; then the folder is as it was.
    """
    began, rows, patients = time.monotonic(), Counter[str](), 0
    database = out.name.lower().endswith(DATABASES)
    for name in () if database else (*model.codec.forms.forms, *model.codec.lookups):
        file_of(name, "")

    def step(done: int, total: int) -> None:
        nonlocal patients
        patients = done
        if on_step:
            on_step(done, total)

    def choose(drawn: int, met: int) -> None:
        tried.update(drawn=drawn, met=met)

    tried = Counter[str]()
    suffix, options = model.codec.suffix, dict(settings or {})
    as_text = (out.suffix.lower() != ".duckdb") if database else None
    stored: dict[str, pl.Schema] = {}
    numbers: dict[str, str] = {}
    with folder_beside(out) as beside:
        parts, whole = beside / "parts", beside / "whole"
        parts.mkdir()
        whole.mkdir()

        def keep(name: str, number: int, typed: pl.DataFrame) -> None:
            frame = model.codec.spelled(name, typed, as_text)
            stored.setdefault(name, model.codec.spelled(name, typed.clear(), False).schema)
            _part(parts, numbers.setdefault(name, str(len(numbers))), number, frame)

        for number, tables in enumerate(model.shards(count, seed, on_step=step, on_choice=choose, **options)):
            hear(tables)
            for name, typed in tables.items():
                keep(name, number, typed)
                rows[name] += typed.height
        for name, frame in model.codec.lookups.items():
            keep(name, 0, frame)
        if database:
            made = {name: sorted((parts / numbers[name]).iterdir()) for name in stored}
            store(out, model.codec.forms.schema, made, model.codec.declared, stored)
        else:
            for name in stored:
                _joined(parts / numbers[name], whole / file_of(name, suffix))
            take_place(whole, out)
    events = sum(rows.values()) - rows[model.codec.tree.root]
    return {
        "out": str(out),
        "patients": patients,
        **({"drawn": tried["drawn"], "accepted_share": round(tried["met"] / tried["drawn"], 4)} if tried else {}),
        "rows": {**rows, **{name: frame.height for name, frame in model.codec.lookups.items()}},
        **{name: options.get(name) or usual for name, usual in model.usual.items()},
        "seed": seed,
        **speed(events, time.monotonic() - began, "events"),
    }


def _part(parts: Path, name: str, number: int, frame: pl.DataFrame) -> None:
    folder = parts / name
    folder.mkdir(exist_ok=True)
    frame.write_parquet(folder / f"{number:08d}.parquet", compression="lz4", statistics=False)


def _joined(folder: Path, file: Path) -> None:
    """All parts of a table as one file, read and written as a stream."""
    rows = pl.scan_parquet(sorted(folder.iterdir()))
    if file.suffix == ".parquet":
        rows.sink_parquet(file, maintain_order=True)
    else:
        rows.sink_csv(file, maintain_order=True)
