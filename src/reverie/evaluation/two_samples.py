"""Do two sets of points come from one distribution?

    sliced Wasserstein   (mean over directions u of W_2^2(u.x, u.y))^(1/2)                   (Bonneel et al. 2015)
    C2ST                 share of points whose set a classifier names that has not seen them (Lopez-Paz and Oquab 2017)

1/2 is what chance gives, 1 two sets that anyone can tell. The classifier is least squares on all products of two
coordinates, which find what is wrong with means and covariances, and on random waves (Rahimi and Recht 2007), for the rest.
"""

from __future__ import annotations

import numpy as np

from reverie.errors import UsageError

__all__ = ["c2st", "sliced_wasserstein"]

DIRECTIONS, WAVES, FOLDS = 64, 100, 5
RIDGE = 1e-2
"""Of least squares, as a share of the number of points."""


def sliced_wasserstein(x: np.ndarray, y: np.ndarray, seed: int = 0) -> float:
    """The distance of two sets [N, D] of as many points, over directions that the seed fixes.

    Raises UsageError for sets of different sizes.
    """
    if x.shape != y.shape:
        raise UsageError(f"two sets of points must have one shape, not {list(x.shape)} and {list(y.shape)}.")
    u = np.random.default_rng([seed, 0]).standard_normal((x.shape[1], DIRECTIONS))
    u /= np.linalg.norm(u, axis=0)
    return float(np.sqrt(np.mean((np.sort(x @ u, 0) - np.sort(y @ u, 0)) ** 2)))


def c2st(x: np.ndarray, y: np.ndarray, seed: int = 0) -> float:
    """The accuracy of a classifier of two sets [N, D], on five folds that it has not seen; 1 where a point is not finite."""
    points = np.concatenate([x, y])
    if not np.isfinite(points).all():
        return 1.0
    rng = np.random.default_rng([seed, 1])
    z = (points - y.mean(0)) / np.maximum(y.std(0), 1e-9)
    size = z.shape[1]
    i, j = np.triu_indices(size)
    angles = z @ (rng.standard_normal((size, WAVES)) / np.sqrt(size)) + rng.uniform(0, 2 * np.pi, WAVES)
    features = np.concatenate([np.ones((len(z), 1)), z, np.clip(z[:, i] * z[:, j], -25, 25), np.cos(angles)], 1)
    side = np.repeat([-1.0, 1.0], [len(x), len(y)])
    fold = rng.permutation(len(z)) % FOLDS
    right = 0
    for k in range(FOLDS):
        seen, new = fold != k, fold == k
        known = features[seen]
        gram = known.T @ known + RIDGE * seen.sum() * np.eye(features.shape[1])
        right += int(((features[new] @ np.linalg.solve(gram, known.T @ side[seen])) * side[new] > 0).sum())
    return right / len(z)
