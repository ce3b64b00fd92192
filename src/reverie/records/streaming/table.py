"""A table of visits beyond memory: its schema, true of all rows, and its patients, part by part.

Patients are numbered in the order of their first appearance in the source, as those of a table in memory are, whichever
part each is in. The schema is inferred from SAMPLE rows of whole patients; every patient who contradicts it anywhere joins
them, until none does. So a level, a decimal or a broken rule that one patient alone has is known, and a table of up to
SAMPLE rows has the schema that it has in memory.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from reverie.errors import DataError
from reverie.files import flush_folder, write_atomically
from reverie.manifest import MANIFEST, seal, verify
from reverie.records.places import ROW
from reverie.records.reading import Cells
from reverie.records.schema import Schema
from reverie.records.streaming.spool import Spool
from reverie.records.streaming.spooling import temporary
from reverie.records.streaming.survey import Survey, part_of
from reverie.records.table import Table, as_stated, on_rules, read_table

__all__ = ["StreamedTable", "survey"]

SAMPLE = 200_000
"""Rows that a schema is inferred from, about, besides those that contradict it."""
PASSES = 12
"""Over all parts, until nothing contradicts the schema."""

SCHEMA, PATIENTS = "schema.json", "patients.npy"
"""The files of a survey besides its manifest."""
VERSION = 1

OnStep = Callable[[str, int, int], None]


@dataclass(frozen=True, eq=False)
class StreamedTable:
    """Visits of more patients than memory holds.

    Attributes:
        spool: its rows.
        schema: true of all of them.
        notes: decisions worth telling.
        numbers: of each part the numbers of its patients, int64, rising.
        lengths: visits of each patient, int32 [P], by number.
        part_bytes: that the largest part takes in memory.
    """

    spool: Spool
    schema: Schema
    notes: tuple[str, ...]
    numbers: tuple[np.ndarray, ...]
    lengths: np.ndarray
    part_bytes: int

    def __len__(self) -> int:
        """The number of patients."""
        return len(self.lengths)

    @property
    def name(self) -> str:
        return self.spool.name

    @property
    def path(self) -> Path | None:
        return self.spool.path

    @property
    def query(self) -> str | None:
        return self.spool.query

    @property
    def fingerprint(self) -> str:
        return self.spool.fingerprint

    @property
    def rows(self) -> int:
        """Of the table; those of the source that were alike are one."""
        return int(self.lengths.sum())

    def parts(self, of: np.ndarray | None = None) -> Iterator[tuple[np.ndarray, Table]]:
        """The numbers of patients, and the table of them, part by part; with `of`, bool [P], of some patients only."""
        for number, numbers in enumerate(self.numbers):
            if of is not None and not of[numbers].any():
                continue
            table = part_of(self.spool, number, self.schema)
            if of is None:
                yield numbers, table
            else:
                chosen = np.flatnonzero(of[numbers])
                yield numbers[chosen], table.take(chosen)

    def take(self, indices: Any) -> Table:
        """These patients (different ones) in memory, in the order of their numbers."""
        of = np.zeros(len(self), dtype=bool)
        of[np.asarray(indices, dtype=np.int64)] = True
        found = list(self.parts(of))
        whose, tables = np.concatenate([numbers for numbers, _ in found]), [table for _, table in found]
        lengths = np.concatenate([table.lengths for table in tables])
        frame, rows = pl.concat([table.frame for table in tables]), np.concatenate([table.rows for table in tables])  # pyright: ignore
        offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        whole = Table(frame, self.schema, self.name, self.fingerprint, offsets, self.notes, rows, self.path)
        return whole.take(np.argsort(whose, kind="stable"))

    def sample(self, patients: int, seed: int, of: np.ndarray | None = None) -> Table:
        """So many of the patients, or of those at the indices `of`, drawn at random; all of them where there are no more."""
        of = np.arange(len(self)) if of is None else of
        if len(of) > patients:
            of = np.random.default_rng(seed).choice(of, patients, replace=False)
        return self.take(np.sort(of))


def survey(spool: Spool, options: Mapping[str, Any], on_step: OnStep = lambda what, done, of: None) -> StreamedTable:
    """The table of a spool, whose survey is kept beside it: taken once for the same options.

    Args:
        options: of reading, by name, see read_table; the schema as a Schema.
        on_step: receives what is done, and which of how many parts.

    Raises DataError, naming the data row of the source, for what is wrong with it; UsageError for options that do not go
    together; DamagedError for a survey that is not what was written; OSError where the disk is full.
    """
    cache, asked = spool.folder.parent, {name: value for name, value in options.items() if value is not None}
    about = json.dumps([VERSION, SAMPLE, spool.folder.name, asked], default=_plain, sort_keys=True)
    folder = cache / f"schema-{hashlib.sha256(about.encode()).hexdigest()[:20]}"
    if not (folder / MANIFEST).is_file():
        stated = asked.pop("schema", None)
        seen, how = _inferred(spool, asked, on_step) if stated is None else _checked(spool, stated, asked, on_step)
        schema = seen.settled(inferred=stated is None)
        with temporary(cache, spool.name) as making:
            _keep(making, seen, schema, (*how, *seen.notes))
            with contextlib.suppress(OSError):  # another process was as fast
                making.rename(folder)
            flush_folder(cache)
    return _kept(folder, spool)


def _checked(spool: Spool, stated: Schema, options: dict[str, Any], on_step: OnStep) -> tuple[Survey, tuple[str, ...]]:
    """All rows beside a schema that the user states."""
    seen = Survey(spool, as_stated(stated, **options))
    for number in range(len(spool)):
        seen.check(number)
        on_step("the schema is checked", number + 1, len(spool))
    return seen, ()


def _inferred(spool: Spool, options: dict[str, Any], on_step: OnStep) -> tuple[Survey, tuple[str, ...]]:
    """All rows beside the schema that nothing in them contradicts."""
    cells = _sample(spool)
    for _ in range(PASSES):
        on_step(f"the schema is inferred from {cells.height:,} rows", 0, len(spool))
        schema = read_table(Cells(cells, spool.name), **options).schema
        seen = Survey(spool, schema)
        for number in range(len(spool)):
            seen.compare(number)
            on_step("the schema is compared with all rows", number + 1, len(spool))
        if not seen.witnesses:
            how = f"What the columns are was inferred from {cells.height:,} of {spool.rows:,} rows, and holds in all."
            return seen, (how, *on_rules(schema))
        cells = pl.concat([cells, *seen.witnesses]).unique(ROW, maintain_order=True).sort(ROW)
    raise DataError(
        f"{spool.name}: what its columns are was not settled in {PASSES} passes over its {spool.rows:,} rows: state it in a "
        "schema file (reverie data writes one of a part of the table)."
    )


def _sample(spool: Spool) -> pl.DataFrame:
    """The rows of the first parts, in the order of the source."""
    cells: list[pl.DataFrame] = []
    for number in range(len(spool)):
        cells.append(spool.part(number))
        if sum(part.height for part in cells) >= SAMPLE:
            break
    return pl.concat(cells).sort(ROW)


def _plain(value: Any) -> Any:
    return value.model_dump(mode="json") if isinstance(value, Schema) else str(value)


def _keep(folder: Path, seen: Survey, schema: Schema, notes: tuple[str, ...]) -> None:
    """Writes schema.json, and patients.npy: the first data row and the visits of each patient, part after part."""
    patients = [len(some) for some in seen.firsts]
    about = {"schema": schema.model_dump(mode="json"), "notes": notes, "patients": patients, "bytes": seen.bytes}
    write_atomically(folder / SCHEMA, json.dumps(about, indent=1))
    with (folder / PATIENTS).open("wb") as file:
        np.save(file, np.stack([np.concatenate(seen.firsts), np.concatenate(seen.lengths)]), allow_pickle=False)
    seal(folder, [SCHEMA, PATIENTS])


def _kept(folder: Path, spool: Spool) -> StreamedTable:
    verify(folder)
    about = json.loads((folder / SCHEMA).read_text())
    firsts, lengths = np.load(folder / PATIENTS, allow_pickle=False)
    order = np.argsort(firsts, kind="stable")
    numbers = np.empty(len(order), dtype=np.int64)
    numbers[order] = np.arange(len(order))
    parts = tuple(np.split(numbers, np.cumsum(about["patients"])[:-1]))
    schema, notes = Schema.model_validate(about["schema"]), (*spool.notes, *about["notes"])
    return StreamedTable(spool, schema, notes, parts, lengths[order].astype(np.int32), about["bytes"])
