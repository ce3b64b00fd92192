"""Are synthetic records nearer to those the model was trained on than to those it never saw?

share = P(d(s, train) < d(s, holdout)) + 1/2 P(equal),   d(s, X) = min_x |s - x|,  as many records in train as in holdout

1/2 is what a model gives that learned the population; 1 is one that copies its patients. Read it as the excess over the
floor, training patients with every column shuffled: they copy nobody, and their values are nearer to where they came from
(0.528 of rows of PBC2). Read it beside fidelity: noise also gives 1/2. Numbers enter as normal scores (the rank among train
and holdout together, so that no tail rules), levels as one-hot over sqrt(2) (two different levels are 1 apart), a missing
value as 0 and a flag.
"""

from __future__ import annotations

import numpy as np
from scipy.spatial.distance import cdist
from scipy.special import ndtri

from reverie.evaluation.cohort import Cohort, equal
from reverie.evaluation.features import features, vocabulary

__all__ = ["dcr_share", "dcr_shares", "encoded", "nearest_distance", "normal_scores", "visit_rows"]

MOST_ROWS = 10_000
BLOCK = 512


def dcr_shares(train: Cohort, holdout: Cohort, synthetic: Cohort, seed: int = 0) -> dict[str, float]:
    """How near `synthetic` is to `train` and to `holdout`, cut to the same number of patients and of visits.

    "rows": share of visits nearer to one of train; "patients": the same of patients (features.py); "copied": visits equal to
    one of train, less those equal to one of holdout.
    """
    cohorts = (*equal([train, holdout], seed), synthetic)
    levels = vocabulary([*cohorts])
    visits = encoded([visit_rows(c, levels) for c in cohorts])
    count = min(len(visits[0]), len(visits[1]), MOST_ROWS)
    visits = [_some(v, most, seed, i) for i, (v, most) in enumerate(zip(visits, (count, count, MOST_ROWS), strict=True))]
    patients = encoded([features(c, levels)[0] for c in cohorts])
    patients = [_some(p, MOST_ROWS, seed, 3 + i) for i, p in enumerate(patients)]
    to_train, to_holdout = (nearest_distance(visits[2], side) for side in visits[:2])
    return {
        "rows": dcr_share(to_train, to_holdout),
        "patients": dcr_share(*(nearest_distance(patients[2], side) for side in patients[:2])),
        "copied": float(np.mean(to_train < 1e-9) - np.mean(to_holdout < 1e-9)),
    }


def dcr_share(to_train: np.ndarray, to_holdout: np.ndarray) -> float:
    """P(d_train < d_holdout) + 1/2 P(equal), of two distances [n] each, to the closest record on either side."""
    return float(np.mean((to_train < to_holdout) + 0.5 * (to_train == to_holdout)))


def visit_rows(cohort: Cohort, levels: dict[str, list[str]]) -> np.ndarray:
    """Visits as numbers [N, C], time included: numerics as they are, 1 / sqrt(2) at a level; NaN where missing."""
    columns = [cohort.time, *cohort.numbers.values()]
    for name, series in cohort.levels.items():
        missing = cohort.missing(name)
        flags = [series.eq_missing(k).to_numpy() / np.sqrt(2) for k in levels[name]]
        columns += [np.where(missing, np.nan, flag) for flag in flags]
    return np.stack(columns, axis=1)


def encoded(tables: list[np.ndarray]) -> list[np.ndarray]:
    """The last of the tables and the real ones before it, in one space fitted on the real ones."""
    reference = np.concatenate(tables[:-1])
    parts: list[list[np.ndarray]] = [[] for _ in tables]
    for c in range(reference.shape[1]):
        sorted_ = np.sort(reference[~np.isnan(reference[:, c]), c])
        flagged = len(sorted_) < len(reference)
        for part, table in zip(parts, tables, strict=True):
            values, missing = table[:, c], np.isnan(table[:, c])
            code = normal_scores(values, sorted_) if len(np.unique(sorted_)) > 2 else values
            part.append(np.where(missing, 0.0, code))
            if flagged:
                part.append(missing.astype(float))
    return [np.stack(part, axis=1) for part in parts]


def normal_scores(values: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Normal scores by mean rank among `known` (sorted): z = Phi^-1((below + equal / 2 + 1/2) / (n + 1))."""
    below, up_to = np.searchsorted(known, values, side="left"), np.searchsorted(known, values, side="right")
    return ndtri(((below + up_to) / 2 + 0.5) / (len(known) + 1))


def _some(points: np.ndarray, most: int, seed: int, which: int) -> np.ndarray:
    if len(points) <= most:
        return points
    return points[np.random.default_rng([seed, which]).permutation(len(points))[:most]]


def nearest_distance(points: np.ndarray, among: np.ndarray) -> np.ndarray:
    """Distance of each point to the nearest of `among`, in blocks that fit the memory."""
    blocks = (points[i : i + BLOCK] for i in range(0, len(points), BLOCK))
    return np.concatenate([cdist(block, among).min(axis=1) for block in blocks])
