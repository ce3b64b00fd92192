"""Results for programs and for people.

Strict JSON: numbers that are not finite become null, names become text, times become ISO 8601.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

__all__ = ["duration", "moment", "number_of", "plain", "size"]


def plain(value: Any) -> Any:
    """The value as dict, list, str, int, finite float, bool and None alone."""
    if isinstance(value, bool | int | str) or value is None:
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, date):
        return value.isoformat()
    return plain(value.item()) if hasattr(value, "item") else str(value)


def moment(seconds: float) -> str:
    """Seconds since 1970 as every time is told: ISO 8601, UTC, with milliseconds."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")


def number_of(count: int, noun: str) -> str:
    """ "1 patient", "2,000 patients"."""
    return f"{count:,} {noun}{'s' if count != 1 else ''}"


def size(count: float) -> str:
    """Bytes to plan by: "420 MB", "24 GB"."""
    return f"{count / 1e6:.0f} MB" if count < 1e9 else f"{count / 1e9:,.1f} GB"


def duration(seconds: float) -> str:
    """A time to plan by: "20 seconds", "3 minutes", "5.5 hours"."""
    for limit, unit, name in ((90, 1, "seconds"), (5400, 60, "minutes"), (172_800, 3600, "hours")):
        if seconds < limit:
            return f"{max(1, seconds / unit):.2g} {name}"
    return f"{seconds / 86_400:,.0f} days"
