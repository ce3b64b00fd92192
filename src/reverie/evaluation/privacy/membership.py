"""Membership inference without the model: was this patient in the training data?

score(x) = log p_S(x) - log p_R(x),   p by the nearest neighbour: log p_A(x) = -log d(x, A) up to a constant

The attacker holds the synthetic table S and a table R of other patients of the same population, and calls a member whoever
lies where S is denser than R: a model that learned the population has p_S = p_R, one that learned its patients by heart is
denser there (van Breugel et al. 2023, DOMIAS, with nearest-neighbour densities in the place of theirs). Held-out patients
are cut in two: one half is R, the other half is attacked beside the members; then they change places.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from reverie.evaluation.area import Found, area
from reverie.evaluation.distances import nearest_distance
from reverie.evaluation.measure import ALARM, Measure, Metric
from reverie.evaluation.privacy.rates import auc, measured, of_attack, true_positives
from reverie.evaluation.privacy.space import Embedding, cut, embedded
from reverie.evaluation.tables import Tables

__all__ = ["attacks", "density_scores", "membership", "membership_measures"]

REPEATS = 5
FALSE = 0.01
CURVE = np.linspace(0, 1, 101)


def attacks(name: str, of: str, how: str, beside: tuple[str, ...]) -> tuple[Metric, Metric]:
    """AUC, and true positives at 1 % false positives, of an attack."""
    success = of_attack(
        f"{name}.auc",
        f"membership attack {of} reached",
        f"{how} Interval by DeLong's variance.",
        tolerance=0.05,
        unit="AUC",
        ideal=0.5,
        beside=beside,
        told=True,
    )
    members = of_attack(
        f"{name}.found",
        f"members the attack {of} found at 1 % false alarms",
        "The share of members that score above all but 1 % of the held-out patients, rounded down. Wilson's interval.",
        tolerance=0.05,
        unit="share",
        beside=(),
        wrong=ALARM,
        alarm="a leak of {} of the training patients",
    )
    return success, members


ATTACK = attacks(
    "privacy.membership",
    "on the synthetic table",
    "The attacker calls a member whoever lies nearer to the synthetic patients than to a half of the held-out ones, in "
    "ratio; 0.5 is guessing. The ceiling puts held-out patients in the place of synthetic ones.",
    ("ceiling",),
)
INTRO = (
    "An attacker who has the synthetic patients, and other patients of the same kind, guesses who was in the training data."
)


@area("privacy.membership", "Membership inference from the synthetic table", INTRO, 0.2, *ATTACK, attack=True)
def membership(tables: Tables) -> Found:
    """The attack by density ratio: AUC, and true positives at 1 % false positives."""
    if why := tables.too_few():
        return why
    at, seed = embedded(tables), tables.seed
    members, others = density_scores(at, seed)
    controls = [_control(at, seed + 1 + repeat) for repeat in range(REPEATS)]
    measures = membership_measures(ATTACK, members, others, controls)
    return measures, {"membership.curve": curve(members, others)}, at.notes


def density_scores(at: Embedding, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """log p_S / p_R of training and of held-out patients; members have the mean over both halves as reference."""
    order = np.random.default_rng([seed, 3]).permutation(len(at.holdout))
    halves = (at.holdout[order[::2]], at.holdout[order[1::2]])
    members = np.mean([_score(at.train, at.synthetic, half) for half in halves], axis=0)
    # Both sides are measured against one half of the same size, so neither is nearer to R by its size.
    others = np.concatenate([_score(halves[1 - i], at.synthetic, halves[i]) for i in (0, 1)])
    return members, others


def membership_measures(
    attack: tuple[Metric, Metric], members: np.ndarray, others: np.ndarray, controls: list[float] | None = None
) -> tuple[Measure, Measure]:
    """Both measures of an attack's scores, judged against guessing."""
    reached, hits = auc(members, others), true_positives(members, others, FALSE)
    # So many are found by an attack that guesses: 1 % of members, too, beyond what a coarse count of others allows.
    guessed = max(FALSE, 1 / (len(others) + 1))
    detail = f"{len(members)} members and {len(others)} held-out patients were attacked."
    # Of the mean: what a single attack varies by is in the deviation of the value.
    spread = float(np.std(controls, ddof=1) / np.sqrt(len(controls))) if controls else None
    first = measured(attack[0], reached, detail, controls, ceiling_deviation=spread)
    detail = f"That is all but {int(FALSE * len(others))} of {len(others)}."
    spread = float(np.sqrt(guessed * 2 / max(len(others), 1)))
    second = measured(replace(attack[1], ideal=guessed), hits, detail, grows=True, ceiling_deviation=spread)
    return first, second


def curve(members: np.ndarray, others: np.ndarray, title: str = "Membership attack") -> dict[str, Any]:
    """The ROC curve as figure data, at 101 rates of false positives."""
    thresholds = np.quantile(others, 1 - CURVE)
    thresholds[0] = others.max()
    rates = [float((members > th).mean() + (members == th).mean() / 2) for th in thresholds]
    rates[-1] = 1.0
    return {
        "kind": "lines",
        "title": title,
        "note": "How many members are found (up) for how many false alarms (right); the diagonal is guessing.",
        "x": CURVE.tolist(),
        "series": {"synthetic": rates},
        "x_label": "held-out patients called members",
        "y_label": "members found",
        "diagonal": True,
    }


def _score(x: np.ndarray, synthetic: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """log d(x, R) - log d(x, S), with 1e-6 for a copy's 0."""
    to_r, to_s = (np.maximum(nearest_distance(x, table), 1e-6) for table in (reference, synthetic))
    return np.log(to_r) - np.log(to_s)


def _control(at: Embedding, seed: int) -> float:
    """The AUC with a third of the held-out patients in the place of synthetic ones, and the rest attacked."""
    draw = np.random.default_rng([seed, 4])
    order = draw.permutation(len(at.holdout))
    third = len(order) // 3
    some, rest = at.holdout[order[:third]], at.holdout[order[third:]]
    members, others = density_scores(
        replace(at, train=cut(at.train, len(at.train), draw), holdout=rest, synthetic=some), seed
    )
    return auc(members, others).value
