"""What an answer is to match: any object that can be moved, cut to some of its rows, and left out.

A denoiser passes its condition on without looking at it; only who answers, the module or the oracle, knows what it means.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, Self

import torch
from torch import Tensor

from reverie.errors import UsageError

__all__ = ["Condition", "EncoderStates", "LabelledVectors", "Labels", "Vectors", "padded", "parts_of", "unanswerable"]


class Condition(Protocol):
    """One condition for each of B states."""

    def to(self, device: torch.device) -> Self: ...

    def __getitem__(self, rows: slice | Tensor) -> Self: ...

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        """The conditions of the states of all parts, one after another."""
        ...

    def unconditional(self) -> Condition | None:
        """What to ask instead, for an answer that guidance can compare with; None for no condition at all."""
        ...


def unanswerable(what: str | None = None) -> UsageError:
    """The refusal of a condition that a network was not trained with; it may have been with `what`, such as classes."""
    return UsageError(
        f"this network was trained with {what} alone, so it can be given nothing else."
        if what
        else "this network was trained without conditions, so it cannot be given one."
    )


def padded(parts: Sequence[Tensor]) -> Tensor:
    """Tensors [b, N, ...] of different N as one, [sum of b, the longest N, ...], filled up with 0."""
    if len({part.shape[1:] for part in parts}) == 1:
        return torch.cat(list(parts))
    longest = max(part.shape[1] for part in parts)
    whole = parts[0].new_zeros((sum(map(len, parts)), longest, *parts[0].shape[2:]))
    first = 0
    for part in parts:
        whole[first : first + len(part), : part.shape[1]] = part
        first += len(part)
    return whole


@dataclass(frozen=True, eq=False)
class _Rows:
    """A condition that is one tensor, a row for each state."""

    values: Tensor

    def __len__(self) -> int:
        return len(self.values)

    def to(self, device: torch.device) -> Self:
        return type(self)(self.values.to(device, non_blocking=True))

    def __getitem__(self, rows: slice | Tensor) -> Self:
        return type(self)(self.values[rows])

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        return cls(torch.cat([part.values for part in parts]))

    def unconditional(self) -> None:
        return None


class Labels(_Rows):
    """Class indices, int64 [B]; in training the number after the last class says "no class"."""

    def check(self, count: int, largest: int) -> None:
        """Raises UsageError unless there is one for each of `count` states, in 0..largest, which is no class. On a GPU the
        range is not looked at, for that would wait for it."""
        labels = self.values
        if labels.dtype != torch.int64 or labels.shape != (count,):
            raise UsageError(
                f"labels are one int64 for each of {count} states, but were {labels.dtype} of shape {list(labels.shape)}."
            )
        if labels.device.type == "cpu" and count and not 0 <= int(labels.min()) <= int(labels.max()) <= largest:
            raise UsageError(
                f"labels lie in 0..{largest - 1}, or are {largest} for no class, but these lie in "
                f"{int(labels.min())}..{int(labels.max())}."
            )


class Vectors(_Rows):
    """Numbers that go with each state, floating point [B, D]; a row that is not finite says "no vector"."""


class EncoderStates(_Rows):
    """What an encoder says of what is wanted, floating point [B, S, D]."""


@dataclass(frozen=True, eq=False)
class LabelledVectors:
    """A class and numbers of each state, for a network that knows both: each part as it is alone."""

    labels: Labels
    vectors: Vectors

    def __len__(self) -> int:
        return len(self.labels)

    def to(self, device: torch.device) -> Self:
        return type(self)(self.labels.to(device), self.vectors.to(device))

    def __getitem__(self, rows: slice | Tensor) -> Self:
        return type(self)(self.labels[rows], self.vectors[rows])

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        return cls(Labels.joined([part.labels for part in parts]), Vectors.joined([part.vectors for part in parts]))

    def unconditional(self) -> None:
        return None


def parts_of(condition: Condition | None) -> tuple[Labels | None, Vectors | None]:
    """The class and the vector that a condition tells."""
    if isinstance(condition, LabelledVectors):
        return condition.labels, condition.vectors
    return condition if isinstance(condition, Labels) else None, condition if isinstance(condition, Vectors) else None
