"""What training on linked tables will take, said before it begins; see estimate.py.

memory   process + max(reading, tables kept + fitting of latent classes and of how they follow on each other,
                       tables kept + weights, gradients, moments, averages + numbers kept for the way back)
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
from reverie.records.linked.latent import CHUNK
from reverie.records.linked.laying import MOST
from reverie.records.linked.succession import ROWS
from reverie.records.linked.tree import Grown
from reverie.sources.estimate import COPIES, PROCESS, READING, Estimate
from reverie.training import processes

__all__ = ["estimate", "fitting"]

LEVEL, CELL, ROW = 8, 40, 16
"""Numbers kept or worked with for each level of a row, for each of its channels, and for each of its inner ones."""
KNOWN, LOOKED_AT, FOLLOWED = 100, 25, 176
"""Bytes of fitting classes for each cell that tells a level, for each level of the rows looked at together, and for each
class of the rows from which it is found how classes follow on each other; as measured on 6,000 to 160,000 rows."""
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
        each = min(_count(train, table, what) / max(len(train), 1), MOST)
        tokens += each / (kind.block if what == "rows" else 1)
        numbers += TOLD * each * (LEVEL * segment.cells.levels + CELL * segment.cells.width + ROW * inner)
    tokens *= TOLD
    frames = sum(frame.estimated_size() for frame in grown.frames.values())
    kept = 2 * frames + sum(8.0 * sum(codec.widths(table)) * grown.frames[table].height for table in codec.codecs)
    longest = int(min(tokens * 4, MOST))
    numbers = part * numbers + config.network.activations(part, part * tokens, longest)
    learning = max(fitting(train, codec), 4 * (COPIES * parameters + numbers))
    memory = processes.local_world() * (PROCESS + max(READING * frames, kept + learning))
    return Estimate(config, codec.width, parameters, tokens, memory, available(), ())


def fitting(train: Grown, codec: LinkedCodec) -> float:
    """Bytes that it takes to fit the latent classes of some patients' rows, and how they follow on each other."""
    known, looked_at, followed = 0, 0, 0
    for (table, what), of in codec.cells.items():
        rows = _count(train, table, what)
        known += rows * len(of.leveled)
        looked_at = max(looked_at, min(rows, CHUNK) * of.levels)
        followed = max(followed, min(train.frames[table].height, ROWS) * codec.classes.count(table))
    return float(KNOWN * known + LOOKED_AT * looked_at + FOLLOWED * followed)


def _count(train: Grown, table: str, what: str) -> int:
    """How many rows of a table there are, or groups of them."""
    return train.frames[table].height if what == "rows" else len(np.unique(train.parents.get(table, np.arange(len(train)))))
