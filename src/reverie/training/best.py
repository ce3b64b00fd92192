"""What early stopping keeps."""

from __future__ import annotations

import math

from torch import Tensor

from reverie.training.average import Average

__all__ = ["Best"]


class Best:
    """The averaged weights at the lowest loss so far, and the step they are of."""

    def __init__(self) -> None:
        self.loss, self.step = math.inf, 0
        self.weights: dict[str, Tensor] = {}

    def hear(self, loss: float, step: int, average: Average) -> None:
        """Remembers the weights of this step if their loss is the lowest."""
        if loss < self.loss:
            self.loss, self.step = loss, step
            self.weights = {name: value.clone() for name, value in average.weights.items()}
