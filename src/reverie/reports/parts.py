"""The parts of a report on patients, in the order in which they are read, and how long each takes beside the others.

Parts are made side by side, a thread each. One that cannot be made on a table says why and leaves the others standing.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from reverie.evaluation import columns, course, joint, pairs, privacy, subgroups, use
from reverie.evaluation.measure import Measure, Section
from reverie.models.patients import in_order
from reverie.reports.evidence import Evidence

__all__ = ["Part", "made", "patient_parts"]

OF_TIME = ("fidelity.course", "use.next_visit", "use.policy")
"""Parts on how a patient goes on from visit to visit."""


@dataclass(frozen=True, eq=False)
class Part:
    """A section to be made.

    Attributes:
        name, title: of the section, for when it fails.
        weight: its expected time, in seconds on the bundled cohort.
        make: makes it.
    """

    name: str
    title: str
    weight: float
    make: Callable[[], Section]


def patient_parts(evidence: Evidence, seed: int) -> list[Part]:
    """All parts that this evidence allows: attacks on the model only where there is one."""
    given = (evidence.split, evidence.synthetic, evidence.schema, seed)

    def part(name: str, title: str, weight: float, function: Callable[..., Section], **more: Any) -> Part:
        return Part(name, title, weight, lambda: function(*given, **more))

    model = evidence.model
    parts = [
        part("fidelity.columns", "Columns, one at a time", 4, columns.columns),
        part("fidelity.pairs", "Pairs of columns", 3, pairs.pairs),
        part("fidelity.course", "The course in time", 5, course.course),
        part("fidelity.subgroups", "Subgroups", 0.5, subgroups.subgroups),
        part("fidelity.joint", "Real or synthetic?", 12, joint.joint),
        part("use.prediction", "Prediction", 2, use.prediction),
        part("use.effects", "Effects", 1, use.effects),
        part("use.next_visit", "The next visit", 1, use.next_visit),
        part("use.policy", "Policies", 0.5, use.policy),
        part("privacy.copies", "Exact copies", 0.1, privacy.copies),
        part("privacy.adversarial", "Nearest records", 0.3, privacy.adversarial),
        part("privacy.membership", "Membership inference", 0.2, privacy.membership),
    ]
    if model is not None:
        split, _, schema, _ = given
        attack = privacy.model_membership
        parts.append(
            Part(
                "privacy.model_membership", "Membership with the model", 5, lambda: attack(split, model.losses, schema, seed)
            )
        )
    if evidence.schema.timeless:  # nothing can be said of a course that there is not
        parts = [made for made in parts if made.name not in OF_TIME]
    told = {} if model is None else {"codec": model.codec, "process": model.process}
    return [
        *parts,
        part("privacy.attributes", "Attribute inference", 0.5, privacy.attributes),
        part("privacy.linkage", "Linkage", 0.3, privacy.linkage),
        part("privacy.memorisation", "Memorisation", 0.5, privacy.memorisation, **told),
    ]


def made(parts: Sequence[Part], told: Callable[[float], None]) -> tuple[tuple[Section, ...], list[str]]:
    """All sections, and a sentence for each that could not be made; `told` hears the share of the time that is over."""

    def make(number: int) -> Section | str:
        part = parts[number]
        try:
            return part.make()
        except (ValueError, ArithmeticError) as error:  # of data that a method cannot work with; errors of ours too
            return f"{part.title} could not be made on these tables: {error}"

    sections, failed = [], []
    done, whole = 0.0, sum(part.weight for part in parts)
    told(0.0)
    with warnings.catch_warnings():  # parts silence some, each in its own thread, but filters belong to all: restore them
        for part, found in zip(parts, in_order(make, len(parts), os.cpu_count() or 1), strict=True):
            if isinstance(found, str):
                failed.append(found)
                found = Section(part.name, part.title, found, (Measure(part.name, part.title, None, 0, why=found),), {})
            sections.append(found)
            done += part.weight
            told(done / whole)
    return tuple(sections), failed
