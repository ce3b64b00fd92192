"""Levels <-> scores.

    OrderedProbit      ordered or two levels, 1 channel: level j is the interval (c_j, c_j+1) with Phi(c_j) = share below it
    SequentialProbit   k unordered levels, k - 1 channels, the commonest first: "is it this one, if none before?" (Tutz 1991)
                           level j  <=>  z_1 < c_1, ..., z_j-1 < c_j-1, z_j >= c_j, and the channels after j are free
    OneHot             k channels of +1 and -1 (Health Gym), decoded by the largest

The probits give scores that are exactly N(0, 1), and the sequential one independent ones. Independent normal scores decode
to the shares of the table, and ordered levels cannot leave their order.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from reverie.records.intervals import REACH, Floats

__all__ = ["Indices", "Levels", "OneHot", "OrderedProbit", "SequentialProbit", "shares_of"]

Indices = NDArray[np.int64]


class Levels:
    """What codes of levels 0 .. k - 1 share."""

    def ends(self, values: Floats) -> tuple[Floats, Floats]:
        """Both ends [n, width] of the scores of levels [n]."""
        return self.intervals(values.astype(np.int64))

    def cells(self, z: Floats) -> Floats:
        """Levels [n] of scores [n, width]."""
        return self.level(z).astype(np.float64)

    def clipped(self, z: Floats) -> int:
        """None: whatever the scores, a level is one of the list."""
        return 0

    @property
    def count(self) -> int:
        """How many levels there are."""
        raise NotImplementedError

    def intervals(self, level: Indices) -> tuple[Floats, Floats]:
        raise NotImplementedError

    def level(self, z: Floats) -> Indices:
        raise NotImplementedError


def shares_of(counts: NDArray[Any]) -> Floats:
    """Of the levels; one that was never seen counts half, so that it has an interval."""
    counts = np.maximum(np.asarray(counts, dtype=np.float64), 0.5)
    return counts / counts.sum()


@dataclass(frozen=True, eq=False)
class OrderedProbit(Levels):
    """Ordered levels, or two.

    Attributes:
        cuts: c_1 < ... < c_k-1.
    """

    cuts: Floats

    @classmethod
    def fit(cls, counts: NDArray[Any]) -> Self:
        """From the number of cells [k] of each level."""
        return cls(ndtri(np.cumsum(shares_of(counts))[:-1]))

    @property
    def width(self) -> int:
        return 1

    @property
    def count(self) -> int:
        return len(self.cuts) + 1

    def intervals(self, level: Indices) -> tuple[Floats, Floats]:
        """Ends [n, 1] of the scores of levels [n]."""
        ends = np.concatenate([[-REACH], self.cuts, [REACH]])
        return ends[level, None], ends[level + 1, None]

    def level(self, z: Floats) -> Indices:
        """Levels [n] of scores [n, 1]."""
        return np.searchsorted(self.cuts, z[:, 0], "right")

    @property
    def config(self) -> dict[str, Any]:
        return {"kind": "thresholds", "cuts": self.cuts.tolist()}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        return cls(np.array(config["cuts"], dtype=np.float64))


@dataclass(frozen=True, eq=False)
class SequentialProbit(Levels):
    """Unordered levels.

    Attributes:
        order: the levels, the commonest first.
        cuts: c_1 .. c_k-1, of all but the last of them.
    """

    order: Indices
    cuts: Floats

    @classmethod
    def fit(cls, counts: NDArray[Any]) -> Self:
        """From the number of cells [k] of each level."""
        share = shares_of(counts)
        order = np.argsort(-share, kind="stable")
        share = share[order]
        left = np.cumsum(share[::-1])[::-1]
        return cls(order, -ndtri(share[:-1] / left[:-1]))

    @property
    def width(self) -> int:
        return len(self.cuts)

    @property
    def count(self) -> int:
        return len(self.order)

    def intervals(self, level: Indices) -> tuple[Floats, Floats]:
        """Ends [n, k - 1] of the scores of levels [n]."""
        k = len(self.order)
        channel, place = np.arange(k - 1), np.arange(k)[:, None]
        lower = np.where(channel == place, self.cuts, -REACH)
        upper = np.where(channel < place, self.cuts, REACH)
        rank = np.argsort(self.order)[level]
        return lower[rank], upper[rank]

    def level(self, z: Floats) -> Indices:
        """Levels [n] of scores [n, k - 1]."""
        if not self.width:
            return np.zeros(len(z), dtype=np.int64)
        yes = z >= self.cuts
        return self.order[np.where(yes.any(1), yes.argmax(1), self.width)]

    @property
    def config(self) -> dict[str, Any]:
        return {"kind": "sticks", "order": self.order.tolist(), "cuts": self.cuts.tolist()}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        return cls(np.array(config["order"], dtype=np.int64), np.array(config["cuts"], dtype=np.float64))


@dataclass(frozen=True)
class OneHot(Levels):
    """k levels, as published: +1 for the level, -1 for the others."""

    width: int

    @property
    def count(self) -> int:
        return self.width

    @classmethod
    def fit(cls, counts: NDArray[Any]) -> Self:
        """From the number of cells [k] of each level, of which only k counts."""
        return cls(len(counts))

    def intervals(self, level: Indices) -> tuple[Floats, Floats]:
        """The scores [n, k] of levels [n], twice: they are points."""
        z = 2 * np.eye(self.width)[level] - 1
        return z, z

    def level(self, z: Floats) -> Indices:
        """Levels [n] of scores [n, k]: the largest."""
        return z.argmax(1)

    @property
    def config(self) -> dict[str, Any]:
        return {"kind": "one-hot", "width": self.width}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        return cls(config["width"])
