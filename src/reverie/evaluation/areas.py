"""The parts of a report on patients, in the order in which they are read."""

from __future__ import annotations

from reverie.evaluation import privacy, use
from reverie.evaluation.area import Area
from reverie.evaluation.columns import columns
from reverie.evaluation.course import course
from reverie.evaluation.joint import joint
from reverie.evaluation.logic import logic
from reverie.evaluation.pairs import pairs
from reverie.evaluation.subgroups import subgroups

__all__ = ["AREAS"]

AREAS: tuple[Area, ...] = (
    logic,
    columns,
    pairs,
    course,
    subgroups,
    joint,
    use.prediction,
    use.effects,
    use.next_visit,
    use.policy,
    privacy.copies,
    privacy.adversarial,
    privacy.membership,
    privacy.model_membership,
    privacy.attributes,
    privacy.linkage,
    privacy.memorisation,
)
