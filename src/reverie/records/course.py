"""How a score runs over the visits of a patient: how much of it stays, how much fades, how much is new at each visit.

    K(i, j) = level + slow pace^|i - j| + (1 - level - slow) [i = j],    i, j: the first, second, third ... known cell

A network that was trained on few patients draws wanderers: the weight of one of its patients changes within days by as much
as weights differ between patients. With L_drawn and L_trained the lower factors of both laws,

    z -> L_trained L_drawn^-1 z

turns scores of the one into scores of the other, each still N(0, 1) and a function of those up to it alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

__all__ = ["Course", "along", "factor"]

LAGS, PAIRS = 24, 20
"""Cells apart that are looked at, at most; pairs of cells that a law rests on, at least."""
PACES = np.linspace(0.1, 0.95, 18)
NEW = 0.005
"""The least share that is new at each visit, so that every law has a factor."""
DIGITS = 4


class Course(NamedTuple):
    """The law of one channel."""

    level: float = 0.0
    slow: float = 0.0
    pace: float = 0.0

    @classmethod
    def of(cls, scores: Tensor, known: Tensor) -> Course:
        """The law nearest the covariances of scores [B, visits] at each lag, by least squares over pairs of cells."""
        order = torch.argsort(~known, dim=-1, stable=True)
        z, there = torch.where(known, scores, 0.0).double().gather(-1, order), known.gather(-1, order)
        lags = np.arange(1, min(LAGS, z.shape[1] - 1) + 1)
        pairs = np.array([float((there[:, lag:] & there[:, :-lag]).sum()) for lag in lags])
        variance = float(z.square().sum() / there.sum().clamp(min=1))
        if pairs.sum() < PAIRS or not variance:
            return cls()
        covariances = np.array([float((z[:, lag:] * z[:, :-lag]).sum()) for lag in lags]) / (variance * np.maximum(pairs, 1))
        best, least = cls(), np.inf
        for pace in PACES:
            level, slow = _shares(covariances, pairs, pace**lags)
            loss = float((pairs * (covariances - level - slow * pace**lags) ** 2).sum())
            if loss < least:
                best, least = cls(round(level, DIGITS), round(slow, DIGITS), round(float(pace), DIGITS)), loss
        return best


def _shares(covariances: np.ndarray, weights: np.ndarray, fading: np.ndarray) -> tuple[float, float]:
    """Level and slow >= 0, together 1 - NEW at most, that come nearest to the covariances found."""
    from scipy.optimize import nnls  # long to import, and only what ends a training needs it

    parts = np.stack([np.ones(len(covariances)), fading], -1) * np.sqrt(weights)[:, None]
    (level, slow), _ = nnls(parts, covariances * np.sqrt(weights))
    if level + slow > (most := 1 - NEW):  # along level + slow = most the least squares are those of one number
        rest = weights * (1 - fading)
        level = float(
            np.clip((rest * (covariances - most * fading)).sum() / max((rest * (1 - fading)).sum(), 1e-12), 0.0, most)
        )
        slow = most - level
    return float(level), float(slow)


def factor(course: Course, visits: int) -> Tensor:
    """The lower factor L [visits, visits] of the covariance over so many cells."""
    apart = (torch.arange(visits)[:, None] - torch.arange(visits)).abs().double()
    covariance = course.level + course.slow * course.pace**apart
    return torch.linalg.cholesky(covariance.fill_diagonal_(1.0)).float()


def along(courses: Sequence[tuple[Course, Course]], scores: Tensor, asked: Tensor, known: Tensor) -> Tensor:
    """Scores [C, B, visits] with the cells that were asked brought from the law that is drawn to that of the trained.

    What is given before is kept and goes on as it did: its own part is taken out by the law of the trained. Where something
    is given after a cell that was asked, what was asked is between, and the channel of this patient stays as it is.
    """
    order = torch.argsort(~known, dim=-1, stable=True)
    z, there, new = (x.gather(-1, order) for x in (torch.where(known, scores, 0.0), known, asked & known))
    observed = there & ~new
    first = observed & (new.cumsum(-1) == 0)
    drawn, trained = (torch.stack([factor(pair[i], z.shape[-1]) for pair in courses]) for i in (0, 1))
    own, white = (torch.linalg.solve_triangular(law, z.mT, upper=False).mT for law in (trained, drawn))
    moved = torch.where(first, own, white) @ trained.mT
    z = torch.where(new & ~(observed & ~first).any(-1, keepdim=True), moved, z)
    return torch.where(asked & known, torch.empty_like(z).scatter_(-1, order, z), scores)
