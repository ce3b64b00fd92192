"""Can a classifier tell real patients from synthetic ones? The classifier two-sample test (C2ST).

AUC = P(score of a synthetic patient > score of a real one) + 1/2 P(equal), on patients that the classifier has not seen

One row per patient (features.py), so no patient is on both sides of a fold. 0.5 is what two halves of one cohort give, 1 is
synthetic patients that anyone can tell. (A classifier of single visits whose folds cut through patients recognises the
patients themselves by age or sex, and gives two real halves an AUC of about 0.7.) Below 0.5 by more than the noise means
that synthetic patients lie on top of real ones: they were copied.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from reverie.evaluation.cohort import Cohort, equal
from reverie.evaluation.features import features, vocabulary

__all__ = ["c2st_auc", "told_apart"]

FOLDS, TREES = 5, 100
LOOKED = 0.3
"""Of the features at each split: many say nothing, and a tree that sees only those is wasted."""
MOST = 4000
"""At most so many patients of each kind: more make the answer slower, not more telling."""


def c2st_auc(
    real: Cohort, synthetic: Cohort, seed: int = 0, repeats: int = 2, most: int = MOST, trees: int = TREES
) -> tuple[float, dict[str, float]]:
    """The AUC of extremely randomised trees (Geurts et al. 2006) on as many patients of either kind, `repeats` times
    five-fold; and the ten features that they used most, with their shares. NaN of fewer than two patients."""
    cohorts = equal([real, synthetic], seed)
    cohorts = [c.sample(most, np.random.default_rng([seed, 2, i])) for i, c in enumerate(cohorts)]
    levels = vocabulary(cohorts)
    tables = [features(c, levels) for c in cohorts]
    return told_apart([matrix for matrix, _ in tables], tables[0][1], seed, repeats, trees)


def told_apart(
    tables: Sequence[np.ndarray],
    names: Sequence[str],
    seed: int = 0,
    repeats: int = 2,
    trees: int = TREES,
    looked: float = LOOKED,
) -> tuple[float, dict[str, float]]:
    """The same of patients as rows of numbers [P, F], as many real as synthetic ones, NaN where a feature says nothing.

    Args:
        looked: the share of the features that a tree looks at in each split.
    """
    from sklearn.ensemble import ExtraTreesClassifier  # takes seconds to import, and most of evaluation does without
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import StratifiedKFold

    x, y = np.concatenate(tables), np.repeat([0, 1], [len(table) for table in tables])
    kept = np.flatnonzero((~np.isnan(x)).any(axis=0))
    x, names = x[:, kept], [names[i] for i in kept.tolist()]
    folds = min(FOLDS, len(tables[0]))
    if folds < 2:
        return float("nan"), {}
    means: list[float] = []
    telling = np.zeros(len(names))
    for repeat in range(repeats):
        scores = []
        for fit, judge in StratifiedKFold(folds, shuffle=True, random_state=seed + repeat).split(x, y):
            forest = ExtraTreesClassifier(trees, min_samples_leaf=2, max_features=looked, random_state=seed + repeat)  # pyright: ignore[reportArgumentType]
            forest.fit(x[fit], y[fit])
            scores.append(float(roc_auc_score(y[judge], np.asarray(forest.predict_proba(x[judge]))[:, 1])))
            telling += forest.feature_importances_
        means.append(float(np.mean(scores)))
    order = np.argsort(-telling, kind="stable")[:10].tolist()
    return float(np.mean(means)), {names[i]: float(telling[i] / (telling.sum() or 1)) for i in order}
