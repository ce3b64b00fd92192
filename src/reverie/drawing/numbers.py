"""Numbers as a reader wants them: three digits, shares in per cent, and never a digit that says nothing."""

from __future__ import annotations

import math

__all__ = ["count", "interval", "named", "number", "value"]

PER_CENT = "\N{NO-BREAK SPACE}%"
SHARES = ("share", "shares", "rate", "difference of shares")


def number(x: float | None, digits: int = 3) -> str:
    """0.123, 12.3, 1,230, 1.2e-07; an en dash where there is none."""
    if x is None or not math.isfinite(x):
        return "–"
    if x == 0:
        return "0"
    size = math.floor(math.log10(abs(x)))
    if size >= 6 or size < -4:
        return f"{x:.{digits - 1}e}".replace("e+0", "e").replace("e-0", "e-").replace("-", "−")
    places = max(digits - 1 - size, 0)
    text = f"{x:,.{min(places, 4)}f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return text.replace("-", "−") if text not in ("-0", "−0") else "0"


def value(x: float | None, unit: str = "") -> str:
    """A number, shares in per cent; other units are said beside it (`named`)."""
    if x is None or not math.isfinite(x):
        return "–"
    if unit not in SHARES:
        return number(x)
    scaled = 100 * x
    small = 0 < abs(scaled) < 0.1
    text = number(scaled, 1) if small else f"{scaled:.{0 if scaled == 0 or abs(scaled) >= 99.95 else 1}f}".replace("-", "−")
    return text + PER_CENT


def named(unit: str) -> str:
    """The unit in words, where the number does not say it and it adds something."""
    return "" if unit in SHARES or unit in ("AUC", "count") else unit


def interval(ends: tuple[float, float] | None, unit: str = "") -> str:
    """ "0.1 to 0.3"; nothing where there is none."""
    if ends is None or not all(math.isfinite(end) for end in ends):
        return ""
    low, high = (value(end, unit) for end in ends)
    return f"{low.removesuffix(' %')} to {high}"


def count(n: int) -> str:
    return f"{n:,}"
