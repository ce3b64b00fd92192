"""LoRA that lies in a folder of diffusers: read, and worked into the U-Net beside it.

FOLDER/  or FOLDER/unet/     pytorch_lora_weights.safetensors                          as diffusers writes it
                             adapter_config.json  adapter_model.safetensors            as peft does

The weights become W + alpha/r B A; what is written back has them so, and no LoRA any more.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from reverie.denoisers import lora
from reverie.errors import DataError, UsageError
from reverie.models.diffusers.layout import read_json

__all__ = ["FILES", "adapters_of", "work_in"]

THEIRS = "pytorch_lora_weights.safetensors"
FILES = (THEIRS, lora.CONFIG)
"""Which say that a folder holds LoRA."""
ABOUT = "lora_adapter_metadata"
"""Where diffusers keeps the settings, in the header of the file."""


def adapters_of(folder: Path, whole: bool) -> Path | None:
    """The file of a folder that says it holds LoRA; none of one without.

    Args:
        whole: whether the model that it changes is there too.

    Raises UsageError where it is not, and where there are several, of which nobody has said how they go together.
    """
    files = [place / name for place in (folder, folder / "unet") for name in FILES if (place / name).is_file()]
    if not files:
        return None
    if not whole:
        raise UsageError(f"{files[0]} is LoRA, a change of another model, and that is not there: put it into its folder.")
    if len(files) > 1:
        raise UsageError(f"{files[0]} and {files[1]} are both LoRA of one model: leave one of them in its folder.")
    return files[0]


def work_in(module: nn.Module, file: Path) -> None:
    """Changes the weights of a U-Net by the LoRA of a file of FILES. Raises DataError for LoRA of another model or another
    kind, and UsageError without the package peft."""
    lora.peft()
    if file.name == lora.CONFIG:
        weights = file.with_name(lora.WEIGHTS)
        tensors, _ = _tensors(weights)
        lora.apply(module, {name.removeprefix(lora.PREFIX): v for name, v in tensors.items()}, read_json(file), weights)
        return
    tensors, header = _tensors(file)
    others = [name for name in tensors if name.startswith("text_encoder")]
    if others:
        raise DataError(f"{file} changes an encoder of text too ({others[0]}), and none is run here: leave that part out.")
    tensors = {name.removeprefix("unet."): value for name, value in tensors.items()}
    alphas = {name.removesuffix(".alpha"): float(value) for name, value in tensors.items() if name.endswith(".alpha")}
    tensors = {name: value for name, value in tensors.items() if not name.endswith(".alpha")}
    if not any(".lora_A." in name for name in tensors):
        from diffusers.utils.state_dict_utils import convert_unet_state_dict_to_peft

        tensors = convert_unet_state_dict_to_peft(tensors)
    lora.apply(module, tensors, {**_settings(header, file), **({"alpha_pattern": alphas} if alphas else {})}, file)


def _tensors(file: Path) -> tuple[dict[str, Tensor], Mapping[str, str]]:
    if not file.is_file():
        raise DataError(f"{file} is missing, though {lora.CONFIG} lies beside it.")
    try:
        with safe_open(file, "pt") as opened:
            tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
            header = opened.metadata() or {}
    except SafetensorError as error:
        raise DataError(f"{file} is not a safetensors file; weights of other kinds are never loaded.") from error
    if not tensors:
        raise DataError(f"{file} holds no weights.")
    return tensors, header


def _settings(header: Mapping[str, str], file: Path) -> dict[str, Any]:
    """The settings in the header of a file; none of an old one."""
    try:
        told = json.loads(header.get(ABOUT, "{}"))
        return {str(key).removeprefix("unet."): value for key, value in told.items()}
    except (ValueError, AttributeError, RecursionError) as error:
        raise DataError(f"{file} has settings in its header ({ABOUT}) that are no JSON object.") from error
