"""Which columns are the outcome, the treatment and the follow-up: as the schema says, else by their names, and that is said.

A guess looks at the words of a column's name and at its kind: an outcome has levels, a treatment has levels, follow-up is a
number that does not change over a patient's visits. A wrong guess is corrected in the schema (purpose: outcome).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from reverie.records.column_names import words
from reverie.records.schema import Column, Purpose, Schema

__all__ = ["Purposes", "purposes"]

_OUTCOME = {"outcome", "event", "death", "dead", "died", "deceased", "mortality", "status", "survived", "discharge"}
_TREATMENT = {"treatment", "treat", "trt", "drug", "therapy", "arm", "regimen", "medication"}
_FOLLOW_UP = {"futime", "followup", "survival", "tte", "os", "years", "months", "days", "duration"}


@dataclass(frozen=True)
class Purposes:
    """The columns, None where there is none, and sentences on what was guessed."""

    outcome: Column | None
    treatment: Column | None
    follow_up: Column | None
    notes: tuple[str, ...]


def purposes(schema: Schema) -> Purposes:
    """The three columns of a schema."""
    columns = [*schema.static, *schema.varying]
    notes: list[str] = []

    def find(purpose: Purpose, usual: set[str], fits: Callable[[Column], bool]) -> Column | None:
        if marked := next((c for c in columns if c.purpose == purpose), None):
            return marked
        guesses = [c for c in columns if c.purpose is None and fits(c) and usual & _words(c.name)]
        # Two levels say the plainest thing, and what is said of the patient comes before what is said of a visit.
        guesses.sort(key=lambda c: (c.role != "static", len(c.levels) != 2))
        if guesses:
            notes.append(
                f"{guesses[0].name} was taken for the {purpose} by its name: mark another column with purpose: {purpose} "
                "in the schema to change that."
            )
        return guesses[0] if guesses else None

    # A flag such as "Drug (M)" tells whether something was recorded, not what was done.
    outcome = find("outcome", _OUTCOME, lambda c: not c.numeric)
    treatment = find("treatment", _TREATMENT, lambda c: not c.numeric and c is not outcome and not c.name.endswith("(M)"))
    follow_up = find("follow-up", _FOLLOW_UP, lambda c: c.role == "static" and c.quantity)
    if follow_up and (outcome is None or outcome.role != "static"):
        follow_up = None if follow_up.purpose is None else follow_up
    return Purposes(outcome, treatment, follow_up, tuple(notes))


def _words(name: str) -> set[str]:
    """The words of a name without numbers at their ends: status2 -> status."""
    return {word.rstrip("0123456789") for word in words(name)}
