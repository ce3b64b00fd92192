"""How likely the model finds pictures, by the variational bound; and whether it knows those it learned from too well.

-log2 p(x) / D <= (L_T + sum_t L_{t-1} + L_0) / (D log 2)          bits per dimension, process/likelihood.py

Of the T - 1 terms of the sum, TERMS are drawn, one from each of as many equal stretches, and weighted by the stretch: the
estimate is unbiased, and takes seconds instead of minutes. On a path in continuous time the bound is that of a chain of
STEPS steps, even in log-SNR between its ends.

Each variance of p(x_{t-1}|x_t) gives a bound of its own, from the same answers of the network: the fixed ones, the one that
the network predicts, and the one that fits the training pictures. The report has the tightest, and says which that is.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch

from reverie.evaluation.measure import Measure, Metric, Section
from reverie.models import PictureModel, few_calls
from reverie.process import Gaussian
from reverie.process.likelihood import bits_per_dimension, decoder_term, fitted_variance, prior_term, step_term
from reverie.process.path import NoisePath
from reverie.process.randomness import generator
from reverie.reports.picture_sections import NEW
from reverie.samplers import time_grid

__all__ = ["bounds", "likelihood", "tightest"]

TERMS = 100
PICTURES = 64
STEPS = 1000

VARIANCES = {
    "beta_tilde": "that of the posterior (beta-tilde)",
    "beta": "that of the forward step (beta)",
    "learned": "the one that the network predicts",
    "fitted": "the one that fits the training pictures",
}


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
    sets = [train[_some(len(train), seed, 0)], *([holdout[_some(len(holdout), seed, 1)]] if len(holdout) > 1 else [])]
    found = bounds(model, sets, seed)
    kind = tightest(found)
    which = f"The tightest of {len(found)} such bounds: its reverse steps have as their variance {VARIANCES[kind]}."
    seen, *others = found[kind]
    first = TRAIN.measure(seen.mean(), len(seen), which, deviation=_error(seen))
    if not others:
        return _section(first, GAP.unknown("none were held out."))
    unseen = others[0]
    second = HOLDOUT.measure(unseen.mean(), len(unseen), which, deviation=_error(unseen))
    spread = float(np.hypot(_error(unseen), _error(seen)))
    gap = GAP.measure(unseen.mean() - seen.mean(), len(unseen) + len(seen), deviation=spread)
    return _section(first, second, gap)


def _section(*measures: Measure) -> Section:
    return Section("pictures.likelihood", "Likelihood", INTRO, measures, {})


def _unknown(model: PictureModel) -> str:
    """Why the bound says nothing of this model's pictures; empty where it does."""
    if model.autoencoder is not None:
        return "the model diffuses latents, and an autoencoder that loses something gives pictures no likelihood."
    if model.config.distilled is not None:
        return "the model was distilled to few calls, and the bound asks it at every level of noise; its parent has one."
    if few_calls.ends_the_path(model.config):
        return "a consistency model says no mean of a picture, which the bound asks for; what it was distilled from has one."
    if not model.denoiser.answers_alone:
        return "the model answers only with a condition, and the bound asks it without."
    return ""


def tightest(found: dict[str, list[np.ndarray]]) -> str:
    """The variance whose bound is least over all pictures; of one kind for all of them, so that they can be compared."""
    return min(found, key=lambda kind: float(np.concatenate(found[kind]).mean()))


@torch.no_grad()
def bounds(model: PictureModel, sets: Sequence[np.ndarray], seed: int) -> dict[str, list[np.ndarray]]:
    """For each variance, the bound in bits per dimension of each set of pictures, uint8 or uint16 [N, H, W, C]: float64 [N].

    What is fitted is fitted to the first set.
    """
    device = next(model.denoiser.module.parameters()).device
    process, times = model.process, _times(model.process.schedule, model.codec.step)
    first, T = times[1], len(times) - 1
    kinds = [kind for kind in VARIANCES if kind != "learned" or model.config.training.learned_variance]
    clean = [model.codec.encode(pixels).to(device) for pixels in sets]
    draws = [generator(seed, "bound") for _ in sets]
    totals = [{kind: prior_term(process, x_0) for kind in kinds} for x_0 in clean]

    def add(number: int, weight: int) -> None:
        fitted, (s, t) = None, times[number - 1 : number + 1]
        for x_0, g, total in zip(clean, draws, totals, strict=True):
            x_t = process.marginal(x_0, t).sample(g)
            prediction = model.denoiser(x_t, t)
            mean = process.reverse_mean(x_t, t, prediction, s)
            fitted = fitted_variance(process, x_0, x_t, s, t, mean) if fitted is None else fitted
            for kind in kinds:
                fixed = "beta" if t == first and kind == "beta_tilde" else kind  # beta-tilde_1 is 0, which has no density
                variance = fitted
                if fixed != "fitted":
                    variance = process.reverse_variance(x_t, t, s, fixed, prediction.variance_mix)  # pyright: ignore[reportArgumentType]
                reverse = Gaussian(mean, variance)
                if t == first:
                    term = decoder_term(x_0, reverse, model.codec.step)
                else:
                    term = step_term(process, x_0, x_t, t, reverse, s)
                total[kind] = total[kind] + weight * term

    add(1, 1)
    stretches = np.array_split(np.arange(2, T + 1), min(TERMS, T - 1)) if T > 1 else []
    for number, stretch in enumerate(stretches):
        add(int(np.random.default_rng([seed, number]).choice(stretch)), len(stretch))
    size = clean[0][0].numel()
    return {kind: [bits_per_dimension(t[kind], size).cpu().double().numpy() for t in totals] for kind in kinds}


def _times(path: NoisePath, grey: float) -> tuple[float, ...]:
    """The times 0, t_1, ..., end that the bound's steps go between. In continuous time t_1 has noise of half a grey level,
    as first steps of tables have: a chain that goes on below pays for digits that no picture has."""
    if path.whole:
        return tuple(range(path.most_steps + 1))
    least = grey / 2 if grey / 2 > math.exp(-path.level(path.ends[0]).half_log_snr) else None
    return time_grid(path, STEPS, "log_snr", sigma_min=least)[::-1]


def _some(count: int, seed: int, which: int) -> np.ndarray:
    return np.random.default_rng([seed, 34, which]).permutation(count)[:PICTURES]


def _error(values: np.ndarray) -> float:
    return float(values.std(ddof=1) / np.sqrt(len(values)))
