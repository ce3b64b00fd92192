"""What a run can be about, pictures or patients: reading the source, making examples of it, showing what was learned."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
import polars as pl
import torch
from torch import Tensor

from reverie.config import RunConfig, Source
from reverie.denoisers.diffusers_unet import DiffusersUNetConfig
from reverie.denoisers.unet import UNetConfig
from reverie.denoisers.visits import VisitNetworkConfig
from reverie.errors import DataError, UsageError
from reverie.images import Fit, ImageCodec, ImageSet, Size, contact_sheet, read_images, save_picture
from reverie.images.parquet import holds_pictures
from reverie.images.sources import reads_in
from reverie.models import PatientModel, PictureModel
from reverie.models.method import ALL
from reverie.models.pictures import SHARD
from reverie.records import EncodedTable, RecordCodec, Schema, Table, read_table
from reverie.records.masks import MaskSampler, whole
from reverie.records.reading import BUNDLED, SUFFIXES, tables_in
from reverie.training import Batch, Dataset, Listener
from reverie.training.dataset import Subset
from reverie.training.image_dataset import ImageDataset

__all__ = ["Parts", "Patients", "Pictures", "Subject", "is_table"]

LARGE = 16
"""Pixels a side from which pictures are folded."""


class Subject(Protocol):
    """A source that was read, and how to train on it."""

    @property
    def about(self) -> Source: ...

    @property
    def apart(self) -> Source | None:
        """What is held out, where it is a source of its own."""
        ...

    @property
    def notes(self) -> tuple[str, ...]:
        """Decisions worth telling."""
        ...

    def prepare(self, config: RunConfig) -> tuple[ImageCodec | RecordCodec, Dataset, Dataset | None]:
        """The codec, the examples to train on, and those set aside; what is held out is in neither."""
        ...

    def finished(self, model: Any, listener: Listener) -> Any:
        """The trained model with what is learned after training."""
        ...

    def show(self, model: Any, run: Path) -> None:
        """Writes to the run folder what people look at."""
        ...


def is_table(source: Any) -> bool:
    """Whether a source is a table of visits rather than pictures."""
    if isinstance(source, str | Path):
        name = str(source).lower()
        if name.endswith(".parquet"):
            return not holds_pictures(Path(source))
        return str(source) in BUNDLED or name.endswith(SUFFIXES) or holds_tables(Path(source))
    return isinstance(source, pl.DataFrame | Table) or type(source).__module__.split(".")[0] == "pandas"


def holds_tables(folder: Path) -> bool:
    """Whether a folder has files of separated text in it, and no pictures in it or below."""
    return folder.is_dir() and bool(tables_in(folder)) and not reads_in(folder)


@dataclass(frozen=True, eq=False)
class Pictures:
    """A set of pictures; kept as bytes, encoded a batch at a time."""

    pictures: ImageSet
    size: Size | None = None
    channels: int | None = None
    fit: Fit = "crop"

    model = PictureModel

    @classmethod
    def read(
        cls, source: Any, size: Size | None = None, channels: int | None = None, fit: Fit | None = None, **options: Any
    ) -> Pictures:
        """Reads pictures, brought to a size and a number of channels; see images.read_images for options and what is
        raised."""
        fit = fit or "crop"
        return cls(read_images(source, size, channels, fit, **options), size, channels, fit)

    @property
    def recipe(self) -> str:
        """What works best: a network that folds pixels, but where there are too few of them to fold."""
        return "pictures-small" if min(self.pictures.pixels.shape[1:3]) >= LARGE else "pictures"

    @property
    def about(self) -> Source:
        named = self.pictures
        return Source(
            name=named.name,
            path=None if named.path is None else str(named.path),
            size=self.size,
            fit=self.fit,
            channels=self.channels,
            classes=len(self.classes),
            fingerprint=named.fingerprint,
        )

    @property
    def apart(self) -> Source | None:
        return None

    @property
    def notes(self) -> tuple[str, ...]:
        return self.pictures.notes

    @cached_property
    def codec(self) -> ImageCodec:
        return ImageCodec(*self.pictures.pixels.shape[1:])

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes, if there are two or more: one class says nothing."""
        return self.pictures.classes if len(self.pictures.classes) > 1 else ()

    def prepare(self, config: RunConfig) -> tuple[ImageCodec, Dataset, Dataset | None]:
        if config.codec is not None or not isinstance(config.network, UNetConfig | DiffusersUNetConfig):
            raise UsageError("this recipe is for tables of visits, and the source is pictures: leave --recipe out.")
        classes, training = config.network.classes, config.training
        if classes not in (0, len(self.classes)):
            has = f"{len(self.classes)} classes" if self.classes else "no classes"
            raise UsageError(
                f"network.classes is {classes}, but {self.about.name} has {has}: leave it out, or set classes=0 to train "
                "without them."
            )
        rest, aside, _ = self.split(config)
        codec = replace(self.codec, classes=self.classes if classes else ())
        trained_on = ImageDataset(Subset(self, rest), classes, training.condition_dropout, training.flip)
        return codec, trained_on, ImageDataset(Subset(self, aside), classes) if len(aside) else None

    def split(self, config: RunConfig) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Which pictures are trained on, set aside, and held out; a function of the seed."""
        shares = {"hold": config.training.holdout, "set": config.training.aside}
        order, parts = np.random.default_rng(config.seed).permutation(len(self)), []
        for verb, share in shares.items():
            count = max(1, round(share * len(order))) if share else 0
            if count >= len(order):
                away = "out" if verb == "hold" else "aside"
                raise DataError(f"{self.about.name} has too few pictures to {verb} {share:g} of them {away}.")
            parts.append(order[:count])
            order = order[count:]
        return order, parts[1], parts[0]

    def __len__(self) -> int:
        return len(self.pictures)

    def batch(self, indices: Tensor, generator: torch.Generator) -> Batch:
        chosen, labels = indices.numpy(), self.pictures.labels
        x_0 = self.codec.encode(self.pictures.pixels[chosen])
        return Batch(x_0, given=None if labels is None else torch.from_numpy(labels[chosen]))

    def finished(self, model: PictureModel, listener: Listener) -> PictureModel:
        return model

    def show(self, model: PictureModel, run: Path) -> None:
        where = {"class": ALL} if self.classes and model.codec.classes else None
        sheet = contact_sheet(model.sample(SHARD, seed=model.config.seed, where=where))
        save_picture(sheet, run / "samples" / f"step-{model.config.training.steps}.png")


class Parts(NamedTuple):
    """The patients of a source: trained on, set aside for early stopping, and held out for the report."""

    train: Table
    aside: Table | None
    holdout: Table | None


@dataclass(frozen=True, eq=False)
class Patients:
    """A table of visits; the patients held out, where they are a table of their own; and whether its schema was told rather
    than read off the patients."""

    table: Table
    held: Table | None = None
    told: bool = False

    recipe = "records"
    model = PatientModel

    @classmethod
    def read(cls, source: Any, schema: Any = None, holdout: Any = None, **options: Any) -> Patients:
        """Reads a table; see records.read_table for options and for what is raised.

        Args:
            schema: a Schema or a YAML file.
            holdout: a table of patients to hold out (a file, a frame or a Table), read with the schema of the source.

        Raises DataError too if a patient is in both tables.
        """
        table = source if isinstance(source, Table) else cls._table(source, schema, options)
        if holdout is None:
            return cls(table, None, schema is not None)
        held = holdout if isinstance(holdout, Table) else read_table(holdout, table.schema)
        key = table.schema.identifier.name
        trained, apart = (set(t.frame[key].cast(pl.String)) for t in (table, held))
        if (both := sorted(trained & apart)) and not table.schema.nameless:
            raise DataError(
                f"patient {both[0]!r} is in {table.name} and in {held.name}: hold out patients that are not trained on."
            )
        return cls(table, held, schema is not None)

    @staticmethod
    def _table(source: Any, schema: Any, options: dict[str, Any]) -> Table:
        if isinstance(schema, str | Path):
            path = Path(schema)
            if not path.is_file():
                raise UsageError(f"there is no schema file {path}: write one with reverie data SOURCE --schema {path}.")
            schema = Schema.from_yaml(path.read_text(), path.name)
        return read_table(source, schema=schema, **options)

    @property
    def about(self) -> Source:
        return _of_table(self.table)

    @property
    def apart(self) -> Source | None:
        return _of_table(self.held) if self.held else None

    @property
    def notes(self) -> tuple[str, ...]:
        return self.table.notes

    def split(self, config: RunConfig) -> Parts:
        """Every patient in one part; a function of the table and the seed. What the columns are was read off all of them,
        and nothing else is learned of those held out."""
        rest, aside, holdout = self.table, None, self.held
        if config.training.holdout:
            rest, holdout = rest.split(config.training.holdout, config.seed)
        if config.training.aside:
            rest, aside = rest.split(config.training.aside, config.seed)
        return Parts(rest, aside, holdout)

    def prepare(self, config: RunConfig) -> tuple[RecordCodec, Dataset, Dataset | None]:
        if config.codec is None or config.network.kind in ("unet", "diffusers-unet"):
            raise UsageError("this recipe is for pictures, and the source is a table of visits: leave --recipe out.")
        if config.network.kind == "series-unet" and (config.codec.stages or config.codec.statics != "repeated"):
            raise UsageError(
                "a series-unet answers for whole visits at once: it needs codec.stages=false and codec.statics=repeated."
            )
        if config.network.kind == "visits" and (not config.codec.stages or config.codec.statics != "token"):
            raise UsageError("a network over visits answers in stages: it needs codec.stages=true and codec.statics=token.")
        if config.training.learned_variance:
            raise UsageError("learned_variance is for pictures: leave it out for a table of visits.")
        rest, aside, _ = self.split(config)
        if config.training.epsilon is not None and not self.told:  # which rules hold was read off the patients
            rest = replace(rest, schema=rest.schema.model_copy(update={"rules": ()}))
        codec = RecordCodec.fit(rest, config.codec)
        asks = isinstance(config.network, VisitNetworkConfig)
        return codec, Asked(codec, codec.encode(rest), asks), Asked(codec, codec.encode(aside), asks) if aside else None

    def finished(self, model: PatientModel, listener: Listener) -> PatientModel:
        if model.config.training.epsilon is not None:
            listener.say("what the model draws is not put right by the patients: that would tell of them beyond epsilon.")
            return model
        listener.say("putting right what the model draws, by a sample of it ...")
        return model.calibrated(self.split(model.config).train)

    def show(self, model: PatientModel, run: Path) -> None:
        from reverie.evaluation.figures import save_figures

        rest, aside, holdout = self.split(model.config)
        schema = rest.schema
        made = schema.typed(schema.shaped(model.sample(len(rest), seed=model.config.seed), "the synthetic patients"))
        held = holdout or aside
        save_figures(rest.frame, made, model.codec.schema, run, held=None if held is None else held.frame)


def _of_table(table: Table) -> Source:
    path = None if table.path is None else str(table.path)
    return Source(name=table.name, path=path, fingerprint=table.fingerprint)


@dataclass(frozen=True, eq=False)
class Asked:
    """An encoded table as examples: each time a patient comes up, scores are drawn anew and another question is asked."""

    codec: RecordCodec
    encoded: EncodedTable
    asks: bool

    @cached_property
    def tasks(self) -> MaskSampler:
        return MaskSampler(self.codec)

    def __len__(self) -> int:
        return len(self.encoded)

    def batch(self, indices: Tensor, generator: torch.Generator) -> Batch:
        records = self.encoded.records(indices, generator)
        if not self.asks:
            given = whole(records)
            return Batch(records.values, given.asked, given)
        given = self.tasks.draw(records, generator)
        return Batch(records.values, self.tasks.weights(records, given), given)
