"""A table of visits beyond memory: its schema, true of all rows, and its patients, part by part.

Patients are numbered in the order of their first appearance in the source, as those of a table in memory are, whichever
part each is in. The schema is inferred from SAMPLE rows of whole patients; every patient who contradicts it anywhere joins
them, until none does. So a level, a decimal or a broken rule that one patient alone has is known, and a table of up to
SAMPLE rows has the schema that it has in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from reverie.errors import DataError
from reverie.records.nulls import NullTexts
from reverie.records.places import ROW
from reverie.records.reading import Cells
from reverie.records.schema import Schema
from reverie.records.streaming.spool import Spool
from reverie.records.streaming.survey import Survey, part_of
from reverie.records.table import Table, on_rules, read_table

__all__ = ["StreamedTable", "survey"]

SAMPLE = 200_000
"""Rows that a schema is inferred from, about, besides those that contradict it."""
PASSES = 12
"""Over all parts, until nothing contradicts the schema."""

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
    """The table of a spool.

    Args:
        options: of reading, by name, see read_table; the schema as a Schema.
        on_step: receives what is done, and which of how many parts.

    Raises DataError, naming the data row of the source, for what is wrong with it; UsageError for options that do not go
    together.
    """
    stated: Schema | None = options.get("schema")
    if stated is not None:
        nulls = NullTexts.read(options.get("null_values") or (), stated.names)
        schema = stated.model_copy(update={"duplicates": options.get("duplicates") or stated.duplicates})
        schema = schema.with_nulls(nulls.everywhere, nulls.columns)
        seen = Survey(spool, schema)
        for number in range(len(spool)):
            seen.check(number)
            on_step("the schema is checked", number + 1, len(spool))
        return _table(seen, seen.settled(inferred=False), ())
    cells = _sample(spool)
    for _ in range(PASSES):
        on_step(f"the schema is inferred from {cells.height:,} rows", 0, len(spool))
        first = read_table(Cells(cells, spool.name), **options)
        seen = Survey(spool, first.schema)
        for number in range(len(spool)):
            seen.compare(number)
            on_step("the schema is compared with all rows", number + 1, len(spool))
        if not seen.witnesses:
            how = (
                f"What the columns are was inferred from {cells.height:,} of {spool.rows:,} rows, and holds in all of them."
            )
            return _table(seen, seen.settled(inferred=True), (how, *on_rules(first.schema)))
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


def _table(seen: Survey, schema: Schema, notes: tuple[str, ...]) -> StreamedTable:
    firsts, lengths = np.concatenate(seen.firsts), np.concatenate(seen.lengths)
    order = np.argsort(firsts, kind="stable")
    numbers = np.empty(len(order), dtype=np.int64)
    numbers[order] = np.arange(len(order))
    ends = np.cumsum([len(some) for some in seen.firsts])[:-1]
    notes = (*seen.spool.notes, *notes, *seen.notes)
    return StreamedTable(
        seen.spool, schema, notes, tuple(np.split(numbers, ends)), lengths[order].astype(np.int32), seen.bytes
    )
