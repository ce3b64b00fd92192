"""Pictures as a network receives them, as pixels or as latents; what is random about them is a function of (seed, step)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from reverie.denoisers.attributes import Attributes
from reverie.denoisers.autoencoder import Coder
from reverie.denoisers.conditions import Labels
from reverie.process.randomness import generator
from reverie.training.dataset import Batch, Dataset, Subset

__all__ = ["ImageDataset", "LatentDataset"]


@dataclass(frozen=True, eq=False)
class ImageDataset:
    """Pictures with their class or attributes or, by chance, without, and mirrored by chance.

    Attributes:
        examples: pictures and maybe their labels.
        classes: how many classes there are; with 0 no label is passed on.
        dropout: the chance that the class of a picture is left out, or an attribute, see Attributes.left_out.
        flip: mirror each left to right with probability 1/2.
        attributes: of each picture; None where there are none.
    """

    examples: Dataset
    classes: int = 0
    dropout: float = 0.0
    flip: bool = False
    attributes: Attributes | None = None

    def __len__(self) -> int:
        return len(self.examples)

    def batch(self, indices: Tensor, generator: torch.Generator) -> Batch:
        batch = self.examples.batch(indices, generator)
        x_0, labels = batch.x_0, batch.given if self.classes else None
        if self.flip:
            mirrored = torch.rand(len(x_0), 1, 1, 1, generator=generator) < 0.5
            x_0 = torch.where(mirrored, x_0.flip(-1), x_0)
        if isinstance(labels, Labels) and self.dropout:
            left_out = torch.rand(len(x_0), generator=generator) < self.dropout
            labels = Labels(labels.values.masked_fill(left_out, self.classes))
        if self.attributes is None:
            return Batch(x_0, given=labels)
        told = self.attributes[indices]
        return Batch(x_0, given=told.left_out(self.dropout, generator) if self.dropout else told)

    def in_latents(self, coder: Coder, device: torch.device, most: int | None = None) -> ImageDataset:
        """These pictures, or the first so many of them, as latents."""
        examples = self.examples if most is None else Subset(self.examples, np.arange(min(most, len(self))))
        return replace(self, examples=LatentDataset(examples, coder, device, self.flip), flip=False)


@dataclass(frozen=True, eq=False)
class LatentDataset:
    """Pictures as latents, encoded once.

    Attributes:
        examples: pictures, as they are.
        coder: makes latents of them.
        flip: give the latents of the mirrored picture with probability 1/2.
    """

    examples: Dataset
    coder: Coder
    device: torch.device
    flip: bool = False

    def __len__(self) -> int:
        return len(self.examples)

    def batch(self, indices: Tensor, generator: torch.Generator) -> Batch:
        labels = self.examples.batch(indices, generator).given
        side = torch.zeros(len(indices), dtype=torch.long)
        if self.flip:
            side = torch.randint(2, (len(indices),), generator=generator)
        return Batch(self.latents[side, indices], given=labels)

    @cached_property
    def latents(self) -> Tensor:
        """[1 or 2, N, channels, h, w] on the CPU, the second of the mirrored pictures."""
        parts = torch.arange(len(self)).split(64)
        return torch.cat([self._encoded(self.examples.batch(part, generator(0, "as they are")).x_0) for part in parts], 1)

    def _encoded(self, x: Tensor) -> Tensor:
        sides = [x, x.flip(-1)] if self.flip else [x]
        with torch.no_grad():
            return torch.stack([self.coder.encode(side.to(self.device)).cpu() for side in sides])
