"""Linked tables as a source."""

from __future__ import annotations

import hashlib
from collections.abc import Set
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import polars as pl
import torch
from torch import Tensor

from reverie.config import RunConfig, Source
from reverie.denoisers.conditions import padded
from reverie.denoisers.network import Network
from reverie.errors import UsageError
from reverie.modality import LINKED
from reverie.models.hospitals import LinkedModel
from reverie.records.linked import LinkedCodec, LinkedForms, LinkedSchema, LinkedTables, read_linked
from reverie.records.linked.growing import grow, placed
from reverie.records.linked.questions import Encoded, counting, draw_question
from reverie.records.linked.tree import Grown
from reverie.records.table import parted
from reverie.sources.estimate import Estimate
from reverie.sources.linked_estimate import estimate
from reverie.sources.patients import PatientSource
from reverie.sources.source import Parts, Say
from reverie.training import Batch

__all__ = ["EventDataset", "LinkedSource"]

PUT_RIGHT = 0.28
"""Steps of training that drawing a patient as often as putting right takes is as long as, about."""


class LinkedSource(PatientSource):
    """Linked tables."""

    modality, model = LINKED, LinkedModel
    recipe = "linked"
    schemas, described = LinkedSchema, "reverie data tables FOLDER"

    @staticmethod
    def opened(source: Any, schema: Any, **options: Any) -> LinkedTables:
        return source if isinstance(source, LinkedTables) else read_linked(source, schema, **options)

    @staticmethod
    def names(table: LinkedTables) -> Set[str]:
        root = table.schema.entities[0]
        return set(table.frames[root][str(table.schema[root].key)].cast(pl.String))

    @staticmethod
    def told(table: LinkedTables) -> Source:
        digest = hashlib.sha256()
        for name in sorted(table.frames):
            frame = table.frames[name]
            digest.update(repr([name, *((column, str(dtype)) for column, dtype in frame.schema.items())]).encode())
            for part in frame.iter_slices(100_000):
                digest.update(part.write_csv(include_header=False).encode())
        path = None if table.path is None else str(table.path)
        return Source(name=table.name, path=path, fingerprint=digest.hexdigest())

    @cached_property
    def grown(self) -> Grown:
        return grow(self.table)

    @cached_property
    def forms(self) -> LinkedForms:
        """What is decided of the tables, read off all patients."""
        return LinkedForms.of(self.table.schema, self.grown)

    @property
    def notes(self) -> tuple[str, ...]:
        return (*self.table.notes, *self.grown.notes, *self.forms.notes)

    @property
    def whole(self) -> Grown:
        return self.grown

    @property
    def apart(self) -> Grown | None:
        return placed(self.grown.tree, self.holdout) if self.holdout else None

    def tables_of(self, part: Grown, name: str) -> LinkedTables:
        """The tables of some patients, with those that are carried over; `name` is how messages call them."""
        lookups = {table: self.table.frames[table] for table in part.tree.carried}
        return LinkedTables({**part.frames, **lookups}, self.table.schema, name)

    def parted(self, part: Grown, share: float, seed: int) -> tuple[Grown, Grown]:
        rest, aside = parted(len(part), share, seed, self.table.name)
        return part.take(rest), part.take(aside)

    def fit_codec(self, config: RunConfig, parts: Parts[Any], say: Say) -> LinkedCodec:
        self.check(config)
        if config.training.epsilon is not None:
            raise UsageError("`epsilon` is for one table of visits: its noise does not account for linked tables yet.")
        lookups = {name: self.table.frames[name] for name in self.grown.tree.carried}
        of = self.table
        return LinkedCodec.fit(self.forms, parts.train, lookups, config.codec, of.suffix, of.forms, of.types)

    def adopt_codec(self, codec: LinkedCodec, run: str, say: Say) -> LinkedCodec:
        ours, theirs = ({table: form.columns for table, form in forms.forms.items()} for forms in (self.forms, codec.forms))
        if self.grown.tree.config != codec.tree.config:
            raise UsageError(f"the rows of {self.table.name} hang on others than those of {run} do: train a new run.")
        if ours != theirs:
            other = next(iter([t for t in ours if ours.get(t) != theirs.get(t)] or [t for t in theirs if t not in ours]))
            raise UsageError(f"{self.table.name} has other tables than {run}, or other columns in {other}: train a new run.")
        return codec

    def coded(self, parts: Parts[Any], part: Grown, codec: LinkedCodec) -> Encoded:
        return Encoded.of(codec, part)

    def asked(self, config: RunConfig, codec: LinkedCodec, coded: Encoded) -> EventDataset:
        return EventDataset(coded)

    def estimate(self, config: RunConfig, parts: Parts[Any], codec: LinkedCodec, network: Network) -> Estimate:
        return estimate(self.grown, parts.train, config, codec, network)

    def after(self, parts: Parts[Any]) -> int:
        return round(PUT_RIGHT * LinkedModel.drawn_to_put_right(len(parts.train)))

    def show(self, model: LinkedModel, parts: Parts[Any], out: Path) -> None:
        return

    def summary(self, model: LinkedModel, parts: Parts[Any], out: Path) -> dict[str, Any]:
        return {**super().summary(model, parts, out), "samples": str(out)}

    def counts(self, model: LinkedModel, train: Grown) -> dict[str, Any]:
        rows = sum(frame.height for frame in train.frames.values()) - len(train)
        return {"tables": len(model.codec.codecs), "rows": rows}


@dataclass(frozen=True, eq=False)
class EventDataset:
    """Encoded linked tables as examples: each time a unit comes up, scores are drawn again, and another stage is asked."""

    encoded: Encoded

    def __len__(self) -> int:
        return len(self.encoded)

    def batch(self, indices: Tensor, generator: torch.Generator) -> Batch:
        batches, stages = [], []
        for unit in self.encoded.laid_out(indices, generator):
            question = draw_question(unit, generator)
            batches.append(Batch(unit.values, question.target_mask, question))
            stages.append(unit.stage)
        whole, stage = Batch.joined(batches), padded(stages)
        assert whole.mask is not None
        return replace(whole, mask=counting(stage, whole.mask))
