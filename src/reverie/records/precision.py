"""What a column of numbers was rounded to, where it must end, and how skew it is.

unit    the largest u such that every value is a whole multiple of u: the greatest common divisor of the values written
        as whole numbers of their last decimal; or 1/365.25 and the like, where times were counted in smaller units
digits  the fewest significant digits that every value can be written with, where large values have no finer ones, though
        small ones do: 139, 0.0123, 8.77e-05
edge    a bound is where values pile up: at least 1 % of them exactly at the extreme, and not thinning out towards it
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import polars as pl

from reverie.records.counts import Counts

__all__ = ["Precision", "as_numbers", "precision", "precision_of"]

MAX_DECIMALS = 6
"""More digits than these are not a rounding, but a number as it came."""

ENOUGH = 10
"""So many different values are needed before a common divisor of theirs (or a fraction) is no accident."""

TELLING = 8
"""So many different values that are no multiples of a power of ten are needed before another divisor is no accident."""

MAX_DIGITS = 6
"""More significant digits than these are not a rounding either."""

PILE = 0.01
"""The least share of values exactly at an extreme that makes it a limit."""

RECURRING = 4
"""So many are enough, if each is seen five times: then there hardly are others."""

FRACTIONS = {
    7.0: "days, in weeks",
    12.0: "months, in years",
    24.0: "hours, in days",
    30.0: "days, in months of 30",
    30.4375: "days, in months of 30.4375",
    30.44: "days, in months of 30.44",
    52.0: "weeks, in years",
    60.0: "sixtieths (minutes or seconds)",
    360.0: "days, in years of 360",
    365.0: "days, in years of 365",
    365.24: "days, in years of 365.24",
    365.2425: "days, in years of 365.2425",
    365.25: "days, in years of 365.25",
    1440.0: "minutes, in days",
    3600.0: "seconds, in hours",
    86400.0: "seconds, in days",
}
"""Parts per unit that times are counted in, the coarsest first, and what that means."""


@dataclass(frozen=True)
class Precision:
    """See Column for unit, decimals, digits, lower, upper and skew; `words` says it."""

    unit: float | None
    decimals: int | None
    digits: int | None
    lowest: float
    highest: float
    lower: float | None
    upper: float | None
    skew: float | None
    words: tuple[str, ...]


def precision(cells: pl.Series) -> Precision:
    """The precision of a column: numbers as they are, dates and date-times in days since 1970."""
    return precision_of(Counts.of(as_numbers(cells.drop_nulls())), cells.dtype)


def precision_of(seen: Counts, dtype: pl.DataType) -> Precision:
    """The same of counted values, of cells of a type."""
    distinct, counts = seen.values, seen.counts
    lowest, highest = float(distinct[0]), float(distinct[-1])
    if dtype in (pl.Date, pl.Datetime):
        return Precision(_clock(dtype, distinct), None, None, lowest, highest, None, None, _skew(seen), ())
    recurs = len(distinct) >= RECURRING and len(seen) >= 5 * len(distinct)
    unit, decimals, words = _unit(distinct, 2e-7 if dtype == pl.Float32 else 1e-14, recurs)
    if unit is None and dtype.is_integer():  # beyond 2^53
        unit, decimals, words = 1.0, 0, ""
    digits, power = None, unit
    if unit is not None and decimals is not None and not math.log10(unit).is_integer():
        power = 10.0 ** math.floor(math.log10(unit))
        finer = np.abs(distinct / (10 * power) - np.rint(distinct / (10 * power))) > 1e-6
        power = power if finer.sum() < TELLING else None  # so few that are all multiples of 2 or 5 may be so by chance
    if unit is None or power is not None:
        digits = _digits(distinct, power, dtype == pl.Float32)
        unit = power if digits is not None else unit
    if digits is not None:
        words = f"{digits} significant digit{'s'[: digits > 1]}"
    low, high = _piles(counts), _piles(counts[::-1])
    lower = lowest if low else 0.0 if lowest >= 0 else None
    upper = highest if high else None
    said = [words] if words else []
    for piles, count, edge in ((low, counts[0], lowest), (high, counts[-1], highest)):
        share = 100 * count / counts.sum()
        if piles and (edge or share >= 10):  # that 0 is a limit goes without saying
            said.append(f"{share:.0f} % are exactly {edge:g}" + (", taken as a limit" if edge else ""))
    return Precision(unit, decimals, digits, lowest, highest, lower, upper, _skew(seen), tuple(said))


def as_numbers(cells: pl.Series) -> np.ndarray:
    """float64: numbers as they are, dates and date-times in days since 1970."""
    if cells.dtype == pl.Date:
        return cells.cast(pl.Int32).cast(pl.Float64).to_numpy()
    if cells.dtype == pl.Datetime:
        return (cells.dt.epoch("us").cast(pl.Float64) / 86_400e6).to_numpy()
    return cells.cast(pl.Float64).to_numpy()


def _unit(distinct: np.ndarray, precision: float, recurs: bool) -> tuple[float | None, int | None, str]:
    """Unit, decimals and what to say of them; `precision` is the relative error that values may have.

    Args:
        recurs: whether few values are seen so often that they are all there are.
    """
    largest = float(np.abs(distinct).max())
    for decimals in range(MAX_DECIMALS + 1):
        if largest * 10.0**decimals >= 2**53:
            break
        scaled = distinct * 10.0**decimals
        if _is_whole(scaled, precision, 1e-12):
            step = int(np.gcd.reduce(np.round(scaled).astype(np.int64))) if recurs or len(distinct) >= ENOUGH else 1
            unit = max(step, 1) / 10**decimals
            words = f"multiples of {unit:g}" if step > 1 else f"{decimals} decimal{'s'[: decimals > 1]}" if decimals else ""
            return unit, decimals, words
    if len(distinct) >= ENOUGH:
        for parts, words in FRACTIONS.items():
            if largest < 1e9 and _is_whole(distinct * parts, precision, 1e-9):
                return 1 / parts, None, f"whole {words}"
    return None, None, "not rounded"


def _digits(distinct: np.ndarray, unit: float | None, single: bool) -> int | None:
    """The fewest significant digits of all values, if that says more than the unit does; None where it does not."""
    size = np.abs(distinct[distinct != 0])
    if len(size) < ENOUGH:
        return None
    power = np.floor(np.log10(size) + 1e-12)
    if unit is None and power.max() == power.min():
        return None  # of one decade, decimals say it as well
    for digits in range(1, MAX_DIGITS + 1):
        scaled = size * 10.0 ** (digits - 1 - power)
        if np.all(np.abs(scaled - np.rint(scaled)) <= (1e-6 if single else 1e-9) * scaled):
            bound = size >= 10.0**digits * (unit or 10.0 ** (power.min() - digits + 1)) * (1 - 1e-9)
            return digits if bound.sum() >= ENOUGH else None
    return None


def _is_whole(scaled: np.ndarray, precision: float, floor: float) -> bool:
    """Whether all are whole up to the error they may have, relative to each or (`floor`) to the largest."""
    error = np.maximum(floor * np.abs(scaled).max(), precision * np.abs(scaled))
    return bool(error.max() < 0.01 and np.all(np.abs(scaled - np.round(scaled)) <= error))


def _clock(dtype: pl.DataType, distinct: np.ndarray) -> float | None:
    """The unit of dates and date-times, in days: the coarsest of day, hour, minute and second that fits."""
    if dtype == pl.Date:
        return 1.0
    seconds = distinct * 86_400
    whole = np.rint(seconds)
    if np.abs(seconds - whole).max() > 1e-5:  # days as floats are exact to a microsecond
        return None
    return next(unit / 86_400 for unit in (86_400, 3_600, 60, 1) if np.all(whole % unit == 0))


def _piles(counts: np.ndarray) -> bool:
    """Whether the first of these counts (that of the extreme) is a pile: many, and no fewer than half of its neighbours'."""
    if len(counts) < 4 or counts[0] < max(5, PILE * counts.sum()):
        return False
    return bool(counts[0] >= counts[1:4].mean() / 2)


def _skew(seen: Counts) -> float | None:
    """E[(x - mean)^3] / sd^3, to three digits."""
    values, share = seen.values, seen.counts / len(seen)
    if (largest := np.abs(values).max()) > 0:
        values = values / largest  # as cubes of large numbers overflow
    values = values - values @ share
    spread = math.sqrt(values**2 @ share)
    if len(seen) < 3 or not spread > 0 or not math.isfinite(spread):
        return None
    return round(float((values / spread) ** 3 @ share), 3)
