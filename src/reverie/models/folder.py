"""A model from its folder: whole and as it was written, or a sentence that says what is not."""

from __future__ import annotations

import json
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from reverie import config as configs
from reverie.denoisers.network import Network
from reverie.errors import DamagedError, UsageError
from reverie.images import ImageCodec
from reverie.manifest import MANIFEST, verify
from reverie.models.model import CODEC, WEIGHTS, untrained, with_precision
from reverie.models.patients import PatientModel
from reverie.models.pictures import PictureModel
from reverie.records import RecordCodec
from reverie.training import checkpoint
from reverie.training.hardware import choose_device

__all__ = ["load"]


def load(path: str | Path, device: str = "auto") -> PictureModel | PatientModel:
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
        file = checkpoint.weights_to_use(newest)
    try:
        about = json.loads((run / CODEC).read_text())
        kind, codec = {"images": (PictureModel, ImageCodec), "records": (PatientModel, RecordCodec)}[about.pop("kind")]
        codec = codec.from_config(about)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise DamagedError(f"{run / CODEC} cannot be understood: it is not what was written.") from error
    network = untrained(settings, codec.channels)
    try:
        weights = load_file(file)
    except SafetensorError as error:
        raise DamagedError(f"{file} is not a safetensors file; weights of other kinds are never loaded.") from error
    _fit_in(network, weights, file)
    module = network.module.to(choose_device(device)).eval()
    return kind(settings, codec, with_precision(network, settings, next(module.parameters()).device))  # pyright: ignore


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
