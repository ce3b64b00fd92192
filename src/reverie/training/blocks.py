"""The batch of a step in blocks of 32 examples; all that is random of a block is a function of (seed, step, block).

block b   examples 32 b, 32 b + 1, ... of the batch: scores, questions, mirrors, noise, blend, dropout drawn for them alone,
          padded to the longest of them
process   draws the blocks in which its rows lie, and reads no other example

So neither the number of processes nor that of the parts of a batch changes what is drawn, and a process reads its share.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from reverie.denoisers.conditions import padded
from reverie.denoisers.dropout import Piece
from reverie.process.randomness import draw, generator, sub_seed, uniform
from reverie.training.dataset import Batch, Dataset

__all__ = ["BLOCK", "Drawn", "blocks_of", "drawn"]

BLOCK = 32
"""Smaller ones would take longer to draw than one batch; of larger ones there would be too few for many processes."""


@dataclass(frozen=True, eq=False)
class Drawn:
    """Some neighbouring rows of the batch of a step.

    Attributes:
        rows: which of the batch's.
        batch, noise: theirs; of the shape of x_0.
        blend: the u of the reconstruction's blend, where it was asked for.
        blocks: those that they lie in: the seed of each, its first row, and the rows of a layer of its examples, int64 [b].
    """

    rows: range
    batch: Batch
    noise: Tensor
    blend: Tensor | None
    blocks: tuple[tuple[int, int, Tensor], ...]

    def pieces(self, rows: range) -> list[Piece]:
        """Where some of these rows lie in their blocks, for dropout."""
        found = []
        for seed, start, sizes in self.blocks:
            first, last = max(rows.start - start, 0), min(rows.stop - start, len(sizes))
            if first < last:
                found.append(Piece(seed, last - first, int(sizes[:first].sum()), int(sizes[last:].sum())))
        return found

    def __getitem__(self, rows: range) -> tuple[Batch, Tensor, Tensor | None]:
        """Examples, noise and blend of some of these rows, given as rows of the batch."""
        own = slice(rows.start - self.rows.start, rows.stop - self.rows.start)
        return self.batch[own], self.noise[own], None if self.blend is None else self.blend[own]


def blocks_of(rows: range) -> range:
    """The blocks in which some neighbouring rows of a batch lie."""
    return range(rows.start // BLOCK, -(-rows.stop // BLOCK))


def drawn(dataset: Dataset, indices: Tensor, rows: range, seed: int, step: int, blend: bool = False) -> Drawn:
    """What is drawn for some rows, at least one, of the batch of a step, which consists of the examples at `indices`."""
    batches: list[Batch] = []
    noises: list[Tensor] = []
    blends: list[Tensor] = []
    blocks: list[tuple[int, int, Tensor]] = []
    for block in blocks_of(rows):
        start = block * BLOCK
        batch = dataset.batch(indices[start : start + BLOCK], generator(seed, "examples", step, block))
        noise = draw(batch.x_0, generator(seed, "noise", step, block))
        own = slice(max(rows.start - start, 0), rows.stop - start)
        batches.append(batch[own])
        noises.append(noise[own])
        if blend:
            blends.append(uniform(batch.x_0, generator(seed, "blend", step, block))[own])
        blocks.append((sub_seed(seed, "dropout", step, block), start, batch.rows))
    return Drawn(rows, Batch.joined(batches), padded(noises), padded(blends) if blend else None, tuple(blocks))
