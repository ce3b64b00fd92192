"""The parts of a U-Net over pictures: what is done at one size, and between two.

    t -> Sinusoids                      the noise level, as the network is told it
    x -> Block -> x, Attention -> x     at one size; both start as the identity
    x -> Halve,  x, skip -> Double      to the next coarser, and back

Which of them stand where is the business of the network (unet.py).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from reverie.denoisers.bf16 import GroupNorm, attention, norm
from reverie.denoisers.dropout import Dropout

__all__ = ["Attention", "Block", "Double", "Halve", "Sinusoids", "zeroed"]


class Sinusoids(nn.Module):
    """t [B] -> [B, width]: sines and cosines at wavelengths from 2 pi to 20,000 pi (Vaswani et al. 2017)."""

    frequency: Tensor

    def __init__(self, width: int) -> None:
        super().__init__()
        half = width // 2
        self.register_buffer("frequency", torch.exp(-math.log(1e4) * torch.arange(half) / half), persistent=False)

    def forward(self, t: Tensor) -> Tensor:
        angle = t[:, None] * self.frequency
        return torch.cat([angle.sin(), angle.cos()], 1)


class Block(nn.Module):
    """Norm, SiLU, conv; norm scaled and shifted by e, SiLU, conv; added to the input."""

    def __init__(self, width: int, embedding: int, groups: int, dropout: float) -> None:
        super().__init__()
        self.first = nn.Sequential(GroupNorm(groups, width), nn.SiLU(), nn.Conv2d(width, width, 3, padding=1))
        self.film = nn.Linear(embedding, 2 * width)
        self.norm = GroupNorm(groups, width)
        self.second = nn.Sequential(nn.SiLU(), Dropout(dropout), zeroed(nn.Conv2d(width, width, 3, padding=1)))

    def forward(self, x: Tensor, e: Tensor) -> Tensor:
        return self.rest(x, e, self.first(x))

    def rest(self, x: Tensor, e: Tensor, h: Tensor) -> Tensor:
        """The second half, which receives t and the condition."""
        scale, shift = self.film(e).chunk(2, 1)
        return x + self.second(norm(self.norm, h, (scale, shift)))


class Halve(nn.Conv2d):
    """[B, width_in, H, W] -> [B, width, ceil(H / 2), ceil(W / 2)]."""

    def __init__(self, width_in: int, width: int) -> None:
        super().__init__(width_in, width, 3, stride=2, padding=1)

    def forward(self, input: Tensor) -> Tensor:
        # Of a single column oneDNN's gradient in bf16 is of memory that nobody wrote: the zeros beside it are ours then.
        return super().forward(F.pad(input, (0, 1)) if input.shape[3] == 1 else input)


class Double(nn.Module):
    """[B, width_in, h, w] and a skip [B, width, H, W] -> [B, width, H, W]: the nearest of the coarse, added to the skip."""

    def __init__(self, width_in: int, width: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(width_in, width, 3, padding=1)

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        return skip + F.interpolate(self.conv(x), size=skip.shape[2:], mode="nearest")


class Attention(nn.Module):
    """Self-attention over positions, one head for every 32 channels or so, added to the input."""

    def __init__(self, width: int, groups: int) -> None:
        super().__init__()
        self.heads = math.gcd(width, max(1, width // 32))
        self.norm = GroupNorm(groups, width)
        self.qkv = nn.Conv2d(width, 3 * width, 1)
        self.out = zeroed(nn.Conv2d(width, width, 1))

    def forward(self, x: Tensor) -> Tensor:
        b, c, *size = x.shape
        qkv = self.qkv(self.norm(x)).flatten(2).reshape(b, 3, self.heads, c // self.heads, -1).transpose(-1, -2)
        y = attention(qkv[:, 0], qkv[:, 1], qkv[:, 2])
        return x + self.out(y.transpose(-1, -2).reshape(b, c, *size))


def zeroed(conv: nn.Conv2d) -> nn.Conv2d:
    """A last layer that starts at zero, so that every block starts as the identity."""
    nn.init.zeros_(conv.weight)
    if conv.bias is not None:
        nn.init.zeros_(conv.bias)
    return conv
