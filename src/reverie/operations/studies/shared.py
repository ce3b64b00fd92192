"""What the demonstrations share: their picture, their schedule, their figure, and the time."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated, Any

from reverie.operations.fields import NewFigure
from reverie.operations.request import Flag
from reverie.plain import moment

if TYPE_CHECKING:
    pass

__all__ = ["LINEAR", "PICTURE", "Figure", "now", "pictured"]

Figure = Annotated[NewFigure | None, Flag("--out")]
LINEAR = Flag("--schedule", default="linear")
PICTURE = Flag("PICTURE", "A picture file, or digits:3 for a bundled digit by its index.", default="digits")


def now() -> str:
    """The time, as replies tell it."""
    return moment(time.time())


def pictured(study: Any, draw: str, output: Any, wanted: bool) -> dict[str, Any]:
    """The figure, drawn by this function of studies/figures.py if one is wanted, and the schedule's warning."""
    files = []
    if wanted:
        from reverie.studies import figures

        figures.save_figure(getattr(figures, draw)(study), output.path)
        files.append(output.done())
    return {"files": files, "warning": getattr(getattr(study, "schedule", None), "warning", None)}
