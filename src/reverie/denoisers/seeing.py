"""How tokens of events see each other, and what tells them when they were."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from reverie.denoisers.event_mask import Looks
from reverie.denoisers.packing import Packing

__all__ = ["Seeing", "moments"]

HOURS = (0.25, 1e6)
"""The shortest and the longest of the waves by which a token is told when it was."""


class Seeing(nn.Module):
    """Each token looks at those of its unit, at the ones before and after it of its kind, and at the row it hangs on."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width, bias=False)
        self.near = nn.Linear(3 * width, width, bias=False)
        self.out = nn.Linear(width, width)

    def forward(self, x: Tensor, packing: Packing, looks: Looks) -> Tensor:
        """[Q, width] of those that look, of all tokens [P, width]."""
        dtype, x = x.dtype, x.to(self.near.weight.dtype)
        mine = x if looks.only is None else x.index_select(0, looks.only)
        near = torch.cat([x, x.new_zeros(1, x.shape[1])]).index_select(0, looks.near).view(-1, 3 * x.shape[1])
        seen = self._attended(mine, x, looks, dtype)
        return self.out(seen.to(x.dtype)).to(dtype) + self.near(near).to(dtype)

    def _attended(self, mine: Tensor, x: Tensor, looks: Looks, dtype: torch.dtype) -> Tensor:
        width = x.shape[1]
        queries = F.linear(mine, self.qkv.weight[:width]).to(dtype)
        both = F.linear(x, self.qkv.weight[width:]).to(dtype)
        parts = [queries[:0]]
        for asking, keys, mask in looks.buckets:
            (b, m), n = asking.shape, keys.shape[1]
            q = queries.index_select(0, asking.flatten()).view(b, m, self.heads, -1).transpose(1, 2)
            k, v = both.index_select(0, keys.flatten()).view(b, n, 2, self.heads, -1).permute(2, 0, 3, 1, 4).unbind(0)
            y = F.scaled_dot_product_attention(q, k, v, mask)
            parts.append(y.transpose(1, 2).reshape(b * m, width))
        return torch.cat(parts).index_select(0, looks.back)


def moments(hours: Tensor) -> Tensor:
    """[P] -> [P, 49]: waves of 24 lengths, and whether the time is known; 0 where it is not."""
    known = ~hours.isnan()
    length = torch.exp(torch.linspace(math.log(HOURS[0]), math.log(HOURS[1]), 24, device=hours.device))
    angle = 2 * math.pi * (hours.nan_to_num(0.0).double()[:, None] / length).frac().float()
    told = torch.cat([angle.sin(), angle.cos(), torch.ones_like(angle[:, :1])], -1)
    return told * known[:, None]
