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
class Looks:
    """Which tokens look at which others.

    Attributes:
        only: int64 [Q], the places in the list of those that look; None where all do.
        near: int64 [3 Q], what each looks at beside its unit: the places of the tokens before and after it of its kind, the
            end of the list where there is none, and that of the row that it hangs on.
        buckets: of units of like length, (places [b, m] among those that look, places [b, n] in the list of those that they
            look at, bool [b, 1, 1, n] which of these there are or None for all).
        back: int64 [Q], where each is in what the buckets make [sum b m, width].
    """

    only: Tensor | None
    near: Tensor
    buckets: list[tuple[Tensor, Tensor, Tensor | None]]
    back: Tensor


@dataclass(frozen=True, eq=False)
class Order:
    """Where the tokens that exist lie, by kind and by length of their units.

    Attributes:
        packing: in the list.
        lengths: int64 [B], the tokens of each unit.
        kinds: (kind, its places in the list, channels of its kind).
        before, after: float [P, 1], whether the token before and after in the list is of the same kind and unit.
        above: int64 [P], the place in the list of the token of the row that each hangs on.
        known: by network, what it knows of the question before anything is drawn.
    """

    packing: Packing
    lengths: Tensor
    kinds: list[tuple[int, Tensor]]
    before: Tensor
    after: Tensor
    above: Tensor
    known: dict[int, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, condition: EventMask) -> Order:
        packing = Packing.of(condition.attention_mask)
        kind = condition.kind.flatten().index_select(0, packing.token)
        kinds = [(int(k), (kind == k).nonzero().squeeze(1)) for k in kind.unique()]
        same = (kind[1:] == kind[:-1]) & (packing.owner[1:] == packing.owner[:-1])
        same = same.float()[:, None]
        zero = same.new_zeros(1, 1)
        B, N = condition.attention_mask.shape
        place = torch.zeros(B * N, dtype=torch.long, device=kind.device)
        place[packing.token] = torch.arange(len(packing.token), device=kind.device)
        above = condition.above.flatten().index_select(0, packing.token) + packing.owner * N
        lengths = condition.attention_mask.sum(1)
        return cls(packing, lengths, kinds, torch.cat([zero, same]), torch.cat([same, zero]), place[above])

    @cached_property
    def all_look(self) -> Looks:
        """Every token looks."""
        return replace(self.looks(torch.arange(len(self.above), device=self.above.device)), only=None)

    def looks(self, only: Tensor) -> Looks:
        """Those at the places `only` look alone, in this order."""
        place, count = torch.arange(len(self.above), device=self.above.device), len(self.above)
        sides = [torch.where(there[:, 0] > 0, place + step, count) for there, step in ((self.before, -1), (self.after, 1))]
        near = torch.stack([*sides, self.above], 1).index_select(0, only).flatten()
        unit = self.packing.owner.index_select(0, only)
        by_unit = unit.argsort(stable=True)
        asking = torch.zeros_like(self.lengths).index_add_(0, unit, torch.ones_like(unit))
        first, back, made = asking.cumsum(0) - asking, torch.zeros_like(only), 0
        size = torch.ceil(torch.log2(self.lengths.clamp(min=1).float()) * 2).long()
        buckets = list[tuple[Tensor, Tensor, Tensor | None]]()
        for bucket in size.unique():
            units = ((size == bucket) & (asking > 0)).nonzero().squeeze(1)
            if not len(units):
                continue
            mine, here = _places(first[units], asking[units])
            keys, there = _places(self.packing.first[units], self.lengths[units])
            mine = by_unit[mine]
            back[mine[here]] = made + here.flatten().nonzero().squeeze(1)
            made += here.numel()
            buckets.append((mine, keys, None if bool(there.all()) else there[:, None, None]))
        return Looks(only, near, buckets, back)


def _places(first: Tensor, count: Tensor) -> tuple[Tensor, Tensor]:
    """int64 [b, n], as many places from a first one on as each has, the last again and again after it; and bool [b, n], the
    places before that."""
    place = torch.arange(int(count.max()), device=count.device)
    return first[:, None] + torch.minimum(place, count[:, None] - 1), place < count[:, None]


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
