"""The known mistakes, live: each wrong form is run here, and only here, beside the right one.

    mistakes() -> [Mistake(number, where, wrong, right, damage, numbers, shown), ...]

docs/mistakes.md explains each. No number is kept: all are measured when asked for.
"""

from __future__ import annotations

from collections.abc import Callable

from reverie.studies.mistakes import chains, clinical, derivations, notebook, practice, schedules, steps
from reverie.studies.mistakes.mistake import Entry, Mistake

__all__ = ["ENTRIES", "Mistake", "mistakes"]

COLLECTIONS = (
    derivations.course,
    schedules.guide,
    steps.guide,
    chains.around,
    notebook.notebook,
    clinical.clinical,
    derivations.logs,
    derivations.mean,
    practice.practice,
)
ENTRIES: dict[str, Entry] = {entry.number: entry for collection in COLLECTIONS for entry in collection.entries}
"""By their numbers, in the order of docs/mistakes.md."""


def mistakes(on_step: Callable[[int, int], None] = lambda done, total: None) -> list[Mistake]:
    """Runs every wrong form and its right form, in the order of docs/mistakes.md. Deterministic; a few seconds.

    `on_step` is called before each with (done, in all).
    """
    found = []
    for done, entry in enumerate(ENTRIES.values()):
        on_step(done, len(ENTRIES))
        found.append(entry())
    return found
