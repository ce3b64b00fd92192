"""How far what was learned is from what is exact, with what chance alone gives beside it.

    score error at t   E_{x ~ p_t} |s_theta(x, t) - s(x, t)|^2,   s = grad log p_t;  times sigma_t^2 it is that of eps-hat
    excess loss        E_t E |eps_theta - eps*|^2 / 2 = loss of the network - least loss there can be,   t even over 1..T
    sliced Wasserstein (mean over directions u of W_2^2(u.x, u.y))^(1/2)   (Bonneel et al. 2015)

The least loss, E |eps - eps*|^2 / 2, is not zero: which noise it was cannot be known where points are near each other.
Two sets of draws of one distribution are not equal either: their distance is what chance alone gives.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from reverie.denoisers import Denoiser
from reverie.process import GaussianProcess, draw, generator
from reverie.studies.playground.drawing import Drawing
from reverie.training.objective import timesteps

__all__ = ["Chance", "Excess", "LevelError", "chance", "excess_loss", "score_error", "sliced_wasserstein"]

DRAWS = 2048
DIRECTIONS = 64
REFERENCE = 8192
REPEATS = 20


@dataclass(frozen=True)
class LevelError:
    """Of the score at one level.

    Attributes:
        score: mean squared error of the score, both coordinates together.
        noise: the same times sigma^2 / 2: of eps-hat, for each coordinate; comparable between levels.
        standard_error: of `noise`, for it is a mean over draws.
        gaussian: what `noise` would be for someone who knew of the drawing only its mean and its covariance.
    """

    t: int
    sigma: float
    score: float
    noise: float
    standard_error: float
    gaussian: float


@dataclass(frozen=True)
class Excess:
    """Losses in eps, for each coordinate, over all t: what the network adds to the least that there can be."""

    excess: float
    standard_error: float
    least: float


@dataclass(frozen=True)
class Chance:
    """The distance of fresh draws of the drawing to the drawing: half of the time below `median`, 95 % below `high`."""

    median: float
    high: float


def score_error(drawing: Drawing, exact: Denoiser, learned: Denoiser, t: int, seed: int) -> LevelError:
    """How far the learned score is from the exact one at level t, where p_t is."""
    process = exact.process
    x_t = _noisy(drawing, process, torch.full((DRAWS,), t), generator(seed, "playground", "score error", t))[0]
    signal, sigma, _ = process.schedule.levels[t]
    truth = exact(x_t, t).noise
    errors = _square(learned(x_t, t).noise - truth)
    mean, covariance = drawing.moments()
    marginal = signal**2 * covariance + sigma**2 * torch.eye(2).double()
    guess = sigma * torch.linalg.solve(marginal, (x_t - signal * mean).T).T
    noise = float(errors.mean())
    return LevelError(
        t, sigma, 2 * noise / sigma**2, noise, float(errors.std()) / math.sqrt(DRAWS), float(_square(guess - truth).mean())
    )


def excess_loss(drawing: Drawing, exact: Denoiser, learned: Denoiser, seed: int) -> Excess:
    """What the network's loss is above the least, over all t."""
    process, stream = exact.process, generator(seed, "playground", "excess")
    t = timesteps(2 * DRAWS, process.schedule, "stratified", stream)
    x_t, noise = _noisy(drawing, process, t, stream)
    truth = exact(x_t, t).noise
    errors = _square(learned(x_t, t).noise - truth)
    return Excess(float(errors.mean()), float(errors.std()) / math.sqrt(len(errors)), float(_square(noise - truth).mean()))


def sliced_wasserstein(samples: Tensor, drawing: Drawing) -> float:
    """Distance of samples [N, 2] to the drawing; not a number where a sample is none."""
    return _distance(samples, *_reference(drawing))


def chance(drawing: Drawing, count: int, seed: int) -> Chance:
    """The same of `count` fresh draws of the drawing itself, twenty times."""
    reference = _reference(drawing)
    streams = (generator(seed, "playground", "chance", i) for i in range(REPEATS))
    found = torch.tensor([_distance(drawing.sample(count, stream), *reference) for stream in streams])
    return Chance(float(found.median()), float(found.quantile(0.95)))


@lru_cache(4)
def _reference(drawing: Drawing) -> tuple[Tensor, Tensor]:
    """Directions [2, K], and many draws projected on them and sorted [REFERENCE, K]; always the same."""
    angle = math.pi * (torch.arange(DIRECTIONS, dtype=torch.float64) + 0.5) / DIRECTIONS
    directions = torch.stack([angle.cos(), angle.sin()])
    draws = drawing.sample(REFERENCE, generator(0, "playground", "reference"))
    return directions, (draws @ directions).sort(0).values


def _distance(samples: Tensor, directions: Tensor, reference: Tensor) -> float:
    """W_2 of two sorted lists joins equal quantiles: of the longer one, that in the middle of each share."""
    count = len(samples)
    places = ((torch.arange(count, dtype=torch.float64) + 0.5) / count * len(reference)).long()
    gap = (samples.double() @ directions).sort(0).values - reference[places]
    return float((gap**2).mean().sqrt())


def _noisy(drawing: Drawing, process: GaussianProcess, t: Tensor, stream: torch.Generator) -> tuple[Tensor, Tensor]:
    x_0 = drawing.sample(len(t), stream)
    noise = draw(x_0, stream)
    return process.corrupt(x_0, t, noise), noise


def _square(gap: Tensor) -> Tensor:
    """Mean square over the coordinates: [B]."""
    return (gap.double() ** 2).mean(1)
