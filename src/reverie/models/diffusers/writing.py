"""A model as a folder that diffusers runs: a loaded one as it was, one trained here as DDIMPipeline or LDMPipeline.

Only networks that are diffusers' own can be written so. Our U-Net is another architecture, and a folder that brings code
along is nothing one should have to trust; train with --recipe diffusers for a run that goes both ways.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save
from torch import nn

from reverie.denoisers import lora
from reverie.denoisers.diffusers_autoencoder import DiffusersAutoencoder
from reverie.denoisers.diffusers_unet import DiffusersUNet, diffusers
from reverie.errors import UsageError
from reverie.files import write_atomically
from reverie.models.diffusers.layout import CONFIG, INDEX, OURS, SCHEDULER, WEIGHTS, Layout
from reverie.models.diffusers.scheduler import config_of
from reverie.models.pictures import PictureModel

__all__ = ["write"]

PIPELINES = {
    "DDIMScheduler": "DDIMPipeline",
    "DDPMScheduler": "DDPMPipeline",
    "LCMScheduler": "DDPMPipeline",
    "FlowMatchEulerDiscreteScheduler": "DDPMPipeline",
}
"""What runs a U-Net with a scheduler; EDM's states have no pipeline, and are written as the U-Net's own folder."""


def write(model: PictureModel, folder: Path) -> Path:
    """Writes the model to `folder` in the layout of diffusers, its weights as safetensors.

    Raises UsageError for a network or an autoencoder that is not diffusers' own, and for parts of a pipeline that are no
    longer where they were read.
    """
    module = model.denoiser.module
    if not isinstance(module, DiffusersUNet):
        raise UsageError(
            f"diffusers has no network like this run's ({model.config.network.kind}), so it cannot run it: train with "
            "`recipe=diffusers`, whose U-Net is diffusers' own."
        )
    if model.autoencoder is not None and not isinstance(model.autoencoder, DiffusersAutoencoder):
        raise UsageError(
            "diffusers has no autoencoder like this run's, so it cannot run it: train without `latent`, or with one of "
            "diffusers, `settings=latent.folder=FOLDER`."
        )
    layout = model.layout or _planned(model, module)
    for name in layout.others:
        if not (layout.folder / name).is_dir():
            raise UsageError(f"{layout.folder / name}, a part of the pipeline that was read, is no longer there to be kept.")
    for name in layout.others:
        if (layout.folder / name).resolve() != (folder / name).resolve():
            shutil.copytree(layout.folder / name, folder / name, dirs_exist_ok=True)
    bare = layout.index is None
    modules: dict[str, nn.Module] = {"unet": module.unet}
    if model.autoencoder is not None and layout.autoencoder:
        modules[layout.autoencoder] = model.autoencoder.inner
    for name, part in modules.items():
        place = folder if bare else folder / name
        _write_json(place / CONFIG, layout.parts[name])
        kind = layout.types.get(name, torch.float32)
        tensors = lora.merged(part) if lora.held(part) else part.state_dict()
        weights = {key: _as_kept(value, kind) for key, value in tensors.items()}
        write_atomically(place / WEIGHTS, save(weights, {"format": "pt"}))
    _write_json(folder / "scheduler" / SCHEDULER, layout.parts["scheduler"])
    if about := _own(model):
        _write_json(folder / OURS, about)
    if layout.index is not None:
        _write_json(folder / INDEX, layout.index)  # last: without it, what is there is no pipeline yet
    return folder


def _own(model: PictureModel) -> dict[str, Any]:
    """What the layout has no place for: the names of the classes, and the precision that pictures are sampled in."""
    names, precision = list(model.codec.classes), model.config.training.precision
    return ({"classes": names} if names else {}) | ({"precision": precision} if precision != "fp32" else {})


def _planned(model: PictureModel, module: DiffusersUNet) -> Layout:
    """The layout of a model that was trained here."""
    version, scheduler = diffusers().__version__, config_of(model.config)
    _, height, width = model.shape
    unet = {**dict(module.settings), "sample_size": height if height == width else [height, width]}
    parts = {"unet": {"_class_name": type(module.unet).__name__, "_diffusers_version": version, **_plain(unet)}}
    parts["scheduler"] = scheduler
    pipeline = PIPELINES.get(scheduler["_class_name"])
    if pipeline is None and model.autoencoder is None:
        return Layout(Path(), parts)
    index: dict[str, Any] = {"_class_name": pipeline, "_diffusers_version": version}
    if isinstance(model.autoencoder, DiffusersAutoencoder):
        inner = model.autoencoder.inner
        name = type(inner).__name__
        parts["vqvae"] = {"_class_name": name, "_diffusers_version": version, **_plain(dict(inner.config))}
        index |= {"_class_name": "LDMPipeline", "vqvae": ["diffusers", name]}
    index |= {"scheduler": ["diffusers", scheduler["_class_name"]], "unet": ["diffusers", type(module.unet).__name__]}
    return Layout(Path(), parts, index)


def _plain(config: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in config.items() if not key.startswith("_")}


def _as_kept(value: torch.Tensor, kind: torch.dtype) -> torch.Tensor:
    value = value.detach().cpu().contiguous()
    return value.to(kind) if value.is_floating_point() else value


def _write_json(file: Path, content: Any) -> None:
    write_atomically(file, json.dumps(content, indent=2) + "\n")
