"""What there is to train on, and which of it makes up the batch of a step: a function of (seed, step).

The order of the data is the concatenation of one random permutation per pass; the batch of step k is the k-th stretch of
it. So every example is seen once a pass, and any step's batch can be found without the steps before it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from reverie.denoisers.condition_mask import ConditionMask
from reverie.denoisers.conditions import Condition, padded
from reverie.process.randomness import generator

__all__ = ["Batch", "Dataset", "Subset", "batch_indices"]


@dataclass(frozen=True, eq=False)
class Batch:
    """Examples x_0 [B, ...], the mask [B, ...] of what counts, bool or weights (None: all), and what is given of them: of
    records a ConditionMask, of pictures the Labels of their classes or their Attributes."""

    x_0: Tensor
    mask: Tensor | None = None
    given: Condition | None = None

    def __getitem__(self, rows: slice) -> Batch:
        return self._each(lambda x: x[rows])

    def __len__(self) -> int:
        return len(self.x_0)

    @property
    def measured(self) -> float:
        """How much counts: the number of elements, or the sum of their weights."""
        return self.x_0.numel() if self.mask is None else float(self.mask.expand_as(self.x_0).sum())

    @property
    def rows(self) -> Tensor:
        """How many rows of a network's layers each example has: its tokens, or one; int64 [B]."""
        given = self.given
        return given.attention_mask.sum(1) if isinstance(given, ConditionMask) else torch.ones(len(self), dtype=torch.int64)

    @classmethod
    def joined(cls, parts: Sequence[Batch]) -> Batch:
        """The examples of all parts, one after another, padded to the longest."""
        if len(parts) == 1:
            return parts[0]
        x_0, masks, given = zip(*((part.x_0, part.mask, part.given) for part in parts), strict=True)
        mask = None if masks[0] is None else padded(masks)
        return cls(padded(x_0), mask, None if given[0] is None else type(given[0]).joined(given))

    def to(self, device: torch.device) -> Batch:
        return self._each(lambda x: x.to(device))

    def _each(self, change: Callable[[Any], Any]) -> Batch:
        mask, given = (None if x is None else change(x) for x in (self.mask, self.given))
        return Batch(change(self.x_0), mask, given)


class Dataset(Protocol):
    """A length, and the examples at some indices as tensors; what is random about them comes from the generator."""

    def __len__(self) -> int: ...

    def batch(self, indices: Tensor, generator: torch.Generator) -> Batch: ...


@dataclass(frozen=True, eq=False)
class Subset:
    """Some of the examples: those at the indices `chosen`, int64 [N]."""

    examples: Dataset
    chosen: np.ndarray

    def __len__(self) -> int:
        return len(self.chosen)

    def batch(self, indices: Tensor, generator: torch.Generator) -> Batch:
        return self.examples.batch(torch.from_numpy(self.chosen)[indices], generator)


def batch_indices(seed: int, step: int, batch: int, count: int) -> Tensor:
    """Indices [batch] into `count` examples for step 0, 1, 2, ..."""
    start = step * batch
    passes = range(start // count, (start + batch - 1) // count + 1)
    stretch = torch.cat([_permutation(seed, number, count) for number in passes])
    return stretch[start - passes[0] * count :][:batch]


@lru_cache(maxsize=4)
def _permutation(seed: int, number: int, count: int) -> Tensor:
    return torch.randperm(count, generator=generator(seed, "order", number))
