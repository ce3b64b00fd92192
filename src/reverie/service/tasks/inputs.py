"""What clients name, opened: pictures, tables, models, schedules."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

from reverie.service import bounded
from reverie.service.context import TABLES, cells, is_table, model, table
from reverie.service.schemas.parts import Schedule

if TYPE_CHECKING:
    from reverie.process import NoiseSchedule
    from reverie.service.jobs.work import Work
    from reverie.studies import Subject

__all__ = ["TABLES", "WRITTEN", "cells", "is_table", "model", "picture", "schedule", "table"]

WRITTEN = (".csv", ".csv.gz", ".parquet")
"""Suffixes of the tables that are written."""


def schedule(told: Schedule | None) -> NoiseSchedule:
    """The schedule, linear if none was told. Its warning is part of what is answered, not of the log."""
    from reverie.process import NoiseSchedule, TerminalSNRWarning

    with warnings.catch_warnings(action="ignore", category=TerminalSNRWarning):
        return NoiseSchedule.linear() if told is None else NoiseSchedule.named(**told.config)


def picture(work: Work, named: str | None, encoded: str | None, largest: int, field: str = "image_base64") -> Subject:
    """The picture of a call: by its name, bundled or in the workspace, or inside the call."""
    from reverie.images.pictures import SUFFIXES
    from reverie.studies.subject import is_bundled, subject

    if encoded is not None:
        return subject(bounded.from_base64(encoded, work.settings, field), largest=largest, name=field)
    assert named is not None
    if is_bundled(named):
        return subject(named, largest=largest)
    with work.workspace.open(named, SUFFIXES) as file:
        return subject(bounded.from_file(file, work.settings, named), largest=largest, name=named)
