"""How likely the model finds pictures, by the variational bound; and whether it knows those it learned from too well.

-log2 p(x) / D <= (L_T + sum_t L_{t-1} + L_0) / (D log 2)          bits per dimension, process/likelihood.py

Of the T - 1 terms of the sum, TERMS are drawn, one from each of as many equal stretches, and weighted by the stretch: the
estimate is unbiased, and takes seconds instead of minutes.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from reverie.evaluation.measure import Measure, Metric, Section
from reverie.models import PictureModel
from reverie.process.likelihood import bits_per_dimension, decoder_term, prior_term, step_term
from reverie.process.randomness import generator
from reverie.reports.picture_sections import NEW

__all__ = ["bits", "likelihood"]

TERMS = 100
PICTURES = 64


TRAIN, HOLDOUT = (
    Metric(
        f"pictures.likelihood.{key}",
        f"bits per dimension, {name} pictures",
        f"Upper bound of -log2 p / D (variational bound), {TERMS} of its terms drawn; ± is the standard error.",
        beside=(),
    )
    for key, name in (("train", "training"), ("holdout", "held-out"))
)
GAP = Metric(
    "pictures.copies.gap",
    "bits that held-out pictures take beyond training pictures",
    "A model that learned its pictures by heart stores those with fewer bits than others.",
    NEW,
    tolerance=0.2,
    ideal=0.0,
    worse="above",
    beside=(),
)
INTRO = (
    "How many bits for each pixel value the model would need to store pictures without loss: fewer is better, and as few "
    "for pictures that it never saw as for those that it learned from."
)


def likelihood(model: PictureModel, train: np.ndarray, holdout: np.ndarray, seed: int) -> Section:
    """Bits per dimension of held-out pictures, and how many more they take than training pictures."""
    if why := _unknown(model):
        return _section(TRAIN.unknown(why), GAP.unknown(why))
    seen = bits(model, train[_some(len(train), seed, 0)], seed)
    first = TRAIN.measure(seen.mean(), len(seen), deviation=_error(seen))
    if len(holdout) < 2:
        return _section(first, GAP.unknown("none were held out."))
    unseen = bits(model, holdout[_some(len(holdout), seed, 1)], seed)
    second = HOLDOUT.measure(unseen.mean(), len(unseen), deviation=_error(unseen))
    spread = float(np.hypot(_error(unseen), _error(seen)))
    gap = GAP.measure(unseen.mean() - seen.mean(), len(unseen) + len(seen), deviation=spread)
    return _section(first, second, gap)


def _section(*measures: Measure) -> Section:
    return Section("pictures.likelihood", "Likelihood", INTRO, measures, {})


def _unknown(model: PictureModel) -> str:
    """Why the bound says nothing of this model's pictures; empty where it does."""
    if model.autoencoder is not None:
        return "the model diffuses latents, and an autoencoder that loses something gives pictures no likelihood."
    if not model.denoiser.answers_alone:
        return "the model answers only with a condition, and the bound asks it without."
    return ""


@torch.no_grad()
def bits(model: PictureModel, pixels: np.ndarray, seed: int) -> np.ndarray:
    """The bound in bits per dimension of uint8 or uint16 [N, H, W, C]: float64 [N]."""
    device = next(model.denoiser.module.parameters()).device
    x_0 = model.codec.encode(pixels).to(device)
    process, T = model.process, model.process.schedule.steps
    kind = "learned" if model.config.training.learned_variance else "beta_tilde"
    g = generator(seed, "bound")

    def at(t: int) -> Tensor:
        x_t = process.marginal(x_0, t).sample(g)
        reverse = process.reverse(x_t, t, model.denoiser(x_t, t), variance="beta" if t == 1 and kind != "learned" else kind)
        return decoder_term(x_0, reverse, model.codec.step) if t == 1 else step_term(process, x_0, x_t, t, reverse)

    total = prior_term(process, x_0) + at(1)
    stretches = np.array_split(np.arange(2, T + 1), min(TERMS, T - 1)) if T > 1 else []
    for number, stretch in enumerate(stretches):
        t = int(np.random.default_rng([seed, number]).choice(stretch))
        total = total + len(stretch) * at(t)
    return bits_per_dimension(total, x_0[0].numel()).cpu().double().numpy()


def _some(count: int, seed: int, which: int) -> np.ndarray:
    return np.random.default_rng([seed, 34, which]).permutation(count)[:PICTURES]


def _error(values: np.ndarray) -> float:
    return float(values.std(ddof=1) / np.sqrt(len(values)))
