"""An order of levels in which those that go together stand near each other.

Each level is told by what it is seen with: how often with each level of other columns, beyond chance (correspondence
analysis, Benzecri 1973). The leaves of a tree of these points, in the order that brings neighbours nearest (Ward 1963;
Bar-Joseph et al. 2001), are the order.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.cluster.hierarchy import leaves_list, linkage

from reverie.records.levels import Indices

__all__ = ["nearest_order"]

AXES, MOST = 8, 1500
"""Axes that tell a level; levels from which on the first axis alone is the order, since a tree takes their square."""


def nearest_order(levels: Indices, count: int, seen_with: Sequence[tuple[Indices, Indices]]) -> Indices:
    """The order int64 [count] of levels.

    Args:
        levels: int64 [n], of each cell; -1 where there is none.
        seen_with: (cells [m], int64 [m]) what cells are seen with, numbers from 0 on; -1 where there is none.
    """
    blocks = []
    for cells, others in seen_with:
        mine = levels[cells]
        there = (mine >= 0) & (others >= 0)
        if not there.any():
            continue
        width = int(others[there].max()) + 1
        table = np.bincount(mine[there] * width + others[there], minlength=count * width).reshape(count, width).astype(float)
        total = table.sum()
        expected = (table.sum(1, keepdims=True) + 0.5) * (table.sum(0, keepdims=True) + 0.5) / (total + 1)
        blocks.append((table - expected) / np.sqrt(expected * total))
    if not blocks or count < 3:
        return np.arange(count)
    mass = np.bincount(levels[levels >= 0], minlength=count) + 0.5
    left, strength, _ = np.linalg.svd(np.concatenate(blocks, 1), full_matrices=False)
    points = (left * strength)[:, :AXES] / np.sqrt(mass / mass.sum())[:, None]
    if count > MOST:
        return np.argsort(points[:, 0], kind="stable")
    return leaves_list(linkage(points, "ward", optimal_ordering=True)).astype(np.int64)
