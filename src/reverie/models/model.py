"""A model: a codec, a process and a denoiser, trained on some data and kept as one folder.

data -> codec -> x_0 -> process, denoiser, sampler -> x_0 -> codec -> data

run/ config.yaml  codec.json  model.safetensors (averaged weights)  manifest.json  checkpoints/step-N/
     calibration.json (of patients)  metrics.jsonl  tensorboard/  samples/
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

import torch
from safetensors.torch import save
from torch import nn

from reverie import config as configs
from reverie.config import RunConfig
from reverie.denoisers.autoencoder import Autoencoder, LatentSettings
from reverie.denoisers.diffusers_autoencoder import DiffusersAutoencoder
from reverie.denoisers.diffusers_unet import DiffusersUNet, DiffusersUNetConfig
from reverie.denoisers.network import Network
from reverie.denoisers.unet import UNet, UNetConfig
from reverie.denoisers.unet1d import SeriesUNet, SeriesUNetConfig
from reverie.denoisers.visits import VisitNetwork, VisitNetworkConfig
from reverie.files import write_atomically
from reverie.images import ImageCodec
from reverie.manifest import seal
from reverie.modality import Modality
from reverie.process import GaussianProcess, NoiseSchedule
from reverie.process.randomness import sub_seed
from reverie.records import RecordCodec
from reverie.training.hardware import autocast_dtype

__all__ = [
    "AUTOENCODER",
    "CALIBRATION",
    "CODEC",
    "WEIGHTS",
    "Codec",
    "Model",
    "describe",
    "module_of",
    "untrained",
    "untrained_autoencoder",
    "write_weights",
]

CODEC, CALIBRATION = "codec.json", "calibration.json"
WEIGHTS, AUTOENCODER = "model.safetensors", "autoencoder.safetensors"

Codec = TypeVar("Codec", ImageCodec, RecordCodec)


@dataclass(frozen=True, eq=False)
class Model(Generic[Codec]):
    """A trained model. `denoiser` answers in encoded space, `codec` goes between that and the data's own.

    Attributes:
        denoiser: in the precision of the weights, whatever the network was trained in: for all that must be exact.
    """

    modality: ClassVar[Modality]
    config: RunConfig
    codec: Codec
    denoiser: Network

    @property
    def process(self) -> GaussianProcess:
        return self.denoiser.process

    @property
    def device(self) -> torch.device:
        return next(self.denoiser.module.parameters()).device

    @cached_property
    def sampling_denoiser(self) -> Network:
        """The denoiser in the precision it was trained in, whose rounding is far below the error of a sampler's steps."""
        return replace(self.denoiser, autocast=autocast_dtype(self.config.training.precision, self.device))

    def save(self, path: str | Path) -> Path:
        """Writes the model as a folder that `load` reads; the folder may exist already."""
        path = Path(path)
        describe(path, self.config, self.codec)
        for name, module in self.modules.items():
            write_weights(path / name, module)
        for name, about in self.learned.items():
            write_atomically(path / name, json.dumps(about, allow_nan=False) + "\n")
        seal(path, (configs.NAME, CODEC, *self.modules, *self.learned))
        return path

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


def describe(run: Path, config: RunConfig, codec: ImageCodec | RecordCodec) -> None:
    """Writes what is known of a model before it is trained: config.yaml and codec.json."""
    kind = "images" if isinstance(codec, ImageCodec) else "records"
    write_atomically(run / configs.NAME, config.yaml(run))
    write_atomically(run / CODEC, json.dumps({"kind": kind, **codec.config}, indent=1, allow_nan=False) + "\n")


def untrained(settings: RunConfig, channels: int) -> Network:
    """The untrained network of a config for codes of so many channels, or for the latents it asks for; its first weights are
    a function of the seed."""
    training, channels = settings.training, channels if settings.latent is None else settings.latent.channels
    with torch.random.fork_rng([]):
        torch.manual_seed(settings.seed)
        module = module_of(settings, channels, channels * (2 if training.learned_variance else 1))
    process = GaussianProcess(NoiseSchedule.from_config(settings.schedule))
    conditioned = settings.codec is not None
    classes = settings.network.classes if isinstance(settings.network, UNetConfig | DiffusersUNetConfig) else 0
    states = isinstance(module, DiffusersUNet) and module.told
    vector = isinstance(settings.network, UNetConfig) and settings.network.vector > 0
    told = {"conditioned": conditioned, "classes": classes, "states": states, "vector": vector}
    return Network(process, module, training.predict, training.learned_variance, **told)


def untrained_autoencoder(settings: RunConfig, colours: int) -> Autoencoder | DiffusersAutoencoder | None:
    """The autoencoder of a config for pictures of so many channels, its first weights a function of the seed; none of a
    config without latents."""
    if settings.latent is None:
        return None
    with torch.random.fork_rng([]):
        torch.manual_seed(sub_seed(settings.seed, "autoencoder"))
        if isinstance(settings.latent, LatentSettings):
            return Autoencoder(colours, settings.latent)
        return DiffusersAutoencoder(settings.latent)


def module_of(settings: RunConfig, channels: int, out_channels: int) -> nn.Module:
    """The module of a config alone; its weights are drawn from torch's own generator."""
    match settings.network:
        case UNetConfig():
            return UNet(channels, out_channels, settings.network)
        case DiffusersUNetConfig():
            return DiffusersUNet(channels, out_channels, settings.network)
        case VisitNetworkConfig():
            return VisitNetwork(channels, settings.network)
        case SeriesUNetConfig():
            return SeriesUNet(channels, out_channels, settings.network)
