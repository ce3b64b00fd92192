"""A table completed as work in shards: of each draw each block of patients is a file, and a function of its number.

    file d n + k  =  complete(block k, k, d)          n blocks, draw d, see records/complete.py

The driver cuts the table into files of a folder, workers write theirs beside them, and the driver puts the table together:
what it makes in its own process to the bit, for each block is computed on one thread everywhere.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
import polars as pl

from reverie.errors import DataError, UsageError
from reverie.files import writing
from reverie.models.folder import load
from reverie.models.patients import PatientModel
from reverie.models.shards import one_thread
from reverie.plain import plain
from reverie.records import Schema, Table
from reverie.records.complete import blocks
from reverie.shards import Engine, complete
from reverie.shards.work import digest

__all__ = ["Blocks", "completed"]

VERSION = 1
"""Of the way in which blocks are drawn: the same work of another version makes other bytes."""


@dataclass(frozen=True, eq=False)
class Blocks:
    """A table of a model's schema, cut into blocks, to be completed.

    Attributes:
        model, draws, visits, seed, settings: as PatientModel.completing takes them; settings are plain.
        given: the folder of the blocks.
        table: SHA-256 of what the model sees of the table.
        schema: of the table, which knows levels of its own.
        blocks: how many.
    """

    kind = "blocks"

    model: PatientModel
    given: Path
    table: str
    schema: Schema
    blocks: int
    draws: int = 1
    visits: int | None = None
    seed: int = 0
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def config(self) -> dict[str, Any]:
        return {
            "version": VERSION,
            "model": self.model.digest,
            "table": self.table,
            "schema": self.schema.model_dump(mode="json"),
            "blocks": self.blocks,
            "draws": self.draws,
            "visits": self.visits,
            "seed": self.seed,
            "settings": plain(dict(self.settings)),
        }

    @property
    def places(self) -> dict[str, str]:
        if self.model.path is None:
            raise UsageError("other processes load the model from a folder: save it, and take the one that load() gives.")
        return {"model": str(self.model.path.resolve()), "given": str(self.given.resolve())}

    @property
    def count(self) -> int:
        return self.draws * self.blocks

    def name(self, number: int) -> str:
        return f"part-{number:05d}.arrow"

    def make(self, number: int, path: Path) -> dict[str, Any]:
        draw, block = divmod(number, self.blocks)
        frame = pl.read_ipc(self.given / f"{block:05d}.arrow")
        patients = frame.select(pl.col(self.schema.identifier.name).rle_id().alias("patient"))
        lengths = patients.group_by("patient", maintain_order=True).len()["len"].to_numpy()
        offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        part = Table(frame, self.schema, "the table", self.table, offsets)
        with one_thread():
            made = self._complete(part, block, draw)
        made.write_ipc(path)
        return {"patients": len(part), "rows": len(made)}

    @cached_property
    def _complete(self) -> Callable[[Table, int, int], pl.DataFrame]:
        return self.model.completing(self.visits, self.seed, **self.settings)

    @classmethod
    def of(cls, config: Mapping[str, Any], places: Mapping[str, str]) -> Self:
        """See Work. Raises DataError, naming folder and machine, where the model or the table is not there."""
        here = socket.gethostname()
        for place in (places["model"], places["given"]):
            if not Path(place).exists():
                raise DataError(f"{here} has no {place}: put it where every worker sees it, under one name.")
        model, told = load(places["model"]), dict(config)
        if not isinstance(model, PatientModel) or model.digest != told.pop("model"):
            raise DataError(f"the model {places['model']} on {here} is not what was asked for: was it changed? Call again.")
        if told.pop("version") != VERSION:
            raise DataError(f"{here} has another version of Reverie: install the same one everywhere.")
        schema = Schema.model_validate(told.pop("schema"))
        return cls(model, Path(places["given"]), schema=schema, **told)


def completed(
    model: PatientModel,
    table: Table,
    visits: int | None,
    draws: int,
    seed: int,
    engine: Engine,
    folder: Path,
    on_step: Callable[[int, int], None] | None = None,
    **settings: Any,
) -> list[pl.DataFrame]:
    """What PatientModel.filled and .continued make, by an engine whose workers see `folder`.

    A call that was killed leaves its blocks there, and the same call goes on with them; at its end they are taken away.

    Raises UsageError for what the model cannot complete, and for one not loaded from a folder; and what the engine raises.
    """
    model.check_completing(table, visits, draws)
    cut = blocks(table)
    told = [table.fingerprint, str(table.frame.schema), *(part.frame.height for part in cut)]
    seen = hashlib.sha256(json.dumps(told).encode()).hexdigest()
    work = Blocks(model, folder, seen, table.schema, len(cut), draws, visits, seed, settings)
    place = folder / digest(work)[:16]
    for other in folder.iterdir() if folder.exists() else ():
        if other != place:
            shutil.rmtree(other)  # of a call that was killed, and is not called again
    work = replace(work, given=place / "given")
    for number, part in enumerate(cut):
        with writing(work.given / f"{number:05d}.arrow") as path:
            part.frame.write_ipc(path)
    complete(work, place / "made", engine, on_step=on_step)
    parts = [pl.read_ipc(place / "made" / work.name(number)) for number in range(work.count)]
    shutil.rmtree(folder)
    return [pl.concat(parts[first : first + len(cut)]) for first in range(0, work.count, len(cut))]
