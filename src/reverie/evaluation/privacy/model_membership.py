"""Membership inference with the model: the loss of its own patients is low.

score(x) = -mean_t [ (loss(x, t) - mean_t) / deviation_t ],   loss(x, t) the denoising error of patient x at noise level t

The attacker has the weights. A network that learned patients by heart denoises them better than patients it never saw
(Carlini et al. 2023; Matsumoto et al. 2023 for the loss at single noise levels). Levels are brought to one scale by the mean
and deviation over all that are attacked, so that none rules; each level alone is shown too.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from reverie.evaluation.area import Found, area
from reverie.evaluation.privacy.membership import attacks, curve, membership_measures
from reverie.evaluation.privacy.rates import auc
from reverie.evaluation.privacy.space import some
from reverie.evaluation.tables import Tables

__all__ = ["model_membership", "standardised"]

REACHED, FOUND = attacks(
    "privacy.model_membership",
    "with the model",
    "Members are those whose records the network denoises best, over several levels of noise; 0.5 is guessing.",
    (),
)
ATTACK = (replace(REACHED, wrong=0.5), FOUND)  # a model that tells every patient of its training
INTRO = "An attacker who has the trained weights guesses who was in the training data by how well each patient is denoised."


@area(
    "privacy.model_membership",
    "Membership inference from the model itself",
    INTRO,
    5,
    *ATTACK,
    given=lambda tables: tables.model is not None,
)
def model_membership(tables: Tables) -> Found:
    """The attack with the model: AUC, and true positives at 1 % false positives."""
    assert tables.model is not None
    if why := tables.too_few(synthetic=False):
        return why
    seed, notes = tables.seed, []
    frames = [some(tables, name, [seed, 5, number], notes) for number, name in enumerate(("training", "held-out"))]
    ours, theirs = (tables.model.losses(frame, seed + 1 + number) for number, frame in enumerate(frames))
    members, others = standardised(ours, theirs)
    single = [auc(-ours[:, i], -theirs[:, i]) for i in range(ours.shape[1])]
    figures = {
        "model_membership.curve": curve(members, others, "Membership attack with the model"),
        "model_membership.levels": {
            "kind": "intervals",
            "title": "The attack at each level of noise alone",
            "note": "0.5 is guessing. Lines are 95 % intervals.",
            "labels": [str(i + 1) for i in range(ours.shape[1])],
            "series": {"synthetic": [[a.value, *a.interval] for a in single]},
            "x_label": "AUC",
            "reference": 0.5,
        },
    }
    return membership_measures(ATTACK, members, others), figures, notes + ([tables.split.seen] if tables.split.seen else [])


def standardised(ours: np.ndarray, theirs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Scores [m] and [n] of losses [m, levels] and [n, levels]."""
    both = np.concatenate([ours, theirs])
    score = -((both - both.mean(axis=0)) / np.maximum(both.std(axis=0), 1e-12)).mean(axis=1)
    return score[: len(ours)], score[len(ours) :]
