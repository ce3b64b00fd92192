"""How often each value of a column occurs, gathered part by part in flat memory.

Exact while a column has up to EXACT different values. With more, values go into buffers that are emptied like the digits of
a counter (Munro and Paterson 1980; Manku, Rajagopalan and Lindsay 1998): a buffer of level l that holds 2 SIZE values or
more is sorted, and every other of them goes up with twice the weight. That moves no rank by more than 2^l, and level l
takes at most n / (SIZE 2^(l+1)) of them, so that of n values

    | rank among the values kept - rank among all |  <=  n levels / (2 SIZE)        levels = log2(n / SIZE)

which is 0.03 % of 10^7 values, whatever their order. The ENDS outermost values on both sides stay exact.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reverie.records.intervals import Floats

__all__ = ["EXACT", "Counting", "Counts"]

EXACT = 32_768
"""Different values of a column up to which all of them are counted."""
SIZE = 16_384
"""Values of a buffer that is emptied, half of them."""
ENDS = 64
"""Outermost values on each side that stay as they are."""


@dataclass(frozen=True, eq=False)
class Counts:
    """Values and how often each occurs.

    Attributes:
        values: float64 [k], rising strictly, none of them NaN.
        counts: int64 [k], at least 1.
        weight: how many values beside it one that is kept stands for, at most; 1 where all are counted exactly.
        error: by how many a rank among them is off, at most; 0 where all are counted exactly.
    """

    values: Floats
    counts: NDArray[np.int64]
    weight: int = 1
    error: int = 0

    @classmethod
    def of(cls, x: Floats) -> Counts:
        """Of values [n] in any order, all counted exactly."""
        values, counts = np.unique(x + 0.0, return_counts=True)  # -0.0 is 0.0
        return cls(values, counts.astype(np.int64))

    def __len__(self) -> int:
        """The number of all values."""
        return int(self.counts.sum())

    def mapped(self, change: Callable[[Floats], Floats]) -> Counts:
        """Of the changed values; those that become equal are one."""
        return _merged(change(self.values), self.counts, self.weight, self.error)

    def ranked(self, most: int) -> Floats:
        """Every value as often as it occurs, rising; of more than `most` so many, from the first to the last."""
        n = len(self)
        if n <= most:
            return np.repeat(self.values, self.counts)
        ranks = np.linspace(0, n - 1, most).round().astype(np.int64)
        return self.values[np.searchsorted(np.cumsum(self.counts), ranks, "right")]

    def places(self, count: int) -> NDArray[np.int64]:
        """How often each of the values 0, 1, ... occurs, where all are below `count`, int64 [count]."""
        found = np.zeros(count, dtype=np.int64)
        found[self.values.astype(np.int64)] = self.counts
        return found


class Counting:
    """Counts that are being taken: `add` as often as there are parts, then `counts`. Memory is bounded, see the module."""

    def __init__(self) -> None:
        self._exact: Counts | None = Counts(np.empty(0), np.empty(0, dtype=np.int64))
        self._buffers: list[list[Floats]] = []
        self._turns: list[bool] = []
        self._low = self._high = np.empty(0)
        self._n = self._error = 0
        self._weight = 1

    def add(self, x: Floats) -> None:
        """Counts values [n], none of them NaN. What is added first is counted exactly however many values it has."""
        if self._exact is not None and len(self._exact.values) > EXACT:
            self._begin(self._exact)
        if not len(x):
            return
        if self._exact is None:
            self._take(x)
            return
        more = Counts.of(x)
        if len(self._exact.values):
            both = np.concatenate([self._exact.values, more.values])
            more = _merged(both, np.concatenate([self._exact.counts, more.counts]))
        self._exact = more

    def _begin(self, exact: Counts) -> None:
        """Goes over to buffers."""
        self._exact, self._n = None, len(exact)
        self._low = np.repeat(exact.values[:ENDS], exact.counts[:ENDS].clip(max=ENDS))[:ENDS]
        self._high = np.repeat(exact.values[-ENDS:], exact.counts[-ENDS:].clip(max=ENDS))[-ENDS:]
        for level in range(int(exact.counts.max()).bit_length()):  # a count is the sum of powers of two
            self._push(level, exact.values[(exact.counts >> level) & 1 == 1])

    def counts(self) -> Counts:
        """What was counted so far."""
        if self._exact is not None:
            return self._exact
        kept = [np.concatenate(some) if some else np.empty(0) for some in self._buffers]
        values = np.concatenate(kept)
        weights = np.repeat(1 << np.arange(len(kept)), [len(some) for some in kept])
        order = np.argsort(values, kind="stable")
        values, weights = values[order].clip(self._low[-1], self._high[0]), weights[order]
        upto = np.cumsum(weights)
        low, high = len(self._low), self._n - len(self._high)  # ranks between the ends that are kept as they are
        inner = upto.clip(low, high) - (upto - weights).clip(low, high)
        values = np.concatenate([self._low, values, self._high])
        inner = np.concatenate([np.ones(low, dtype=np.int64), inner, np.ones(len(self._high), dtype=np.int64)])
        return _merged(values[inner > 0], inner[inner > 0], self._weight, self._error)

    def _take(self, x: Floats) -> None:
        x, self._n = x + 0.0, self._n + len(x)
        self._low = np.sort(np.concatenate([self._low, _ends(x, ENDS)]))[:ENDS]
        self._high = np.sort(np.concatenate([self._high, -_ends(-x, ENDS)]))[-ENDS:]
        self._push(0, x)

    def _push(self, level: int, x: Floats) -> None:
        """Values into the buffer of a level, which is emptied if it is full."""
        while len(self._buffers) <= level:
            self._buffers.append([])
            self._turns.append(False)
        self._buffers[level].append(x)
        if (held := sum(map(len, self._buffers[level]))) < 2 * SIZE:
            return
        full = np.sort(np.concatenate(self._buffers[level]))
        even = held - held % 2
        self._buffers[level] = [full[even:]]
        self._turns[level] = not self._turns[level]  # the first or the second of each two, in turns
        self._error += 1 << level
        self._weight = max(self._weight, 2 << level)
        self._push(level + 1, full[:even][int(self._turns[level]) :: 2])


def _ends(x: Floats, count: int) -> Floats:
    """The smallest of x, in any order."""
    return x if len(x) <= count else np.partition(x, count)[:count]


def _merged(values: Floats, counts: NDArray[np.int64], weight: int = 1, error: int = 0) -> Counts:
    """Rising, equal values as one."""
    distinct, place = np.unique(values, return_inverse=True)
    total = np.zeros(len(distinct), dtype=np.int64)
    np.add.at(total, place, counts)
    return Counts(distinct, total, weight, error)
