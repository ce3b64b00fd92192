"""Pictures as the tensors that diffusion works on, and back.

    x = u / (m / 2) - 1           u in 0..m, x in [-1, 1], m = 2^bits - 1: 255, or 65535
    u = round(m / 2 (x + 1)), clipped to 0..m

Decoding is the exact inverse of encoding.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from reverie.errors import DataError, UsageError
from reverie.images.layouts import MOST_CHANNELS
from reverie.images.levels import DTYPES, check_bits

if TYPE_CHECKING:
    from reverie.images.conditions import Attribute

__all__ = ["ImageCodec"]


@dataclass(frozen=True)
class ImageCodec:
    """uint8 [N, H, W, C] <-> float32 [N, C, H, W] in [-1, 1], for pictures of one size; uint16 of those of 16 bits.

    Channels: 1 (grey), 3 (RGB), 4 (RGB and alpha), or another number up to 64. `classes` are the names of the classes that a
    model of the pictures received, in the order of their indices; `attributes` what it was told of them by a table instead.
    """

    height: int
    width: int
    channels: int
    classes: tuple[str, ...] = ()
    bits: int = 8
    attributes: tuple[Attribute, ...] = ()

    def __post_init__(self) -> None:
        for key, value in (("height", self.height), ("width", self.width), ("channels", self.channels)):
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise UsageError(f"the {key} of pictures must be a whole number above 0, not {value!r}.")
        if self.channels > MOST_CHANNELS:
            raise UsageError(f"pictures have at most {MOST_CHANNELS} channels, not {self.channels!r}.")
        check_bits(self.bits)
        named = all(isinstance(name, str) for name in self.classes)
        if not named or len(set(self.classes)) < len(self.classes):
            raise UsageError(f"the classes of pictures must be different names, not {self.classes!r}.")
        names = [each.name for each in self.attributes]
        if len(set(names)) < len(names) or (names and self.classes):
            raise UsageError("the attributes of pictures have different names, and classes beside them are one of them.")

    @property
    def shape(self) -> tuple[int, int, int]:
        """(C, H, W), the shape of one encoded picture."""
        return (self.channels, self.height, self.width)

    @property
    def attribute_sizes(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """How many levels each attribute has that has levels, and how many numbers each other."""
        if not self.attributes:
            return (), ()
        from reverie.images.conditions import sizes

        return sizes(self.attributes)

    @property
    def reading(self) -> dict[str, Any]:
        """How a picture is read that is to be brought to these: in their bits, and with its alpha, or in their number of
        channels, where they are neither grey nor plain colour; see `read_picture`."""
        return {"channels": None if self.channels in (1, 3) else self.channels, "bits": self.bits}

    @property
    def config(self) -> dict[str, Any]:
        """All that `from_config` needs; no classes or attributes where there are none, nor bits where there are 8."""
        size = {"height": self.height, "width": self.width, "channels": self.channels}
        classes = {"classes": list(self.classes)} if self.classes else {}
        told = {"attributes": [each.config for each in self.attributes]} if self.attributes else {}
        return {**size, **classes, **({"bits": self.bits} if self.bits != 8 else {}), **told}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> ImageCodec:
        """The inverse of `config`. Raises UsageError for a missing or an unknown key."""
        keys = {"height", "width", "channels"}
        if wrong := keys.symmetric_difference(set(config) - {"classes", "bits", "attributes"}):
            wrong = ", ".join(sorted(wrong))
            raise UsageError(f"an image codec has the keys height, width and channels; missing or unknown: {wrong}.")
        attributes: tuple[Attribute, ...] = ()
        if config.get("attributes"):
            from reverie.images.conditions import Attribute

            attributes = tuple(map(Attribute.model_validate, config["attributes"]))
        return cls(**{**config, "classes": tuple(config.get("classes", ())), "attributes": attributes})

    @property
    def step(self) -> float:
        """How far neighbouring levels of a channel are apart in x."""
        return 2 / _most(self.bits)

    def encode(self, pixels: np.ndarray) -> Tensor:
        """uint8 (of 16 bits uint16) [N, H, W, C] -> float32 [N, C, H, W]."""
        pixels = np.asarray(pixels)
        wanted = (self.height, self.width, self.channels)
        if pixels.dtype != DTYPES[self.bits] or pixels.ndim != 4 or pixels.shape[1:] != wanted:
            raise DataError(
                f"this codec encodes uint{self.bits} pictures of shape [N, {self.height}, {self.width}, {self.channels}], "
                f"but got {pixels.dtype} of shape {list(pixels.shape)}: read them with the size and channels it has."
            )
        chw = np.ascontiguousarray(pixels.transpose(0, 3, 1, 2)).astype(np.float32)  # astype copies: the input is not shared
        return torch.from_numpy(chw).div_(_most(self.bits) / 2).sub_(1)

    def decode(self, x: Tensor) -> np.ndarray:
        """[N, C, H, W] of any floating type and device -> uint8 (of 16 bits uint16) [N, H, W, C]; clipped to [-1, 1]."""
        if x.ndim != 4 or tuple(x.shape[1:]) != self.shape or not x.is_floating_point():
            raise DataError(
                f"this codec decodes floating point tensors of shape [N, {self.channels}, {self.height}, {self.width}], "
                f"but got {x.dtype} of shape {list(x.shape)}."
            )
        x = x.detach().to("cpu", torch.float64 if x.dtype == torch.float64 else torch.float32)
        bad = x.isnan().flatten(1).any(1)
        if bad.any():
            raise DataError(f"picture {int(bad.nonzero()[0])} holds values that are not numbers (NaN): nothing to decode.")
        most = _most(self.bits)
        levels = x.add(1).mul_(most / 2).clamp_(0, most).round_().permute(0, 2, 3, 1).contiguous()
        return levels.to(torch.uint8).numpy() if self.bits == 8 else levels.numpy().astype(np.uint16)


def _most(bits: int) -> int:
    return 2**bits - 1
