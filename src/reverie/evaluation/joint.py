"""All columns at once: can a classifier tell synthetic patients from real ones, and is every kind of patient there?

AUC        of extremely randomised trees on whole patients (classifier.py), synthetic against one half of the real ones,
           beside the other half against it; 0.5 is not to be told apart, below 0.5 is synthetic patients on top of real ones
coverage   share of real patients among whose k nearest real ones' distance a synthetic patient lies
density    synthetic patients for each place that real patients hold, mean of 1/k #{real balls that hold a synthetic patient}

           ball_i = {x: |x - a_i| <= |a_i - its k-th nearest real patient|},   k = 5

Coverage and density are those of Naeem et al., Reliable Fidelity and Diversity Metrics for Generative Models, ICML 2020,
on patients as in classifier.py, each feature as a normal score. Coverage falls where kinds of patients are left out (mode
collapse), density where synthetic patients are unlike any real one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from scipy.spatial.distance import cdist

from reverie.evaluation.area import Found, area
from reverie.evaluation.classifier import c2st_auc
from reverie.evaluation.distances import encoded
from reverie.evaluation.features import features, vocabulary
from reverie.evaluation.measure import Metric
from reverie.evaluation.references import References, Score
from reverie.evaluation.tables import Tables

__all__ = ["AUC", "COVERAGE", "DENSITY", "NEIGHBOURS", "compared", "coverage", "joint"]

ROUNDS, FLOORS, TREES = 6, 1, 50
"""Splits for the classifier; at how many of them shuffled columns are judged too (it tells them with ease); its trees."""
MOST = 1000
"""Patients of a kind: more make the answer slower, not more telling."""
NEIGHBOURS = 5


CLAIM = "whole patients"
AUC = Metric(
    "fidelity.joint.auc",
    "Real or synthetic? A classifier's success",
    "Area under the curve of extremely randomised trees that see whole patients (statics, and what each column does over "
    f"the visits), five-fold, {ROUNDS} times with other patients: the probability that they give a synthetic patient the "
    "higher score; 0.5 is guessing, 1 is telling every one.",
    CLAIM,
    tolerance=0.05,
    unit="AUC",
    ideal=0.5,
)
COVERAGE = Metric(
    "fidelity.joint.coverage",
    "Kinds of patients that occur",
    "Coverage: the share of real patients that have a synthetic one as near as their fifth nearest real one. It is low if "
    "kinds of patients are missing.",
    CLAIM,
    tolerance=0.1,
    unit="share",
    ideal=1.0,
    worse="below",
)
DENSITY = Metric(
    "fidelity.joint.density",
    "Synthetic patients where real ones are",
    "Density: how many synthetic patients there are in the neighbourhoods of real ones, beside 1 for as many as real ones. "
    "It is low if synthetic patients are unlike any real one.",
    CLAIM,
    tolerance=0.15,
    ideal=1.0,
    worse="below",
)
INTRO = (
    "All columns at once: whether a classifier can tell synthetic patients from real ones, and whether each kind of patient "
    "occurs."
)


@area("fidelity.joint", "Whole patients", INTRO, 12, AUC, COVERAGE, DENSITY)
def joint(tables: Tables) -> Found:
    """Measures of whole patients."""
    references, seed = tables.compared(MOST), tables.seed
    levels = vocabulary([references.real, references.synthetic])
    tell = partial(c2st_auc, repeats=1, trees=TREES)
    return compared(references, seed, (AUC, COVERAGE, DENSITY), tell, lambda cohort: features(cohort, levels)[0], ROUNDS)


def compared(references: References, seed: int, metrics: Sequence[Metric], tell: Any, points: Any, rounds: int) -> Found:
    """Measures of whole patients, of one table or of linked ones: whether they are told apart, coverage and density.

    Args:
        tell: (some real ones, others, seed) -> how well they are told apart, and how much of that each feature told.
        points: some patients -> rows [A, F].
    """
    aucs, telling = [], {}
    for number, (a, b, s) in enumerate(references.rounds(rounds)):
        real = references.real.take(a)
        others = [references.synthetic.take(s), references.real.take(b)]
        others += [references.shuffled.take(b)] if number < FLOORS else []
        judged = [tell(real, other, seed + number) for other in others]
        for feature, share in judged[0][1].items():
            telling[feature] = telling.get(feature, 0.0) + share / rounds
        aucs.append([auc for auc, _ in judged] + [math.nan] * (3 - len(judged)))
    if not aucs:
        return references.few
    covered = references.distances(points, coverage, rounds)
    scores = (at_least_by_chance(references.score(aucs)), covered["coverage"], covered["density"])
    measures = [score.measure(metric) for metric, score in zip(metrics, scores, strict=True)]
    return measures, telling_figure(telling), references.notes


def coverage(real: np.ndarray, other: np.ndarray, neighbours: int = NEIGHBOURS) -> dict[str, float]:
    """Coverage and density (see the module) of patients as rows [A, F] and [B, F], NaN where a feature says nothing."""
    kept = (~np.isnan(real)).any(axis=0)
    places, others = encoded([real[:, kept], other[:, kept]])
    if len(places) <= neighbours:
        return {"coverage": math.nan, "density": math.nan}
    radius = np.sort(cdist(places, places), axis=1)[:, neighbours]  # its nearest is itself
    inside = cdist(places, others) <= radius[:, None]
    return {"coverage": float(inside.any(axis=1).mean()), "density": float(inside.sum() / (neighbours * len(others)))}


def at_least_by_chance(auc: Score) -> Score:
    """With no less chance than the ranks of n and n patients of one law give: sqrt((2 n + 1) / (12 n^2)), Wilcoxon 1945.

    The deviation of few rounds can come out too small.
    """
    return replace(auc, chance=max(auc.chance, math.sqrt((2 * auc.n + 1) / (12 * auc.n**2))))


def telling_figure(telling: dict[str, float]) -> dict[str, Any]:
    """The features that told most, with their shares."""
    first = sorted(telling.items(), key=lambda item: -item[1])[:10]
    if not first:
        return {}
    return {
        "telling": {
            "kind": "table",
            "title": "What the classifier looked at",
            "note": "The features that its trees used most to tell synthetic patients from real ones, with their share. "
            "They are worth a look only if it succeeded.",
            "columns": ["feature", "share of the decisions"],
            "rows": [[feature, round(share, 4)] for feature, share in first],
        }
    }
