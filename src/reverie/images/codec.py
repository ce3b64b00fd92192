"""Pictures as the tensors that diffusion works on, and back.

    x = u / 127.5 - 1      u in 0..255, x in [-1, 1]
    u = round(127.5 (x + 1)), clipped to 0..255

Decoding is the exact inverse of encoding.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from reverie.errors import DataError, UsageError

__all__ = ["ImageCodec"]


@dataclass(frozen=True)
class ImageCodec:
    """uint8 [N, H, W, C] <-> float32 [N, C, H, W] in [-1, 1], for pictures of one size. Channels: 1 (grey) or 3 (RGB).

    `classes` are the names of the classes that a model of the pictures received, in the order of their indices.
    """

    height: int
    width: int
    channels: int
    classes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for key, value in (("height", self.height), ("width", self.width), ("channels", self.channels)):
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise UsageError(f"the {key} of pictures must be a whole number above 0, not {value!r}.")
        if self.channels not in (1, 3):
            raise UsageError(f"channels must be 1 (grey) or 3 (colour), not {self.channels!r}.")
        named = all(isinstance(name, str) for name in self.classes)
        if not named or len(set(self.classes)) < len(self.classes):
            raise UsageError(f"the classes of pictures must be different names, not {self.classes!r}.")

    @property
    def shape(self) -> tuple[int, int, int]:
        """(C, H, W), the shape of one encoded picture."""
        return (self.channels, self.height, self.width)

    @property
    def config(self) -> dict[str, Any]:
        """All that `from_config` needs; no classes where there are none."""
        return {**asdict(self), "classes": list(self.classes)} if self.classes else self._size

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> ImageCodec:
        """The inverse of `config`. Raises UsageError for a missing or an unknown key."""
        keys = {"height", "width", "channels"}
        if wrong := keys.symmetric_difference(set(config) - {"classes"}):
            wrong = ", ".join(sorted(wrong))
            raise UsageError(f"an image codec has the keys height, width and channels; missing or unknown: {wrong}.")
        return cls(**{**config, "classes": tuple(config.get("classes", ()))})

    @property
    def _size(self) -> dict[str, int]:
        return {"height": self.height, "width": self.width, "channels": self.channels}

    def encode(self, pixels: np.ndarray) -> Tensor:
        """uint8 [N, H, W, C] -> float32 [N, C, H, W]."""
        pixels = np.asarray(pixels)
        wanted = (self.height, self.width, self.channels)
        if pixels.dtype != np.uint8 or pixels.ndim != 4 or pixels.shape[1:] != wanted:
            raise DataError(
                f"this codec encodes uint8 pictures of shape [N, {self.height}, {self.width}, {self.channels}], "
                f"but got {pixels.dtype} of shape {list(pixels.shape)}: read them with the size and channels it has."
            )
        chw = np.ascontiguousarray(pixels.transpose(0, 3, 1, 2)).astype(np.float32)  # astype copies: the input is not shared
        return torch.from_numpy(chw).div_(127.5).sub_(1)

    def decode(self, x: Tensor) -> np.ndarray:
        """[N, C, H, W] of any floating type and device -> uint8 [N, H, W, C]; values outside [-1, 1] are clipped."""
        if x.ndim != 4 or tuple(x.shape[1:]) != self.shape or not x.is_floating_point():
            raise DataError(
                f"this codec decodes floating point tensors of shape [N, {self.channels}, {self.height}, {self.width}], "
                f"but got {x.dtype} of shape {list(x.shape)}."
            )
        x = x.detach().to("cpu", torch.float64 if x.dtype == torch.float64 else torch.float32)
        bad = x.isnan().flatten(1).any(1)
        if bad.any():
            raise DataError(f"picture {int(bad.nonzero()[0])} holds values that are not numbers (NaN): nothing to decode.")
        return x.add(1).mul_(127.5).clamp_(0, 255).round_().to(torch.uint8).permute(0, 2, 3, 1).contiguous().numpy()
