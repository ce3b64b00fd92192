"""A table of visits beyond memory as a source: read in parts, learned from in parts, its codes read a batch at a time.

source -> spool (records/streaming) -> schema true of all rows -> codec gathered from the parts -> codes on disk -> batches

Everything is what it is for a table in memory: who is in which part, the codec of columns with up to 32,768 different
values, the examples of each step, and so the weights.
"""

from __future__ import annotations

import getpass
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from reverie.config import RunConfig, Source
from reverie.errors import DataError
from reverie.records import RecordCodec, Schema, Table
from reverie.records.codes import CodecSettings
from reverie.records.gathering import Gathering
from reverie.records.streaming import spooled
from reverie.records.streaming.codes import StoredTable, stored
from reverie.records.streaming.table import StreamedTable, survey
from reverie.records.table import parted
from reverie.sources.estimate import READING, Held
from reverie.sources.source import Parts
from reverie.sources.tables import TableSource

__all__ = ["Patients", "StreamedSource"]

SHOWN = 5_000
"""Patients that figures are drawn of, at most."""
EACH = 64
"""Bytes of a patient that stay in memory: number, place, length, and the order of four passes."""

OnStep = Callable[[str, int, int], None]


@dataclass(frozen=True, eq=False)
class Patients:
    """Some patients of a table beyond memory.

    Attributes:
        table: whose they are.
        indices: their numbers, int64, rising.
    """

    table: StreamedTable
    indices: np.ndarray

    def __len__(self) -> int:
        return len(self.indices)

    @property
    def lengths(self) -> np.ndarray:
        """Visits of each, int32."""
        return self.table.lengths[self.indices]

    @property
    def chosen(self) -> np.ndarray:
        """Who of the table they are, bool [P]."""
        chosen = np.zeros(len(self.table), dtype=bool)
        chosen[self.indices] = True
        return chosen

    def parts(self) -> Iterator[Table]:
        """They, as tables that fit in memory."""
        return (table for _, table in self.table.parts(self.chosen))

    def sample(self, patients: int, seed: int) -> Table:
        """So many of them, drawn at random; all where there are no more."""
        return self.table.sample(patients, seed, self.indices)

    def split(self, share: float, seed: int) -> tuple[Patients, Patients]:
        """As Table.split."""
        rest, aside = parted(len(self), share, seed, self.table.name)
        return replace(self, indices=self.indices[rest]), replace(self, indices=self.indices[aside])


@dataclass(frozen=True, eq=False)
class StreamedSource(TableSource):
    """A table of visits of more patients than memory holds.

    Attributes:
        cache: the folder of its rows and codes.
        on_step: receives what is done, and which of how many parts.
    """

    kept = True
    cache: Path = field(default_factory=lambda: StreamedSource.usual_cache())
    on_step: OnStep = lambda what, done, of: None

    @staticmethod
    def usual_cache() -> Path:
        """A folder for temporary files, of this user alone."""
        return Path(tempfile.gettempdir()) / f"reverie-{getpass.getuser()}"

    @classmethod
    def read(
        cls,
        source: Any,
        schema: Any = None,
        holdout: Any = None,
        cache: str | Path | None = None,
        on_step: OnStep = lambda what, done, of: None,
        **options: Any,
    ) -> StreamedSource:
        """Reads a table once, from front to back, into the folder `cache`; see TableSource.read for options and for what is
        raised. A holdout of its own is read in the same way.

        Args:
            source: what records.streaming.spooled takes.
            cache: where the rows of patients may lie, once more as large as the table; a folder for temporary files if None.
        """
        folder = cls.usual_cache() if cache is None else Path(cache)

        def surveyed(source: Any, **options: Any) -> StreamedTable:
            def reading(done: int, of: int | None) -> None:
                on_step("rows are read", done, of or 0)

            return survey(spooled(source, options, folder, reading), options, on_step)

        table = surveyed(source, **({"schema": given} if (given := cls.as_schema(schema)) is not None else {}), **options)
        if holdout is None:
            return cls(table, None, schema is not None, folder, on_step)
        other = surveyed(holdout, schema=table.schema)
        if not table.schema.nameless and (both := _both(table, other)):
            raise DataError(
                f"patient {both!r} is in {table.name} and in {other.name}: hold out patients that are not trained on."
            )
        return cls(table, _all(other), schema is not None, folder, on_step)

    @property
    def about(self) -> Source:
        return self.told(self.table).model_copy(update={"stream": True})

    @property
    def about_holdout(self) -> Source | None:
        return self.told(self.holdout.table).model_copy(update={"stream": True}) if self.holdout else None

    @property
    def whole(self) -> Any:
        return _all(self.table)

    def sample(self, patients: int, seed: int) -> Table:
        return self.table.sample(patients, seed)

    def parts(self) -> Iterator[Table]:
        return (table for _, table in self.table.parts())

    def _fitted(self, train: Patients, schema: Schema, config: RunConfig) -> RecordCodec:
        gathering = Gathering(schema, config.codec or CodecSettings())
        for number, part in enumerate(train.parts(), start=1):
            gathering.add(replace(part, schema=schema))
            self.on_step("the codec is fitted", number, len(self.table.numbers))
        return RecordCodec.gathered(gathering)

    def coded(self, parts: Parts, part: Patients, codec: RecordCodec) -> StoredTable:
        known = parts.train.chosen if parts.validation is None else parts.train.chosen | parts.validation.chosen
        return stored(self.table, codec, known, self.cache, self.on_step).take(part.indices)

    def _held(self, channels: int) -> Held:
        return Held(self.table.lengths, 2 * READING * self.table.part_bytes, EACH * len(self.table))

    def _shown(self, part: Patients) -> Table:
        return part.sample(SHOWN, 0)


def _all(table: StreamedTable) -> Patients:
    return Patients(table, np.arange(len(table)))


def _both(one: StreamedTable, other: StreamedTable) -> Any:
    """The identifier of a patient who is in two tables; None if nobody is."""

    def hashes(table: StreamedTable) -> Iterator[np.ndarray]:
        for _, part in table.parts():
            yield _names(part).hash(0).to_numpy()

    ours = np.sort(np.concatenate(list(hashes(one))))
    for _, part in other.parts():
        found = np.isin(_names(part).hash(0).to_numpy(), ours)
        if found.any():
            return _names(part)[int(found.argmax())]
    return None


def _names(part: Table) -> pl.Series:
    return part.frame[part.schema.identifier.name].gather(part.offsets[:-1]).cast(pl.String)
