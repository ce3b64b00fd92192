"""A model from its folder: whole and as it was written, or a sentence that says what is not."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn

from reverie import config as configs
from reverie.errors import DamagedError, UsageError
from reverie.images import ImageCodec
from reverie.manifest import MANIFEST, verify
from reverie.models import diffusers
from reverie.models.codec_files import CODEC, codec_of
from reverie.models.hospitals import LinkedModel
from reverie.models.model import AUTOENCODER, CALIBRATION, WEIGHTS, untrained, untrained_autoencoder
from reverie.models.patients import PatientModel
from reverie.models.pictures import PictureModel
from reverie.records import RecordCodec
from reverie.records.calibration import Calibration
from reverie.records.linked import LinkedCalibration, LinkedCodec
from reverie.training import checkpoint
from reverie.training.hardware import choose_device

__all__ = ["fit_in", "load"]


def load(path: str | Path, device: str = "auto") -> PictureModel | PatientModel | LinkedModel:
    """The model of a run folder, or of a folder in the layout of diffusers (see models.diffusers).

    A run that is still training, or was stopped, gives its newest whole checkpoint.

    Raises UsageError if `path` is no run folder or has nothing trained yet, and DamagedError, naming the file, if what is
    there is not what was written.
    """
    if not isinstance(path, str | Path):
        raise UsageError(f"a run is named by its folder, a text or a path, not {path!r:.40}.")
    run = Path(path)
    if diffusers.is_layout(run):
        return replace(diffusers.load(run, device), path=run)
    settings = configs.read(run)
    sealed: set[str] = set()
    if (run / MANIFEST).exists() or (run / WEIGHTS).exists():
        sealed = verify(run)
        file = run / WEIGHTS
    else:
        newest = checkpoint.latest(run / "checkpoints", lambda _: None)
        if newest is None:
            raise UsageError(f"{run} holds no trained weights yet: train it, or go on with `resume`.")
        file = checkpoint.weights_to_use(newest)
    codec = codec_of(run)
    network = untrained(settings, codec.channels)
    if isinstance(codec, ImageCodec) and len(codec.classes) != settings.network.class_count:
        raise DamagedError(
            f"{run / CODEC} names {len(codec.classes)} classes, but {configs.NAME} has a network for "
            f"{settings.network.class_count}."
        )
    if isinstance(codec, ImageCodec) and not settings.network.fits(codec.attribute_sizes):
        raise DamagedError(f"{run / CODEC} names other attributes than those that {configs.NAME} has a network for.")
    fit_in(network.module, file)
    where = choose_device(device)
    network.module.to(where).eval()
    if not isinstance(codec, ImageCodec):
        right = _calibration(run, codec) if CALIBRATION in sealed else None
        if isinstance(codec, LinkedCodec):
            return LinkedModel(settings, codec, network, right, path=run)
        return PatientModel(settings, codec, network, right, path=run)
    autoencoder = untrained_autoencoder(settings, codec.channels)
    if autoencoder is None:
        return PictureModel(settings, codec, network, path=run)
    fit_in(autoencoder, run / AUTOENCODER)
    return PictureModel(settings, codec, network, autoencoder.to(where).eval(), path=run)


def _calibration(run: Path, codec: RecordCodec | LinkedCodec) -> Any:
    try:
        about = json.loads((run / CALIBRATION).read_text())
        if isinstance(codec, LinkedCodec):
            return LinkedCalibration.from_config(about)
        return Calibration.from_config(codec, about)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DamagedError(f"{run / CALIBRATION} cannot be understood: it is not what was written.") from error


def fit_in(module: nn.Module, file: Path) -> None:
    """Loads the weights if every name, shape and type is the module's. Raises DamagedError with the first that is not."""
    try:
        weights = load_file(file)
    except (SafetensorError, FileNotFoundError) as error:
        raise DamagedError(f"{file} is not a safetensors file; weights of other kinds are never loaded.") from error
    own = module.state_dict()
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
    module.load_state_dict(weights)
