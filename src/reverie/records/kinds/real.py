"""Numbers that are not all whole."""

from __future__ import annotations

from typing import Any, ClassVar

from reverie.records.kinds.evidence import Evidence
from reverie.records.kinds.integer import measured
from reverie.records.kinds.numeric import Numeric

__all__ = ["Real"]


class Real(Numeric):
    """A column of numbers; the last that is tried."""

    called: ClassVar[str] = "real"

    @classmethod
    def recognise(cls, seen: Evidence) -> dict[str, Any] | None:
        return measured(seen) if seen.cells.dtype.is_numeric() else None
