"""Convolutions over time of [L, B, C], with a choice of how they are computed.

same    y_l = b + sum_k x_{l+k-1} W_k,    k = 0, 1, 2     [L, B, C] -> [L, B, C']
half    y_l = b + sum_k x_{2l+k-1} W_k,   k = 0, 1, 2, 3            -> [ceil(L / 2), B, C']
double  the transpose of half                                       -> [2 L, B, C']

On a CPU in full precision with fewer products (winograd.py); where products are cast to bf16 or fp16, or on another device,
by the library's own convolutions, which are faster there.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from reverie.denoisers.winograd import convolve, halve, unhalve

__all__ = ["Length", "Taps", "plain"]

Length = Literal["same", "half", "double"]


class Taps(nn.Module):
    """A convolution from `channels` to `out_channels`; weight [taps, C, C'], or [taps, C', C] for "double"."""

    def __init__(self, length: Length, channels: int, out_channels: int) -> None:
        super().__init__()
        self.length: Length = length
        self.tiled = {"same": convolve, "half": halve, "double": unhalve}[length]
        taps = 3 if length == "same" else 4
        shape = (taps, out_channels, channels) if length == "double" else (taps, channels, out_channels)
        bound = (taps * channels) ** -0.5
        self.weight = nn.Parameter(torch.empty(shape).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(out_channels).uniform_(-bound, bound))

    def forward(self, x: Tensor) -> Tensor:
        if x.device.type == "cpu" and not torch.is_autocast_enabled("cpu"):
            return self.tiled(x, self.weight) + self.bias
        return plain(self.length, x, self.weight).to(x.dtype) + self.bias


def plain(length: Length, x: Tensor, weight: Tensor) -> Tensor:
    """The same by the library's convolutions, without the bias."""
    series, kernel = x.permute(1, 2, 0), weight.permute(2, 1, 0)
    match length:
        case "same":
            y = F.conv1d(series, kernel, padding=1)
        case "half":
            y = F.conv1d(F.pad(series, (1, 1 + len(x) % 2)), kernel, stride=2)
        case "double":
            y = F.conv_transpose1d(series, kernel, stride=2, padding=1)
    return y.permute(2, 0, 1)
