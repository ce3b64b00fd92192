"""What a network of records is told, apart from x_t: the cells it is given, the cells it is asked for, the visits there are.

u = x_t where asked, the given value where observed, 0 elsewhere: what is absent is held at one value, in training and in
sampling, so it can neither drift nor be looked through.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Self

import torch
from torch import Tensor

from reverie.denoisers.conditions import Condition, padded
from reverie.errors import UsageError

__all__ = ["ConditionMask", "check_condition_mask"]


@dataclass(frozen=True, eq=False)
class ConditionMask:
    """The condition of a network of records; B patients, N tokens (token 0: statics, then the visits), C channels.

    Attributes:
        values: codes [B, N, C]; only those under `observed_mask` are looked at.
        observed_mask: bool [B, N, C], the cells that are given.
        target_mask: bool [B, N, C], the cells to denoise; no cell is both.
        attention_mask: bool [B, N], the tokens that exist; all of them come before those that do not.
    """

    values: Tensor
    observed_mask: Tensor
    target_mask: Tensor
    attention_mask: Tensor

    def state(self, x_t: Tensor) -> Tensor:
        """u [B, N, C]: the noisy cells, the given ones, and 0."""
        return torch.where(self.target_mask, x_t, torch.where(self.observed_mask, self.values, 0.0))

    def unconditional(self) -> Self:
        """The same question without the statics being given, for guidance."""
        observed = self.observed_mask.clone()
        observed[:, 0] = False
        return replace(self, observed_mask=observed)

    @cached_property
    def around(self) -> Tensor:
        """What is given of each channel at the visits around: [B, N, 4 C].

        The last value before and the first after, and how near they are, 1 over the visits apart; 0 where there is none.
        """
        N = self.values.shape[1]
        place = torch.arange(N, device=self.values.device)[None, :, None]
        visit = self.observed_mask & (place > 0)
        values = torch.where(visit, self.values, 0.0)
        before = torch.where(visit, place, 0).cummax(1).values.roll(1, 1)
        after = torch.where(visit, place, N).flip(1).cummin(1).values.flip(1).roll(-1, 1)
        before[:, 0], after[:, -1], after[:, 0] = 0, N, N
        last, first = (values.gather(1, i.clamp(max=N - 1)) for i in (before, after))
        some_before, some_after = before > 0, after < N
        return torch.cat(
            [
                last * some_before,
                first * some_after,
                some_before / (place - before).clamp(min=1),
                some_after / (after - place).clamp(min=1),
            ],
            -1,
        )

    def __getitem__(self, rows: slice | Tensor) -> Self:
        return type(self)(*(getattr(self, field.name)[rows] for field in fields(self)))

    @classmethod
    def joined(cls, parts: Sequence[ConditionMask]) -> Self:
        """All patients, padded to the longest."""
        return cls(*(padded([getattr(part, field.name) for part in parts]) for field in fields(cls)))

    def to(self, device: torch.device) -> Self:
        if device == self.values.device:
            return self  # with what is known of it already
        return type(self)(*(getattr(self, field.name).to(device) for field in fields(self)))


def check_condition_mask(condition: Condition | None, count: int) -> None:
    """Raises UsageError for any other condition, and for none."""
    if not isinstance(condition, ConditionMask):
        raise UsageError("this network answers for records, so it must be told what is given of them.")
