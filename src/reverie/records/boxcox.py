"""The numbers of the published recipe (Health Gym v3): Box-Cox, then min-max to [-1, 1].

    y = (x^lambda - 1) / lambda,    z = 2 (y - min) / (max - min) - 1

with lambda by maximum likelihood (Box and Cox 1964, eq. 1). A score is a point: nothing is drawn.
"""

from __future__ import annotations

import warnings
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np

from reverie.records.counts import Counts
from reverie.records.intervals import REACH, Floats
from reverie.records.transforms import Number, on_grid

__all__ = ["BoxCox"]

MOST = 2**21
"""Values that are looked at, at most: of more, so many in the order of their ranks."""
CONDITION = float(np.log(1e6))
"""Largest |lambda| log(max / min): beyond it, doubles could not keep nine digits."""


@dataclass(frozen=True, eq=False)
class BoxCox(Number):
    """x -> [-1, 1] as published: lambda by maximum likelihood, then min-max.

    With t = log((x + shift) / scale), y = expm1(lambda t) / lambda: dividing by the geometric mean changes y only by an
    affine map, which min-max undoes, and keeps powers in range.

    Attributes:
        power: lambda.
        shift: added so that the smallest value is positive (its unit, or a thousandth of the range); 0 if it is.
        scale: geometric mean of x + shift.
        low, high: smallest and largest y.
    """

    power: float
    shift: float
    scale: float
    low: float
    high: float
    unit: float | None
    lower: float | None
    upper: float | None
    digits: int | None = None

    @classmethod
    def of(
        cls,
        seen: Counts,
        unit: float | None = None,
        lower: float | None = None,
        upper: float | None = None,
        digits: int | None = None,
    ) -> Self:
        """From values that are counted and rounded as the column is; none at all are read as one 1."""
        x = seen.ranked(MOST) if len(seen.values) else np.ones(1)
        room = unit or 1e-3 * float(x[-1] - x[0]) or 1.0
        shift = 0.0 if x[0] > 0 else room - float(x[0])
        t = np.log(x + shift)
        scale = float(np.exp(t.mean()))
        t -= np.log(scale)
        span = float(t[-1] - t[0])
        power = float(np.clip(_likeliest(t), -CONDITION / span, CONDITION / span)) if span > 1e-9 else 1.0
        low, high = _power(t[[0, -1]], power)
        if high - low < 1e-12:  # one value: all scores decode to it
            low, high = low - 1e-9, low + 1e-9
        return cls(power, shift, scale, float(low), float(high), unit, lower, upper, digits)

    def intervals(self, x: Floats) -> tuple[Floats, Floats]:
        """The score twice: it is a point."""
        t = np.log(np.maximum(on_grid(x, self.unit, self.digits) + self.shift, 1e-300) / self.scale)
        z = 2 * (_power(t, self.power) - self.low) / (self.high - self.low) - 1
        z = np.clip(z, -REACH, REACH)
        return z, z

    def from_score(self, z: Floats) -> Floats:
        """The values; scores beyond [-1, 1] are read as its ends, the smallest and largest value seen."""
        y = self.low + (np.clip(z, -1.0, 1.0) + 1) / 2 * (self.high - self.low)
        t = np.log1p(self.power * y) / self.power if self.power else y
        x = on_grid(np.exp(t) * self.scale - self.shift, self.unit, self.digits)
        return x if self.lower is None and self.upper is None else np.clip(x, self.lower, self.upper)

    def clipped(self, z: Floats) -> int:
        """How many scores of any shape lie beyond [-1, 1], float32's rounding forgiven."""
        return int((np.abs(z) > 1 + 1e-6).sum())

    @property
    def config(self) -> dict[str, Any]:
        return {"kind": "box-cox", **asdict(self)}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        return cls(**{k: v for k, v in config.items() if k != "kind"})


def _power(t: Floats, power: float) -> Floats:
    return np.expm1(power * t) / power if power else t


def _likeliest(t: Floats) -> float:
    """The lambda of highest likelihood, of at most 100,000 of the sorted values."""
    from scipy.stats import boxcox_normmax  # takes a second to import, and few codecs fit this

    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        power = boxcox_normmax(np.exp(t[:: max(1, len(t) // 100_000)]), method="mle")
    return float(power) if np.isfinite(power) else 1.0
