"""A set of pictures as a source: kept as bytes, encoded a batch at a time."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from reverie.config import Conditions, RunConfig, Source
from reverie.denoisers.attributes import Attributes
from reverie.denoisers.conditions import Labels
from reverie.errors import DataError, UsageError
from reverie.images import Fit, ImageCodec, ImageSet, Pad, Size, contact_sheet, read_images, save_picture
from reverie.images.conditions import Told, sizes
from reverie.modality import IMAGES
from reverie.models import PictureModel
from reverie.models.method import ALL
from reverie.models.pictures import SHARD
from reverie.sources.source import DataSource, Parts, Say
from reverie.training import Batch, metrics
from reverie.training.dataset import Subset
from reverie.training.image_dataset import ImageDataset

__all__ = ["ImageSource", "save_sheet", "sheet"]

LARGE = 16
"""Pixels a side from which pictures are folded."""


@dataclass(frozen=True, eq=False)
class ImageSource(DataSource):
    """Pictures, and what they were brought to."""

    pictures: ImageSet
    size: Size | None = None
    channels: int | None = None
    fit: Fit = "crop"
    pad: Pad | None = None
    bits: int | None = None
    file_column: str | None = None

    modality, model = IMAGES, PictureModel

    @classmethod
    def read(
        cls,
        source: Any,
        size: Size | None = None,
        channels: int | None = None,
        fit: Fit = "crop",
        *,
        pad: Pad | None = None,
        bits: int | None = None,
        file_column: str | None = None,
        holdout: Any = None,
        **options: Any,
    ) -> ImageSource:
        """Reads pictures, brought to a size and a number of channels; see images.read_images for options and for what is
        raised. Raises UsageError for a holdout too: of pictures it is a share."""
        if holdout is not None:
            raise UsageError(
                "of pictures a share is held out (--holdout 0.1); other pictures that training never saw are given to "
                "reverie report --holdout."
            )
        pictures = read_images(source, size, channels, fit, pad=pad, bits=bits, file_column=file_column, **options)
        return cls(pictures, size, channels, fit, pad, bits, file_column)

    @property
    def recipe(self) -> str:
        """What works best: a network that folds pixels, but where there are too few of them to fold."""
        return "pictures-small" if min(self.pictures.pixels.shape[1:3]) >= LARGE else "pictures"

    @cached_property
    def about(self) -> Source:
        pictures = self.pictures
        return Source(
            name=pictures.name,
            path=None if pictures.path is None else str(pictures.path),
            size=self.size,
            fit=self.fit,
            pad=self.pad,
            channels=self.channels,
            bits=self.bits,  # pyright: ignore[reportArgumentType]  (read_images has refused others)
            classes=len(self.classes),
            conditions=None if pictures.told is None else self._table(pictures.told),
            fingerprint=pictures.fingerprint,
        )

    def _table(self, told: Told) -> Conditions:
        levels, numbers = sizes(told.attributes)
        path = None if told.path is None else str(told.path)
        return Conditions(
            name=told.name,
            path=path,
            column=self.file_column,
            fingerprint=told.fingerprint,
            levels=levels,
            numbers=numbers,
        )

    @property
    def notes(self) -> tuple[str, ...]:
        told = self.pictures.told
        return self.pictures.notes + (() if told is None else (told.sentence, *told.notes))

    @cached_property
    def codec(self) -> ImageCodec:
        pixels = self.pictures.pixels
        return ImageCodec(*pixels.shape[1:], bits=8 * pixels.dtype.itemsize)

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes, if there are two or more: one class says nothing. Beside a table of conditions they are
        one of its attributes."""
        return self.pictures.classes if len(self.pictures.classes) > 1 and self.pictures.told is None else ()

    def split(self, config: RunConfig) -> Parts[np.ndarray]:
        """Which pictures are in which part, int64 [K] each."""
        shares = {"hold": config.training.holdout, "set": config.training.aside}
        order, parts = np.random.default_rng(config.seed).permutation(len(self)), []
        for verb, share in shares.items():
            count = max(1, round(share * len(order))) if share else 0
            if count >= len(order):
                away = "out" if verb == "hold" else "aside"
                raise DataError(f"{self.about.name} has too few pictures to {verb} {share:g} of them {away}.")
            parts.append(order[:count] if count else None)
            order = order[count:]
        holdout, validation = parts
        return Parts(order, validation, holdout)

    def fit_codec(self, config: RunConfig, parts: Parts[np.ndarray], say: Say) -> ImageCodec:
        if config.codec is not None or config.network.of != "pictures":
            raise UsageError("this recipe is for tables of visits, and the source is pictures: leave `recipe` out.")
        classes = config.network.class_count
        if classes not in (0, len(self.classes)):
            has = f"{len(self.classes)} classes" if self.classes else "no classes"
            raise UsageError(
                f"network.classes is {classes}, but {self.about.name} has {has}: leave it out, or set classes=0 to train "
                "without them."
            )
        told = self.pictures.told
        attributes = () if told is None else told.fitted(parts.train)
        return replace(self.codec, classes=self.classes if classes else (), attributes=attributes)

    def adopt_codec(self, codec: ImageCodec, run: str, say: Say) -> ImageCodec:
        name = self.about.name
        if codec.shape != self.codec.shape:
            raise UsageError(
                f"{run} makes pictures of {_shape(codec)}, and {name} has pictures of {_shape(self.codec)}: bring them to "
                "that with `size` and `channels`."
            )
        if codec.bits != self.codec.bits:
            raise UsageError(
                f"{run} makes pictures of {codec.bits} bits a channel, and those of {name} are read in {self.codec.bits}: "
                f"say `bits={codec.bits}`."
            )
        if self.pictures.told is not None:
            if not codec.attributes:
                raise UsageError(f"{run} was told no attributes, so `conditions` cannot be learned: leave it out.")
            self.pictures.told.like(codec.attributes, run)
        elif codec.attributes:
            say(f"{run} was told attributes, and nothing is told of {name}: its pictures are learned without any.")
        if not codec.classes and self.classes:
            say(f"{run} knows no classes, so those of {name} are not learned.")
        elif self.classes and self.classes != codec.classes:
            raise UsageError(
                f"{run} knows the classes {', '.join(codec.classes)}, and {name} has {', '.join(self.classes)}: give "
                "pictures of the same classes, or without any."
            )
        return codec

    def examples(
        self, config: RunConfig, parts: Parts[np.ndarray], codec: ImageCodec
    ) -> tuple[ImageDataset, ImageDataset | None]:
        classes, training, told = len(codec.classes), config.training, self.told(codec)

        def part(rows: np.ndarray, dropout: float = 0.0, flip: bool = False) -> ImageDataset:
            attributes = None if told is None else told[torch.from_numpy(rows)]
            return ImageDataset(Subset(self, rows), classes, dropout, flip, attributes)

        train = part(parts.train, training.condition_dropout, training.flip)
        return train, None if parts.validation is None else part(parts.validation)

    def told(self, codec: ImageCodec) -> Attributes | None:
        """What is told of each picture, as a model with this codec receives it; None where there is no table."""
        told = self.pictures.told
        return None if told is None else told.like(codec.attributes, "the run").condition(codec.attributes)

    def __len__(self) -> int:
        return len(self.pictures)

    def batch(self, indices: Tensor, generator: torch.Generator) -> Batch:
        chosen, labels = indices.numpy(), self.pictures.labels
        x_0 = self.codec.encode(self.pictures.pixels[chosen])
        return Batch(x_0, given=None if labels is None else Labels(torch.from_numpy(labels[chosen])))

    def show(self, model: PictureModel, parts: Parts[np.ndarray], out: Path) -> None:
        told = self.told(model.codec)
        save_sheet(model, out, None if told is None else told[torch.from_numpy(parts.train[:SHARD])])

    def summary(self, model: PictureModel, parts: Parts[np.ndarray], out: Path) -> dict[str, Any]:
        return {
            "steps": model.config.training.steps,
            **_of_latents(out),
            "samples": str(sheet(model, out)),
        }


def _shape(codec: ImageCodec) -> str:
    return f"{codec.height} x {codec.width} in {'grey' if codec.channels == 1 else 'colour'}"


def save_sheet(model: PictureModel, out: Path, given: Any = None) -> None:
    """Writes the first pictures of a trained run, of each class in turn, or of the attributes that are `given`."""
    where = {"class": ALL} if model.codec.classes else None
    pictures = model.sample(SHARD, seed=model.config.seed, where=where, given=given)
    save_picture(contact_sheet(pictures), sheet(model, out))


def sheet(model: PictureModel, out: Path) -> Path:
    """Where they are written."""
    return out / "samples" / f"step-{model.config.training.steps}.png"


def _of_latents(out: Path) -> dict[str, Any]:
    """How well the autoencoder of a latent run gives back pictures that it did not learn from."""
    lines = [line for line in metrics.read(out / "autoencoder") if "reconstruction_psnr" in line]
    if not lines:
        return {}
    last = lines[-1]
    return {
        "autoencoder_steps": last["step"],
        "reconstruction_error": round(last["reconstruction_error"], 2),
        "reconstruction_psnr": round(last["reconstruction_psnr"], 2),
    }
