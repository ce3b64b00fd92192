"""Pictures as a network is shown them; what is random about it is a function of (seed, step)."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from reverie.denoisers.autoencoder import Coder
from reverie.denoisers.conditions import Labels
from reverie.training.examples import Examples
from reverie.training.latents import InLatents
from reverie.training.objective import Batch

__all__ = ["Shown", "Some"]


@dataclass(frozen=True, eq=False)
class Some:
    """Some of the examples."""

    examples: Examples
    chosen: np.ndarray

    def __len__(self) -> int:
        return len(self.chosen)

    def batch(self, indices: Tensor, generator: torch.Generator) -> Batch:
        return self.examples.batch(torch.from_numpy(self.chosen)[indices], generator)


@dataclass(frozen=True, eq=False)
class Shown:
    """Pictures as a network is shown them: told their class or, by chance, not, and mirrored by chance.

    Attributes:
        examples: pictures and maybe their labels.
        classes: how many classes there are to tell; 0 tells none.
        dropout: the chance that the class of a picture is left untold.
        flip: mirror each left to right with probability 1/2.
    """

    examples: Examples
    classes: int = 0
    dropout: float = 0.0
    flip: bool = False

    def __len__(self) -> int:
        return len(self.examples)

    def batch(self, indices: Tensor, generator: torch.Generator) -> Batch:
        batch = self.examples.batch(indices, generator)
        x_0, labels = batch.x_0, batch.given if self.classes else None
        if self.flip:
            mirrored = torch.rand(len(x_0), 1, 1, 1, generator=generator) < 0.5
            x_0 = torch.where(mirrored, x_0.flip(-1), x_0)
        if isinstance(labels, Labels) and self.dropout:
            untold = torch.rand(len(x_0), generator=generator) < self.dropout
            labels = Labels(labels.values.masked_fill(untold, self.classes))
        return Batch(x_0, given=labels)

    def in_latents(self, coder: Coder, device: torch.device, most: int | None = None) -> Shown:
        """These pictures, or the first so many of them, as latents."""
        examples = self.examples if most is None else Some(self.examples, np.arange(min(most, len(self))))
        return replace(self, examples=InLatents(examples, coder, device, self.flip), flip=False)
