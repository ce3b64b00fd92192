"""Many unordered levels as a few ordered digits: which part of all, which part of that, and so on to one level.

    levels in an order in which those that go together stand near each other (nearness.py)
    a node of the tree is a run of them, cut into PARTS runs of as equal shares as can be
    digit i: which run, an ordered probit given the digits before; channels after the last digit of a level are free

So a level takes a channel for each digit, log(levels) of them where sticks take one for each level; every score is N(0, 1)
given those before it, independent normal scores decode to the shares of the table, and a score that is a little off is a
level that goes with the same.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from reverie.records.intervals import REACH, Floats
from reverie.records.levels import Indices, Levels, shares_of

__all__ = ["Digits"]

PARTS = 4
"""Runs that a run is cut into."""


@dataclass(frozen=True, eq=False)
class Digits(Levels):
    """Unordered levels as digits.

    Attributes:
        order: the levels, those near that go together [k].
        share: of each level [k].
    """

    order: Indices
    share: Floats

    @classmethod
    def fit(cls, counts: NDArray[Any], order: Indices) -> Self:
        """From the number of cells [k] of each level, and their order."""
        return cls(np.asarray(order, dtype=np.int64), shares_of(counts))

    @property
    def width(self) -> int:
        return self._ends[0].shape[1]

    @property
    def count(self) -> int:
        return len(self.order)

    @cached_property
    def _nodes(self) -> list[dict[int, tuple[Indices, Floats]]]:
        """By digit, of each node that has several levels, told by the first place of its run: where its parts begin and end
        [p + 1], and the cuts between their scores [p - 1]."""
        upto = np.append(0.0, np.cumsum(self.share[self.order]))
        nodes, runs = [], [(0, len(self.order))]
        while runs := [run for run in runs if run[1] - run[0] > 1]:
            found, parts = {}, []
            for first, last in runs:
                edges = _cut(upto[first : last + 1]) + first
                part = (upto[edges[1:-1]] - upto[first]) / (upto[last] - upto[first])
                found[first] = edges, ndtri(part)
                parts += itertools.pairwise(edges)
            nodes.append(found)
            runs = parts
        return nodes

    @cached_property
    def _ends(self) -> tuple[Floats, Floats]:
        """Both ends [k, width] of the scores of each level."""
        k = len(self.order)
        lower, upper = np.full((k, len(self._nodes)), -REACH), np.full((k, len(self._nodes)), REACH)
        for digit, nodes in enumerate(self._nodes):
            for edges, cuts in nodes.values():
                for part, (first, last) in enumerate(itertools.pairwise(edges)):
                    levels = self.order[first:last]
                    lower[levels, digit] = cuts[part - 1] if part else -REACH
                    upper[levels, digit] = cuts[part] if part < len(cuts) else REACH
        return lower, upper

    def intervals(self, level: Indices) -> tuple[Floats, Floats]:
        """Ends [n, width] of the scores of levels [n]."""
        return self._ends[0][level], self._ends[1][level]

    def level(self, z: Floats) -> Indices:
        """Levels [n] of scores [n, width]."""
        place = np.zeros(len(z), dtype=np.int64)
        for digit, nodes in enumerate(self._nodes):
            here, which = np.unique(place, return_inverse=True)
            for at, first in enumerate(here.tolist()):
                if first in nodes:
                    edges, cuts = nodes[first]
                    rows = np.flatnonzero(which == at)
                    place[rows] = edges[np.searchsorted(cuts, z[rows, digit], "right")]
        return self.order[place]

    @property
    def config(self) -> dict[str, Any]:
        return {"kind": "digits", "order": self.order.tolist(), "share": self.share.tolist()}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        return cls(np.array(config["order"], dtype=np.int64), np.array(config["share"], dtype=np.float64))


def _cut(upto: Floats) -> Indices:
    """Where a run of levels is cut, its ends with them, so that the shares of its parts are as equal as whole levels allow.

    Args:
        upto: shares added up, of the levels before each and of all.
    """
    k = len(upto) - 1
    goals = upto[0] + (upto[-1] - upto[0]) * np.arange(1, PARTS) / PARTS
    after = np.searchsorted(upto, goals).clip(1, k)
    near = np.where(goals - upto[after - 1] < upto[after] - goals, after - 1, after)
    edges = np.unique(np.concatenate([[0], near, [k]]))
    return edges if len(edges) > 2 else np.array([0, int(np.argmin(np.abs(upto[1:-1] - goals[PARTS // 2 - 1]))) + 1, k])
