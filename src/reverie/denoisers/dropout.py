"""Dropout that does not know how a batch was cut.

h -> m h / (1 - p),   m ~ Bernoulli(1 - p), drawn for a block of examples at a time, from a seed of the block and the layer

A batch is computed in parts, and by several processes; who computes a row draws the mask of its whole block and takes what
falls on the row. Where nothing says which blocks there are, torch's own generator is asked, as by any dropout.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor, nn

from reverie.process.randomness import sub_seed

__all__ = ["Dropout", "Piece", "Rows", "drawn_by"]


@dataclass(frozen=True)
class Piece:
    """Neighbours of one block, as a pass computes them.

    Attributes:
        seed: of the block.
        examples: how many of the block are in the pass.
        before, after: rows of a layer that belong to the others of the block, which are not.
    """

    seed: int
    examples: int
    before: int = 0
    after: int = 0


class Rows(Protocol):
    """Which rows of a layer are whose."""

    @property
    def ends(self) -> Sequence[int]:
        """Where the rows of each example of the pass end."""
        ...


class Dropout(nn.Module):
    """Dropout by uniform numbers, which a processor draws ten times faster than torch's Bernoulli ones."""

    pieces: tuple[Piece, ...] = ()
    layer: int = 0

    def __init__(self, share: float) -> None:
        super().__init__()
        self.share = share

    def forward(self, h: Tensor, rows: Rows | None = None, only: Tensor | None = None) -> Tensor:
        """h has one row for each example, or as `rows` says; or some of these rows `only`, int64 [Q]."""
        if not self.training or not self.share:
            return h
        if rows is None or only is None:
            kept = self._uniform(h, rows) >= self.share
        else:  # drawn for all, as who draws a block knows not which are left
            kept = (self._uniform(h.new_empty(rows.ends[-1], *h.shape[1:]), rows) >= self.share).index_select(0, only)
        return h * kept.to(h.dtype).div_(1 - self.share)

    def _uniform(self, h: Tensor, rows: Rows | None) -> Tensor:
        u = h.new_empty(h.shape)
        if not self.pieces:
            return u.uniform_()
        generator = torch.Generator(h.device)
        first, example = 0, 0
        for piece in self.pieces:
            example += piece.examples
            end = example if rows is None else rows.ends[example - 1]
            generator.manual_seed(sub_seed(piece.seed, self.layer))
            if piece.before or piece.after:
                block = h.new_empty((piece.before + end - first + piece.after, *h.shape[1:])).uniform_(generator=generator)
                u[first:end] = block[piece.before : piece.before + end - first]
            else:
                u[first:end].uniform_(generator=generator)
            first = end
        return u


@contextmanager
def drawn_by(module: nn.Module, pieces: Sequence[Piece]) -> Iterator[None]:
    """Within the block a pass of the module, and what is computed again for its gradient, is of these examples."""
    layers = [part for part in module.modules() if isinstance(part, Dropout)]
    for number, layer in enumerate(layers):
        layer.layer, layer.pieces = number, tuple(pieces)
    try:
        yield
    finally:
        for layer in layers:
            layer.pieces = ()
