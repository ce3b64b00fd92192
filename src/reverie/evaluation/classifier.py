"""Can a classifier tell real patients from synthetic ones?

AUC = P(score of a synthetic patient > score of a real one) + 1/2 P(equal), on patients that the classifier has not seen

One row per patient (features.py), so no patient is on both sides of a fold. 0.5 is what two halves of one cohort give, 1 is
synthetic patients that anyone can tell. (A classifier of single visits whose folds cut through patients recognises the
patients themselves by age or sex, and gives two real halves an AUC of about 0.7.) Below 0.5 by more than the noise means
that synthetic patients lie on top of real ones: they were copied.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from reverie.evaluation.cohort import Cohort, equal
from reverie.evaluation.features import features, vocabulary
from reverie.records.schema import Schema

__all__ = ["Detection", "detection", "told_apart"]

FOLDS, TREES = 5, 100
MOST = 4000
"""At most so many patients of each kind: more make the answer slower, not more telling."""


@dataclass(frozen=True)
class Detection:
    """How well synthetic patients are told from real ones.

    Attributes:
        auc: mean over folds and repeats.
        deviation: of the repeats' means; it says how much the division into folds matters, not how much the patients do.
        telling: the ten features that the classifier used most, with their share.
    """

    auc: float
    deviation: float
    telling: dict[str, float]


def detection(
    real: pl.DataFrame, synthetic: pl.DataFrame, schema: Schema, seed: int = 0, repeats: int = 2, most: int = MOST
) -> Detection:
    """Extremely randomised trees (Geurts et al. 2006) on as many patients of either kind, `repeats` times five-fold.

    Raises DataError if a frame lacks a column.
    """
    return told_apart(
        Cohort.read(real, schema, "real table"), Cohort.read(synthetic, schema, "synthetic table"), seed, repeats, most
    )


def told_apart(
    real: Cohort, synthetic: Cohort, seed: int = 0, repeats: int = 2, most: int = MOST, trees: int = TREES
) -> Detection:
    """The same of two cohorts, with so many trees."""
    from sklearn.ensemble import ExtraTreesClassifier  # takes seconds to import, and most of evaluation does without
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import StratifiedKFold

    cohorts = equal([real, synthetic], seed)
    cohorts = [c.sample(most, np.random.default_rng([seed, 2, i])) for i, c in enumerate(cohorts)]
    levels = vocabulary(cohorts)
    tables = [features(c, levels) for c in cohorts]
    names = tables[0][1]
    x, y = np.concatenate([t[0] for t in tables]), np.repeat([0, 1], [len(c) for c in cohorts])
    kept = np.flatnonzero((~np.isnan(x)).any(axis=0))
    x, names = x[:, kept], [names[i] for i in kept]
    folds = min(FOLDS, len(cohorts[0]))
    if folds < 2:
        return Detection(float("nan"), float("nan"), {})
    means: list[float] = []
    telling = np.zeros(len(names))
    for repeat in range(repeats):
        scores = []
        for fit, judge in StratifiedKFold(folds, shuffle=True, random_state=seed + repeat).split(x, y):
            # A third of the features at each split: many say nothing, and a tree that sees only those is wasted.
            forest = ExtraTreesClassifier(trees, min_samples_leaf=2, max_features=0.3, random_state=seed + repeat)  # pyright: ignore[reportArgumentType]
            forest.fit(x[fit], y[fit])
            scores.append(float(roc_auc_score(y[judge], np.asarray(forest.predict_proba(x[judge]))[:, 1])))
            telling += forest.feature_importances_
        means.append(float(np.mean(scores)))
    order = np.argsort(-telling, kind="stable")[:10]
    spread = float(np.std(means, ddof=1)) if repeats > 1 else float("nan")
    return Detection(float(np.mean(means)), spread, {names[i]: float(telling[i] / telling.sum()) for i in order})
