"""Samples as work in shards: a Parquet file of the dataset holds some shards of generation, and is a function of its number.

    file k = write(make(k n), ..., make(k n + n - 1))     n shards of generation: 2,048 patients each, or 64 pictures

Files are as large as seconds of work are, so that a kill loses little, and opening them costs little.
"""

from __future__ import annotations

import hashlib
import json
import os
import socket
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Generic, Self, TypeVar, cast

import polars as pl

from reverie.errors import DataError, UsageError
from reverie.images import png
from reverie.images.conditions import read_wishes
from reverie.images.png import check_png
from reverie.models.folder import load
from reverie.models.model import Model
from reverie.models.patients import PatientModel
from reverie.models.pictures import PictureModel, PictureShards
from reverie.models.shards import PatientShards, one_thread
from reverie.plain import plain
from reverie.records.conditions import read_statics
from reverie.records.output import write_parquet
from reverie.shards import Engine, InProcess, Processes, Share, Whole, complete

__all__ = ["Patients", "Pictures", "Sampled", "sample_to"]

VERSION = 1
"""Of what a config says, which is raised where the same config makes other files."""

M = TypeVar("M", bound=Model[Any])


@dataclass(frozen=True, eq=False)
class Sampled(ABC, Generic[M]):
    """New patients or new pictures of a model, in files.

    Attributes:
        model, patients or pictures, seed, settings: as sample takes them; settings are plain.
        size: at least so many patients or pictures are in a file.
        given: of patients a file of statics, of pictures one of attributes, or a frame.
    """

    kind: ClassVar[str]
    usual_size: ClassVar[int]

    model: M
    number: int | None
    seed: int = 0
    settings: Mapping[str, Any] = field(default_factory=dict)
    size: int | None = None
    given: Any = None

    def __post_init__(self) -> None:
        if self.size is not None and self.size < 1:
            raise UsageError(f"shard size must be a whole number above 0, not {self.size!r}.")
        told = {name: value for name, value in self.settings.items() if value is not None}
        try:
            json.dumps(told, allow_nan=False, default=lambda value: value.item())
        except (TypeError, ValueError, AttributeError) as error:
            raise UsageError("settings of a dataset are numbers and words, which can be written to its manifest.") from error
        object.__setattr__(self, "settings", plain(told))

    @cached_property
    @abstractmethod
    def shards(self) -> PatientShards | PictureShards:
        """Those of generation."""

    @property
    @abstractmethod
    def total(self) -> int:
        """Patients or pictures in all."""

    @property
    def per(self) -> int:
        """Shards of generation in a file."""
        return -(-(self.size or self.usual_size) // self.shards.size)

    @property
    def rows(self) -> int:
        """Patients or pictures in a file; fewer in the last."""
        return self.per * self.shards.size

    @property
    def count(self) -> int:
        return -(-self.shards.count // self.per)

    @property
    def config(self) -> dict[str, Any]:
        return self._config

    @cached_property
    def _config(self) -> dict[str, Any]:
        return {
            "version": VERSION,
            "model": self.model.digest,
            "count": self.total,
            "seed": self.seed,
            **({} if self.given is None else {"given": _digest(self._given)}),
            "settings": dict(self.settings),
            "shard_size": self.rows,
        }

    @property
    @abstractmethod
    def _given(self) -> pl.DataFrame:
        """What the table `given` says."""

    @property
    def places(self) -> dict[str, str]:
        if self.model.path is None:
            raise UsageError("other processes load the model from a folder: save it, and sample the one that load() gives.")
        if self.given is None:
            return {"model": str(self.model.path.resolve())}
        if not isinstance(self.given, str | Path):
            raise UsageError("other processes read what is given from a file: write it to one, and give its name.")
        file = Path(self.given)
        return {"model": str(self.model.path.resolve()), "given": str(file.resolve() if file.exists() else file)}

    def name(self, number: int) -> str:
        return f"part-{number:05d}.parquet"

    def numbers(self, number: int) -> range:
        """The shards of generation in a file."""
        return range(number * self.per, min((number + 1) * self.per, self.shards.count))

    @classmethod
    def of(cls, config: Mapping[str, Any], places: Mapping[str, str]) -> Self:
        """The work of a config. Raises DataError, naming folder and machine, where the model is not there, or is another."""
        place, here = places["model"], socket.gethostname()
        if not Path(place).exists():
            raise DataError(f"{here} has no {place}: put the model where every worker sees it, under one name.")
        count, seed, settings, size = (config[name] for name in ("count", "seed", "settings", "shard_size"))
        work = cls(cast(Any, load(place)), count, seed, settings, size, places.get("given"))
        if work.config != dict(config):
            name = next(name for name in config if work.config.get(name) != config[name])
            what = {"model": f"the model {place}", "given": f"the table {work.given}", "version": "the version of Reverie"}
            raise DataError(f"{what.get(name, name)} on {here} is not what was asked for: was it changed? Call again.")
        return work


class Patients(Sampled[PatientModel]):
    """New patients."""

    kind = "patients"
    usual_size = 8192

    @cached_property
    def shards(self) -> PatientShards:
        return self.model.sharded(self.number, self.seed, given=self.given, **self.settings)

    @property
    def total(self) -> int:
        return self.shards.patients

    @property
    def _given(self) -> pl.DataFrame:
        return read_statics(self.given, self.model.codec.schema)

    def make(self, number: int, path: Path) -> dict[str, Any]:
        totals: Counter[str] = Counter()
        clipped: Counter[str] = Counter()
        broken: Counter[str] = Counter()

        def frames() -> Iterator[pl.DataFrame]:
            for made in map(self.shards.make, self.numbers(number)):
                totals.update(patients=made.patients, rows=len(made.frame), drawn=made.drawn, kept=made.kept)
                clipped.update(made.clipped)
                broken.update(made.broken)
                yield made.frame

        with one_thread():
            write_parquet(path, frames())
        return {**totals, "clipped": {name: n for name, n in clipped.items() if n}, "broken": dict(broken)}


class Pictures(Sampled[PictureModel]):
    """New pictures, each as PNG in a row, with its class or attributes where they were asked for."""

    kind = "pictures"
    usual_size = 512

    @cached_property
    def shards(self) -> PictureShards:
        check_png(self.model.codec.channels)
        if self.number is None and self.given is None:
            raise UsageError("say how many pictures to make.")
        return self.model.sharded(self.number, self.seed, given=self.given, **self.settings)

    @property
    def total(self) -> int:
        return self.shards.pictures

    @property
    def _given(self) -> pl.DataFrame:
        values, _ = read_wishes(self.given, self.model.codec.attributes)
        return pl.DataFrame({name: pl.Series(column.tolist()) for name, column in values.items()})

    def make(self, number: int, path: Path) -> dict[str, Any]:
        def frames() -> Iterator[pl.DataFrame]:
            for k in self.numbers(number):
                pixels, first = self.shards.make(k), k * self.shards.size
                cells = [{"bytes": png(x), "path": f"sample-{first + i:09d}.png"} for i, x in enumerate(pixels)]
                images = pl.Series("image", cells, pl.Struct({"bytes": pl.Binary, "path": pl.String}))
                yield pl.DataFrame([images, *self.shards.wanted(k).drop("image", strict=False).iter_columns()])

        with one_thread():
            write_parquet(path, frames())
        first = self.numbers(number)
        return {"pictures": min(first.stop * self.shards.size, self.total) - first.start * self.shards.size}


def sample_to(
    model: PatientModel | PictureModel,
    folder: str | Path,
    count: int | None = None,
    seed: int = 0,
    *,
    workers: int = 1,
    share: str | Share | None = None,
    shard_size: int | None = None,
    given: Any = None,
    engine: Engine | None = None,
    force: bool = False,
    on_step: Callable[[int, int], None] | None = None,
    **settings: Any,
) -> Whole:
    """See Model.sample_to."""
    if model.runtime != "torch":
        raise UsageError("the files of a dataset are the same wherever they are made, by torch: leave `runtime` out.")
    kind = Patients if isinstance(model, PatientModel) else Pictures
    work = kind(model, count, seed, settings, shard_size, given)  # pyright: ignore[reportArgumentType]
    share = Share.read(share) if isinstance(share, str) else share
    if engine is None:
        usual = 1 if model.device.type != "cpu" else os.cpu_count() or 1  # one process keeps a GPU busy
        many = min(workers or usual, len((share or Share()).numbers(work.count)))
        engine = Processes(many) if many > 1 else InProcess()

    def told(done: int, of: int) -> None:
        if on_step:
            on_step(min(done * work.rows, work.total), min(of * work.rows, work.total))

    return complete(work, Path(folder), engine, share, force, told)


def _digest(frame: pl.DataFrame) -> str:
    return hashlib.sha256(f"{dict(frame.schema)}\n{frame.write_csv()}".encode()).hexdigest()
