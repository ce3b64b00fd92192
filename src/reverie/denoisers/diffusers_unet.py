"""The U-Nets of diffusers as modules of our own: theirs counts steps from 0, ours from 1.

    f(x, t, labels) = unet(x, t - 1, labels),    in continuous time unet(x, rate t, labels)

With this kind of network a run trained here is exported exactly, and a folder in diffusers' layout is sampled, and trained
on, by ours. Needs the extra [diffusers], imported when a network is made.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Mapping
from typing import Any, ClassVar, Literal, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn

from reverie.denoisers import lora
from reverie.denoisers.bf16 import GroupNorm, QuickAttention
from reverie.denoisers.conditions import Condition, EncoderStates, Labels, unanswerable
from reverie.denoisers.declaration import PictureNetwork
from reverie.denoisers.dropout import Dropout
from reverie.errors import DataError, UsageError

__all__ = ["DiffusersUNet", "DiffusersUNetConfig", "built", "diffusers", "known"]

LARGEST, DEEPEST = 65_536, 64
"""The largest number, and the most layers or levels, of a model that is built."""


def diffusers() -> Any:
    """The package, imported when first needed. Raises UsageError where it is not installed."""
    try:
        import diffusers
    except ImportError as error:
        raise UsageError(
            "this model is of the layout of diffusers, which is not installed: pip install 'reverie[diffusers]'."
        ) from error
    return diffusers


def known(name: str) -> dict[str, Any]:
    """The settings that a class of diffusers is made of, with their defaults."""
    signature = inspect.signature(getattr(diffusers(), name).__init__)
    return {key: value.default for key, value in signature.parameters.items() if key != "self"}


def built(name: str, settings: Mapping[str, Any]) -> nn.Module:
    """A module of diffusers by its class and its config. Raises DataError for a config that makes none."""
    mine, defaults = {key: value for key, value in settings.items() if not key.startswith("_")}, known(name)
    for key, value in mine.items():
        many = isinstance(value, list | tuple)
        most = DEEPEST if "layers" in key or (key.startswith("num_") and key.endswith("_blocks")) else LARGEST
        largest = max((n for n in (value if many else [value]) if isinstance(n, int | float)), default=0)
        if largest > most or (many and len(value) > DEEPEST):
            raise DataError(f"the config of {name} has {key} = {value!r:.60}, which is too large to be true.")
    try:
        module = getattr(diffusers(), name)(**{key: value for key, value in mine.items() if key in defaults})
    except Exception as error:  # whatever a wrong value sets off in their constructors
        reason = " ".join(str(error).split())[:200]
        raise DataError(f"the config of {name} cannot be used: {type(error).__name__}: {reason}.") from error
    for key, value in mine.items():
        if value is not None and key not in module.config:
            raise DataError(
                f"the config of {name} has the key {key!r}, which diffusers {diffusers().__version__} does not know: it was "
                "written by another version."
            )
    return module


class DiffusersUNetConfig(PictureNetwork, frozen=True):
    """The size of a U-Net of diffusers.

    Attributes:
        kind: "diffusers-unet".
        model: its class, "UNet2DModel", or "UNet2DConditionModel", which is told encoder states in Python.
        width: channels at full resolution; a multiple of `groups`.
        multipliers: width of each level over `width`; each further level halves the size.
        blocks: residual blocks per level on the way down (one more on the way up).
        attention: self-attention at the coarsest level.
        groups: groups of the normalisation.
        dropout: share of activations dropped in training.
        classes: K of class conditioning; index K says "no class", where the network has an answer for it.
        given: of a loaded model the whole of its config.json, which then says all but the kind and the classes.
        first, rate: its U-Net is told rate (t - first) of the time t; that of EDM is told c_noise, as a Network says it.
        lora_rank, lora_alpha, lora_targets: rank of the low-rank adapters that alone are trained, 0 for none; alpha, the
            rank if left out; the layers that they adapt, see lora.py.
        negative: its U-Net says the negative of what is predicted, as EDM's of "v_prediction" does.
    """

    recipes: ClassVar[Mapping[str, Any]] = {"diffusers": {}}
    """The U-Net of diffusers, for runs that it can run."""

    kind: Literal["diffusers-unet"] = "diffusers-unet"
    model: Literal["UNet2DModel", "UNet2DConditionModel"] = "UNet2DModel"
    width: int = Field(32, ge=4, le=1024)
    multipliers: tuple[int, ...] = Field((1, 2), min_length=1, max_length=6)
    blocks: int = Field(1, ge=1, le=8)
    attention: bool = True
    groups: int = Field(8, ge=1, le=64)
    dropout: float = Field(0.0, ge=0, lt=1)
    given: dict[str, Any] = Field(default_factory=dict)
    first: float = 1.0
    rate: float = 1.0
    negative: bool = False
    lora_rank: int = Field(0, ge=0, le=1024)
    lora_alpha: float | None = Field(None, gt=0)
    lora_targets: tuple[str, ...] = Field(lora.TARGETS, min_length=1)

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if not self.given and self.width % self.groups:
            raise ValueError(f"width must be a multiple of groups, but {self.width} is not one of {self.groups}")
        if not self.given and self.model != "UNet2DModel":
            raise ValueError("only a UNet2DModel can be made anew")
        return self

    def build(self, channels: int, out_channels: int) -> DiffusersUNet:
        return DiffusersUNet(channels, out_channels, self)

    def settings(self, channels: int, out_channels: int) -> dict[str, Any]:
        """What their class is made of, by its own names."""
        if self.given:
            return dict(self.given)
        levels = len(self.multipliers)
        down = ["DownBlock2D"] * (levels - 1) + ["AttnDownBlock2D" if self.attention else "DownBlock2D"]
        return {
            "in_channels": channels,
            "out_channels": out_channels,
            "block_out_channels": [self.width * m for m in self.multipliers],
            "down_block_types": down,
            "up_block_types": [name.replace("Down", "Up") for name in reversed(down)],
            "layers_per_block": self.blocks,
            "add_attention": self.attention,
            "norm_num_groups": self.groups,
            "dropout": self.dropout,
            "num_class_embeds": self.classes + 1 if self.classes else None,
        }

    def numbers(self, batch: int, codec: Any) -> int:
        return batch * self.given.get("block_out_channels", (self.width,))[0] * codec.height * codec.width

    def tensors(self, condition: Condition | None, count: int) -> dict[str, Tensor]:
        if self.model != "UNet2DModel":
            raise UsageError(f"a {self.model} is told encoder states, and other runtimes are told classes alone.")
        return super().tensors(condition, count)

    @property
    def scaled(self) -> bool:
        """Not where it came from a folder: its U-Net is told as its scheduler tells it."""
        return not self.given

    @property
    def factor(self) -> int:
        """What height and width must be multiples of."""
        levels = self.given.get("down_block_types", range(4)) if self.given else self.multipliers
        return 2 ** (len(levels) - 1)


class DiffusersUNet(nn.Module):
    """[B, channels, H, W], t [B] in 1..T, and maybe Labels or EncoderStates -> [B, out_channels, H, W].

    H and W must be multiples of `config.factor`.
    """

    def __init__(self, channels: int, out_channels: int, config: DiffusersUNetConfig) -> None:
        super().__init__()
        self.classes, self.factor = config.classes, config.factor
        self.first, self.rate, self.negative = config.first, config.rate, config.negative
        self.unet: Any = built(config.model, config.settings(channels, out_channels))
        _with_ours(self.unet)
        self.state_shape = (int(self.unet.config.in_channels), None, None)
        self.adapted = config.lora_rank > 0
        if self.adapted:
            lora.inject(self.unet, config.lora_rank, config.lora_alpha or config.lora_rank, config.lora_targets)
        self.unclassed: bool = self.classes > 0 and (self.unet.config.num_class_embeds or 0) > self.classes
        self.of_states = config.model == "UNet2DConditionModel"

    @property
    def settings(self) -> Mapping[str, Any]:
        """The whole of its config, by their names."""
        return self.unet.config

    @property
    def stages(self) -> list[nn.Module]:
        """The parts whose answers say what it sees, from pixels to the coarsest and back."""
        return [*self.unet.down_blocks, self.unet.mid_block, *self.unet.up_blocks]

    @property
    def checkpointing(self) -> bool:
        return self.unet.is_gradient_checkpointing

    @checkpointing.setter
    def checkpointing(self, on: bool) -> None:
        (self.unet.enable_gradient_checkpointing if on else self.unet.disable_gradient_checkpointing)()

    def check(self, condition: Condition | None, count: int) -> None:
        """Raises UsageError for a condition that it was not trained with, and without one that it needs."""
        if self.of_states and not (
            isinstance(condition, EncoderStates) and condition.values.is_floating_point() and condition.values.ndim == 3
        ):
            raise UsageError(
                "this model answers what an encoder of text says, and none is run here: in Python, give what yours says, "
                "floating point [B, S, D], as `states`, or as EncoderStates."
            )
        labels = condition if isinstance(condition, Labels) and self.classes else None
        if labels is not None:
            labels.check(count, self.classes)
        elif condition is not None and not self.of_states:
            raise unanswerable("classes" if self.classes else None)
        lacking = labels is None or bool((labels.values == self.classes).any())
        if self.classes and not self.unclassed and lacking:
            raise UsageError(
                f"this model knows {self.classes} classes and has no answer without one: say which, with guidance 1."
            )

    def forward(self, x: Tensor, t: Tensor, condition: Condition | None = None) -> Tensor:
        if x.shape[2] % self.factor or x.shape[3] % self.factor:
            raise UsageError(
                f"this U-Net of diffusers takes heights and widths that are multiples of {self.factor}, "
                f"not {x.shape[2]} x {x.shape[3]}: bring the pictures to such a size, or use fewer network.multipliers."
            )
        told = t - 1 if self.first == 1 else t - self.first
        told = told if self.rate == 1 else told * self.rate
        conditions: dict[str, Tensor] = {}
        if isinstance(condition, EncoderStates):
            conditions["encoder_hidden_states"] = condition.values.to(x.dtype)
        elif self.classes:
            none = torch.full((len(x),), self.classes, device=x.device)
            conditions["class_labels"] = condition.values if isinstance(condition, Labels) else none
        if x.device.type == "cpu" and torch.is_autocast_enabled("cpu"):  # in fp32 it is not faster
            x = x.contiguous(memory_format=torch.channels_last)
        out = self.unet(x, told, **conditions).sample.contiguous()
        return -out if self.negative else out


def _with_ours(unet: nn.Module) -> None:
    """Puts layers of our own in the place of those that do the same, but draw otherwise or are slower in bf16."""
    from diffusers.models.attention_processor import AttnProcessor2_0

    class Processor(AttnProcessor2_0):
        @functools.wraps(AttnProcessor2_0.__call__)  # they ask its signature what it may be told
        def __call__(self, *args: Any, **kwargs: Any) -> Tensor:  # pyright: ignore[reportIncompatibleMethodOverride]
            with QuickAttention():
                return super().__call__(*args, **kwargs)

    for part in list(unet.modules()):
        if type(getattr(part, "processor", None)) is AttnProcessor2_0:
            setattr(part, "processor", Processor())  # noqa: B010  (a module that nobody declares to have one)
        for name, layer in part.named_children():
            if isinstance(layer, nn.Dropout):
                setattr(part, name, Dropout(layer.p).train(layer.training))
            elif type(layer) is nn.GroupNorm:
                ours = GroupNorm(layer.num_groups, layer.num_channels, layer.eps, layer.affine)
                ours.weight, ours.bias = layer.weight, layer.bias
                setattr(part, name, ours.train(layer.training))
