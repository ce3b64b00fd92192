"""What training on linked tables will take, said before it begins; see estimate.py.

memory   process + max(reading, tables kept + weights, gradients, moments, averages + numbers kept for the way back)
numbers  of the tokens of a part of a batch, as the network declares
         of their rows, for each level that a cell may be: how likely its scores make it, what the network adds, its share

A column of thousands of codes is thousands of numbers in each row, which is most of what there is. Nothing is refused by it,
for it was measured on small tables alone.
"""

from __future__ import annotations

import numpy as np

from reverie.config import RunConfig
from reverie.denoisers.network import Network
from reverie.memory import available
from reverie.records.linked import LinkedCodec
from reverie.records.linked.laying import MOST
from reverie.records.linked.tree import Grown
from reverie.sources.estimate import COPIES, PROCESS, READING, Estimate
from reverie.training import processes

__all__ = ["estimate"]

LEVEL, CELL, ROW = 8, 40, 16
"""Numbers kept or worked with for each level of a row, for each of its channels, and for each of its inner ones."""
TOLD = 1.5
"""Tokens of a unit over its own: those above it and before it that it is told."""


def estimate(grown: Grown, train: Grown, config: RunConfig, codec: LinkedCodec, network: Network) -> Estimate:
    """What training on some of the patients of linked tables takes with these settings."""
    parameters = sum(p.numel() for p in network.module.parameters())
    batch = -(-config.training.batch // processes.world())
    part = -(-batch // config.training.accumulate)
    tokens, numbers = 1.0, 0.0
    inner = getattr(config.network, "inner", 0)
    for kind, (table, what) in zip(codec.channels, codec.types, strict=True):
        if what == "told" or not kind.segments:
            continue
        (segment,) = kind.segments
        count = (
            train.frames[table].height if what == "rows" else len(np.unique(train.parents.get(table, np.arange(len(train)))))
        )
        each = min(count / max(len(train), 1), MOST)
        tokens += each / (kind.block if what == "rows" else 1)
        numbers += TOLD * each * (LEVEL * segment.cells.levels + CELL * segment.cells.width + ROW * inner)
    tokens *= TOLD
    frames = sum(frame.estimated_size() for frame in grown.frames.values())
    kept = 2 * frames + sum(8.0 * sum(codec.widths(table)) * grown.frames[table].height for table in codec.codecs)
    longest = int(min(tokens * 4, MOST))
    numbers = part * numbers + config.network.activations(part, part * tokens, longest)
    memory = processes.local_world() * (PROCESS + max(READING * frames, kept + 4 * (COPIES * parameters + numbers)))
    return Estimate(config, codec.width, parameters, tokens, memory, available(), ())
