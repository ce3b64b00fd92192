"""The parts of a report on linked tables, in the order in which they are read; each table by itself is in single.py."""

from __future__ import annotations

from reverie.evaluation import privacy
from reverie.evaluation.area import Area
from reverie.evaluation.linked.across import codes, ties, times
from reverie.evaluation.linked.copies import copies
from reverie.evaluation.linked.lives import lives
from reverie.evaluation.linked.logic import integrity
from reverie.evaluation.linked.plan import Plan
from reverie.evaluation.linked.sides import Sides
from reverie.evaluation.linked.single import of_tables
from reverie.evaluation.linked.whole import whole

__all__ = ["ACROSS", "PRIVACY", "areas_of"]

ACROSS: tuple[Area[Sides], ...] = (integrity, lives, ties, times, codes, whole)
"""Those that are of linked tables alone."""
PRIVACY = (copies, privacy.adversarial, privacy.membership)
"""The attacks: their unit is the patient, over all tables."""


def areas_of(plan: Plan) -> tuple[Area[Sides], ...]:
    """All parts of a report on tables that are so tied."""
    return (*ACROSS, *of_tables(plan), *PRIVACY)  # pyright: ignore[reportReturnType]
