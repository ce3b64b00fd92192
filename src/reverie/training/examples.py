"""What there is to train on."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor

from reverie.training.objective import Batch

__all__ = ["Examples"]


class Examples(Protocol):
    """A length, and the examples at some indices as tensors; what is random about them comes from the generator."""

    def __len__(self) -> int: ...

    def batch(self, indices: Tensor, generator: torch.Generator) -> Batch: ...
