"""How far apart two sets of pictures are, in any features [n, D] of them.

frechet    |m_a - m_b|^2 + tr(C_a + C_b - 2 (C_a C_b)^(1/2))           of the normal laws with their moments
kernel     E k(a, a') + E k(b, b') - 2 E k(a, b),  k(x, y) = (x.y / D + 1)^3      unbiased, may fall below 0
precision  share of synthetic pictures inside the real manifold: within the k-th neighbour's distance of some real picture
recall     the same the other way round

Frechet distance: Dowson and Landau 1982, for pictures Heusel et al. 2017. Kernel distance: Binkowski et al. 2018. Precision
and recall: Kynkaanniemi et al. 2019, with k = 3. The features decide what is seen; on those of Inception, and only there,
the first is called FID.
"""

from __future__ import annotations

import numpy as np

from reverie.errors import DataError

__all__ = ["frechet", "frechet_of_moments", "kernel", "nearest", "precision", "recall"]

BLOCK = 1024
ROUNDING = 1e-12
"""Of squared distances, as a share of the largest squared norm."""


def frechet(a: np.ndarray, b: np.ndarray) -> float:
    """The Frechet distance (squared, as is the custom) of features [n, D] and [m, D]; biased upward by (D / n)."""
    _check(a, b)
    return frechet_of_moments(a.mean(0), np.cov(a, rowvar=False), b.mean(0), np.cov(b, rowvar=False))


def frechet_of_moments(mean_a: np.ndarray, cov_a: np.ndarray, mean_b: np.ndarray, cov_b: np.ndarray) -> float:
    """The same of N(mean_a, cov_a) and N(mean_b, cov_b).

    tr (C_a C_b)^(1/2) is that of the symmetric C_a^(1/2) C_b C_a^(1/2), which has real eigenvalues.
    """
    cov_a, cov_b = np.atleast_2d(cov_a), np.atleast_2d(cov_b)
    values, vectors = np.linalg.eigh(cov_a)
    root = (vectors * np.sqrt(np.clip(values, 0, None))) @ vectors.T
    cross = np.sqrt(np.clip(np.linalg.eigvalsh(root @ cov_b @ root), 0, None)).sum()
    gap = np.atleast_1d(mean_a) - np.atleast_1d(mean_b)
    return float(max(gap @ gap + np.trace(cov_a) + np.trace(cov_b) - 2 * cross, 0.0))


def kernel(a: np.ndarray, b: np.ndarray) -> float:
    """The squared maximum mean discrepancy of features [n, D] and [m, D], unbiased."""
    _check(a, b)

    def k(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        alike = x @ y.T / x.shape[1] + 1
        return alike * alike * alike  # ** 3 takes ten times as long

    def within(x: np.ndarray) -> float:
        gram = k(x, x)
        return float((gram.sum() - np.trace(gram)) / (len(x) * (len(x) - 1)))

    return within(a) + within(b) - 2 * float(k(a, b).mean())


def precision(real: np.ndarray, synthetic: np.ndarray, k: int = 3) -> float:
    """The share of synthetic [m, D] that lies within the k-th neighbour's distance of some real one [n, D]."""
    _check(real, synthetic)
    if len(real) <= k:
        raise DataError(f"precision and recall with k = {k} need more than {k} pictures on either side, not {len(real)}.")
    centre = real.mean(0)
    real, synthetic = real - centre, synthetic - centre  # what is near 0 is rounded less
    radius = np.concatenate([np.partition(_squared(part, real), k, axis=1)[:, k] for part in _blocks(real)])  # 0 is itself
    radius += ROUNDING * np.square(real).sum(1).max()
    return float(np.mean(np.concatenate([(_squared(part, real) <= radius).any(1) for part in _blocks(synthetic)])))


def recall(real: np.ndarray, synthetic: np.ndarray, k: int = 3) -> float:
    """The share of real ones that lies within the manifold of synthetic ones."""
    return precision(synthetic, real, k)


def nearest(points: np.ndarray, among: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Distance [n] of each of `points` [n, D] to the nearest of `among` [m, D], and which it is.

    Of whole numbers, as pixels are, the nearest is found without rounding, and of equally near ones the first.
    """
    among = among.astype(np.float64)
    which = np.concatenate([_squared(part.astype(np.float64), among).argmin(1) for part in _blocks(points)])
    return np.linalg.norm(points - among[which], axis=1), which


def _squared(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """|x - y|^2 = |x|^2 + |y|^2 - 2 x.y of every pair, [n, m]: one product of matrices, far faster than pair by pair.

    Exact for whole numbers, as long as D times their squares stays below 2^53.
    """
    squared = a @ b.T
    squared *= -2
    squared += np.square(a).sum(1)[:, None]
    squared += np.square(b).sum(1)
    return np.maximum(squared, 0, out=squared)


def _blocks(points: np.ndarray) -> list[np.ndarray]:
    return [points[i : i + BLOCK] for i in range(0, len(points), BLOCK)]


def _check(a: np.ndarray, b: np.ndarray) -> None:
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[1] or min(len(a), len(b)) < 2:
        raise DataError(f"two sets of features are [n, D] and [m, D] with n, m above 1, not {a.shape} and {b.shape}.")
