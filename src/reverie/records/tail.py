"""Beyond the largest value that was seen: how numbers go on with their scores.

    x = end + slope (exp(growth d) - 1) / growth,  d = z - score        past the last knot; linear for growth 0

A negative growth is a bounded side: x nears end - slope / growth and never passes it. Written for the upper side; the lower
is its mirror image.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from reverie.records.intervals import REACH, Floats

__all__ = ["Tail"]

STEEPEST = 1.0
"""A tail grows by at most this many e-folds per standard deviation: what a log-normal of shape 1 does."""


@dataclass(frozen=True)
class Tail:
    """What lies past the last knot.

    Attributes:
        end, score: that knot, its value and its score.
        slope: dx / dz there; at 0 nothing lies past it.
        growth: of the slope, in e-folds per standard deviation.
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
    def estimate(cls, x: Floats, z: Floats, bound: float | None, least: float, start: float = -REACH) -> Self:
        """From the upper half of a table: the exponential through median, the score half way, and the end.

        A convex tail goes on growing (a log scale), any other goes on straight, a bounded one levels off at its bound. Where
        the last gap in which nothing is made ends past the score half way, at `start`, the tail is straight from there.
        """
        end, score = float(x[-1]), float(z[-1])
        half = score / 2
        if half < start < score and bound is None:
            slope = (end - float(np.interp(start, z, x))) / (score - start)
            return cls(end, score, max(slope, least), 0.0)
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
