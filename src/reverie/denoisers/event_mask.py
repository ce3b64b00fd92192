"""What a network of events is told: as of records, and of each token what it is, where it stands and when it was."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

from torch import Tensor

from reverie.denoisers.condition_mask import ConditionMask
from reverie.denoisers.conditions import Condition
from reverie.errors import UsageError

__all__ = ["EventMask", "check_event_mask"]


@dataclass(frozen=True, eq=False)
class EventMask(ConditionMask):
    """The condition of a network of events; B units, N tokens, C channels, of which a token has the first few.

    Attributes:
        kind: int64 [B, N], of which kind each token is.
        place, left: float [B, N], how many of its kind stand before and after it.
        hours: float [B, N], when it was; NaN where that is not known.
    """

    kind: Tensor
    place: Tensor
    left: Tensor
    hours: Tensor

    def unconditional(self) -> Self:
        """The same question without what is given of the tokens that are only told."""
        told = self.observed_mask & ~self.target_mask.any(-1, keepdim=True)
        return replace(self, observed_mask=self.observed_mask & ~told)


def check_event_mask(condition: Condition | None, count: int) -> None:
    """Raises UsageError for any other condition, and for none."""
    if not isinstance(condition, EventMask):
        raise UsageError("this network answers for linked tables, so it must be told what is given of them.")
