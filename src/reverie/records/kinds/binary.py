"""Two levels: yes and no, or any other two."""

from __future__ import annotations

import re
from typing import Any, ClassVar

from reverie.records.kinds.evidence import Evidence
from reverie.records.kinds.leveled import Leveled, levels_of

__all__ = ["Binary", "few"]


class Binary(Leveled):
    """A column of two levels."""

    called: ClassVar[str] = "binary"

    @classmethod
    def recognise(cls, seen: Evidence) -> dict[str, Any] | None:
        if seen.distinct != 2 or not few(seen):
            return None
        levels, name = levels_of(seen.values), seen.name
        if re.search(r"\(M\)$", name) and {float(v) for v in levels if v.replace(".", "").isdigit()} == {0.0, 1.0}:
            return {"levels": levels, "why": f"1 where {name[:-3].strip()} was measured"}
        return {"levels": levels, "why": "two values"}


def few(seen: Evidence) -> bool:
    """Whether one or two values are levels: names, whole numbers, or numbers that recur."""
    values = seen.values
    return seen.distinct <= 2 and (
        not values.dtype.is_float() or len(values) >= 20 or bool((values == values.round(0)).all())
    )
