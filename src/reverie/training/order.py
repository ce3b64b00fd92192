"""Which examples make up the batch of a step: a function of (seed, step).

The order of the data is the concatenation of one random permutation per pass; the batch of step k is the k-th stretch of
it. So every example is seen once a pass, and any step's batch can be found without the steps before it.
"""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor

from reverie.process.randomness import generator

__all__ = ["batch_indices"]


def batch_indices(seed: int, step: int, batch: int, count: int) -> Tensor:
    """Indices [batch] into `count` examples for step 0, 1, 2, ..."""
    start = step * batch
    passes = range(start // count, (start + batch - 1) // count + 1)
    stretch = torch.cat([_permutation(seed, number, count) for number in passes])
    return stretch[start - passes[0] * count :][:batch]


@lru_cache(maxsize=4)
def _permutation(seed: int, number: int, count: int) -> Tensor:
    return torch.randperm(count, generator=generator(seed, "order", number))
