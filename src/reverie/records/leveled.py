"""Codes whose cells are one of a few values: both ends of the scores of each, so that a network can name them."""

from __future__ import annotations

import numpy as np
from scipy.special import ndtri

from reverie.records.backoff import Grouped
from reverie.records.codes import Code
from reverie.records.intervals import REACH, Floats
from reverie.records.levels import Levels, OneHot
from reverie.records.transforms import Number

__all__ = ["leveled"]

MOST, FEW = 2000, 64
"""Levels that are named one by one; and values of numbers that are."""
LOOKS = 4097
"""Scores that the values of a number are looked for at."""


def leveled(code: Code) -> tuple[Floats, Floats] | None:
    """Both ends [k, width] of the scores of all values that a code has, infinite where there is none; None of a code with
    more values than are named, or with one alone."""
    one_hot = isinstance(code, OneHot) or (isinstance(code, Grouped) and isinstance(code.code, OneHot))
    if isinstance(code, Levels) and not one_hot and code.width:
        count = code.count
        if count > MOST:
            return None
        return _open(*code.intervals(np.arange(count)))
    if isinstance(code, Number):
        looks = np.append(-REACH, np.append(ndtri(np.arange(1, LOOKS) / LOOKS), REACH))
        values = np.unique(code.cells(looks[:, None]))
        if 1 < len(values) <= FEW:
            lower, upper = code.ends(values)
            cuts = (upper[:-1] + lower[1:]) / 2
            if (upper > lower).all() and (np.diff(cuts, axis=0) > 0).all():
                end = np.full((1, 1), np.inf)
                return np.concatenate([-end, cuts]), np.concatenate([cuts, end])
    return None


def _open(lower: Floats, upper: Floats) -> tuple[Floats, Floats]:
    return np.where(lower <= -REACH, -np.inf, lower), np.where(upper >= REACH, np.inf, upper)
