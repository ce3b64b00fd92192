"""How good predicted probabilities are.

AUC      P(p of a case > p of another) + 1/2 P(equal); of several levels the mean over each against the rest
Brier    mean (p - y)^2; of several levels the sum over them
slope    b of logit P(y) = a + b logit(p): 1 is calibrated, below 1 too sure, 0 says nothing
"""

from __future__ import annotations

import numpy as np
from scipy.stats import rankdata

__all__ = ["area_under", "brier", "slope"]

CASES = 5
"""A level counts in the AUC if so many have it and so many do not."""


def area_under(p: np.ndarray, y: np.ndarray) -> float:
    """AUC of probabilities [n, K] for levels [n]; NaN if no level has enough of both."""
    levels = range(1, 2) if p.shape[1] == 2 else range(p.shape[1])
    enough = [k for k in levels if min((y == k).sum(), (y != k).sum()) >= CASES]
    return float(np.mean([_of_two(p[:, k], y == k) for k in enough])) if enough else float("nan")


def _of_two(p: np.ndarray, case: np.ndarray) -> float:
    """By the ranks of the cases (Mann and Whitney 1947)."""
    cases, others = int(case.sum()), int((~case).sum())
    return (rankdata(p)[case].sum() - cases * (cases + 1) / 2) / (cases * others)


def brier(p: np.ndarray, y: np.ndarray) -> float:
    """Brier score (1950) of probabilities [n, K] for levels [n]; of two levels that of the second alone."""
    errors = (p - np.eye(p.shape[1])[y]) ** 2
    return float(errors[:, 1].mean() if p.shape[1] == 2 else errors.sum(axis=1).mean())


def slope(p: np.ndarray, y: np.ndarray) -> float:
    """Calibration slope (Cox 1958) of probabilities [n, K]; of several levels over all of them, each against the rest."""
    if p.shape[1] == 2:
        x, hit = p[:, 1], y == 1
    else:
        x, hit = p.ravel(), np.eye(p.shape[1], dtype=bool)[y].ravel()
    x = np.clip(x, 1e-4, 1 - 1e-4)
    z = np.stack([np.ones_like(x), np.log(x / (1 - x))], axis=1)
    if np.ptp(z[:, 1]) < 1e-9 or hit.all() or not hit.any():
        return float("nan")
    b = np.zeros(2)
    for _ in range(25):  # Newton's method; a ridge of 1e-6 keeps a separable sample finite
        q = 1 / (1 + np.exp(-np.clip(z @ b, -30, 30)))
        step = np.linalg.solve((z * (q * (1 - q))[:, None]).T @ z + 1e-6 * np.eye(2), z.T @ (hit - q) - 1e-6 * b)
        b += np.clip(step, -2, 2)
        if np.abs(step).max() < 1e-8:
            break
    return float(b[1])
