"""What networks over tokens are made of: a block that mixes the tokens and transforms each, and waves that say a number."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Self, cast

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn
from torch.nn import functional as F

from reverie.denoisers.declaration import RecordNetwork
from reverie.denoisers.dropout import Dropout
from reverie.denoisers.packing import Packing, of_tokens

__all__ = ["Block", "TokenNetwork", "waves"]


class TokenNetwork(RecordNetwork, frozen=True):
    """The size of a network over tokens, which answers in stages.

    Attributes:
        width: numbers in a token; an even multiple of `heads`.
        layers: blocks, each a mixing of the tokens and a small network for each token.
        heads: heads of the attention.
        expansion: width of the small network over that of the token.
    """

    stages = True
    codec: ClassVar[Mapping[str, Any]] = {"stages": True, "statics": "token"}

    width: int = Field(96, ge=8, le=2048)
    layers: int = Field(3, ge=1, le=48)
    heads: int = Field(4, ge=1, le=64)
    expansion: int = Field(2, ge=1, le=8)

    @model_validator(mode="after")
    def _divisible(self) -> Self:
        if self.width % (2 * self.heads):
            raise ValueError(f"width must be an even multiple of heads, but {self.width} is not one of {self.heads}")
        return self


class Block(nn.Module):
    """Mix the tokens, then transform each; both scaled and shifted by e (Perez et al. 2018), both added to what was there.

    Args:
        mix: makes the module that mixes: [P, width] and what `forward` is given besides -> [P, width].
    """

    def __init__(self, width: int, expansion: int, dropout: float, mix: Callable[[], nn.Module]) -> None:
        super().__init__()
        self.film = nn.Linear(width, 4 * width)
        self.mix = mix()
        self.mlp = Tokenwise(
            nn.Linear(width, expansion * width, bias=False),
            SquaredReLU(),
            Dropout(dropout),
            nn.Linear(expansion * width, width),
        )
        self.drops = nn.ModuleList(Dropout(dropout) for _ in range(2))
        nn.init.zeros_(self.film.weight)
        nn.init.zeros_(self.film.bias)

    def forward(
        self, h: Tensor, e: Tensor, owner: Tensor | None, packing: Packing, *told: Any, only: Tensor | None = None
    ) -> Tensor:
        """[P, width], or of some tokens `only`, int64 [Q], those that `mix` mixes."""
        scale_1, shift_1, scale_2, shift_2 = of_tokens(self.film(e), owner).chunk(4, 1)
        mixed = self.mix(torch.addcmul(shift_1, F.layer_norm(h, h.shape[1:]), 1 + scale_1), packing, *told)
        if only is not None:
            h = h.index_select(0, only)
            if owner is not None:
                scale_2, shift_2 = scale_2.index_select(0, only), shift_2.index_select(0, only)
        h = h + self.drops[0](mixed, packing, only)
        made = self.mlp(torch.addcmul(shift_2, F.layer_norm(h, h.shape[1:]), 1 + scale_2), packing, only)
        return h + self.drops[1](made, packing, only)


class Tokenwise(nn.Sequential):
    """The small network of each token."""

    def forward(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, h: Tensor, packing: Packing, only: Tensor | None = None
    ) -> Tensor:
        widen, bend, drop, narrow = self
        dtype = cast(nn.Linear, widen).weight.dtype
        return narrow(drop(bend(widen(h.to(dtype))), packing, only)).to(h.dtype)


class SquaredReLU(nn.Module):
    """max(h, 0)^2 (So et al. 2021): as good as GELU here, and a tenth of its time on a processor."""

    def forward(self, h: Tensor) -> Tensor:
        return F.relu(h).square()


def waves(x: Tensor, width: int, longest: float) -> Tensor:
    """[...] -> [..., width]: sines and cosines at wavelengths from 2 pi to 2 pi `longest` (Vaswani et al. 2017)."""
    frequency = torch.exp(-math.log(longest) * torch.arange(width // 2, device=x.device) / (width // 2))
    angle = x[..., None].float() * frequency
    return torch.cat([angle.sin(), angle.cos()], -1)
