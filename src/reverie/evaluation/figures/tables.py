"""The tables of a run's figures and what they are called, which says their colours too (`reverie.drawing.SERIES`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from reverie.drawing import distinct
from reverie.evaluation.cohort import Cohort
from reverie.records.kinds import Column

__all__ = ["HELD", "REAL", "SYNTHETIC", "Cohorts", "Figure", "kind_of", "sheet_of", "unshown"]

REAL, SYNTHETIC, HELD = "real", "synthetic", "set aside"

Cohorts = Mapping[str, Cohort]
"""The tables of a figure by REAL, SYNTHETIC and, where there is one, HELD."""
Figure = dict[str, Any]
"""Plain data that `reverie.drawing` draws."""


def sheet_of(title: str, panels: Sequence[Figure], notes: Sequence[str], **more: Any) -> Figure:
    """A whole figure; without panels the notes alone say why there is nothing to draw."""
    return {"kind": "panels", "title": title, "panels": list(panels), "notes": list(notes), **more}


def kind_of(column: Column | None) -> str:
    """What the axis of a column's values shows."""
    return "" if column is None else "date" if column.calendar else "whole" if column.whole else ""


def unshown(columns: Sequence[Column], why: str = "for want of room") -> list[str]:
    """A note on columns that are left out, if there are any."""
    return [f"Not drawn, {why}: {', '.join(distinct([c.name for c in columns]))}."] if columns else []
