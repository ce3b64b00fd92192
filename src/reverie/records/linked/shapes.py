"""The shape of numbers in each latent class: a stay of one kind lasts a few hours, of another two days and more, and none a
day; a network that has seen forty of them draws all that lies between.

    z -> F_class,trained^-1(F_class,drawn(z)),      through quantiles at SHARES, straight between them

F_class,drawn is counted of as many as were drawn; where those are few it is N(m, v) with mean and variance of the class,
from which rows are drawn before anything is learned (classes.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from scipy import special

from reverie.records.intervals import Floats
from reverie.records.levels import Indices
from reverie.records.linked.latent import FEWEST

__all__ = ["Shapes"]

SHARES = np.array([0.02, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.98])
TRAINED, DRAWN = 20, 60
"""Cells of a class trained on from which its shape is known, and drawn from which theirs is."""
STEP = 1e-6


@dataclass(frozen=True, eq=False)
class Shapes:
    """The shapes of numbers of the groups or the rows of one table.

    Attributes:
        channels: int64 [M], which numbers.
        knots: float32 [classes, M, 2, SHARES], scores as drawn, rising, and what they become, by the class that a row is
            known by (Layout.known_by); NaN where it has none.
    """

    channels: Indices
    knots: np.ndarray

    @classmethod
    def fit(
        cls,
        channels: Sequence[int],
        trained: tuple[Floats, Indices, Indices],
        drawn: tuple[Floats, Indices],
        asked: np.ndarray,
    ) -> Self:
        """Of scores [n, C], NaN where not known, the class that each row is known by, and whose those trained on are; of
        those drawn, where asked. A class in which fewer than FEWEST patients have a number has no shape of it."""
        (theirs, whose, patient), (mine, of) = trained, drawn
        classes = 1 + int(max(whose.max(initial=0), of.max(initial=0)))
        knots = np.full((classes, len(channels), 2, len(SHARES)), np.nan, dtype=np.float32)
        for number, c in enumerate(channels):
            there = ~np.isnan(theirs[:, c])
            people = np.unique(np.stack([whose[there], patient[there]]), axis=1)[0]
            enough = np.bincount(people, minlength=classes) >= FEWEST
            for k, y in _by_class(theirs[:, c], whose, there & enough[whose], TRAINED):
                knots[k, number, 1] = np.quantile(y, SHARES)
                knots[k, number, 0] = y.mean() + max(y.std(), STEP) * special.ndtri(SHARES)
            for k, x in _by_class(mine[:, c], of, asked[:, c], DRAWN):
                knots[k, number, 0] = np.quantile(x, SHARES)
        knots[:, :, 0] = np.maximum.accumulate(knots[:, :, 0], -1) + STEP * np.arange(len(SHARES))
        knots[np.isnan(knots).any((2, 3))] = np.nan
        return cls(np.asarray(channels, dtype=np.int64), knots)

    def __call__(self, scores: Floats, asked: np.ndarray, of: Indices) -> Floats:
        """Scores [n, C] with the cells asked in the shape of their class."""
        out, known = scores.copy(), of < len(self.knots)
        for number, c in enumerate(self.channels.tolist()):
            rows = np.flatnonzero(asked[:, c] & known)
            x, y = self.knots[of[rows], number].astype(np.float64).transpose(1, 0, 2)
            z, each = scores[rows, c], np.arange(len(rows))
            at = ((x <= z[:, None]).sum(1) - 1).clip(0, len(SHARES) - 2)
            low, high = (x[each, at], y[each, at]), (x[each, at + 1], y[each, at + 1])
            slope, beyond = (high[1] - low[1]) / (high[0] - low[0]), z - np.clip(z, x[:, 0], x[:, -1])
            new = low[1] + slope * (z - beyond - low[0]) + np.minimum(slope, 1.0) * beyond
            out[rows, c] = np.where(np.isnan(x[:, 0]), z, new)
        return out

    @property
    def config(self) -> dict[str, Any]:
        k, m = np.nonzero(~np.isnan(self.knots[:, :, 0, 0]))
        knots = (1000 * self.knots[k, m].astype(np.float64)).round().astype(int).tolist()
        return {
            "classes": len(self.knots),
            "channels": self.channels.tolist(),
            "at": [k.tolist(), m.tolist()],
            "knots": knots,
        }

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        channels = np.array(config["channels"], dtype=np.int64)
        knots = np.full((config["classes"], len(channels), 2, len(SHARES)), np.nan, dtype=np.float32)
        if config["knots"]:
            knots[tuple(config["at"])] = np.array(config["knots"], dtype=np.float64) / 1000
        knots[:, :, 0] += STEP * np.arange(len(SHARES))
        return cls(channels, knots)


def _by_class(z: Floats, of: Indices, there: np.ndarray, fewest: int) -> list[tuple[int, Floats]]:
    """(class, its scores), of classes that have so many at least."""
    rows = np.flatnonzero(there)
    rows = rows[np.argsort(of[rows], kind="stable")]
    parts = np.split(z[rows], np.flatnonzero(np.diff(of[rows])) + 1) if len(rows) else []
    firsts = np.concatenate([[0], np.cumsum([len(part) for part in parts])[:-1]]).astype(int) if parts else []
    return [(int(of[rows[first]]), part) for first, part in zip(firsts, parts, strict=True) if len(part) >= fewest]
