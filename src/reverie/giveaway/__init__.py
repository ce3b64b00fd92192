"""Pages to give away: one HTML file each, which needs no server and can ask nothing of any machine."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from reverie.errors import UsageError
from reverie.giveaway.bundle import bundle
from reverie.giveaway.document import LIMIT, data, document, too_large

if TYPE_CHECKING:
    from reverie.models import PatientModel, PictureModel

__all__ = ["LIMIT", "bundle", "data", "document", "run_page", "too_large"]


def run_page(model: PictureModel | PatientModel, name: str, on_step: Callable[[int, int], None] | None = None) -> str:
    """A trained run as a page: one of pictures draws new ones, one of patients shows some that it made.

    Args:
        name: the title.
        on_step: called with (done, in all) where something is made first.

    Raises UsageError for a model that cannot become a page, and for a page of more than LIMIT bytes.
    """
    from reverie.models import PatientModel, PictureModel

    if isinstance(model, PictureModel):
        from reverie.giveaway.pictures import pictures_page

        return pictures_page(model, name)
    if not isinstance(model, PatientModel):
        raise UsageError(f"{name} makes linked tables, and a page shows one: give a run of one table, or of pictures.")
    from reverie.giveaway.patients import patients_page

    return patients_page(model, name, on_step)
