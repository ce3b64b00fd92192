"""A model: a codec, a process and a denoiser, trained on some data and kept as one folder.

data -> codec -> x_0 -> process, denoiser, sampler -> x_0 -> codec -> data

run/ config.yaml  codec.json  model.safetensors (averaged weights)  manifest.json  checkpoints/step-N/
     codec.safetensors (of linked tables)  calibration.json (of patients)  metrics.jsonl  tensorboard/  samples/
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Generic, Literal, Self, TypeVar, get_args

import torch
from safetensors.torch import save
from torch import nn

from reverie import config as configs
from reverie.config import RunConfig
from reverie.denoisers import onnx
from reverie.denoisers.autoencoder import Autoencoder
from reverie.denoisers.diffusers_autoencoder import DiffusersAutoencoder
from reverie.denoisers.network import Network
from reverie.errors import unknown
from reverie.files import write_atomically
from reverie.images import ImageCodec
from reverie.manifest import seal
from reverie.modality import Modality
from reverie.models.codec_files import AnyCodec, write_codec
from reverie.process import GaussianProcess, path_from_config
from reverie.process.path import NoisePath
from reverie.process.randomness import sub_seed
from reverie.records import RecordCodec
from reverie.records.linked import LinkedCodec
from reverie.shards import Whole
from reverie.training.hardware import autocast_dtype

__all__ = [
    "AUTOENCODER",
    "CALIBRATION",
    "RUNTIMES",
    "WEIGHTS",
    "Codec",
    "Model",
    "describe",
    "untrained",
    "untrained_autoencoder",
    "write_weights",
]

CALIBRATION = "calibration.json"
WEIGHTS, AUTOENCODER = "model.safetensors", "autoencoder.safetensors"

Runtime = Literal["torch", "onnx"]
RUNTIMES: tuple[str, ...] = get_args(Runtime)

Codec = TypeVar("Codec", ImageCodec, RecordCodec, LinkedCodec)


@dataclass(frozen=True, eq=False)
class Model(Generic[Codec]):
    """A trained model. `denoiser` answers in encoded space, `codec` goes between that and the data's own.

    Attributes:
        denoiser: in the precision of the weights, whatever the network was trained in: for all that must be exact.
        path: the folder that it was loaded from, if it was.
        runtime: what answers where it is sampled, see `on`.
    """

    modality: ClassVar[Modality]
    config: RunConfig
    codec: Codec
    denoiser: Network
    path: Path | None = field(default=None, kw_only=True)
    runtime: Runtime = field(default="torch", kw_only=True)

    @property
    def process(self) -> GaussianProcess[NoisePath]:
        return self.denoiser.process

    @property
    def device(self) -> torch.device:
        return next(self.denoiser.module.parameters()).device

    @cached_property
    def sampling_denoiser(self) -> Network:
        """The denoiser in the precision it was trained in, whose rounding is far below the error of a sampler's steps; of
        another runtime in fp32."""
        if self.runtime == "onnx":
            return onnx.answered_by(self.graph, self.denoiser, self.config.network)
        return replace(self.denoiser, autocast=autocast_dtype(self.config.training.precision, self.device))

    @property
    def state_shape(self) -> tuple[int, ...]:
        """The shape of one state that is diffused: (C, H, W) of pictures or latents; (tokens, channels) of records, whose
        tokens may be more or fewer."""
        raise NotImplementedError

    def on(self, runtime: str) -> Self:
        """The same model with "torch" or "onnx", ONNX Runtime, answering for its network.

        What it makes is the same up to the rounding of fp32. Raises UsageError for another name, for a network that has no
        ONNX graph, and where the extra [onnx] is not installed.
        """
        if runtime not in RUNTIMES:
            raise unknown("runtime", runtime, RUNTIMES)
        other = replace(self, runtime=runtime)
        _ = other.sampling_denoiser  # here and now, for what cannot be is refused before anything is made
        return other

    @cached_property
    def graph(self) -> bytes:
        """The network as an ONNX model, see denoisers/onnx.py; raises as `on` does."""
        return onnx.graph_of(self.denoiser, self.config.network, self.state_shape)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of all that it makes anything of, wherever it is kept: settings, codec and weights."""
        told = self.config.model_dump(mode="json", exclude={"source", "holdout", "parent"})
        if told["distilled"] is None:  # what is not is no part of it
            del told["distilled"]
        sha = hashlib.sha256(json.dumps([told, self.codec.config, self.learned], sort_keys=True).encode())
        for name, module in self.modules.items():
            for key, value in module.state_dict().items():
                bytes_of = value.detach().cpu().contiguous().reshape(-1).view(torch.uint8)
                sha.update(f"{name} {key} {value.dtype} {list(value.shape)}".encode())
                sha.update(bytes_of.numpy().data)
        return sha.hexdigest()

    def save(self, path: str | Path) -> Path:
        """Writes the model as a folder that `load` reads; the folder may exist already."""
        path = Path(path)
        described = describe(path, self.config, self.codec)
        for name, module in self.modules.items():
            write_weights(path / name, module)
        for name, about in self.learned.items():
            write_atomically(path / name, json.dumps(about, allow_nan=False) + "\n")
        seal(path, (*described, *self.modules, *self.learned))
        return path

    def sample_to(self, folder: str | Path, count: int | None = None, seed: int = 0, **told: Any) -> Whole:
        """What `sample` makes as a dataset of Parquet files in a folder, in memory that does not grow with their number.

        A call that was killed is called again, and goes on; one that had ended checks what is there and makes nothing. The
        files are the same to the byte however they are made, on processors that multiply alike.

        Args:
            workers: processes that each compute on one thread; 0 for one for each core. More than one start Python anew, so
                a script calls this below `if __name__ == "__main__":`.
            share: of the files only those of the i-th of n tasks, "i/n"; whichever finds all there writes the manifest.
            shard_size: patients or pictures in a file, brought up to whole shards of generation.
            engine: of reverie.shards, instead of workers.
            force: start again.
            on_step: called with (patients or pictures done, in all).
            told: what `sample` takes too.

        Raises UsageError for a folder that holds something else, and for a model that was not loaded from a folder where
        several workers are asked for; DamagedError for a file that is not what was made; DataError for a full disk.
        """
        from reverie.models import bulk

        return bulk.sample_to(self, folder, count, seed, **told)  # pyright: ignore[reportArgumentType]

    @property
    def modules(self) -> dict[str, nn.Module]:
        """What it is made of, by the names of the files of their weights."""
        return {WEIGHTS: self.denoiser.module}

    @property
    def learned(self) -> dict[str, Any]:
        """What else was learned, by the names of JSON files."""
        return {}


