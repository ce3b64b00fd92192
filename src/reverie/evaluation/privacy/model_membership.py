"""Membership inference with the model: the loss of its own patients is low.

score(x) = -mean_t [ (loss(x, t) - mean_t) / deviation_t ],   loss(x, t) the denoising error of patient x at noise level t

The attacker has the weights. A network that learned patients by heart denoises them better than patients it never saw
(Carlini et al. 2023; Matsumoto et al. 2023 for the loss at single noise levels). Levels are brought to one scale by the mean
and deviation over all that are attacked, so that none rules; each level alone is shown too.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import polars as pl

from reverie.evaluation.enough import FEW, few
from reverie.evaluation.measure import Section, Split
from reverie.evaluation.privacy.membership import curve, membership_measures
from reverie.evaluation.privacy.rates import auc
from reverie.evaluation.privacy.space import unknown
from reverie.records.schema import Schema

__all__ = ["Loss", "model_membership", "standardised"]

Loss = Callable[[pl.DataFrame, int], np.ndarray]
"""(visits, seed) -> float [patients, noise levels], patients by first appearance: see PatientModel.losses."""

ABOUT = (
    "privacy.model_membership",
    "Membership inference from the model itself",
    "An attacker who has the trained weights guesses who was in the training data by how well each patient is denoised.",
)
MOST = 2000


def model_membership(split: Split, loss: Loss, schema: Schema, seed: int = 0, levels: tuple[str, ...] = ()) -> Section:
    """The attack with the model: AUC, and true positives at 1 % false positives.

    Args:
        loss: see Loss; at most MOST patients of either kind are given to it.
        levels: what the noise levels are called.
    """
    key, notes = schema.identifier.name, []
    frames = []
    for number, (name, frame) in enumerate((("training", split.train), ("held-out", split.holdout))):
        patients = frame[key].unique(maintain_order=True)
        if len(patients) < FEW:
            why = few(name, len(patients))
            named = (
                ("auc", "membership attack with the model"),
                ("found", "members the attack with the model found at 1 % false alarms"),
            )
            return Section(*ABOUT, tuple(unknown(f"privacy.model_membership.{n}", t, why) for n, t in named), {})
        if len(patients) > MOST:
            notes.append(f"Of {len(patients):,} {name} patients {MOST:,} were drawn at random and attacked.")
            chosen = np.random.default_rng([seed, 5, number]).permutation(len(patients))[:MOST]
            frame = frame.filter(pl.col(key).is_in(patients[np.sort(chosen)].implode()))
        frames.append(frame)
    ours, theirs = (loss(frame, seed + 1 + number) for number, frame in enumerate(frames))
    members, others = standardised(ours, theirs)
    how = "Members are those whose records the network denoises best, over several levels of noise; 0.5 is guessing."
    measures = membership_measures("privacy.model_membership", "with the model", members, others, how)
    single = [auc(-ours[:, i], -theirs[:, i]) for i in range(ours.shape[1])]
    names = list(levels) or [str(i + 1) for i in range(ours.shape[1])]
    figures = {
        "model_membership.curve": curve(members, others, "Membership attack with the model"),
        "model_membership.levels": {
            "kind": "intervals",
            "title": "The attack at each level of noise alone",
            "note": "0.5 is guessing. Lines are 95 % intervals.",
            "labels": names,
            "series": {"synthetic": [[a.value, *a.interval] for a in single]},
            "x_label": "AUC",
            "reference": 0.5,
        },
    }
    if split.seen:
        notes.append(split.seen)
    return Section(*ABOUT, measures, figures, tuple(notes))


def standardised(ours: np.ndarray, theirs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Scores [m] and [n] of losses [m, levels] and [n, levels]."""
    both = np.concatenate([ours, theirs])
    score = -((both - both.mean(axis=0)) / np.maximum(both.std(axis=0), 1e-12)).mean(axis=1)
    return score[: len(ours)], score[len(ours) :]
