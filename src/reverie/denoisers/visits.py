"""A network over one patient's record: a token of statics, then a token for each visit.

h   = W [u, observed, asked] + place(i) + place(N - i)     a token knows what it is given, what it is asked, where it stands
h  += W" [values given at the nearest visits around]       what is carried forward need not be looked for
h  += mix(film(norm(h), e(t)))                             visits see each other and the statics
h  += mlp(film(norm(h), e(t)))                             (Vaswani et al. 2017; film: Perez et al. 2018)
v   = W' norm(h)

Only tokens that exist are computed: they are packed into one long list for everything but the mixing itself, so padding
costs next to nothing and cannot be seen.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import fields
from functools import lru_cache, partial
from typing import Any, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from reverie.denoisers.condition_mask import ConditionMask, check_condition_mask
from reverie.denoisers.conditions import Condition
from reverie.denoisers.packing import Packing, of_tokens
from reverie.denoisers.tokens import Block, TokenNetwork, waves
from reverie.errors import UsageError

__all__ = ["VisitNetwork", "VisitNetworkConfig"]

NEAR = 8
"""Distances between visits up to this have a bias of their own; beyond, they share one for each doubling."""


class VisitNetworkConfig(TokenNetwork, frozen=True):
    """The size of a network over visits.

    Attributes:
        kind: "visits".
        mixing: how visits see each other: "attention", "recurrent" (a GRU both ways) or "convolution".
        dropout: share of activations dropped in training.
        around: whether each visit is told the nearest given values before and after it. Models made before there was this
            setting are not.
    """

    answers = "a network over visits answers in stages"
    recipes: ClassVar[Mapping[str, Any]] = {
        "records": {
            "codec": {},
            "network": {"around": True, "dropout": 0.35},
            "training": {"batch": 128, "steps": 600, "weight_decay": 0.1, "holdout": 0.2, "aside": 0.1},
        }
    }
    """What works best."""

    kind: Literal["visits"] = "visits"
    mixing: Literal["attention", "recurrent", "convolution"] = "attention"
    dropout: float = Field(0.25, ge=0, lt=1)
    around: bool = False

    def build(self, channels: int, out_channels: int) -> VisitNetwork:
        return VisitNetwork(channels, self)

    def tensors(self, condition: Condition | None, count: int) -> dict[str, Tensor]:
        if self.mixing == "recurrent":
            raise UsageError(
                "a network of visits with mixing=recurrent has no graph of tensors alone: train with mixing=attention."
            )
        assert isinstance(condition, ConditionMask)
        parts = {field.name: getattr(condition, field.name) for field in fields(condition)}
        return parts | ({"around": condition.around} if self.around else {})

    def condition(self, tensors: Mapping[str, Tensor]) -> ConditionMask:
        parts = dict(tensors)
        around = parts.pop("around", None)
        condition = ConditionMask(**parts)
        if around is not None:
            vars(condition)["around"] = around  # in the place of what it would work out itself
        return condition

    def activations(self, part: int, tokens: float, longest: int) -> float:
        kept = self.layers * (26 + 5 * self.expansion) * self.width * tokens
        attention = self.heads * (self.layers + 2) * part * longest**2
        return kept + (attention if self.mixing == "attention" else 0)

    @property
    def lighter(self) -> tuple[Mapping[str, Any], ...]:
        return ({"mixing": "convolution"},) if self.mixing == "attention" else ()


class VisitNetwork(nn.Module):
    """(x_t [B, N, C], t [B], condition) -> [B, N, C]; what is not asked for is answered with 0."""

    check = staticmethod(check_condition_mask)
    packed: bool = True
    """Whether only tokens that exist are computed."""

    def __init__(self, channels: int, config: VisitNetworkConfig) -> None:
        super().__init__()
        self.state_shape = (None, channels)
        width = config.width
        self.embed = nn.Sequential(nn.Linear(64, width), nn.SiLU(), nn.Linear(width, width), nn.SiLU())
        self.enter_static = nn.Linear(3 * channels, width)
        self.enter_visit = nn.Linear(3 * channels, width)
        self.around = nn.Linear(4 * channels, width, bias=False) if config.around else None
        self.place = nn.Linear(64, width)
        mix = partial(MIXING[config.mixing], config)
        self.blocks = nn.ModuleList(Block(width, config.expansion, config.dropout, mix) for _ in range(config.layers))
        self.film = nn.Linear(width, 2 * width)
        self.leave_static = nn.Linear(width, channels)
        self.leave_visit = nn.Linear(width, channels)
        for last in (self.leave_static, self.leave_visit, self.film):
            nn.init.zeros_(last.weight)
            nn.init.zeros_(last.bias)

    def as_graph(self) -> None:
        """Computes all places from now on, to the same answers: then no size depends on a value."""
        self.packed = False

    def forward(self, x_t: Tensor, t: Tensor, condition: ConditionMask) -> Tensor:
        B, N, _ = x_t.shape
        packing = (Packing.of if self.packed else Packing.padded)(condition.attention_mask)
        place = torch.arange(N, device=x_t.device).expand(B, N)
        left = condition.attention_mask.sum(1, keepdim=True) - 1 - place
        told = torch.cat(
            [condition.state(x_t), condition.observed_mask.to(x_t.dtype), condition.target_mask.to(x_t.dtype)], -1
        )
        told = packing.pack(told)
        stands = packing.pack(torch.cat([waves(place, 32, 1e3), waves(left, 32, 1e3)], -1)).to(x_t.dtype)
        h = packing.each(told, self.enter_static, self.enter_visit) + self.place(stands)
        if self.around is not None and N > 1:
            h = h + self.around(packing.pack(condition.around).to(h.dtype))
        # In sampling all patients are at one t: an expanded tensor, whose one row serves all tokens.
        one = B > 1 and t.stride(0) == 0
        e = self.embed(waves(t[:1] if one else t, 64, 1e4).to(x_t.dtype))
        owner = None if one else packing.owner
        for block in self.blocks:
            h = block(h, e, owner, packing, condition.attention_mask)
        scale, shift = of_tokens(self.film(e), owner).chunk(2, 1)
        h = torch.addcmul(shift, F.layer_norm(h, h.shape[1:]), 1 + scale)
        out = packing.each(h, self.leave_static, self.leave_visit)
        return torch.where(condition.target_mask, packing.pad(out), 0.0)


class Attention(nn.Module):
    """Attention over a patient's tokens, with a learned bias for how many visits apart two are (Raffel et al. 2020)."""

    def __init__(self, config: VisitNetworkConfig) -> None:
        super().__init__()
        self.heads = config.heads
        self.qkv = nn.Linear(config.width, 3 * config.width, bias=False)  # film shifts what comes in
        self.out = nn.Linear(config.width, config.width)
        self.bias = nn.Parameter(torch.zeros(config.heads, 2 * (NEAR + 12) + 4))

    def forward(self, h: Tensor, packing: Packing, present: Tensor) -> Tensor:
        B, N = packing.shape
        if N == 1:  # statics alone have nobody to look at
            return self.out(self.qkv(h)[:, 2 * h.shape[1] :])
        # Each of the three by itself: gradients of parts of a tensor are zero-fills of the whole.
        q, k, v = packing.pad(self.qkv(h)).view(B, N, 3, self.heads, -1).permute(2, 0, 3, 1, 4).flatten(1, 2).unbind(0)
        apart = remembered_distances if isinstance(N, int) else distances  # a size of a graph is no key
        bias = self.bias[:, apart(N, h.device)].to(h.dtype)[None]
        if not packing.full:
            bias = bias + torch.where(present, 0.0, -math.inf).to(h.dtype)[:, None, None, :]
        # Patients are small and many: two batched products beat the fused kernel on a processor.
        scores = torch.baddbmm(
            bias.expand(B, -1, N, N).reshape(-1, N, N),
            q,
            k.transpose(1, 2),
            alpha=q.shape[-1] ** -0.5,
        )
        y = torch.bmm(scores.softmax(-1), v).view(B, self.heads, N, -1)
        return self.out(packing.pack(y.transpose(1, 2).reshape(B, N, -1)))


