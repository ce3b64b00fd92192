"""Whole patients over all tables at once: can a classifier tell them, and is each kind of patient there? See joint.py."""

from __future__ import annotations

from dataclasses import replace

from reverie.evaluation.area import Found, area
from reverie.evaluation.classifier import told_apart
from reverie.evaluation.joint import AUC as OF_ONE
from reverie.evaluation.joint import COVERAGE as COVERAGE_OF_ONE
from reverie.evaluation.joint import DENSITY as DENSITY_OF_ONE
from reverie.evaluation.joint import compared
from reverie.evaluation.linked.features import Points
from reverie.evaluation.linked.sides import Sides

__all__ = ["whole"]

ROUNDS, TREES, MOST, LOOKED = 4, 50, 500, 0.1
"""Splits for the classifier, its trees, patients of a kind, and the share of the features in a split: more make the answer
slower, not more telling."""
AUC = replace(
    OF_ONE,
    name="linked.whole.auc",
    how="Area under the curve of extremely randomised trees that see whole patients over all tables (rows, codes, values "
    f"and times of each), five-fold, {ROUNDS} times with other patients: the probability that they give a synthetic patient "
    "the higher score; 0.5 is guessing, 1 is telling every one.",
    tolerance=0.1,
)
COVERAGE = replace(COVERAGE_OF_ONE, name="linked.whole.coverage")
DENSITY = replace(DENSITY_OF_ONE, name="linked.whole.density")
INTRO = "All tables at once: whether a classifier can tell synthetic patients from real ones, and whether each kind occurs."


@area("linked.whole", "Whole patients over all tables", INTRO, 8, AUC, COVERAGE, DENSITY)
def whole(sides: Sides) -> Found:
    """Measures of whole patients."""

    def tell(real: Points, other: Points, seed: int) -> tuple[float, dict[str, float]]:
        return told_apart([real.matrix, other.matrix], real.names, seed, 1, TREES, LOOKED)

    metrics, references = (AUC, COVERAGE, DENSITY), sides.compared(MOST)
    return compared(references, sides.seed, metrics, tell, lambda points: points.matrix, ROUNDS)
