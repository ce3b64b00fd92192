"""What a run can be about, pictures or patients: reading the source, making examples of it, showing what was learned."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import polars as pl
import torch
from torch import Tensor

from reverie.config import RunConfig, Source
from reverie.denoisers.visits import VisitNetworkConfig
from reverie.errors import DataError, UsageError
from reverie.images import ImageCodec, ImageSet, contact_sheet, read_images, save_picture
from reverie.models import PatientModel, PictureModel
from reverie.models.pictures import SHARD
from reverie.records import EncodedTable, RecordCodec, Schema, Table, read_table
from reverie.records.reading import BUNDLED
from reverie.records.tasks import Tasks, whole
from reverie.training import Batch, Examples

__all__ = ["Patients", "Pictures", "Subject", "is_table"]


class Subject(Protocol):
    """A source that was read, and how to train on it."""

    @property
    def about(self) -> Source: ...

    @property
    def notes(self) -> tuple[str, ...]:
        """Decisions worth telling."""
        ...

    def prepare(self, config: RunConfig) -> tuple[ImageCodec | RecordCodec, Examples, Examples | None]:
        """The codec, the examples to train on, and those set aside."""
        ...

    def show(self, model: Any, run: Path) -> None:
        """Writes to the run folder what people look at."""
        ...


def is_table(source: Any) -> bool:
    """Whether a source is a table of visits rather than pictures."""
    if isinstance(source, str | Path):
        return str(source) in BUNDLED or str(source).lower().endswith((".csv", ".csv.gz", ".parquet"))
    return isinstance(source, pl.DataFrame | Table) or type(source).__module__.split(".")[0] == "pandas"


@dataclass(frozen=True, eq=False)
class Pictures:
    """A set of pictures; kept as bytes, encoded a batch at a time."""

    pictures: ImageSet
    size: int | None = None
    channels: int | None = None

    recipe = "pictures"
    model = PictureModel
    notes = ()

    @classmethod
    def read(cls, source: Any, size: int | None, channels: int | None) -> Pictures:
        """Reads pictures, brought to a size and a number of channels; see images.read_images for what is raised."""
        return cls(read_images(source, size=size, channels=channels), size, channels)

    @property
    def about(self) -> Source:
        named = self.pictures
        return Source(name=named.name, size=self.size, channels=self.channels, fingerprint=named.fingerprint)

    @cached_property
    def codec(self) -> ImageCodec:
        return ImageCodec(*self.pictures.pixels.shape[1:])

    def prepare(self, config: RunConfig) -> tuple[ImageCodec, Examples, Examples | None]:
        if config.codec is not None or config.network.kind != "unet":
            raise UsageError("this recipe is for tables of visits, and the source is pictures: leave --recipe out.")
        if not config.training.aside:
            return self.codec, self, None
        order = np.random.default_rng(config.seed).permutation(len(self))
        aside = max(1, round(config.training.aside * len(self)))
        if aside >= len(self):
            raise DataError(f"{self.about.name} has too few pictures to set {config.training.aside:g} of them aside.")
        return self.codec, Some(self, order[aside:]), Some(self, order[:aside])

    def __len__(self) -> int:
        return len(self.pictures)

    def batch(self, indices: Tensor, generator: torch.Generator) -> Batch:
        return Batch(self.codec.encode(self.pictures.pixels[indices.numpy()]))

    def show(self, model: PictureModel, run: Path) -> None:
        sheet = contact_sheet(model.sample(SHARD, seed=model.config.seed))
        save_picture(sheet, run / "samples" / f"step-{model.config.training.steps}.png")


@dataclass(frozen=True, eq=False)
class Some:
    """Some of the examples."""

    examples: Examples
    chosen: np.ndarray

    def __len__(self) -> int:
        return len(self.chosen)

    def batch(self, indices: Tensor, generator: torch.Generator) -> Batch:
        return self.examples.batch(torch.from_numpy(self.chosen)[indices], generator)


@dataclass(frozen=True, eq=False)
class Patients:
    """A table of visits."""

    table: Table

    recipe = "records"
    model = PatientModel

    @classmethod
    def read(cls, source: Any, schema: Any = None, **options: Any) -> Patients:
        """Reads a table; see records.read_table for options and for what is raised. `schema` is a Schema or a YAML file."""
        if isinstance(source, Table):
            return cls(source)
        if isinstance(schema, str | Path):
            path = Path(schema)
            if not path.is_file():
                raise UsageError(f"there is no schema file {path}: write one with reverie data SOURCE --schema {path}.")
            schema = Schema.from_yaml(path.read_text(), path.name)
        return cls(read_table(source, schema=schema, **options))

    @property
    def about(self) -> Source:
        return Source(name=self.table.name, fingerprint=self.table.fingerprint)

    @property
    def notes(self) -> tuple[str, ...]:
        return self.table.notes

    def split(self, config: RunConfig) -> tuple[Table, Table | None]:
        """The patients to train on, and those set aside."""
        if not config.training.aside:
            return self.table, None
        return self.table.split(config.training.aside, config.seed)

    def prepare(self, config: RunConfig) -> tuple[RecordCodec, Examples, Examples | None]:
        if config.codec is None or config.network.kind == "unet":
            raise UsageError("this recipe is for pictures, and the source is a table of visits: leave --recipe out.")
        if config.network.kind == "series-unet" and (config.codec.stages or config.codec.statics != "repeated"):
            raise UsageError(
                "a series-unet answers for whole visits at once: it needs codec.stages=false and codec.statics=repeated."
            )
        if config.network.kind == "visits" and (not config.codec.stages or config.codec.statics != "token"):
            raise UsageError("a network over visits answers in stages: it needs codec.stages=true and codec.statics=token.")
        if config.training.learned_variance:
            raise UsageError("learned_variance is for pictures: leave it out for a table of visits.")
        rest, aside = self.split(config)
        codec = RecordCodec.fit(rest, config.codec)
        asks = isinstance(config.network, VisitNetworkConfig)
        return codec, Asked(codec, codec.encode(rest), asks), Asked(codec, codec.encode(aside), asks) if aside else None

    def show(self, model: PatientModel, run: Path) -> None:
        from reverie.evaluation.figures import save_figures

        rest, aside = self.split(model.config)
        made = model.sample(len(rest), seed=model.config.seed)
        save_figures(rest.frame, made, model.codec.schema, run, held=None if aside is None else aside.frame)


@dataclass(frozen=True, eq=False)
class Asked:
    """An encoded table as examples: each time a patient comes up, scores are drawn anew and another question is asked."""

    codec: RecordCodec
    encoded: EncodedTable
    asks: bool

    @cached_property
    def tasks(self) -> Tasks:
        return Tasks(self.codec)

    def __len__(self) -> int:
        return len(self.encoded)

    def batch(self, indices: Tensor, generator: torch.Generator) -> Batch:
        records = self.encoded.records(indices, generator)
        given = self.tasks.draw(records, generator) if self.asks else whole(records)
        return Batch(records.values, given.asked, given)
