"""A U-Net over pictures of any size: what the process asks of a network, and no more.

e(t) -> FiLM        each block is scaled and shifted by an embedding of t       (Perez et al. 2018)
down, middle, up    residual blocks, halved in size by strided convolutions     (Ronneberger et al. 2015)
skips               concatenated; the way up is resized to its skip, so odd sizes need no padding
attention           over positions at the coarsest level, where it is cheap     (Ho et al. 2020, appendix B)
"""

from __future__ import annotations

import math
from typing import Literal, Self

import torch
from pydantic import BaseModel, ConfigDict, Field, model_validator
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

__all__ = ["UNet", "UNetConfig"]


class UNetConfig(BaseModel):
    """The size of a U-Net.

    Attributes:
        kind: "unet".
        width: channels at full resolution; a multiple of `groups`.
        multipliers: width of each level over `width`; each further level halves the size.
        blocks: residual blocks per level on the way down (one more on the way up).
        attention: self-attention at the coarsest level.
        groups: groups of the normalisation.
        dropout: share of activations dropped in training.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["unet"] = "unet"
    width: int = Field(32, ge=4, le=1024)
    multipliers: tuple[int, ...] = Field((1, 2), min_length=1, max_length=6)
    blocks: int = Field(1, ge=1, le=8)
    attention: bool = True
    groups: int = Field(8, ge=1, le=64)
    dropout: float = Field(0.0, ge=0, lt=1)

    @model_validator(mode="after")
    def _divisible(self) -> Self:
        if self.width % self.groups:
            raise ValueError(f"width must be a multiple of groups, but {self.width} is not one of {self.groups}")
        if any(not 1 <= m <= 16 for m in self.multipliers):
            raise ValueError("each multiplier must be a whole number from 1 to 16")
        return self


class UNet(nn.Module):
    """[B, channels, H, W] and t [B] -> [B, out_channels, H, W]; H and W are free.

    `checkpointing` trades time for memory: activations inside a block are computed again in the backward pass.
    """

    checkpointing: bool = False

    def __init__(self, channels: int, out_channels: int, config: UNetConfig) -> None:
        super().__init__()
        widths = [config.width * m for m in config.multipliers]
        embedding = 4 * config.width
        self.embed = nn.Sequential(
            Sinusoids(config.width),
            nn.Linear(config.width, embedding),
            nn.SiLU(),
            nn.Linear(embedding, embedding),
            nn.SiLU(),
        )
        self.enter = nn.Conv2d(channels, widths[0], 3, padding=1)
        self.down, self.up = nn.ModuleList(), nn.ModuleList()
        skips, now = [widths[0]], widths[0]
        for level, width in enumerate(widths):
            if level:
                self.down.append(nn.Conv2d(now, now, 3, stride=2, padding=1))
                skips.append(now)
            for _ in range(config.blocks):
                self.down.append(Block(now, width, embedding, config))
                now = width
                skips.append(now)
        self.middle = nn.ModuleList([Block(now, now, embedding, config), Block(now, now, embedding, config)])
        if config.attention:
            self.middle.insert(1, Attention(now, config.groups))
        for width in reversed(widths):
            for _ in range(config.blocks + 1):
                self.up.append(Block(now + skips.pop(), width, embedding, config))
                now = width
        last = _zeroed(nn.Conv2d(now, out_channels, 3, padding=1))
        self.leave = nn.Sequential(nn.GroupNorm(config.groups, now), nn.SiLU(), last)
        self.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]  (faster on CPUs and GPUs alike)

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        e = self.embed(t)
        x = self.enter(x.contiguous(memory_format=torch.channels_last))
        skips = [x]
        for part in self.down:
            x = self._run(part, x, e)
            skips.append(x)
        for part in self.middle:
            x = self._run(part, x, e)
        for part in self.up:
            skip = skips.pop()
            if x.shape[2:] != skip.shape[2:]:
                x = F.interpolate(x, size=skip.shape[2:], mode="nearest")
            x = self._run(part, torch.cat([x, skip], 1), e)
        return self.leave(x).contiguous()

    def _run(self, part: nn.Module, x: Tensor, e: Tensor) -> Tensor:
        if not isinstance(part, Block):
            return part(x)
        if self.checkpointing and torch.is_grad_enabled():
            return checkpoint(part, x, e, use_reentrant=False)
        return part(x, e)


class Sinusoids(nn.Module):
    """t [B] -> [B, width]: sines and cosines at wavelengths from 2 pi to 20,000 pi (Vaswani et al. 2017)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.frequencies = width // 2

    def forward(self, t: Tensor) -> Tensor:
        frequency = torch.exp(-math.log(1e4) * torch.arange(self.frequencies, device=t.device) / self.frequencies)
        angle = t.float()[:, None] * frequency
        return torch.cat([angle.sin(), angle.cos()], 1)


class Block(nn.Module):
    """Norm, SiLU, conv; norm scaled and shifted by e, SiLU, conv; added to the input."""

    def __init__(self, width_in: int, width: int, embedding: int, config: UNetConfig) -> None:
        super().__init__()
        self.first = nn.Sequential(
            nn.GroupNorm(config.groups, width_in), nn.SiLU(), nn.Conv2d(width_in, width, 3, padding=1)
        )
        self.film = nn.Linear(embedding, 2 * width)
        self.norm = nn.GroupNorm(config.groups, width)
        self.second = nn.Sequential(nn.SiLU(), nn.Dropout(config.dropout), _zeroed(nn.Conv2d(width, width, 3, padding=1)))
        self.match = nn.Identity() if width_in == width else nn.Conv2d(width_in, width, 1)

    def forward(self, x: Tensor, e: Tensor) -> Tensor:
        scale, shift = self.film(e)[:, :, None, None].chunk(2, 1)
        h = self.norm(self.first(x)) * (1 + scale) + shift
        return self.match(x) + self.second(h)


class Attention(nn.Module):
    """Self-attention over positions, one head for every 32 channels or so, added to the input."""

    def __init__(self, width: int, groups: int) -> None:
        super().__init__()
        self.heads = math.gcd(width, max(1, width // 32))
        self.norm = nn.GroupNorm(groups, width)
        self.qkv = nn.Conv2d(width, 3 * width, 1)
        self.out = _zeroed(nn.Conv2d(width, width, 1))

    def forward(self, x: Tensor) -> Tensor:
        b, c, *size = x.shape
        qkv = self.qkv(self.norm(x)).flatten(2).reshape(b, 3, self.heads, c // self.heads, -1).transpose(-1, -2)
        y = F.scaled_dot_product_attention(qkv[:, 0], qkv[:, 1], qkv[:, 2])
        return x + self.out(y.transpose(-1, -2).reshape(b, c, *size))


def _zeroed(conv: nn.Conv2d) -> nn.Conv2d:
    """A last layer that starts at zero, so that every block starts as the identity."""
    nn.init.zeros_(conv.weight)
    if conv.bias is not None:
        nn.init.zeros_(conv.bias)
    return conv
