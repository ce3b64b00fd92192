"""The exponential moving average of the weights, which is what samples: EMA_k = d_k EMA_{k-1} + (1 - d_k) theta_k.

d_k = min(decay, (1 + k) / (10 + k)), so the first, poor weights are soon forgotten. d is a function of the step alone.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

__all__ = ["EMA"]


class EMA:
    """The average of a module's parameters and buffers, by their names."""

    def __init__(self, module: nn.Module, decay: float) -> None:
        self.decay = decay
        self.weights = {name: value.detach().clone() for name, value in module.state_dict().items()}

    @torch.no_grad()
    def update(self, module: nn.Module, step: int) -> None:
        """Takes in the weights after step `step` (from 1)."""
        rate = 1 - min(self.decay, (1 + step) / (10 + step))
        current = module.state_dict()
        mine: list[Tensor] = []
        theirs: list[Tensor] = []
        for name, value in self.weights.items():
            if value.is_floating_point():
                mine.append(value)
                theirs.append(current[name])
            else:
                value.copy_(current[name])
        torch._foreach_lerp_(mine, theirs, rate)  # pyright: ignore[reportPrivateImportUsage]

    def load(self, weights: dict[str, Tensor]) -> None:
        for name, value in self.weights.items():
            value.copy_(weights[name])
