"""A model: a codec, a process and a denoiser, trained on some data and kept as one folder.

data -> codec -> x_0 -> process, denoiser, sampler -> x_0 -> codec -> data

run/ config.yaml  codec.json  model.safetensors (averaged weights)  manifest.json  checkpoints/step-N/
     metrics.jsonl  tensorboard/  samples/
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor

from reverie import config as configs
from reverie.config import RunConfig
from reverie.denoisers.denoiser import Denoiser
from reverie.denoisers.network import Network
from reverie.denoisers.unet import UNet
from reverie.denoisers.wrappers import Clipped
from reverie.errors import DamagedError, UsageError
from reverie.files import write_atomically
from reverie.images import ImageCodec
from reverie.manifest import MANIFEST, seal, verify
from reverie.process import GaussianProcess, NoiseSchedule
from reverie.process.randomness import Shard, draw, generator
from reverie.samplers import named, sample, time_grid
from reverie.training import checkpoint
from reverie.training.hardware import autocast_dtype, choose_device

__all__ = ["CODEC", "SHARD", "WEIGHTS", "Model", "describe", "load", "untrained", "with_precision"]

CODEC, WEIGHTS = "codec.json", "model.safetensors"
SHARD = 64
"""Samples are made in shards of this size, each with its own randomness: sample i is a function of (seed, i)."""


@dataclass(frozen=True, eq=False)
class Model:
    """A trained model. `denoiser` answers in encoded space, `codec` goes between that and the data's own."""

    config: RunConfig
    codec: ImageCodec
    denoiser: Network

    @property
    def process(self) -> GaussianProcess:
        return self.denoiser.process

    def sample(
        self,
        count: int,
        seed: int = 0,
        sampler: str = "dpmpp",
        steps: int = 20,
        spacing: str = "trailing",
        clip: bool = False,
        on_step: Callable[[int, int], None] | None = None,
        **settings: Any,
    ) -> np.ndarray:
        """`count` new pictures, uint8 [count, H, W, C].

        Args:
            seed: the same seed gives the same pictures, the first ones too if more are asked for (a last shard that is cut
                short may round differently, by one grey level).
            sampler: "dpmpp", "dpmpp_sde", "ddim", "ancestral" or "heun"; its own settings follow, e.g. eta=0.5.
            steps, spacing: the time grid, see samplers.time_grid.
            clip: keep every x_0-hat inside [-1, 1].
            on_step: called with (sampler steps done, in all).
        """
        if isinstance(count, bool) or not isinstance(count, int) or count < 1:
            raise UsageError(f"count must be a whole number above 0, not {count!r}.")
        shards = self.shards(count, seed, sampler, steps, spacing, clip, on_step, **settings)
        return np.concatenate(list(shards))

    def shards(
        self,
        count: int,
        seed: int,
        sampler: str,
        steps: int,
        spacing: str,
        clip: bool = False,
        on_step: Callable[[int, int], None] | None = None,
        **settings: Any,
    ) -> Iterator[np.ndarray]:
        """The pictures of `sample`, SHARD at a time, in memory that does not grow with their number."""
        rule = named(sampler, **settings)
        grid = time_grid(self.process.schedule, steps, spacing)  # pyright: ignore[reportArgumentType]
        denoiser: Denoiser = Clipped(self.denoiser) if clip else self.denoiser
        device = next(self.denoiser.module.parameters()).device
        total = -(-count // SHARD) * (len(grid) - 1)
        for number, first in enumerate(range(0, count, SHARD)):
            rows = min(SHARD, count - first)
            like = torch.empty(rows, *self.codec.shape, device=device)
            x = draw(like, Shard(generator(seed, "start", number), SHARD))
            noise = Shard(generator(seed, "steps", number), SHARD)
            before = number * (len(grid) - 1)
            told = None if on_step is None else lambda done, _, before=before: on_step(before + done, total)
            yield self.codec.decode(sample(denoiser, rule, grid, x, noise, on_step=told))

    def save(self, path: str | Path) -> Path:
        """Writes the model as a folder that `load` reads; the folder may exist already."""
        path = Path(path)
        weights = {name: value.detach().cpu().contiguous() for name, value in self.denoiser.module.state_dict().items()}
        describe(path, self.config, self.codec)
        write_atomically(path / WEIGHTS, save(weights))
        seal(path, (configs.NAME, CODEC, WEIGHTS))
        return path


def describe(run: Path, config: RunConfig, codec: ImageCodec) -> None:
    """Writes what is known of a model before it is trained: config.yaml and codec.json."""
    write_atomically(run / configs.NAME, config.yaml())
    write_atomically(run / CODEC, json.dumps({"kind": "images", **codec.config}, indent=1) + "\n")


def load(path: str | Path, device: str = "auto") -> Model:
    """The model of a run folder. A run that is still training, or was stopped, gives its newest whole checkpoint.

    Raises UsageError if `path` is no run folder or has nothing trained yet, and DamagedError, naming the file, if what is
    there is not what was written.
    """
    run = Path(path)
    settings = configs.read(run)
    if (run / MANIFEST).exists() or (run / WEIGHTS).exists():
        verify(run)
        file = run / WEIGHTS
    else:
        newest = checkpoint.latest(run / "checkpoints", lambda _: None)
        if newest is None:
            raise UsageError(f"{run} holds no trained weights yet: train it, or go on with --resume.")
        file = newest / checkpoint.AVERAGE
    try:
        about = json.loads((run / CODEC).read_text())
        if about.pop("kind") != "images":
            raise KeyError
        codec = ImageCodec.from_config(about)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DamagedError(f"{run / CODEC} cannot be understood: it is not what was written.") from error
    network = untrained(settings, codec)
    try:
        weights = load_file(file)
    except SafetensorError as error:
        raise DamagedError(f"{file} is not a safetensors file; weights of other kinds are never loaded.") from error
    _fit_in(network, weights, file)
    module = network.module.to(choose_device(device)).eval()
    return Model(settings, codec, with_precision(network, settings, next(module.parameters()).device))


def untrained(settings: RunConfig, codec: ImageCodec) -> Network:
    """The untrained network of a config; its first weights are a function of the seed."""
    channels = codec.channels
    with torch.random.fork_rng([]):
        torch.manual_seed(settings.seed)
        module = UNet(channels, channels * (2 if settings.training.learned_variance else 1), settings.network)
    process = GaussianProcess(NoiseSchedule.from_config(settings.schedule))
    return Network(process, module, settings.training.predict, settings.training.learned_variance)


def with_precision(network: Network, settings: RunConfig, device: torch.device) -> Network:
    return replace(network, autocast=autocast_dtype(settings.training.precision, device))


def _fit_in(network: Network, weights: dict[str, Tensor], file: Path) -> None:
    """Loads the weights if every name, shape and type is the network's. Raises DamagedError with the first that is not."""
    own = network.module.state_dict()
    for name in sorted({*own, *weights}):
        if name not in weights or name not in own:
            raise DamagedError(
                f"{file} does not fit {configs.NAME}: {name} is {'missing' if name in own else 'not expected'}."
            )
        if weights[name].shape != own[name].shape or weights[name].dtype != own[name].dtype:
            raise DamagedError(
                f"{file} does not fit {configs.NAME}: {name} is {weights[name].dtype} {list(weights[name].shape)}, "
                f"but the network has {own[name].dtype} {list(own[name].shape)}."
            )
    network.module.load_state_dict(weights)
