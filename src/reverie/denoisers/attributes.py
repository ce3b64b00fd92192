"""Attributes: named properties of a state, any of which may be told or left untold, as one condition and its embedding.

    e = sum_k E_k[level_k] + W [v, u]        level_k = -1: untold, a row of E_k of its own
                                             v: all numbers, 0 where untold; u: 1 for each number or vector that is untold

In training attributes are left out as balls are drawn from an urn (Polya): with p the share, attribute i of an example is
left out with probability (p + m) / (1 + i), m of the i before it left out. So each is left out in a share p, as a class is;
but that all are, and only some, is met far more often than by independent draws, which hardly ever leave out all: p^K. And
that is what guidance compares with.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor, nn

from reverie.errors import UsageError

__all__ = ["AttributeEmbedding", "Attributes"]

UNTOLD = -1


@dataclass(frozen=True, eq=False)
class Attributes:
    """What is told of each of B states.

    Attributes:
        levels: int64 [B, K], of each attribute of levels which one it is; -1 where it is untold.
        numbers: floating point [B, D], the numbers of all other attributes, one attribute after another, each at a scale of
            about 1; NaN where an attribute is untold.
        lengths: how many of the D numbers each of them has.
    """

    levels: Tensor
    numbers: Tensor
    lengths: tuple[int, ...]

    def __post_init__(self) -> None:
        shape = (self.levels.shape[0], sum(self.lengths))
        if self.levels.ndim != 2 or self.levels.dtype != torch.int64 or self.numbers.shape != shape:
            raise UsageError(
                f"attributes are levels, int64 [B, K], and numbers [B, {sum(self.lengths)}] in parts of {self.lengths}, but "
                f"were {self.levels.dtype} {list(self.levels.shape)} and {list(self.numbers.shape)}."
            )

    def __len__(self) -> int:
        return len(self.levels)

    def to(self, device: torch.device) -> Self:
        levels, numbers = (part.to(device, non_blocking=True) for part in (self.levels, self.numbers))
        return type(self)(levels, numbers, self.lengths)

    def __getitem__(self, rows: slice | Tensor) -> Self:
        return type(self)(self.levels[rows], self.numbers[rows], self.lengths)

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        return cls(torch.cat([p.levels for p in parts]), torch.cat([p.numbers for p in parts]), parts[0].lengths)

    @classmethod
    def none(cls, count: int, levels: Sequence[int], lengths: Sequence[int]) -> Self:
        """Nothing told of `count` states, of attributes of so many levels each and of so many numbers each."""
        return cls(torch.full((count, len(levels)), UNTOLD), torch.full((count, sum(lengths)), torch.nan), tuple(lengths))

    def unconditional(self) -> None:
        return None

    def left_out(self, share: float, generator: torch.Generator) -> Self:
        """Some attributes of some states untold, drawn as above: each in `share` of the states."""
        kinds = self.levels.shape[1]
        u = torch.rand(len(self), kinds + len(self.lengths), generator=generator)
        gone = torch.zeros(u.shape, dtype=torch.bool)
        for i in range(u.shape[1]):
            gone[:, i] = u[:, i] * (1 + i) < share + gone[:, :i].sum(1)
        of_numbers = gone[:, kinds:].repeat_interleave(torch.tensor(self.lengths, dtype=torch.int64), 1)
        levels = self.levels.masked_fill(gone[:, :kinds], UNTOLD)
        return type(self)(levels, self.numbers.masked_fill(of_numbers, torch.nan), self.lengths)

    def check(self, count: int, levels: Sequence[int], lengths: Sequence[int]) -> None:
        """Raises UsageError unless they are told of `count` states, and are those that a network knows: attributes of so
        many levels each, and of so many numbers each. On a GPU the range is not looked at, for that would wait for it."""
        if (len(self), self.levels.shape[1], self.lengths) != (count, len(levels), tuple(lengths)):
            raise UsageError(
                f"this network is told {len(levels)} attributes of levels and numbers in parts of {tuple(lengths)}, for "
                f"each of {count} states, but was given {self.levels.shape[1]} and {self.lengths} for {len(self)}."
            )
        if self.levels.device.type != "cpu" or not count:
            return
        most = torch.tensor(levels, dtype=torch.int64)
        if bool(((self.levels < UNTOLD) | (self.levels >= most)).any()):
            raise UsageError(f"levels lie in 0..{[n - 1 for n in levels]}, or are -1 where untold, but these do not.")


class AttributeEmbedding(nn.Module):
    """Attributes of B states, or none -> [B, width]."""

    first: Tensor
    untold: Tensor
    of: Tensor

    def __init__(self, levels: Sequence[int], lengths: Sequence[int], width: int) -> None:
        super().__init__()
        self.sizes, self.lengths = tuple(levels), tuple(lengths)
        ends = list(itertools.accumulate(n + 1 for n in levels))
        first = [end - n - 1 for end, n in zip(ends, levels, strict=True)]
        untold = [end - 1 for end in ends]
        of = [i for i, n in enumerate(lengths) for _ in range(n)]
        for name, places in (("first", first), ("untold", untold), ("of", of)):
            self.register_buffer(name, torch.tensor(places, dtype=torch.int64), persistent=False)
        self.levels = nn.Embedding(ends[-1], width) if levels else None
        self.numbers = nn.Linear(sum(lengths) + len(lengths), width, bias=False) if lengths else None

    def forward(self, told: Attributes | None, count: int) -> Tensor:
        e = torch.zeros((), device=self.first.device)
        if self.levels is not None:
            rows = self.untold.expand(count, -1)
            if told is not None:
                rows = torch.where(told.levels < 0, self.untold, told.levels + self.first)
            e = e + self.levels(rows).sum(1)
        if self.numbers is not None:
            weight = self.numbers.weight
            v = weight.new_full((count, len(self.of)), torch.nan) if told is None else told.numbers.to(weight)
            gone = (~v.isfinite()).to(weight)
            untold = weight.new_zeros((v.shape[0], len(self.lengths))).index_add(1, self.of, gone).clamp(max=1)
            e = e + self.numbers(torch.cat([v.nan_to_num(0.0, 0.0, 0.0), untold], 1))
        return e
