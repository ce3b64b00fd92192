"""Numbers <-> normal scores, monotone and invertible.

    z = Phi^-1(F(x)), F piecewise linear through at most some 256 knots

so that the scores of a column are N(0, 1), whatever its distribution. A column with a unit holds whole multiples of it, one
of significant digits values of so many, and each owns the scores of the cell that is rounded to it (intervals.py). Between
neighbours F rises, but for gaps in which no value is made; beyond the last knots the tails go on (tail.py), but for
outliers (support.py).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np
from scipy.special import ndtr, ndtri

from reverie.records.counts import Counts
from reverie.records.intervals import REACH, Floats
from reverie.records.rounding import cell, on_grid
from reverie.records.support import support
from reverie.records.tail import Tail

__all__ = ["NormalScore", "Number", "on_grid"]

KNOTS = 80
"""Knots spread evenly over shares, and as many over scores; besides, both ends of the ATOMS largest cells."""
ATOMS = 48
KEPT = 1 / 64
"""The part of a lone value's share that stays in its own cell, at least; the rest is spread up to its neighbours."""
MOST = 2**21
"""Values that gaps are looked for among, at most: of more, each stands for several."""
JUMP = 1e-9
"""Scores between both sides of a gap in which nothing is made."""
GAPS = 4096
"""Such gaps that a column keeps, the widest of them."""


class Number:
    """What codes of numbers share: one channel."""

    @property
    def width(self) -> int:
        return 1

    @classmethod
    def fit(
        cls,
        x: Floats,
        unit: float | None = None,
        lower: float | None = None,
        upper: float | None = None,
        digits: int | None = None,
    ) -> Self:
        """From a column's values [n], in any order and rounding."""
        return cls.of(Counts.of(on_grid(x, unit, digits)), unit, lower, upper, digits)

    @classmethod
    def of(
        cls,
        seen: Counts,
        unit: float | None = None,
        lower: float | None = None,
        upper: float | None = None,
        digits: int | None = None,
    ) -> Self:
        raise NotImplementedError

    def ends(self, values: Floats) -> tuple[Floats, Floats]:
        """Both ends [n, 1] of the scores of values [n]."""
        a, b = self.intervals(values)
        return a[:, None], b[:, None]

    def cells(self, z: Floats) -> Floats:
        """Values [n] of scores [n, 1]."""
        return self.from_score(z[:, 0])

    def intervals(self, x: Floats) -> tuple[Floats, Floats]:
        raise NotImplementedError

    def from_score(self, z: Floats) -> Floats:
        raise NotImplementedError


