"""A network over a unit of linked tables: tokens of several kinds, each with an entry and an exit of its own.

h   = W_kind [u, observed, asked] + place + left + when       a token knows what it is, where it stands and when it was
h  += near(h of the token before and after, of the same kind)
h  += mix(film(norm(h), e(t)))                               tokens of a unit see each other (Vaswani et al. 2017)
h  += mlp(film(norm(h), e(t)))
v   = W'_kind norm(h)

Only tokens that exist are computed, in one long list. Units are mixed with others of like length, so that neither padding
nor a long one costs more than its own square.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn
from torch.nn import functional as F

from reverie.denoisers.conditions import Condition
from reverie.denoisers.declaration import RecordNetwork
from reverie.denoisers.event_mask import EventMask, Order, check_event_mask
from reverie.denoisers.packing import Packing, of_tokens
from reverie.denoisers.tokens import Block, waves

__all__ = ["EventNetwork", "EventNetworkConfig"]

HOURS = (0.25, 1e6)
"""The shortest and the longest of the waves by which a token is told when it was."""


class EventNetworkConfig(RecordNetwork, frozen=True):
    """The size of a network over events.

    Attributes:
        kind: "events".
        width: numbers in a token; an even multiple of `heads`.
        layers: blocks, each a mixing of the tokens and a small network for each token.
        heads: heads of the attention.
        expansion: width of the small network over that of the token.
        dropout: share of activations dropped in training.
    """

    of = "linked"
    stages = True
    usual: ClassVar[Mapping[str, Any]] = {"sampler": "angular", "steps": 3}
    codec: ClassVar[Mapping[str, Any]] = {"stages": True, "statics": "token"}
    answers = "a network over events answers in stages"
    recipes: ClassVar[Mapping[str, Any]] = {
        "linked": {
            "codec": {},
            "network": {},
            "training": {"batch": 128, "steps": 1500, "weight_decay": 0.1, "holdout": 0.2, "aside": 0.1},
        }
    }

    kind: Literal["events"] = "events"
    width: int = Field(128, ge=8, le=2048)
    layers: int = Field(3, ge=1, le=48)
    heads: int = Field(4, ge=1, le=64)
    expansion: int = Field(2, ge=1, le=8)
    dropout: float = Field(0.25, ge=0, lt=1)

    @model_validator(mode="after")
    def _divisible(self) -> Self:
        if self.width % (2 * self.heads):
            raise ValueError(f"width must be an even multiple of heads, but {self.width} is not one of {self.heads}")
        return self

    def build(self, channels: Sequence[int] | int, out_channels: Sequence[int] | int) -> EventNetwork:
        """`channels` are those of each kind of token, or of the only one."""
        return EventNetwork((channels,) if isinstance(channels, int) else channels, self)

    def example(self, batch: int, channels: int, length: int) -> tuple[tuple[int, ...], Condition | None]:
        shape = (batch, 1 + length, channels)
        asked, here = torch.ones(shape, dtype=torch.bool), torch.ones(shape[:2], dtype=torch.bool)
        place = torch.arange(1.0 + length).expand(shape[:2])
        kind, hours = torch.zeros(shape[:2], dtype=torch.long), torch.full(shape[:2], torch.nan)
        nothing = torch.zeros(shape)
        return shape, EventMask(nothing, torch.zeros_like(asked), asked, here, kind, place, length - place, hours)

    def activations(self, part: int, tokens: float, longest: int) -> float:
        return self.layers * (30 + 5 * self.expansion) * self.width * tokens


class EventNetwork(nn.Module):
    """(x_t [B, N, C], t [B], condition) -> [B, N, C]; what is not asked for is answered with 0."""

    check = staticmethod(check_event_mask)

    def __init__(self, channels: Sequence[int], config: EventNetworkConfig) -> None:
        super().__init__()
        width, sizes = config.width, [max(size, 1) for size in channels]  # a token of no channels is told nothing
        self.sizes = sizes
        self.embed = nn.Sequential(nn.Linear(64, width), nn.SiLU(), nn.Linear(width, width), nn.SiLU())
        self.enter = nn.ModuleList(nn.Linear(3 * size, width) for size in sizes)
        self.place = nn.Linear(64, width)
        self.when = nn.Linear(49, width)
        self.blocks = nn.ModuleList(
            Block(width, config.expansion, config.dropout, lambda: Seeing(config)) for _ in range(config.layers)
        )
        self.film = nn.Linear(width, 2 * width)
        self.leave = nn.ModuleList(nn.Linear(width, size) for size in sizes)
        for last in (*self.leave, self.film):
            nn.init.zeros_(last.weight)  # pyright: ignore[reportArgumentType]
            nn.init.zeros_(last.bias)  # pyright: ignore[reportArgumentType]

    def forward(self, x_t: Tensor, t: Tensor, condition: EventMask) -> Tensor:
        B, _, C = x_t.shape
        order, packing = condition.order, condition.order.packing
        state = packing.pack(condition.state(x_t))
        observed, asked = (packing.pack(m) for m in (condition.observed_mask, condition.target_mask))
        place, left, hours = (x.flatten()[packing.token] for x in (condition.place, condition.left, condition.hours))
        stands = torch.cat([waves(place, 32, 1e3), waves(left, 32, 1e3)], -1).to(x_t.dtype)
        h = self.place(stands) + self.when(moments(hours).to(x_t.dtype))
        for kind, at in order.kinds:
            size = self.sizes[kind]
            told = [m.index_select(0, at)[:, :size].to(x_t.dtype) for m in (state, observed, asked)]
            h = h.index_add(0, at, self.enter[kind](torch.cat(told, -1)).to(h.dtype))
        one = B > 1 and t.stride(0) == 0
        e = self.embed(waves(t[:1] if one else t, 64, 1e4).to(x_t.dtype))
        owner = None if one else packing.owner
        for block in self.blocks:
            h = block(h, e, owner, packing, order)
        scale, shift = of_tokens(self.film(e), owner).chunk(2, 1)
        h = torch.addcmul(shift, F.layer_norm(h, h.shape[1:]), 1 + scale)
        out = x_t.new_zeros(len(packing.token), C)
        for kind, at in order.kinds:
            made = self.leave[kind](h.index_select(0, at)).to(out.dtype)
            out = out.index_copy(0, at, F.pad(made, (0, C - made.shape[1])))
        return torch.where(condition.target_mask, packing.pad(out), 0.0)


class Seeing(nn.Module):
    """Each token looks at the tokens of its unit, and at the ones before and after it of its kind."""

    def __init__(self, config: EventNetworkConfig) -> None:
        super().__init__()
        self.heads = config.heads
        self.qkv = nn.Linear(config.width, 3 * config.width, bias=False)
        self.near = nn.Linear(2 * config.width, config.width, bias=False)
        self.out = nn.Linear(config.width, config.width)

    def forward(self, x: Tensor, packing: Packing, order: Order) -> Tensor:
        before, after = torch.roll(x, 1, 0) * order.before.to(x.dtype), torch.roll(x, -1, 0) * order.after.to(x.dtype)
        return self.out(self._attended(self.qkv(x), order)) + self.near(torch.cat([before, after], -1))

    def _attended(self, qkv: Tensor, order: Order) -> Tensor:
        width = qkv.shape[1] // 3
        out = qkv.new_zeros(qkv.shape[0], width)
        for at, there, full in order.buckets:
            b, n = at.shape
            q, k, v = qkv[at.flatten()].view(b, n, 3, self.heads, -1).permute(2, 0, 3, 1, 4).unbind(0)
            mask = None if full else there[:, None, None, :]
            y = F.scaled_dot_product_attention(q, k, v, mask).transpose(1, 2).reshape(b * n, width)
            flat = there.flatten()
            out = out.index_copy(0, at.flatten()[flat], y[flat])
        return out


def moments(hours: Tensor) -> Tensor:
    """[P] -> [P, 49]: waves of 24 lengths, and whether the time is known; 0 where it is not."""
    known = ~hours.isnan()
    length = torch.exp(torch.linspace(math.log(HOURS[0]), math.log(HOURS[1]), 24, device=hours.device))
    angle = 2 * math.pi * (hours.nan_to_num(0.0).double()[:, None] / length).frac().float()
    told = torch.cat([angle.sin(), angle.cos(), torch.ones_like(angle[:, :1])], -1)
    return told * known[:, None]