class Recurrent(nn.Module):
    """A GRU over the tokens, forwards and backwards."""

    def __init__(self, config: VisitNetworkConfig) -> None:
        super().__init__()
        self.gru = nn.GRU(config.width, config.width // 2, batch_first=True, bidirectional=True)
        self.out = nn.Linear(config.width, config.width)

    def forward(self, h: Tensor, packing: Packing, present: Tensor) -> Tensor:
        lengths = present.sum(1).cpu()
        padded = nn.utils.rnn.pack_padded_sequence(packing.pad(h), lengths, batch_first=True, enforce_sorted=False)
        y, _ = nn.utils.rnn.pad_packed_sequence(self.gru(padded)[0], batch_first=True, total_length=packing.shape[1])
        return self.out(packing.pack(y))


class Convolution(nn.Module):
    """Each token and the two on either side of it, and the statics; what is absent counts as 0."""

    def __init__(self, config: VisitNetworkConfig) -> None:
        super().__init__()
        self.near = nn.Conv1d(config.width, config.width, 5, padding=2)
        self.static = nn.Linear(config.width, config.width)

    def forward(self, h: Tensor, packing: Packing, present: Tensor) -> Tensor:
        padded = packing.pad(h)
        y = self.near(padded.transpose(1, 2)).transpose(1, 2) + self.static(padded[:, :1])
        return packing.pack(y)


MIXING: dict[str, Callable[[VisitNetworkConfig], nn.Module]] = {
    "attention": Attention,
    "recurrent": Recurrent,
    "convolution": Convolution,
}


def distances(N: int, device: torch.device) -> Tensor:
    """Which bias serves the pair (i, j): [N, N]; one each way for each distance, three for pairs with the statics."""
    i = torch.arange(N, device=device)
    apart = i[None, :] - i[:, None]
    far = NEAR + (apart.abs().clamp(min=NEAR).float() / NEAR).log2().floor().long()
    near = torch.where(apart.abs() < NEAR, apart.abs(), far).clamp(max=NEAR + 11)
    kind = torch.where(apart < 0, near + NEAR + 12, near)
    static = 2 * (NEAR + 12)
    kind[0, :], kind[:, 0], kind[0, 0] = static, static + 1, static + 2
    return kind


remembered_distances = lru_cache(maxsize=256)(distances)
