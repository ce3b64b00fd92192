"""Low-rank adapters (LoRA): a weight that stays, and a change of it of few numbers that is learned.

    W x  ->  W x + alpha / r  B A x,     A [r, in] drawn, B [out, r] = 0 at first          (Hu et al. 2022, equation 3)

The layers and their file formats are those of the package peft, imported when first needed (the extra [lora]). A network
that has adapters keeps W beside them, so that a run of them is whole; `merged` is the network with W + alpha/r B A for W.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor, nn

from reverie.errors import DataError, UsageError

__all__ = ["CONFIG", "TARGETS", "WEIGHTS", "apply", "beneath", "files", "held", "inject", "merged", "peft"]

WEIGHTS, CONFIG = "adapter_model.safetensors", "adapter_config.json"
"""What peft calls the files of an adapter."""
TARGETS = ("to_q", "to_k", "to_v", "to_out.0")
"""The layers that are adapted where no others are named: those of attention."""
NAME, PREFIX = "default", "base_model.model."
"""What peft calls an adapter, and what it puts before the names of its weights in a file."""


def peft() -> Any:
    """The package, imported when first needed. Raises UsageError where it is not installed."""
    try:
        import peft
    except ImportError as error:
        raise UsageError("LoRA needs the package peft, which is not installed: pip install 'reverie[lora]'.") from error
    return peft


def inject(module: nn.Module, rank: int, alpha: float, targets: Sequence[str]) -> None:
    """Puts untrained adapters beside the layers whose names end so; nothing else of the module can be trained then.

    The first weights are drawn from torch's own generator. Raises UsageError for a module without such layers.
    """
    if not any(name == each or name.endswith(f".{each}") for name, _ in module.named_modules() for each in targets):
        raise UsageError(
            f"this U-Net has no layer called {' or '.join(targets)} for LoRA to adapt: name some that it has, e.g. "
            "`network.lora_targets=[conv1,conv2]`."
        )
    config = peft().LoraConfig(r=rank, lora_alpha=alpha, target_modules=list(targets), lora_dropout=0.0, bias="none")
    _inject(module, config)


def _inject(module: nn.Module, config: Any) -> None:
    peft().inject_adapter_in_model(config, module, adapter_name=NAME)


def held(module: nn.Module) -> bool:
    """Whether a module has adapters."""
    return any(hasattr(layer, "get_delta_weight") for layer in module.modules())


def beneath(module: nn.Module, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The weights of a network without adapters by their names in the same network with them, whose own are kept."""
    own = module.state_dict()
    moved = {}
    for name, value in weights.items():
        layer, _, kind = name.rpartition(".")
        inner = f"{layer}.base_layer.{kind}"
        moved[inner if name not in own and inner in own else name] = value
    return {name: value for name, value in own.items() if ".lora_" in name} | moved


def merged(module: nn.Module) -> dict[str, Tensor]:
    """The weights of the network that does the same without adapters, by their usual names."""
    layers = {name: layer for name, layer in module.named_modules() if hasattr(layer, "get_delta_weight")}
    found = {name.replace(".base_layer.", "."): v for name, v in module.state_dict().items() if ".lora_" not in name}
    for name, layer in layers.items():
        found[f"{name}.weight"] = found[f"{name}.weight"] + layer.get_delta_weight(NAME).detach()  # pyright: ignore
    return found


def files(module: nn.Module) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The adapters of a module as peft keeps them: the tensors of WEIGHTS, and the content of CONFIG."""
    config = module.peft_config[NAME].to_dict()  # pyright: ignore
    about = {key: sorted(value) if isinstance(value, set) else value for key, value in sorted(config.items())}
    weights = peft().get_peft_model_state_dict(module, adapter_name=NAME)
    return {f"{PREFIX}{name}": value for name, value in weights.items()}, about


def apply(module: nn.Module, weights: Mapping[str, Tensor], about: Mapping[str, Any], file: Any) -> None:
    """Changes the weights of a module by the adapters of a file, for good.

    Args:
        weights: {"LAYER.lora_A.weight": ..., "LAYER.lora_B.weight": ...}.
        about: {"r", "lora_alpha", ...} as CONFIG has it; what is missing follows from the shapes, alpha being the rank.

    Raises DataError, naming the file and the weight, for adapters of another model.
    """
    layers = dict(module.named_modules())
    ranks: dict[str, int] = {}
    for name, value in weights.items():
        layer, _, which = name.rpartition(".lora_")
        if which not in ("A.weight", "B.weight") or layer not in layers:
            raise DataError(f"{file} is of another model, or no plain LoRA: {name} is not expected.")
        other = f"{layer}.lora_{'B' if which[0] == 'A' else 'A'}.weight"
        if other not in weights:
            raise DataError(f"{file} is not whole: {other} is missing.")
        if which[0] == "A":
            ranks[layer] = len(value)
    told = {key: value for key, value in about.items() if key in ("r", "lora_alpha", "alpha_pattern", "use_rslora")}
    alphas = told.get("alpha_pattern") or {}
    for key, only in (("use_dora", False), ("bias", "none"), ("modules_to_save", None), ("peft_type", "LORA")):
        if about.get(key) not in (only, None):
            raise DataError(f"{file} is LoRA with {key} = {about[key]!r:.40}; only {only!r} is supported.")
    rank = next(iter(ranks.values()))
    alpha = {
        layer: next((a for each, a in alphas.items() if layer.endswith(each.lstrip("^"))), told.get("lora_alpha", r))
        for layer, r in ranks.items()
    }
    if not all(isinstance(each, int | float) and math.isfinite(each) for each in alpha.values()):
        raise DataError(f"{file} has alphas that are no numbers.")
    config = peft().LoraConfig(
        r=rank,
        lora_alpha=rank,
        target_modules=list(ranks),
        rank_pattern={f"^{layer}": r for layer, r in ranks.items()},
        alpha_pattern={f"^{layer}": alpha[layer] for layer in ranks},
        use_rslora=bool(told.get("use_rslora")),
    )
    _inject(module, config)
    own = peft().get_peft_model_state_dict(module, adapter_name=NAME)
    for name in sorted({*own, *weights}):
        shapes = [list(each[name].shape) if name in each else None for each in (weights, own)]
        if shapes[0] != shapes[1]:
            raise DataError(f"{file} is of another model: {name} is {shapes[0]}, but this one has {shapes[1]}.")
    peft().set_peft_model_state_dict(module, {name: value.float() for name, value in weights.items()}, NAME)
    changed = merged(module)
    for name, layer in list(module.named_modules()):
        if hasattr(layer, "get_delta_weight"):
            parent, _, last = name.rpartition(".")
            setattr(module.get_submodule(parent), last, layer.get_base_layer())  # pyright: ignore
    del module.peft_config
    module.load_state_dict(changed)
    module.requires_grad_(True)
