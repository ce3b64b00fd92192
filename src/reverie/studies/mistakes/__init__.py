"""The known mistakes, live: each wrong form is run here, and only here, beside the right one.

    mistakes() -> [Mistake(number, where, wrong, right, damage, numbers, shown), ...]

docs/mistakes.md explains each. No number is kept: all are measured when asked for.
"""

from __future__ import annotations

from collections.abc import Callable

from reverie.studies.mistakes import chains, clinical, derivations, notebook, practice, schedules, steps
from reverie.studies.mistakes.mistake import Mistake

__all__ = ["Mistake", "mistakes"]

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


def mistakes(on_step: Callable[[int, int], None] = lambda done, total: None) -> list[Mistake]:
    """Runs every wrong form and its right form, in the order of docs/mistakes.md. Deterministic; a few seconds.

    `on_step` is called before each with (done, in all).
    """
    entries = [run for collection in COLLECTIONS for run in collection.entries]
    found = []
    for done, run in enumerate(entries):
        on_step(done, len(entries))
        found.append(run())
    return found
