"""Numbers <-> normal scores, monotone and invertible.

    z = Phi^-1(F(x)), F piecewise linear through at most some 256 knots

so that the scores of a column are N(0, 1), whatever its distribution. A column with a unit holds whole multiples of it, and
each owns the scores of the cell of half a unit to either side (intervals.py). Beyond the last knots the tails go on.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any, Self

import numpy as np
import torch
from scipy.special import ndtr, ndtri

from reverie.records.intervals import REACH, Floats, between

__all__ = ["NormalScore", "Number", "on_grid"]

KNOTS = 80
"""Knots spread evenly over shares, and as many over scores; besides, both ends of the ATOMS largest cells."""
ATOMS = 48
KEPT = 1 / 64
"""The part of a lone value's share that stays in its own cell, at least; the rest is spread up to its neighbours."""
STEEPEST = 1.0
"""A tail grows by at most this many e-folds per standard deviation: what a log-normal of shape 1 does."""


class Number:
    """What codes of numbers share: one channel."""

    @property
    def width(self) -> int:
        return 1

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


def on_grid(x: Floats, unit: float | None) -> Floats:
    """The nearest whole multiples of the unit, as the floats that their decimal text stands for.

    Multiples of a unit without an end (a day in years) are given 15 digits, which is how tables are mostly written.
    """
    if unit is None:
        return x
    digits = max(0, -int(Decimal(repr(unit)).normalize().as_tuple().exponent))
    value = np.floor(x / unit + 0.5) * unit
    if digits > 12:
        digits = 14 - np.floor(np.log10(np.maximum(np.abs(value), unit)))
        scale = 10.0**digits
        return np.rint(value * scale) / scale
    return np.round(value, digits)


@dataclass(frozen=True)
class Tail:
    """x = end + slope (exp(growth d) - 1) / growth, d = z - score: past the last knot; linear for growth 0.

    A negative growth is a bounded side: x nears end - slope / growth and never passes it. Written for the upper side; the
    lower is its mirror image.
    """

    end: float
    score: float
    slope: float
    growth: float

    def value(self, z: Floats) -> Floats:
        d = z - self.score
        return self.end + self.slope * (np.expm1(self.growth * d) / self.growth if self.growth else d)

    def score_of(self, x: Floats) -> Floats:
        if not self.slope:
            return np.full_like(x, REACH)
        steps = (x - self.end) / self.slope
        with np.errstate(divide="ignore", invalid="ignore"):
            d = np.log1p(self.growth * steps) / self.growth if self.growth else steps
        return np.minimum(np.where(np.isnan(d), REACH, self.score + d), REACH)

    @classmethod
    def estimate(cls, x: Floats, z: Floats, bound: float | None, least: float) -> Self:
        """From the upper half of a table: the exponential through median, the score half way, and the end.

        A convex tail goes on growing (a log scale), any other goes on straight, a bounded one levels off at its bound.
        """
        end, score = float(x[-1]), float(z[-1])
        half = score / 2
        median, middle = np.interp([0.0, half], z, x)
        first, second = max(middle - median, 0.0), max(end - middle, 0.0)
        with np.errstate(divide="ignore", invalid="ignore"):
            growth = float(np.clip(np.nan_to_num(np.log(second / first) / half, nan=0.0), -2.0, STEEPEST))
        slope = second * growth / -np.expm1(-growth * half) if abs(growth) > 1e-6 else second / half
        slope = max(float(slope), least)
        if bound is not None:
            room = bound - end
            return cls(end, score, slope, -slope / room) if room > 0 else cls(end, score, 0.0, 0.0)
        return cls(end, score, slope, max(growth, 0.0) if growth > 0.05 else 0.0)


