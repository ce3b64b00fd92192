"""What was read from a folder of diffusers, so that it can be written back as it was."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from reverie.errors import DataError

__all__ = ["CONFIG", "INDEX", "OURS", "SCHEDULER", "WEIGHTS", "Layout", "fill", "read_json"]

INDEX, CONFIG, SCHEDULER = "model_index.json", "config.json", "scheduler_config.json"
WEIGHTS = "diffusion_pytorch_model.safetensors"
OURS = "reverie.json"
"""Beside the index, what their layout has no place for: the size of the pictures and the names of their classes."""

LONGEST = 4_000_000
"""Bytes of a JSON file that is read; those of models have some thousands."""

OLD_NAMES = {"query": "to_q", "key": "to_k", "value": "to_v", "proj_attn": "to_out.0"}
"""Of the layers of an attention, as they were called until 2023."""


@dataclass(frozen=True, eq=False)
class Layout:
    """A folder in the layout of diffusers.

    Attributes:
        folder: where it was.
        parts: the config of each part that is used, as it was: "unet", "scheduler" and maybe "vae" or "vqvae".
        index: model_index.json as it was; none of a U-Net's own folder.
        types: the type of each part's weights, where it is not float32.
        others: parts of the pipeline that are not used here.
    """

    folder: Path
    parts: Mapping[str, Mapping[str, Any]]
    index: Mapping[str, Any] | None = None
    types: Mapping[str, torch.dtype] = field(default_factory=dict)
    others: tuple[str, ...] = ()

    @property
    def autoencoder(self) -> str | None:
        """The name of the part that makes pictures of latents."""
        return next((name for name in ("vae", "vqvae") if name in self.parts), None)


def read_json(file: Path) -> dict[str, Any]:
    """A JSON object. Raises DataError for a file that is missing or none."""
    if not file.is_file():
        raise DataError(f"{file} is missing: a folder of diffusers needs it.")
    try:
        if file.stat().st_size > LONGEST:
            raise ValueError
        found = json.loads(file.read_bytes())
        if not isinstance(found, dict):
            raise TypeError
    except (ValueError, TypeError, RecursionError) as error:
        raise DataError(f"{file} is not a JSON object, as diffusers writes it.") from error
    return found


def fill(module: nn.Module, folder: Path) -> torch.dtype:
    """Gives a module made on the device "meta" its weights, as float32; the type that the file keeps them in.

    Raises DataError for pickles, which can run code when read, and for weights that are not the module's.
    """
    weights, file = _weights(folder)
    own = module.state_dict()
    weights = {_renamed(name, own): value for name, value in weights.items()}
    for name in sorted({*own, *weights}):
        if name not in weights or name not in own:
            which = "missing" if name in own else "not expected"
            raise DataError(f"{file} does not fit {CONFIG} beside it: {name} is {which}.")
        if weights[name].shape != own[name].shape:
            raise DataError(
                f"{file} does not fit {CONFIG} beside it: {name} is {list(weights[name].shape)}, but the model has "
                f"{list(own[name].shape)}."
            )
    kinds = {value.dtype for value in weights.values() if value.is_floating_point()}
    module.load_state_dict({n: v.float() if v.is_floating_point() else v for n, v in weights.items()}, assign=True)
    return kinds.pop() if len(kinds) == 1 else torch.float32


def _weights(folder: Path) -> tuple[dict[str, Tensor], Path]:
    """All tensors of a part, and the file to name in errors; of several variants the plain one, else the first."""
    shards = folder / f"{WEIGHTS}.index.json"
    variants = [folder / WEIGHTS, *sorted(folder.glob("diffusion_pytorch_model.*.safetensors"))]
    file = next((path for path in variants if path.is_file()), None)
    if not (folder / WEIGHTS).is_file() and shards.is_file():
        listed = read_json(shards).get("weight_map")
        names = sorted({str(name) for name in listed.values()}) if isinstance(listed, dict) else []
        if not names or any(Path(name).name != name for name in names):
            raise DataError(f"{shards} does not list files of its own folder.")
        return {key: value for name in names for key, value in _tensors(folder / name).items()}, shards
    if file is not None:
        return _tensors(file), file
    pickles = sorted(path for end in ("bin", "pt", "pth", "ckpt", "pkl") for path in folder.glob(f"*.{end}"))
    if pickles:
        raise DataError(
            f"{pickles[0]} is a pickle, which can run any code when it is read, so it is not: convert it where you trust "
            f"it, with diffusers' save_pretrained(..., safe_serialization=True), to {WEIGHTS}."
        )
    raise DataError(f"{folder} holds no weights: {WEIGHTS} is missing.")


def _tensors(file: Path) -> dict[str, Tensor]:
    if not file.is_file():
        raise DataError(f"{file} is missing, though the index beside it names it.")
    try:
        return load_file(file)
    except SafetensorError as error:
        raise DataError(f"{file} is not a safetensors file; weights of other kinds are never loaded.") from error


def _renamed(name: str, own: Mapping[str, Any]) -> str:
    """The name of a weight today."""
    *before, layer, kind = ["", "", *name.split(".")]
    today = ".".join([*before[2:], OLD_NAMES.get(layer, layer), kind])
    return today if name not in own and today in own else name
