"""To what values are rounded: whole multiples of a unit, or so many significant digits; and what is rounded to a value."""

from __future__ import annotations

from decimal import Decimal

import numpy as np

from reverie.records.intervals import Floats

__all__ = ["cell", "on_grid"]


def on_grid(x: Floats, unit: float | None, digits: int | None = None) -> Floats:
    """The nearest whole multiples of the unit, as the floats that their decimal text stands for.

    With `digits`, rounded to so many significant ones where that is coarser.

    Multiples of a unit without an end (a day in years) are given 15 digits, which is how tables are mostly written.
    """
    exact = x
    if unit is not None:
        places = max(0, -int(Decimal(repr(unit)).normalize().as_tuple().exponent))
        value = np.floor(x / unit + 0.5) * unit
        x = _significant(value, 15, unit) if places > 12 else np.round(value, places)
    if digits is None:
        return x
    return np.where(np.abs(exact) >= 10.0**digits * (unit or 0.0), _significant(exact, digits), x)


def _significant(x: Floats, digits: int, least: float = 1e-300) -> Floats:
    """Rounded to significant digits, those of `least` for what is smaller."""
    power = digits - 1 - np.floor(np.log10(np.maximum(np.abs(x), least)))
    up, down = 10.0 ** np.maximum(power, 0), 10.0 ** np.maximum(-power, 0)  # exact, as 10^-3 is not
    return np.rint(x * up / down) / up * down


def cell(x: Floats, unit: float | None, digits: int | None) -> tuple[Floats, Floats]:
    """Both ends of what is rounded to x, which is on the grid."""
    half = np.full_like(x, (unit or 0.0) / 2)
    if digits is None:
        return x - half, x + half
    size = np.maximum(np.abs(x), 1e-300)
    power = np.floor(np.log10(size) + 1e-12)
    outer = np.maximum(half, 10.0 ** (power + 1 - digits) / 2)
    inner = np.where(size <= 10.0**power * (1 + 1e-12), np.maximum(half, outer / 10), outer)  # 99.95 is rounded to 100
    outer, inner = (np.where(x == 0, half, part) for part in (outer, inner))
    return x - np.where(x > 0, inner, outer), x + np.where(x > 0, outer, inner)