@dataclass(frozen=True, eq=False)
class NormalScore(Number):
    """x -> z with z ~ N(0, 1).

    Attributes:
        x, z: knots [K]; z rises strictly, x rises or, where a column without a unit has an atom, stands still.
        unit, digits, lower, upper: of the column; outliers bound it too.
        gaps: the values [G, 2] on both sides of gaps in which nothing is made.
        below, above: the tails; `below` is of the mirror image -x, -z.
    """

    x: Floats
    z: Floats
    unit: float | None
    digits: int | None
    lower: float | None
    upper: float | None
    gaps: Floats
    below: Tail
    above: Tail

    @classmethod
    def of(
        cls,
        seen: Counts,
        unit: float | None = None,
        lower: float | None = None,
        upper: float | None = None,
        digits: int | None = None,
    ) -> Self:
        """The table of values that are counted and rounded as the column is; none at all are read as one value at a bound
        or 0."""
        if not len(seen.values):
            only = lower if lower is not None else upper if upper is not None else 0.0
            seen = Counts.of(on_grid(np.array([only]), unit, digits))
        values, counts = seen.values, seen.counts
        left, right = cell(values, unit, digits)
        region = support(left, right, np.maximum(counts // max(seen.weight, -(-len(seen) // MOST)), 1))
        if digits is not None and lower is not None and lower <= 0 < values[0]:
            lower = float(10.0 ** np.floor(np.log10(values[0])))  # as there is no smallest number of 3 digits
        lower = max(float(values[0]), -np.inf if lower is None else lower) if region.low else lower
        upper = min(float(values[-1]), np.inf if upper is None else upper) if region.high else upper
        knots, z = _thinned(*_steps(left, right, counts, region.empty, seen.weight))
        at = np.flatnonzero(region.empty)
        gaps = np.stack([values[at], values[at + 1]], -1)
        span = float(knots[-1] - knots[0] - np.diff(gaps).sum())
        least = 1e-3 * max(span, 0.0) or 1e-3 * abs(float(knots[0])) or 1.0
        first, last = (float(width) or least for width in (right - left)[[0, -1]])
        low, high = REACH, -REACH
        if len(at):
            low, high = np.interp(np.array([right[at[0]], left[at[-1] + 1]]), knots, z).tolist()
        half = (unit or 0.0) / 2
        above = Tail.estimate(knots, z, None if upper is None else max(upper + half, right[-1]), last, high)
        bound = None if lower is None else max(half - lower, -left[0])
        below = Tail.estimate(-knots[::-1], -z[::-1], bound, first, -low)
        if len(gaps) > GAPS:
            gaps = gaps[np.sort(np.argsort(gaps[:, 0] - gaps[:, 1], kind="stable")[:GAPS])]
        return cls(knots, z, unit, digits, lower, upper, gaps, below, above)

    def intervals(self, x: Floats) -> tuple[Floats, Floats]:
        """Ends [n] of the scores that decode to x [n]; both the same where x has no cell of its own.

        A value in a gap in which none is made is taken for the nearer one beside it.
        """
        x = self._outside(on_grid(x, self.unit, self.digits))
        left, right = cell(x, self.unit, self.digits)
        a, b = self._score(left, "left"), self._score(right, "right")
        if self.lower is not None:
            a = np.where(x <= self.lower, -REACH, a)
        if self.upper is not None:
            b = np.where(x >= self.upper, REACH, b)
        return np.minimum(a, b), b

    def from_score(self, z: Floats) -> Floats:
        """The values, rounded to unit or digits, within the bounds, and in no gap in which none are made."""
        z = np.clip(z, -REACH, REACH)
        x = np.interp(z, self.z, self.x)
        if (far := z > self.z[-1]).any():
            x[far] = self.above.value(z[far])
        if (far := z < self.z[0]).any():
            x[far] = -self.below.value(-z[far])
        x = self._outside(on_grid(x, self.unit, self.digits))
        return x if self.lower is None and self.upper is None else np.clip(x, self.lower, self.upper)

    def _outside(self, x: Floats) -> Floats:
        """What lies in a gap goes to its nearer side."""
        if not len(self.gaps):
            return x
        low, high = self.gaps[np.searchsorted(self.gaps[:, 1], x).clip(0, len(self.gaps) - 1)].T
        return np.where((x > low) & (x < high), np.where(x - low <= high - x, low, high), x)

    def clipped(self, z: Floats) -> int:
        """None of scores [n, 1]: bounded tails level off at the bound."""
        return 0

    def _score(self, x: Floats, side: str) -> Floats:
        """Where an atom has many scores, its first ("left") or last ("right")."""
        if side == "left":
            i = np.searchsorted(self.x, x, "left").clip(1, len(self.x) - 1)
        else:
            i = np.searchsorted(self.x, x, "right").clip(1, len(self.x) - 1)
        x_0, x_1, z_0, z_1 = self.x[i - 1], self.x[i], self.z[i - 1], self.z[i]
        width = x_1 - x_0
        part = np.where(width > 0, (x - x_0) / np.where(width > 0, width, 1.0), side == "right")
        z = z_0 + (z_1 - z_0) * np.clip(part, 0.0, 1.0)
        if (far := x > self.x[-1]).any():
            z[far] = self.above.score_of(x[far])
        if (far := x < self.x[0]).any():
            z[far] = -self.below.score_of(-x[far])
        return np.clip(z, -REACH, REACH)

    @property
    def config(self) -> dict[str, Any]:
        tails = {"below": asdict(self.below), "above": asdict(self.above)}
        bounds = {"unit": self.unit, "digits": self.digits, "lower": self.lower, "upper": self.upper}
        return {
            "kind": "normal-score", "x": self.x.tolist(), "z": self.z.tolist(), **bounds, "gaps": self.gaps.tolist(), **tails
        }  # fmt: skip

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        x, z = (np.array(config[k], dtype=np.float64) for k in ("x", "z"))
        below, above = (Tail(**config[k]) for k in ("below", "above"))
        gaps = np.array(config.get("gaps", []), dtype=np.float64).reshape(-1, 2)
        bounds = config["lower"], config["upper"]
        return cls(x, z, config["unit"], config.get("digits"), *bounds, gaps, below, above)


def _steps(
    left: Floats, right: Floats, counts: np.ndarray, empty: np.ndarray, weight: int = 1
) -> tuple[Floats, Floats, np.ndarray]:
    """Knots of the distribution function of cells [left, right]: places and shares, both rising, and which end an empty gap.

    Of a cell's count all but one stay inside it; that one is spread evenly half way to its neighbours, which makes lone
    values a smooth density and leaves heavy ones the atoms that they are; where the gap is `empty` nothing is spread, and
    both of its sides have the same share. Half a count lies past either end. Where a value stands for `weight` of its
    neighbours, so many are spread in the place of the one.
    """
    touch = left[1:] - right[:-1] <= 1e-9 * (right - left)[1:]
    left = np.append(left[:1], np.where(touch, right[:-1], left[1:]))
    middle = (right[:-1] + left[1:]) / 2
    outer_left = np.append(left[:1], np.where(empty, left[1:], middle))
    outer_right = np.append(np.where(empty, right[:-1], middle), right[-1:])
    width = outer_right - outer_left
    ahead, behind = (
        np.divide(d, width, out=np.zeros_like(d), where=width > 0) for d in (left - outer_left, outer_right - right)
    )
    spread = np.where(right > left, np.minimum(1.0, (1 - KEPT) / np.maximum(ahead + behind, KEPT)), 1.0)
    upto = np.cumsum(counts)
    before = upto - counts
    spread = spread * np.minimum(counts, weight)
    places = np.stack([outer_left, left, right, outer_right], -1).ravel()
    counted = np.stack([before, before + spread * ahead, upto - spread * behind, upto], -1).ravel()
    shares = (counted + 0.5) / (upto[-1] + 1)
    begins = np.zeros((len(counts), 4), dtype=bool)
    begins[1:, 0] = empty
    begins = begins.ravel()
    rises = np.append(True, np.diff(shares) > 1e-15) | begins
    return places[rises], shares[rises], begins[rises]


def _thinned(places: Floats, shares: Floats, begins: np.ndarray) -> tuple[Floats, Floats]:
    """At most some 256 of the knots, and their scores, which jump where a gap ends that nothing is made in."""
    if len(places) > 2 * (KNOTS + ATOMS):
        low, high = ndtri(shares[[0, -1]])
        even = np.concatenate([np.linspace(shares[0], shares[-1], KNOTS), ndtr(np.linspace(low, high, KNOTS))])
        jumps = np.flatnonzero(begins)
        jumps = jumps[np.argsort(places[jumps - 1] - places[jumps], kind="stable")[: ATOMS // 3]]
        heavy = np.argsort(np.diff(shares), kind="stable")[-(ATOMS - len(jumps)) :]
        near = np.searchsorted(shares, even).clip(0, len(shares) - 1)
        keep = np.unique(np.concatenate([[0, len(shares) - 1], near, heavy, heavy + 1, jumps - 1, jumps]))
        places, shares, begins = places[keep], shares[keep], begins[keep]
    z = ndtri(shares) + JUMP * begins
    rises = np.append(True, np.diff(z) > 0)
    return places[rises], z[rises]
