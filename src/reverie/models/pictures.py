"""A model of pictures, diffused as they are or as the latents of an autoencoder."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, SupportsIndex, cast

import numpy as np
import polars as pl
import torch
from safetensors.torch import save as save_tensors
from torch import Tensor, nn

from reverie.config import Sampling
from reverie.denoisers import lora
from reverie.denoisers.attributes import Attributes
from reverie.denoisers.autoencoder import Coder, rows_at_a_time
from reverie.denoisers.conditions import Condition, EncoderStates, Labels
from reverie.denoisers.denoiser import Denoiser
from reverie.denoisers.wrappers import Boundary, Clipped, DefaultCondition, Thresholded
from reverie.errors import UsageError, unknown
from reverie.files import write_atomically
from reverie.images import ImageCodec
from reverie.images.conditions import cells_of
from reverie.modality import IMAGES
from reverie.models import few_calls
from reverie.models.method import Method, Where, guided, to_avoid, wanted
from reverie.models.model import AUTOENCODER, Model
from reverie.process.randomness import Shard, draw, generator
from reverie.samplers import named, sample, time_grid, trajectory

if TYPE_CHECKING:
    from reverie.models.diffusers.layout import Layout

__all__ = ["SHARD", "PictureModel", "PictureShards"]

OnStep = Callable[[int, int], None]

SHARD = 64
"""Pictures are made in shards of this size, each with its own randomness: picture i is a function of (seed, i)."""


@dataclass(frozen=True, eq=False)
class PictureModel(Model[ImageCodec]):
    """Makes new pictures.

    Attributes:
        autoencoder: makes the latents that are diffused; none where pictures are.
        layout: of a model that was read from a folder of diffusers, what was in it.
    """

    modality = IMAGES
    autoencoder: Coder | None = None
    layout: Layout | None = None

    @property
    def shape(self) -> tuple[int, int, int]:
        """(C, H, W) of what is diffused, pictures or latents."""
        if self.autoencoder is None:
            return self.codec.shape
        factor = self.autoencoder.factor
        return (self.autoencoder.channels, -(-self.codec.height // factor), -(-self.codec.width // factor))

    @property
    def state_shape(self) -> tuple[int, ...]:
        return self.shape

    @property
    def modules(self) -> dict[str, nn.Module]:
        latent = {} if self.autoencoder is None else {AUTOENCODER: cast(nn.Module, self.autoencoder)}
        return super().modules | latent

    @property
    def usual(self) -> Sampling:
        """How pictures are sampled where nothing else is asked for."""
        return self.config.sampling or Sampling.model_validate(dict(self.process.schedule.usual))

    def encode(self, pixels: np.ndarray) -> Tensor:
        """uint8 [N, H, W, C] -> what is diffused: float32 [N, *shape], pictures in [-1, 1] or latents of unit scale."""
        x = self.codec.encode(pixels).to(self.device)
        return x if self.autoencoder is None else rows_at_a_time(self.autoencoder.encode, x)

    def decode(self, x: Tensor) -> np.ndarray:
        """The inverse of `encode`; of latents as good as the autoencoder is."""
        if self.autoencoder is not None:
            x = rows_at_a_time(self.autoencoder.decode, x.to(self.device, torch.float32))
            x = x[..., : self.codec.height, : self.codec.width]
        return self.codec.decode(x)

    def save(self, path: str | Path, layout: str = "reverie") -> Path:
        """Writes the model as a folder that `load` reads, and with layout="diffusers" diffusers too.

        Raises UsageError for a model that diffusers has no network for.
        """
        if layout == "diffusers":
            from reverie.models import diffusers

            few_calls.refuse(self.config, "be written for diffusers, whose schedulers take other steps", mean=False)
            return diffusers.write(self, Path(path))
        if layout != "reverie":
            raise unknown("layout", layout, ("reverie", "diffusers"))
        if lora.held(self.denoiser.module):
            self._save_adapters(Path(path))
        return super().save(path)

    def _save_adapters(self, path: Path) -> None:
        """Writes the adapters once more as a file that peft and diffusers read; the run itself has them in its weights."""
        weights, about = lora.files(cast(Any, self.denoiser.module).unet)
        write_atomically(path / lora.WEIGHTS, save_tensors({k: v.detach().cpu().contiguous() for k, v in weights.items()}))
        write_atomically(path / lora.CONFIG, json.dumps(about, indent=2) + "\n")

    def sample(
        self,
        count: int | None = None,
        seed: int = 0,
        sampler: str | None = None,
        steps: int | None = None,
        spacing: str | None = None,
        clip: bool | None = None,
        on_step: OnStep | None = None,
        **settings: Any,
    ) -> np.ndarray:
        """`count` new pictures, uint8 [count, H, W, C]; if left out, one for each row of the table `given`.

        Args:
            seed: the same seed gives the same pictures, the first ones too if more are asked for (a last shard that is cut
                short may round differently, by one grey level).
            sampler: by its name, see samplers.SAMPLERS; its own settings follow, e.g. eta=0.5.
            steps, spacing: the time grid, see samplers.time_grid. What is left out, sampler and clip too, is `usual`.
            clip: keep every x_0-hat inside [-1, 1] or, with False, as it is.
            on_step: called with (sampler steps done, in all).
            settings: where, given, guidance, rescale, interval, negative, sigma_min and sigma_max, see `method`, and the
                sampler's own.
        """
        told = {"sampler": sampler, "steps": steps, "spacing": spacing, "clip": clip, **settings}
        return np.concatenate(list(self.shards(count, seed, on_step, **told)))

    def shards(self, count: int | None, seed: int, on_step: OnStep | None = None, **settings: Any) -> Iterator[np.ndarray]:
        """The pictures of `sample`, SHARD at a time, in memory that does not grow with their number."""
        shards = self.sharded(count, seed, **settings)
        steps, total = len(shards.method.grid) - 1, shards.count * (len(shards.method.grid) - 1)
        for number in range(shards.count):
            told = None if on_step is None else lambda done, _, k=number: on_step(k * steps + done, total)
            yield shards.make(number, told)

    def sharded(self, count: int | None = None, seed: int = 0, **settings: Any) -> PictureShards:
        """The pictures of `sample` as shards, any of which can be made without the others."""
        method = self.method(**settings)
        given = settings.get("given")
        rows = 0 if given is None or isinstance(given, Attributes) else len(method.wanted or ())
        count = rows if rows and count is None else count
        if rows and isinstance(count, int) and count > rows:
            raise UsageError(
                f"the table of wishes has {rows} rows, so {count} cannot be made: give more rows, or ask for fewer."
            )
        if isinstance(count, bool) or not isinstance(count, SupportsIndex) or int(count) < 1:
            raise UsageError(f"count must be a whole number above 0, not {count!r}.")
        return PictureShards(self, method, int(count), seed)

    def walk(self, count: int, seed: int = 0, **settings: Any) -> Iterator[tuple[float, np.ndarray, np.ndarray]]:
        """The making of the first pictures of `sample`: (t, what x_t looks like, x_0-hat), each uint8 [count, H, W, C].

        The last has t = 0 and the pictures themselves on both sides. `count` is at most SHARD.
        """
        if not 1 <= count <= SHARD:
            raise UsageError(f"the making of 1 to {SHARD} pictures can be followed, not of {count}.")
        method = self.method(**settings)
        x, noise, condition = self.start(method, count, seed)
        for point in trajectory(method.denoiser, method.sampler, method.grid, x, noise, condition):
            now = self.decode(point.x)
            yield point.t, now, now if point.prediction is None else self.decode(point.prediction.clean)

    def asked(self, condition: Condition | None) -> pl.DataFrame:
        """A condition in the words of the data: the names of classes as `label`, numbers where all are, or attributes."""
        if isinstance(condition, Attributes):
            return cells_of(self.codec.attributes, condition)
        if not isinstance(condition, Labels):
            return pl.DataFrame()
        classes = self.codec.classes
        words = pl.Series("label", [classes[i] for i in condition.values.tolist()], pl.String)
        return pl.DataFrame(words.cast(pl.Int64) if all(name == str(i) for i, name in enumerate(classes)) else words)

    def start(self, method: Method, rows: int, seed: int, shard: int = 0) -> tuple[Tensor, Shard, Condition | None]:
        """x_T of the first rows of a shard, the randomness of its steps, and its condition; a function of (seed, shard)."""
        if isinstance(rows, bool) or not isinstance(rows, SupportsIndex) or not 1 <= rows <= SHARD:
            raise UsageError(f"count is a whole number from 1 to {SHARD}, made together, not {rows!r}: ask again for more.")
        x = draw(torch.empty(rows, *self.shape, device=self.device), Shard(generator(seed, "start", shard), SHARD))
        x *= self.process.schedule.prior_std
        return x, Shard(generator(seed, "steps", shard), SHARD), method.condition(rows, shard * SHARD)

    def method(
        self,
        sampler: str | None = None,
        steps: int | None = None,
        spacing: str | None = None,
        sigma_min: float | None = None,
        sigma_max: float | None = None,
        clip: bool | None = None,
        where: Where = None,
        guidance: float | None = None,
        rescale: float = 0.0,
        interval: tuple[float, float] | None = None,
        negative: Where = None,
        given: Any = None,
        states: Tensor | None = None,
        empty: Tensor | None = None,
        exact: bool = False,
        **settings: Any,
    ) -> Method:
        """How pictures are made with these settings; what is left out is `usual`.

        Args:
            where: the class that pictures are of, {"class": "coat"}; of several, {"class": ["coat", "bag"]}, each in turn;
                "*" for every class. Without it no class is told. Of a model of attributes {"colour": "red", "age": 40}; of
                several values each in turn, of several attributes every combination.
            guidance: how strongly they are of it: 1 as learned, above 1 more, at two calls of the network a step.
            rescale, interval: see denoisers.Guided.
            negative: a class that guidance leads away from, in the form of `where`, rather than from none; or attributes.
            given: of a model of attributes a table of wishes, a row for each picture, see images.conditions.
            sigma_min, sigma_max: what the spacings log_snr and karras lie between, see samplers.time_grid.
            states, empty: of a conditional U-Net of diffusers, what its encoder says of what is wanted, floating point
                [n, S, D], each in turn, and of nothing, [1, S, D], which guidance needs.
            exact: ask the network in the precision of its weights, not in that of its training: for what is solved or shown.

        Raises UsageError, naming the nearest, for a class or an attribute the model does not know, for guidance without, and
        for what a distilled run was not taught.
        """
        usual = self.usual
        few_calls.check(self.config, sampler, steps, spacing, (guidance, negative, rescale or None, interval))
        rule = named(sampler or usual.sampler, **settings)
        schedule = self.process.schedule
        few = min(usual.steps, schedule.most_steps)
        bounds = {"sigma_min": sigma_min, "sigma_max": sigma_max}
        ends = usual.grid_of(spacing) | {name: end for name, end in bounds.items() if end is not None}
        grid = time_grid(schedule, few if steps is None else steps, spacing or usual.spacing, **ends)
        condition = wanted(self.codec, where, given) if states is None else EncoderStates(states)
        attributes = [each.name for each in self.codec.attributes]
        if guidance is not None and condition is None and not (self.codec.classes or attributes):
            raise UsageError("this model was trained without classes, so guidance has nothing to follow: leave it out.")
        network = self.denoiser if exact else self.sampling_denoiser
        inner = network if empty is None else DefaultCondition(network, EncoderStates(empty))
        avoided = to_avoid(self.codec, negative)
        asked = guided(inner, condition is not None, guidance, rescale, interval, avoided, attributes)
        return Method(self._bound(self._bounded(asked, clip)), rule, grid, condition)

    def _bounded(self, denoiser: Denoiser, clip: bool | None) -> Denoiser:
        """The denoiser with x_0-hat kept where pictures are; of latents nothing is known to keep them in."""
        if clip and self.autoencoder is not None:
            raise UsageError("clip keeps pictures inside [-1, 1], and this model diffuses latents: leave it out.")
        if clip is not None:
            return Clipped(denoiser) if clip else denoiser
        usual = self.usual
        if usual.threshold is not None:
            return Thresholded(denoiser, usual.threshold, usual.largest)
        return denoiser if usual.clip is None else Clipped(denoiser, -usual.clip, usual.clip)

    def _bound(self, denoiser: Denoiser) -> Denoiser:
        """The denoiser of a consistency model with its boundary condition; of others as it is."""
        return denoiser if self.usual.boundary is None else Boundary(denoiser, self.usual.boundary)


@dataclass(frozen=True, eq=False)
class PictureShards:
    """So many pictures of a model.

    Attributes:
        model, method, seed: whose, how, and of which seed.
        pictures: how many in all.
    """

    model: PictureModel
    method: Method
    pictures: int
    seed: int
    size = SHARD

    @property
    def count(self) -> int:
        """How many shards."""
        return -(-self.pictures // self.size)

    def make(self, number: int, on_step: OnStep | None = None) -> np.ndarray:
        """The pictures of shard `number`, 0 the first: uint8 [size, H, W, C], of the last as many as there are."""
        how = self.method
        x, noise, condition = self.model.start(how, self._rows(number), self.seed, number)
        return self.model.decode(sample(how.denoiser, how.sampler, how.grid, x, noise, condition, on_step))

    def wanted(self, number: int) -> pl.DataFrame:
        """What the pictures of a shard are asked to be, a row each: `label`, or attributes; no column where nothing."""
        return self.model.asked(self.method.condition(self._rows(number), number * self.size))

    def _rows(self, number: int) -> int:
        return min(self.size, self.pictures - number * self.size)
