"""A model from a folder of diffusers: whole, or a sentence that says what cannot be used."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from pydantic import ValidationError

from reverie import config as configs
from reverie.config import RunConfig, Source
from reverie.denoisers.diffusers_autoencoder import DiffusersAutoencoder, DiffusersAutoencoderConfig
from reverie.denoisers.diffusers_unet import DiffusersUNet, DiffusersUNetConfig, known
from reverie.denoisers.network import Network
from reverie.errors import DataError, UsageError
from reverie.images import ImageCodec
from reverie.models.diffusers.adapters import FILES, adapters_of, work_in
from reverie.models.diffusers.layout import CONFIG, INDEX, OURS, SCHEDULER, Layout, fill, read_json
from reverie.models.diffusers.meaning import Meaning
from reverie.models.diffusers.scheduler import meaning
from reverie.models.pictures import PictureModel
from reverie.process import GaussianProcess
from reverie.training.hardware import choose_device
from reverie.training.settings import TrainingSettings

__all__ = ["is_layout", "load"]

UNETS = ("UNet2DModel", "UNet2DConditionModel")
AUTOENCODERS = ("AutoencoderKL", "AutoencoderTiny", "VQModel")
PIPELINES = (
    "DDPMPipeline",
    "DDIMPipeline",
    "PNDMPipeline",
    "LDMPipeline",
    "StableDiffusionPipeline",
    "LatentConsistencyModelPipeline",
)
PLAIN = {"class_embed_type": None, "addition_embed_type": None, "encoder_hid_dim_type": None, "time_cond_proj_dim": None}
"""What the config of a U-Net may say of further conditions: nothing."""


def is_layout(folder: Path) -> bool:
    """Whether a folder is in the layout of diffusers rather than a run of ours."""
    ours = (folder / configs.NAME).is_file()
    return not ours and any((folder / name).is_file() for name in (INDEX, CONFIG, f"unet/{CONFIG}", *FILES))


def load(folder: Path, device: str = "auto") -> PictureModel:
    """The model of a folder in the layout of diffusers.

    Raises DataError, naming the file and the key, for what is not understood, and UsageError without the package.
    """
    whole = any((folder / name).is_file() for name in (INDEX, CONFIG, f"unet/{CONFIG}"))
    adapters = adapters_of(folder, whole)
    layout = _layout(folder)
    told, unet = meaning(layout.parts["scheduler"], str(folder / SCHEDULER)), layout.parts["unet"]
    about = read_json(folder / OURS) if (folder / OURS).is_file() else {}
    coder = layout.autoencoder
    latent, autoencoder, types = None, None, {}
    if coder is not None:
        latent = DiffusersAutoencoderConfig(model=layout.parts[coder]["_class_name"], given=_own(layout.parts[coder]))
        with torch.device("meta"):
            autoencoder = DiffusersAutoencoder(latent)
        types[coder] = fill(autoencoder.inner, _place(layout, coder))
    network, codec = _network(unet, told, autoencoder, about, _place(layout, "unet"))
    with torch.device("meta"):
        module = DiffusersUNet(0, 0, network)
    types["unet"] = fill(module.unet, _place(layout, "unet"))
    if adapters is not None:
        work_in(module.unet, adapters)
    training = _training(told, about, folder / OURS)
    settings = RunConfig(
        source=Source(name=str(folder)),
        schedule=dict(told.schedule.config),
        network=network,
        training=training,
        sampling=told.sampling,
        latent=latent,
    )
    where = choose_device(device)
    denoiser = Network(
        GaussianProcess(told.schedule),
        module.to(where).eval(),
        told.predict,
        told.learned_variance,
    )
    layout = Layout(layout.folder, layout.parts, layout.index, types, layout.others)
    return PictureModel(settings, codec, denoiser, autoencoder.to(where).eval() if autoencoder else None, layout)


def _training(told: Meaning, about: Mapping[str, Any], file: Path) -> TrainingSettings:
    """What the network was trained to predict, and the precision that it samples in: fp32, unless it was trained here."""
    precision = about.get("precision", "fp32")
    if precision not in ("fp32", "bf16", "fp16"):
        raise DataError(f"{file} has precision = {precision!r:.40}: it can be fp32, bf16 or fp16.")
    settings = {"predict": told.predict, "learned_variance": told.learned_variance, "precision": precision}
    return TrainingSettings.model_validate(settings)


def autoencoder_config(folder: Path) -> DiffusersAutoencoderConfig:
    """The config of an autoencoder in its own folder, or in that of a pipeline. Raises DataError for a folder without."""
    inside = next((folder / name for name in ("vae", "vqvae") if (folder / name / CONFIG).is_file()), folder)
    about = read_json(inside / CONFIG)
    _known_class(about, inside / CONFIG, "autoencoder", AUTOENCODERS)
    return DiffusersAutoencoderConfig(model=about["_class_name"], given=_own(about), folder=str(inside))


def _known_class(about: Mapping[str, Any], file: Path, what: str, classes: tuple[str, ...]) -> None:
    if about.get("_class_name") not in classes:
        raise DataError(
            f"{file} is of a {about.get('_class_name')!r:.80}, which is not known as {what}: known are {', '.join(classes)}."
        )


def _layout(folder: Path) -> Layout:
    """The configs of the parts, if they are of classes that are known."""
    if (folder / INDEX).is_file():
        index = read_json(folder / INDEX)
        if "unet" not in index and isinstance(index.get("transformer"), list):
            raise DataError(
                f"{folder / INDEX} is of a {index.get('_class_name')!r:.60}, whose network is a transformer "
                f"({index['transformer'][-1:]!r:.60}), and only U-Nets are read: {', '.join(UNETS)}."
            )
        _known_class(index, folder / INDEX, "a pipeline", PIPELINES)
        named = {name: part for name, part in index.items() if not name.startswith("_") and isinstance(part, list)}
        used = [name for name in ("unet", "scheduler", "vae", "vqvae") if name in named]
        others = tuple(name for name in named if name not in used and named[name] != [None, None])
        for name in used:
            if len(named[name]) != 2 or named[name][0] != "diffusers":
                raise DataError(
                    f"{folder / INDEX} takes {name} from {named[name]!r:.80}, not from diffusers: no code is run."
                )
        if odd := [name for name in others if not name.isidentifier()]:
            raise DataError(f"{folder / INDEX} has a part called {odd[0]!r:.80}, which is not a name.")
        files = {"unet": folder / "unet" / CONFIG, "scheduler": folder / "scheduler" / SCHEDULER}
        files |= {name: folder / name / CONFIG for name in used if name in ("vae", "vqvae")}
    else:
        index, others = None, ()
        unet = folder / CONFIG if (folder / CONFIG).is_file() else folder / "unet" / CONFIG
        beside = (folder / SCHEDULER, folder / "scheduler" / SCHEDULER, folder.parent / "scheduler" / SCHEDULER)
        files = {"unet": unet, "scheduler": next((path for path in beside if path.is_file()), beside[1])}
    parts = {name: read_json(file) for name, file in files.items()}
    for name in parts.keys() - {"scheduler"}:
        _known_class(parts[name], files[name], name, UNETS if name == "unet" else AUTOENCODERS)
    return Layout(folder, parts, index, others=others)


def _place(layout: Layout, part: str) -> Path:
    """The folder of a part."""
    inside = layout.folder / part
    return inside if (inside / CONFIG).is_file() else layout.folder


def _own(config: Mapping[str, Any]) -> dict[str, Any]:
    """A config without what diffusers keeps of its own housekeeping."""
    return {key: value for key, value in config.items() if not key.startswith("_")}


def _network(
    unet: Mapping[str, Any], told: Meaning, autoencoder: DiffusersAutoencoder | None, about: Mapping[str, Any], place: Path
) -> tuple[DiffusersUNetConfig, ImageCodec]:
    """The network's config and the codec of the pictures it ends in. Raises DataError, naming the key at fault."""
    file, full = place / CONFIG, {**known(unet["_class_name"]), **unet}
    conditional = unet["_class_name"] == "UNet2DConditionModel"
    plain = PLAIN | ({"num_class_embeds": None} if conditional else {"time_embedding_type": "positional"})
    for key, only in plain.items():
        if full.get(key) != only:
            raise DataError(f"{file} has {key} = {full[key]!r:.60}; only {only!r} is supported.")
    channels, out = full["in_channels"], full["out_channels"]
    of_pictures = autoencoder.inner.config.in_channels if autoencoder else channels
    if channels != (autoencoder.channels if autoencoder else channels) or out != channels * (1 + told.learned_variance):
        raise DataError(
            f"{file} takes {channels!r:.20} channels and gives {out!r:.20}; it would have to take those of "
            f"{'the latents' if autoencoder else 'a picture'} and give {'twice ' if told.learned_variance else ''}as many."
        )
    size = full["sample_size"]
    factor = autoencoder.factor if autoencoder else 1
    names = about.get("classes", [str(i) for i in range(full.get("num_class_embeds") or 0)])
    try:
        height, width = (size, size) if isinstance(size, int) else size
        codec = ImageCodec(factor * height, factor * width, of_pictures, tuple(names))
        size_of = {"model": unet["_class_name"], "classes": len(codec.classes), "given": _own(unet), **told.network}
        given = DiffusersUNetConfig.model_validate(size_of)
    except (TypeError, ValueError, UsageError, ValidationError) as error:
        why = str(error) if isinstance(error, UsageError) else "it must say how many pixels a picture has."
        raise DataError(f"{file} has sample_size = {size!r:.40} and in_channels = {channels!r:.20}: {why}") from error
    return given, codec
