"""Hundreds of levels: rare ones are backed off to a group, the group is modelled, and which of it is part of its score.

A code's own prefixes are its groups: E11.65 -> E11.6 -> E11 -> E1 -> E -> (other). From the longest on, what has fewer than
LEAST cells gives up its last character, and is one with others of that prefix; as long as there are more than MOST groups,
more cells are asked for. Names that are no codes (drugs, towns) have no prefixes that mean something: the rare ones go to
(other) at once.

The interval of the group's own channel (levels.py) is divided among its members by their shares. So decoding is a function
of the score alone and inverts encoding, and the shares of all levels are those of the table; only levels that occur are
made. A code that one patient alone had is a member like any other, and may be made again.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from reverie.records.intervals import Floats
from reverie.records.levels import Indices, Levels, OneHot, OrderedProbit, SequentialProbit

__all__ = ["MOST", "Grouped", "groups"]

MOST, LEAST = 30, 5
"""Groups at most, and cells of a group at least (but for the last, which holds what is left)."""

WIDTH = 0.5
"""Of the interval around 1 that members of a one-hot group share."""

_CODE = re.compile(r"[A-Za-z]{0,4}[-.:]?\d[A-Za-z0-9.\-/:]{0,14}")


def groups(names: Sequence[str], counts: NDArray[Any]) -> tuple[tuple[str, ...], Indices]:
    """The names of the groups, and the group [k] of each level; "" is what is left. `counts` [k] are cells."""
    codes = sum(bool(_CODE.fullmatch(name)) for name in names) >= 0.8 * len(names)
    members = {name: [i] for i, name in enumerate(names)}
    size = {name: float(count) for name, count in zip(names, counts, strict=True)}
    enough = float(LEAST)
    while True:
        for length in range(max(map(len, members)), 0, -1):  # the longest first, so that others of a prefix have come to it
            for name in [name for name in members if len(name) == length and size[name] < enough]:
                shorter = name[:-1].rstrip(".-/: ") if codes else ""
                members.setdefault(shorter, []).extend(members.pop(name))
                size[shorter] = size.get(shorter, 0.0) + size.pop(name)
        if len(members) <= MOST:
            break
        enough *= 1.2
    group = np.empty(len(names), dtype=np.int64)
    for place, name in enumerate(sorted(members)):
        group[members[name]] = place
    return tuple(sorted(members)), group


@dataclass(frozen=True, eq=False)
class Grouped(Levels):
    """Levels as groups of them.

    Attributes:
        code: of the groups.
        group: of each level [k].
        share: of each level in its group [k].
    """

    code: OrderedProbit | SequentialProbit | OneHot
    group: Indices
    share: Floats

    @classmethod
    def fit(cls, counts: NDArray[Any], names: Sequence[str], one_hot: bool = False) -> Self:
        """From the number of cells [k] of each level and its name."""
        _, group = groups(names, counts)
        of_groups = np.bincount(group, weights=counts)
        seen = np.maximum(np.asarray(counts, dtype=np.float64), 0.5)
        kind = OrderedProbit if len(of_groups) < 3 else OneHot if one_hot else SequentialProbit
        return cls(kind.fit(of_groups), group, seen / np.bincount(group, weights=seen)[group])

    @property
    def width(self) -> int:
        return self.code.width

    @property
    def count(self) -> int:
        return len(self.group)

    @cached_property
    def _members(self) -> list[tuple[int, Indices, Floats]]:
        """Of each group: its own channel, its members, and the ends of their scores in it."""
        members = []
        for place in range(int(self.group.max()) + 1):
            lower, upper = (ends[0] for ends in self.code.intervals(np.array([place])))
            channel = self._channel(place)
            of_group = np.flatnonzero(self.group == place)
            parts = np.append(0.0, np.cumsum(self.share[of_group]))
            if isinstance(self.code, OneHot):
                ends = 1 + WIDTH * (parts / parts[-1] - 0.5)
            else:
                ends = _divided(lower[channel], upper[channel], parts / parts[-1])
            members.append((channel, of_group, ends))
        return members

    def _channel(self, place: int) -> int:
        """The channel that says yes to a group; the last of SequentialProbit is known by the last no."""
        if isinstance(self.code, SequentialProbit):
            return min(int(np.flatnonzero(self.code.order == place)[0]), self.width - 1)
        return place if isinstance(self.code, OneHot) else 0

    def intervals(self, level: Indices) -> tuple[Floats, Floats]:
        """Ends [n, width] of the scores of levels [n]."""
        lower, upper = (np.array(ends) for ends in self.code.intervals(self.group[level]))
        for place, (channel, of_group, ends) in enumerate(self._members):
            rows = np.flatnonzero(self.group[level] == place)
            at = np.searchsorted(of_group, level[rows])
            lower[rows, channel], upper[rows, channel] = ends[at], ends[at + 1]
        return lower, upper

    def level(self, z: Floats) -> Indices:
        """Levels [n] of scores [n, width]."""
        group = self.code.level(z)
        level = np.empty(len(z), dtype=np.int64)
        for place, (channel, of_group, ends) in enumerate(self._members):
            rows = np.flatnonzero(group == place)
            level[rows] = of_group[np.searchsorted(ends[1:-1], z[rows, channel], "right")]
        return level

    @property
    def config(self) -> dict[str, Any]:
        return {"kind": "grouped", "code": self.code.config, "group": self.group.tolist(), "share": self.share.tolist()}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        kinds: dict[str, Any] = {"thresholds": OrderedProbit, "sticks": SequentialProbit, "one-hot": OneHot}
        code = kinds[config["code"]["kind"]].from_config(config["code"])
        return cls(code, np.array(config["group"], dtype=np.int64), np.array(config["share"], dtype=np.float64))


def _divided(lower: float, upper: float, parts: Floats) -> Floats:
    """Scores that divide the normal probability between two of them in parts [m + 1] from 0 to 1."""
    if lower > 0:  # where the other tail is more exact
        return -_divided(-upper, -lower, 1 - parts[::-1])[::-1]
    a, b = ndtr([lower, upper])
    ends = ndtri(a + (b - a) * parts)
    ends[0], ends[-1] = lower, upper
    return ends