@dataclass(frozen=True, eq=False)
class NormalScore(Number):
    """x -> z with z ~ N(0, 1).

    Attributes:
        x, z: knots [K]; z rises strictly, x rises or, where a column without a unit has an atom, stands still.
        unit, lower, upper: of the column.
        below, above: the tails; `below` is of the mirror image -x, -z.
    """

    x: Floats
    z: Floats
    unit: float | None
    lower: float | None
    upper: float | None
    below: Tail
    above: Tail

    @classmethod
    def fit(cls, x: Floats, unit: float | None = None, lower: float | None = None, upper: float | None = None) -> Self:
        """The table of a column's values [n]; none at all are read as one value at a bound or 0."""
        if not len(x):
            x = np.array([lower if lower is not None else upper if upper is not None else 0.0])
        half = (unit or 0.0) / 2
        values, counts = np.unique(np.floor(x / unit + 0.5) if unit else x, return_counts=True)
        values = values * unit if unit else values
        knots, shares = _steps(values - half, values + half, counts)
        knots, z = _thinned(knots, shares)
        least = unit or 1e-3 * (knots[-1] - knots[0]) or 1e-3 * abs(float(knots[0])) or 1.0
        above = Tail.estimate(knots, z, None if upper is None else upper + half, least)
        below = Tail.estimate(-knots[::-1], -z[::-1], None if lower is None else half - lower, least)
        return cls(knots, z, unit, lower, upper, below, above)

    def intervals(self, x: Floats) -> tuple[Floats, Floats]:
        """Ends [n] of the scores that decode to x [n]; both the same where x has no cell of its own."""
        half = (self.unit or 0.0) / 2
        x = on_grid(x, self.unit)
        a, b = self._score(x - half, "left"), self._score(x + half, "right")
        if self.lower is not None:
            a = np.where(x <= self.lower, -REACH, a)
        if self.upper is not None:
            b = np.where(x >= self.upper, REACH, b)
        return np.minimum(a, b), b

    def to_score(self, x: Floats, uniforms: Floats) -> Floats:
        """A draw of the score of x, from uniform numbers of the same shape."""
        a, b = self.intervals(x)
        return between(*map(torch.from_numpy, (a, b, uniforms))).numpy()

    def from_score(self, z: Floats) -> Floats:
        """The values, rounded to the unit and within the bounds."""
        z = np.clip(z, -REACH, REACH)
        x = np.interp(z, self.z, self.x)
        if (far := z > self.z[-1]).any():
            x[far] = self.above.value(z[far])
        if (far := z < self.z[0]).any():
            x[far] = -self.below.value(-z[far])
        x = on_grid(x, self.unit)
        return x if self.lower is None and self.upper is None else np.clip(x, self.lower, self.upper)

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
        bounds = {"unit": self.unit, "lower": self.lower, "upper": self.upper}
        return {"kind": "normal-score", "x": self.x.tolist(), "z": self.z.tolist(), **bounds, **tails}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        x, z = (np.array(config[k], dtype=np.float64) for k in ("x", "z"))
        below, above = (Tail(**config[k]) for k in ("below", "above"))
        return cls(x, z, config["unit"], config["lower"], config["upper"], below, above)


def _steps(left: Floats, right: Floats, counts: np.ndarray) -> tuple[Floats, Floats]:
    """Knots of the distribution function of cells [left, right]: places and shares, both rising.

    Of a cell's count all but one stay inside it; that one is spread evenly half way to its neighbours, which makes lone
    values a smooth density and leaves heavy ones the atoms that they are. Half a count lies past either end.
    """
    middle = (right[:-1] + left[1:]) / 2
    outer_left, outer_right = np.append(left[:1], middle), np.append(middle, right[-1:])
    width = outer_right - outer_left
    ahead, behind = (
        np.divide(d, width, out=np.zeros_like(d), where=width > 0) for d in (left - outer_left, outer_right - right)
    )
    spread = np.where(right > left, np.minimum(1.0, (1 - KEPT) / np.maximum(ahead + behind, KEPT)), 1.0)
    upto = np.cumsum(counts)
    before = upto - counts
    places = np.stack([outer_left, left, right, outer_right], -1).ravel()
    counted = np.stack([before, before + spread * ahead, upto - spread * behind, upto], -1).ravel()
    shares = (counted + 0.5) / (upto[-1] + 1)
    rises = np.append(True, np.diff(shares) > 1e-15) if len(shares) > 1 else np.array([True])
    return places[rises], shares[rises]


def _thinned(places: Floats, shares: Floats) -> tuple[Floats, Floats]:
    """At most some 256 of the knots, and their scores."""
    if len(places) > 2 * (KNOTS + ATOMS):
        low, high = ndtri(shares[[0, -1]])
        even = np.concatenate([np.linspace(shares[0], shares[-1], KNOTS), ndtr(np.linspace(low, high, KNOTS))])
        heavy = np.argsort(np.diff(shares), kind="stable")[-ATOMS:]
        near = np.searchsorted(shares, even).clip(0, len(shares) - 1)
        keep = np.unique(np.concatenate([[0, len(shares) - 1], near, heavy, heavy + 1]))
        places, shares = places[keep], shares[keep]
    z = ndtri(shares)
    rises = np.append(True, np.diff(z) > 0)
    return places[rises], z[rises]
