"""New patients in linked tables, to a folder of files, and a summary of what was made.

shards -> a part of each table beside the folder, as Parquet -> a file for each table in it, or one of a database, when all
is made; a call that was killed is called again, and goes on (going_on.py)
"""

from __future__ import annotations

import shutil
import time
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import polars as pl

from reverie.export.going_on import parts_beside, work_of
from reverie.export.sampled import speed
from reverie.files import take_place
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
    place: Path | None = None,
) -> dict[str, Any]:
    """New patients to files in the folder `out`, one for each table, in memory that does not grow with their number; or to
    `out` as a DuckDB or SQLite file, by its suffix.

    Tables in files are .csv, or .parquet where those trained on were. `settings` are those of LinkedModel.shards; `hear` is
    shown each part, of one that was there its first rows. `place` is what parts lie beside, `out` if left out: a call that
    was killed is called again, goes on with them, and makes the same files. Raises UsageError and DataError as that does,
    and UsageError for a table that no file can be called after; then the folder is as it was.
    """
    began, rows, tried, kept, patients = time.monotonic(), Counter[str](), Counter[str](), 0, 0
    database = out.name.lower().endswith(DATABASES)
    for name in () if database else (*model.codec.forms.forms, *model.codec.lookups):
        file_of(name, "")
    suffix, options = model.codec.suffix, dict(settings or {})
    as_text = (out.suffix.lower() != ".duckdb") if database else None
    numbers = {name: number for number, name in enumerate((*model.codec.forms.forms, *model.codec.lookups))}
    stored: dict[str, pl.Schema] = {}

    def step(done: int, total: int) -> None:
        nonlocal patients
        patients = done
        if on_step:
            on_step(done, total)

    def choose(drawn: int, met: int) -> None:
        now.update(drawn=drawn, met=met)

    now: dict[str, int] = {}
    with parts_beside(place or out, work_of(model, count, seed, options, (out.suffix, suffix))) as parts:

        def keep(name: str, number: int, typed: pl.DataFrame) -> None:
            stored.setdefault(name, model.codec.spelled(name, typed.clear(), False).schema)
            parts.keep(number, numbers[name], model.codec.spelled(name, typed, as_text), typed)

        before: dict[str, int] = {}
        for record in parts.there():
            tables = {name: parts.first(kept, numbers[name]) for name, _ in record["rows"]}
            hear(tables)
            stored.update({n: model.codec.spelled(n, typed.clear(), False).schema for n, typed in tables.items()})
            rows.update(dict(record["rows"]))
            tried.update(record["tried"])
            before, patients, kept = record["count"], record["patients"], kept + 1
        number, there = kept, (patients, rows.total() - rows[model.codec.tree.root])
        made = model.numbered(count, seed, on_step=step, on_choice=choose, first=kept, before=before, **options)
        for tables, before in made:
            hear(tables)
            for name, typed in tables.items():
                keep(name, number, typed)
            of_tables = {name: typed.height for name, typed in tables.items()}
            parts.seal(number, {"rows": [*of_tables.items()], "tried": dict(now), "count": before, "patients": patients})
            rows.update(of_tables)
            tried.update(now)
            number += 1
        files = {name: parts.of(numbers[name], number) for name in stored}
        for name, frame in model.codec.lookups.items():
            stored[name] = model.codec.spelled(name, frame.clear(), False).schema
            files[name] = [parts.alone(numbers[name], model.codec.spelled(name, frame, as_text))]
        if database:
            store(out, model.codec.forms.schema, files, model.codec.declared, stored)
        else:
            whole = parts.folder / "whole"
            shutil.rmtree(whole, ignore_errors=True)
            whole.mkdir()
            for name, of in files.items():
                _joined(of, whole / file_of(name, suffix))
            take_place(whole, out)
    events = rows.total() - rows[model.codec.tree.root] - there[1]
    return {
        "out": str(out),
        "patients": patients,
        **({"kept": there[0]} if there[0] else {}),
        **({"drawn": tried["drawn"], "accepted_share": round(tried["met"] / tried["drawn"], 4)} if tried else {}),
        "rows": {**rows, **{name: frame.height for name, frame in model.codec.lookups.items()}},
        **{name: options.get(name) or usual for name, usual in model.usual.items()},
        "seed": seed,
        **speed(events, time.monotonic() - began, "events"),
    }


def _joined(parts: list[Path], file: Path) -> None:
    """All parts of a table as one file, read and written as a stream."""
    rows = pl.scan_parquet(parts)
    if file.suffix == ".parquet":
        rows.sink_parquet(file, maintain_order=True)
    else:
        rows.sink_csv(file, maintain_order=True)
