"""Linked tables as a source."""

from __future__ import annotations

import hashlib
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
from reverie.sources.patients import PatientSource, check_disjoint, schema_of
from reverie.sources.source import Parts, Say
from reverie.training import Batch

__all__ = ["EventDataset", "LinkedSource"]

PUT_RIGHT = 0.25
"""Steps of training that drawing a patient as often as putting right takes is as long as, about."""


@dataclass(frozen=True, eq=False)
class LinkedSource(PatientSource):
    """Linked tables.

    Attributes:
        tables: as they were read.
        holdout: those of the patients held out, where they lie elsewhere.
    """

    tables: LinkedTables
    holdout: LinkedTables | None = None

    modality, model = LINKED, LinkedModel
    recipe = "linked"

    @classmethod
    def read(cls, source: Any, schema: Any = None, holdout: Any = None) -> LinkedSource:
        """Reads linked tables; see records.linked.read_linked for what is raised.

        Args:
            source: LinkedTables are taken as they are.
            schema: a LinkedSchema or a YAML file.
            holdout: a folder of tables of patients to hold out, read with the schema of the source.

        Raises DataError too if a patient is in both.
        """
        tables = source if isinstance(source, LinkedTables) else read_linked(source, as_schema(schema))
        if holdout is None:
            return cls(tables)
        other = holdout if isinstance(holdout, LinkedTables) else read_linked(holdout, tables.schema)
        root = tables.schema.entities[0]
        key = str(tables.schema[root].key)
        ours, theirs = (set(of.frames[root][key].cast(pl.String)) for of in (tables, other))
        check_disjoint(ours, theirs, tables.name, other.name)
        return cls(tables, other)

    @property
    def about(self) -> Source:
        return about(self.tables)

    @property
    def about_holdout(self) -> Source | None:
        return about(self.holdout) if self.holdout else None

    @cached_property
    def grown(self) -> Grown:
        return grow(self.tables)

    @cached_property
    def forms(self) -> LinkedForms:
        """What is decided of the tables, read off all patients."""
        return LinkedForms.of(self.tables.schema, self.grown)

    @property
    def notes(self) -> tuple[str, ...]:
        return (*self.tables.notes, *self.grown.notes, *self.forms.notes)

    @property
    def whole(self) -> Grown:
        return self.grown

    @property
    def apart(self) -> Grown | None:
        return placed(self.grown.tree, self.holdout) if self.holdout else None

    def tables_of(self, part: Grown, name: str) -> LinkedTables:
        """The tables of some patients, with those that are carried over; `name` is how messages call them."""
        lookups = {table: self.tables.frames[table] for table in part.tree.carried}
        return LinkedTables({**part.frames, **lookups}, self.tables.schema, name)

    def parted(self, part: Grown, share: float, seed: int) -> tuple[Grown, Grown]:
        rest, aside = parted(len(part), share, seed, self.tables.name)
        return part.take(rest), part.take(aside)

    def fit_codec(self, config: RunConfig, parts: Parts[Any], say: Say) -> LinkedCodec:
        if config.network.of != "linked":
            raise UsageError("this recipe is not for linked tables: leave `recipe` out.")
        if config.codec is not None and (sentence := config.network.demands(config.codec)):
            raise UsageError(sentence)
        if config.training.learned_variance:
            raise UsageError("learned_variance is for pictures: leave it out for linked tables.")
        if config.training.epsilon is not None:
            raise UsageError("`epsilon` is for one table of visits: its noise does not account for linked tables yet.")
        lookups = {name: self.tables.frames[name] for name in self.grown.tree.carried}
        of = self.tables
        return LinkedCodec.fit(self.forms, parts.train, lookups, config.codec, of.suffix, of.forms, of.types)

    def adopt_codec(self, codec: LinkedCodec, run: str, say: Say) -> LinkedCodec:
        ours, theirs = ({table: form.columns for table, form in forms.forms.items()} for forms in (self.forms, codec.forms))
        if self.grown.tree.config != codec.tree.config:
            raise UsageError(f"the rows of {self.tables.name} hang on others than those of {run} do: train a new run.")
        if ours != theirs:
            other = next(iter([t for t in ours if ours.get(t) != theirs.get(t)] or [t for t in theirs if t not in ours]))
            raise UsageError(
                f"{self.tables.name} has other tables than {run}, or other columns in {other}: train a new run."
            )
        return codec

    def examples(self, config: RunConfig, parts: Parts[Any], codec: LinkedCodec) -> tuple[EventDataset, EventDataset | None]:
        train = EventDataset(Encoded.of(codec, parts.train))
        return train, EventDataset(Encoded.of(codec, parts.validation)) if parts.validation else None

    def estimate(self, config: RunConfig, parts: Parts[Any], codec: LinkedCodec, network: Network) -> Estimate:
        return estimate(self.grown, parts.train, config, codec, network)

    def after(self, parts: Parts[Any]) -> int:
        return round(PUT_RIGHT * LinkedModel.drawn_to_put_right(len(parts.train)))

    def finished(self, model: LinkedModel, parts: Parts[Any], say: Say) -> LinkedModel:
        say("putting right what the model draws, by a sample of it ...")
        return model.calibrated(Encoded.of(model.codec, parts.train))

    def show(self, model: LinkedModel, parts: Parts[Any], out: Path) -> None:
        return

    def summary(self, model: LinkedModel, parts: Parts[Any], out: Path) -> dict[str, Any]:
        return {**super().summary(model, parts, out), "samples": str(out)}

    def counts(self, model: LinkedModel, train: Grown) -> dict[str, Any]:
        rows = sum(frame.height for frame in train.frames.values()) - len(train)
        return {"tables": len(model.codec.codecs), "rows": rows}


def as_schema(schema: Any) -> LinkedSchema | None:
    """A schema of linked tables, also of a YAML file. Raises UsageError for a file that there is not, or that holds none."""
    return schema_of(schema, LinkedSchema, "reverie data tables FOLDER")


def about(tables: LinkedTables) -> Source:
    """Linked tables as config.yaml has them."""
    digest = hashlib.sha256()
    for name in sorted(tables.frames):
        frame = tables.frames[name]
        digest.update(repr([name, *((column, str(dtype)) for column, dtype in frame.schema.items())]).encode())
        for part in frame.iter_slices(100_000):
            digest.update(part.write_csv(include_header=False).encode())
    path = None if tables.path is None else str(tables.path)
    return Source(name=tables.name, path=path, fingerprint=digest.hexdigest())


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
