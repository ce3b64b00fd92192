"""What a network of events is told: as of records, and of each token what it is, where it stands and when it was."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Self

import torch
from torch import Tensor

from reverie.denoisers.condition_mask import ConditionMask
from reverie.denoisers.conditions import Condition
from reverie.denoisers.packing import Packing
from reverie.errors import UsageError

__all__ = ["EventMask", "Order", "check_event_mask"]


@dataclass(frozen=True, eq=False)
class Order:
    """Where the tokens that exist lie, by kind and by length of their units.

    Attributes:
        packing: in the list.
        kinds: (kind, its places in the list, channels of its kind).
        buckets: (places [b, n] in the list of units of at most n tokens, bool [b, n] which there are).
        before, after: float [P, 1], whether the token before and after in the list is of the same kind and unit.
        above: int64 [P], the place in the list of the token of the row that each hangs on.
        known: by network, what it knows of the question before anything is drawn.
    """

    packing: Packing
    kinds: list[tuple[int, Tensor]]
    buckets: list[tuple[Tensor, Tensor, bool]]
    before: Tensor
    after: Tensor
    above: Tensor
    known: dict[int, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, condition: EventMask) -> Order:
        packing = Packing.of(condition.attention_mask)
        kind = condition.kind.flatten().index_select(0, packing.token)
        lengths = condition.attention_mask.sum(1)
        kinds = [(int(k), (kind == k).nonzero().squeeze(1)) for k in kind.unique()]
        buckets = []
        size = torch.ceil(torch.log2(lengths.clamp(min=1).float()) * 2).long()
        for bucket in size.unique():
            units = (size == bucket).nonzero().squeeze(1)
            longest = int(lengths[units].max())
            place = torch.arange(longest, device=kind.device)
            there = place < lengths[units][:, None]
            at = packing.first[units][:, None] + torch.minimum(place, lengths[units][:, None] - 1)
            buckets.append((at, there, bool(there.all())))
        same = (kind[1:] == kind[:-1]) & (packing.owner[1:] == packing.owner[:-1])
        same = same.float()[:, None]
        zero = same.new_zeros(1, 1)
        B, N = condition.attention_mask.shape
        place = torch.zeros(B * N, dtype=torch.long, device=kind.device)
        place[packing.token] = torch.arange(len(packing.token), device=kind.device)
        above = condition.above.flatten().index_select(0, packing.token) + packing.owner * N
        return cls(packing, kinds, buckets, torch.cat([zero, same]), torch.cat([same, zero]), place[above])


@dataclass(frozen=True, eq=False)
class EventMask(ConditionMask):
    """The condition of a network of events; B units, N tokens, C channels, of which a token has the first few.

    Attributes:
        kind: int64 [B, N], of which kind each token is.
        place, left: float [B, N], how many of its kind stand before and after it.
        hours: float [B, N], when it was; NaN where that is not known.
        above: int64 [B, N], the place of the token of the row that each hangs on; its own where there is none.
    """

    kind: Tensor
    place: Tensor
    left: Tensor
    hours: Tensor
    above: Tensor

    @cached_property
    def order(self) -> Order:
        """Where the tokens lie, worked out once for all steps of a sampler."""
        return Order.of(self)

    def unconditional(self) -> Self:
        """The same question without what is given of the tokens that are only told."""
        told = self.observed_mask & ~self.target_mask.any(-1, keepdim=True)
        return replace(self, observed_mask=self.observed_mask & ~told)


def check_event_mask(condition: Condition | None, count: int) -> None:
    """Raises UsageError for any other condition, and for none."""
    if not isinstance(condition, EventMask):
        raise UsageError("this network answers for linked tables, so it must be told what is given of them.")
