"""A table of visits as a source."""

from __future__ import annotations

from collections.abc import Iterator, Set
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import torch
from torch import Tensor

from reverie.config import RunConfig, Source, resolve
from reverie.denoisers.network import Network
from reverie.errors import UsageError
from reverie.modality import RECORDS
from reverie.models import PatientModel
from reverie.models.model import untrained
from reverie.records import EncodedTable, RecordCodec, Schema, Table, read_table
from reverie.records.masks import MaskSampler, whole
from reverie.sources.estimate import Estimate, Held, estimate
from reverie.sources.patients import PatientSource
from reverie.sources.source import Parts, Say
from reverie.training import Batch
from reverie.training.hardware import choose_device

__all__ = ["RecordDataset", "TableSource"]

SOME = 256
"""Patients that a table is judged by where nothing is to be trained."""


class TableSource(PatientSource):
    """A table of visits; see read_table for the options of reading it."""

    modality, model = RECORDS, PatientModel
    recipe = "records"
    schemas, described = Schema, "reverie data SOURCE"

    @staticmethod
    def opened(source: Any, schema: Any, **options: Any) -> Table:
        return source if isinstance(source, Table) else read_table(source, schema=schema, **options)

    @staticmethod
    def names(table: Table) -> Set[str]:
        return set() if table.schema.nameless else set(table.frame[table.schema.identifier.name].cast(pl.String))

    @staticmethod
    def told(table: Any) -> Source:
        path = None if table.path is None else str(table.path)
        return Source(name=table.name, path=path, query=table.query, fingerprint=table.fingerprint)

    @property
    def notes(self) -> tuple[str, ...]:
        return self.table.notes

    def fit_codec(self, config: RunConfig, parts: Parts[Any], say: Say) -> RecordCodec:
        self.check(config)
        schema = self.table.schema
        if config.training.epsilon is not None and not self.stated and schema.rules:
            say("rules found in the data are not kept, as no epsilon accounts for them: state them in a schema file.")
            schema = schema.model_copy(update={"rules": ()})
        return self._fitted(parts.train, schema, config)

    def adopt_codec(self, codec: RecordCodec, run: str, say: Say) -> RecordCodec:
        ours, theirs = ([(c.name, c.role, c.kind) for c in schema.columns] for schema in (self.table.schema, codec.schema))
        if ours != theirs:
            other = next(iter([c for c in ours if c not in theirs] or [c for c in theirs if c not in ours] or ours))
            raise UsageError(
                f"{self.table.name} was not read as the table of {run} was ({other[0]!r} has another role or kind, "
                "or is in one of them only): give the file itself, which is read by the schema of that run."
            )
        return codec

    def coded(self, parts: Parts[Any], part: Any, codec: RecordCodec) -> Any:
        return codec.encode(part)

    def asked(self, config: RunConfig, codec: RecordCodec, coded: Any) -> RecordDataset:
        return RecordDataset(codec, coded, config.network.stages)

    def estimate(self, config: RunConfig, parts: Parts[Any], codec: RecordCodec, network: Network) -> Estimate:
        return estimate(self._held(codec.channels), parts.train.lengths, config, codec.channels, network)

    @property
    def first_estimate(self) -> Estimate:
        """What training by the usual recipe takes, from some of the patients. Raises DataError for a table that cannot be
        trained on yet."""
        config = resolve(self.about, 0, self.recipe, {})
        few = TableSource(self.sample(SOME, config.seed))
        parts = few.split(config)
        codec = few.fit_codec(config, parts, lambda sentence: None)
        network = untrained(config, codec.channels)
        train, _ = few.examples(config, parts, codec)
        device = choose_device(config.training.device)
        return self.estimate(config, parts, codec, network).measured(network, train, device)

    def show(self, model: PatientModel, parts: Parts[Any], out: Path) -> None:
        from reverie.evaluation.figures import save_figures

        schema, train = self.table.schema, self._shown(parts.train)
        drawn = model.sample(len(train), seed=model.config.seed)
        synthetic = schema.typed(schema.shaped(drawn, "the synthetic patients"))
        held = parts.holdout or parts.validation
        save_figures(train.frame, synthetic, model.codec.schema, out, held=self._shown(held).frame if held else None)

    def summary(self, model: PatientModel, parts: Parts[Any], out: Path) -> dict[str, Any]:
        return {**super().summary(model, parts, out), "figures": str(out / "figures")}

    def counts(self, model: PatientModel, train: Any) -> dict[str, Any]:
        schema = model.codec.schema
        columns = {"learned": len(schema.static) + len(schema.varying), "of": len(schema.shown)}
        return {"visits": int(train.lengths.sum()), "columns": columns}

    def sample(self, patients: int, seed: int) -> Table:
        """So many of the patients, drawn at random; all of them where there are no more."""
        chosen = np.random.default_rng(seed).permutation(len(self.table))[:patients]
        return self.table.take(np.sort(chosen))

    def parts(self) -> Iterator[Table]:
        """All patients, as tables that fit in memory."""
        yield self.table

    def _fitted(self, train: Any, schema: Schema, config: RunConfig) -> RecordCodec:
        return RecordCodec.fit(replace(train, schema=schema), config.codec)

    def _held(self, channels: int) -> Held:
        return Held.whole(self.table, channels)

    def _shown(self, part: Any) -> Table:
        """What of a part figures are drawn of."""
        return part


@dataclass(frozen=True, eq=False)
class RecordDataset:
    """An encoded table as examples: each time a patient comes up, scores are drawn again, and another mask.

    Attributes:
        masked: whether some of what is known is shown to the network; without it all is to be told from noise alone.
    """

    codec: RecordCodec
    encoded: EncodedTable
    masked: bool

    @cached_property
    def masks(self) -> MaskSampler:
        return MaskSampler(self.codec)

    def __len__(self) -> int:
        return len(self.encoded)

    def batch(self, indices: Tensor, generator: torch.Generator) -> Batch:
        records = self.encoded.records(indices, generator)
        if not self.masked:
            condition = whole(records)
            return Batch(records.values, condition.target_mask, condition)
        condition = self.masks.draw(records, generator)
        return Batch(records.values, self.masks.weights(records, condition), condition)
