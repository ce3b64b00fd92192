"""Whole patients over all tables at once: can a classifier tell them, and is each kind of patient there? See joint.py."""

from __future__ import annotations

from dataclasses import replace

from reverie.evaluation.area import Found, area
from reverie.evaluation.classifier import told_apart
from reverie.evaluation.joint import AUC as OF_ONE
from reverie.evaluation.joint import COVERAGE as COVERAGE_OF_ONE
from reverie.evaluation.joint import DENSITY as DENSITY_OF_ONE
from reverie.evaluation.joint import at_least_by_chance, coverage, telling_figure
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
    references, seed = sides.compared(MOST), sides.seed
    aucs, telling = [], {}
    for number, (a, b, s) in enumerate(references.rounds(ROUNDS)):
        real: Points = references.real.take(a)  # pyright: ignore[reportAssignmentType]
        others = [references.synthetic.take(s), references.real.take(b)]
        others += [references.shuffled.take(b)] if not number else []
        judged = [
            told_apart([real.matrix, other.matrix], real.names, seed + number, 1, TREES, LOOKED)  # pyright: ignore
            for other in others
        ]
        for feature, share in judged[0][1].items():
            telling[feature] = telling.get(feature, 0.0) + share / ROUNDS
        aucs.append([auc for auc, _ in judged] + [float("nan")] * (3 - len(judged)))
    if not aucs:
        return references.few
    covered = references.distances(lambda points: points.matrix, coverage, ROUNDS)  # pyright: ignore
    success = at_least_by_chance(references.score(aucs))
    scores = ((AUC, success), (COVERAGE, covered["coverage"]), (DENSITY, covered["density"]))
    return [score.measure(metric) for metric, score in scores], telling_figure(telling), references.notes
