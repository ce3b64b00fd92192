"""Tokens that exist, as one long list: padding costs next to nothing and cannot be seen."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor, nn

__all__ = ["Packing", "of_tokens"]


@dataclass(frozen=True, eq=False)
class Packing:
    """Where the tokens that exist lie in [B, N]: `token` [P] flat positions, `owner` [P] their patients, `first` [B] the
    place in the list of each patient's first, that of the statics.

    Attributes:
        shape: (B, N).
        full: whether all tokens exist.
        present: bool [B, N], which do, where the list has a place for those that do not, too; else None.
    """

    token: Tensor
    owner: Tensor
    first: Tensor
    shape: tuple[int, int]
    full: bool
    present: Tensor | None = None

    @classmethod
    def of(cls, present: Tensor) -> Packing:
        token = present.flatten().nonzero().squeeze(1)
        B, N = present.shape
        counts = present.sum(1)
        return cls(token, token // N, counts.cumsum(0) - counts, (B, N), len(token) == B * N)

    @classmethod
    def padded(cls, present: Tensor) -> Packing:
        """All places of [B, N], so that no size depends on what is in a tensor: a graph that is exported has this form."""
        B, N = present.shape
        token = torch.arange(B * N, device=present.device)
        return cls(token, token // N, torch.arange(B, device=present.device) * N, (B, N), False, present)

    @cached_property
    def ends(self) -> list[int]:
        """Where the tokens of each patient end in the list."""
        return [*self.first.tolist()[1:], len(self.token)]

    def each(self, h: Tensor, static: nn.Module, visit: nn.Module) -> Tensor:
        """[P, F] -> [P, G]: one layer for the statics, another for the visits."""
        if self.shape[1] == 1:
            return static(h)
        statics = static(h.index_select(0, self.first))
        return visit(h).index_copy(0, self.first, statics)

    def pad(self, h: Tensor) -> Tensor:
        """[P, F] -> [B, N, F], 0 where nothing is."""
        if self.full:
            return h.view(*self.shape, -1)
        if self.present is not None:
            return torch.where(self.present[..., None], h.view(*self.shape, -1), 0.0)
        B, N = self.shape
        return h.new_zeros(B * N, h.shape[1]).index_copy(0, self.token, h).view(B, N, -1)

    def pack(self, h: Tensor) -> Tensor:
        """[B, N, F] -> [P, F]."""
        flat = h.reshape(-1, h.shape[-1])
        return flat if self.full or self.present is not None else flat.index_select(0, self.token)


def of_tokens(film: Tensor, owner: Tensor | None) -> Tensor:
    """[B, F] of patients -> [P, F] of tokens; one row for all stays one row."""
    return film if owner is None else film.index_select(0, owner)