def write_weights(file: Path, module: nn.Module) -> None:
    """The weights of a module as safetensors."""
    write_atomically(file, save({name: value.detach().cpu().contiguous() for name, value in module.state_dict().items()}))


def describe(run: Path, config: RunConfig, codec: AnyCodec) -> list[str]:
    """Writes what is known of a model before it is trained, config.yaml and its codec, and names the files."""
    write_atomically(run / configs.NAME, config.yaml(run))
    return [configs.NAME, *write_codec(run, codec)]


def untrained(settings: RunConfig, channels: Any) -> Network:
    """The untrained network of a config for codes of so many channels (of linked tables, of each kind of token), or for the
    latents it asks for; its first weights are a function of the seed."""
    training, channels = settings.training, channels if settings.latent is None else settings.latent.channels
    with torch.random.fork_rng([]):
        torch.manual_seed(settings.seed)
        module = settings.network.build(channels, channels * (2 if training.learned_variance else 1))
    process = GaussianProcess(path_from_config(settings.schedule))
    return Network(process, module, training.predict, training.learned_variance, scaled=settings.network.scaled)


def untrained_autoencoder(settings: RunConfig, colours: int) -> Autoencoder | DiffusersAutoencoder | None:
    """The autoencoder of a config for pictures of so many channels, its first weights a function of the seed; none of a
    config without latents."""
    if settings.latent is None:
        return None
    with torch.random.fork_rng([]):
        torch.manual_seed(sub_seed(settings.seed, "autoencoder"))
        return settings.latent.build(colours)
