"""Nearest neighbours: are synthetic patients too near to those of the training data?

close     = P(d(s, train) < q),  q the 5th percentile of d(h, train) of held-out patients h
share     = P(d(s, train) < d(s, holdout)) + 1/2 P(equal), train cut to as many patients as holdout
AA(A, B)  = 1/2 P(d(a, B) > d(a, A less a)) + 1/2 P(d(b, A) > d(b, B less b))     (Yale et al. 2020)
loss      = AA(holdout, synthetic) - AA(train, synthetic)

Who copies nobody may lie nearer to train all the same: the values of training patients, shuffled, are nearer to where they
came from. So the share is read as the excess over that of training patients with every column shuffled. A copy has d = 0. AA
is 1/2 where nobody tells synthetic from real by neighbours, 0 where synthetic are copies, 1 where they are apart; the
privacy loss is 0 where training patients are met no more closely than those never seen.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from scipy.spatial.distance import cdist

from reverie.evaluation.area import Found, area
from reverie.evaluation.distances import dcr_share, nearest_distance
from reverie.evaluation.measure import Measure
from reverie.evaluation.privacy.rates import measured, normal, of_attack, wilson
from reverie.evaluation.privacy.space import Embedding, embedded
from reverie.evaluation.tables import Tables

__all__ = ["adversarial", "adversarial_accuracy"]

CUTS = 10
"""Random cuts to equal sizes that are averaged."""
NEAR = 0.05
BINS = 30
CLOSE = of_attack(
    "privacy.nearest.close",
    "synthetic patients unusually near to a training patient",
    "The share of synthetic patients whose nearest training patient is nearer than that of all but 5 % of the held-out "
    "patients. Wilson's interval.",
    tolerance=0.1,
    unit="share",
    ideal=NEAR,
)
SHARE = of_attack(
    "privacy.nearest.share",
    "synthetic patients nearer to training than to held-out patients",
    f"Share of synthetic patients whose nearest real patient is of the training table, of as many of each (mean of {CUTS} "
    "cuts); the ceiling puts half of the held-out patients in place of synthetic ones. Normal interval over synthetic "
    "patients.",
    tolerance=0.05,
    unit="share",
    ideal=0.5,
)
LOSS = of_attack(
    "privacy.adversarial.loss",
    "privacy loss by nearest-neighbour adversarial accuracy",
    "Adversarial accuracy of held-out against synthetic patients less that of training against synthetic. Normal interval.",
    tolerance=0.1,
    ideal=0.0,
)
INTRO = "What an attacker learns from the nearest synthetic patient."


@area("privacy.nearest", "Nearest records", INTRO, 0.3, CLOSE, SHARE, LOSS, attack=True)
def adversarial(tables: Tables) -> Found:
    """The three measures of nearness, each beside held-out patients in the place of synthetic ones."""
    if why := tables.too_few():
        return why
    at = embedded(tables)
    return (_close(at), _share(at, tables.seed), _loss(at, tables.seed)), _figures(at), at.notes


def adversarial_accuracy(a: np.ndarray, b: np.ndarray) -> float:
    """AA(A, B) of points [n, F] each, as many of either; ties count half."""
    return _accuracy(cdist(a, a), cdist(b, b), cdist(a, b))


def _accuracy(own_a: np.ndarray, own_b: np.ndarray, across: np.ndarray) -> float:
    """AA of distances [n, n] within either and between them; those within are changed."""
    np.fill_diagonal(own_a, np.inf)
    np.fill_diagonal(own_b, np.inf)
    of_a = 1 - dcr_share(across.min(axis=1), own_a.min(axis=1))
    of_b = 1 - dcr_share(across.min(axis=0), own_b.min(axis=1))
    return (of_a + of_b) / 2


def _close(at: Embedding) -> Measure:
    to_train, held = nearest_distance(at.synthetic, at.train), nearest_distance(at.holdout, at.train)
    radius = float(np.quantile(held, NEAR))
    near = wilson(int((to_train < radius).sum()), len(to_train))
    control = wilson(int((held < radius).sum()), len(held))
    return measured(CLOSE, near, control=control, grows=True)


def _share(at: Embedding, seed: int) -> Measure:
    n, draw = len(at.holdout), np.random.default_rng([seed, 1])
    far = _Distances(at)

    def share(of: str) -> float:
        held = far(of, "holdout")[:, : len(at.train)].min(axis=1)
        near = far(of, "train")
        return float(np.mean([dcr_share(near[:, _drawn(len(at.train), n, draw)].min(axis=1), held) for _ in range(CUTS)]))

    value, controls = share("synthetic"), []
    among, within = far("holdout", "train"), far("holdout", "holdout")
    for _ in range(CUTS):
        order = draw.permutation(n)
        half, rest = order[: n // 2], order[n // 2 :]
        near = among[np.ix_(half, _drawn(len(at.train), len(rest), draw))].min(axis=1)
        controls.append(dcr_share(near, within[np.ix_(half, rest[: len(at.train)])].min(axis=1)))
    many, floor = len(at.synthetic), share("shuffled")
    detail = f"Training patients with every column shuffled, who copy nobody, reach {floor:.1%}."
    rate = normal(value, float(np.sqrt(value * (1 - value) / many)), many)
    return measured(replace(SHARE, ideal=max(0.5, floor)), rate, detail, controls)


def _loss(at: Embedding, seed: int) -> Measure:
    draw = np.random.default_rng([seed, 2])
    n = min(len(at.train), len(at.holdout), len(at.synthetic))
    far = _Distances(at)

    def accuracy(one: str, a: np.ndarray, other: str, b: np.ndarray) -> float:
        return _accuracy(far(one, one)[np.ix_(a, a)], far(other, other)[np.ix_(b, b)], far(one, other)[np.ix_(a, b)])

    losses, accuracies, controls = [], [], []
    for _ in range(CUTS):
        train, holdout, synthetic = (_drawn(len(x), n, draw) for x in (at.train, at.holdout, at.synthetic))
        accuracies.append(accuracy("train", train, "synthetic", synthetic))
        losses.append(accuracy("holdout", holdout, "synthetic", synthetic) - accuracies[-1])
        order = draw.permutation(len(at.holdout))
        half = min(len(order) // 2, len(at.train))
        a, b = order[:half], order[half : 2 * half]
        cut = _drawn(len(at.train), half, draw)
        controls.append(accuracy("holdout", b, "holdout", a) - accuracy("train", cut, "holdout", a))
    # Half of a sum of four shares of n patients each, with none above 1/2: sqrt(4 x 1/4 / n) / 2.
    rate = normal(float(np.mean(losses)), 0.5 / float(np.sqrt(n)), n)
    detail = f"That was {np.mean(accuracies):.3f} (0.5 is best, 0 is copies), {n} of each, mean of {CUTS} cuts."
    return measured(LOSS, rate, detail, controls, ceiling_deviation=float(np.std(controls, ddof=1) / np.sqrt(CUTS)))


class _Distances:
    """Distances between all patients of two tables, by their names in the embedding, each computed once for all cuts."""

    def __init__(self, at: Embedding) -> None:
        self._at, self._known = at, {}

    def __call__(self, one: str, other: str) -> np.ndarray:
        if (one, other) not in self._known:
            self._known[one, other] = cdist(getattr(self._at, one), getattr(self._at, other))
        return self._known[one, other]


def _drawn(many: int, count: int, generator: np.random.Generator) -> np.ndarray:
    """The places of `count` of so many, drawn without replacement; all of them in their order if there are no more."""
    return np.arange(many) if count >= many else generator.permutation(many)[:count]


def _figures(at: Embedding) -> dict[str, Any]:
    distances = {
        "synthetic": nearest_distance(at.synthetic, at.train),
        "held-out": nearest_distance(at.holdout, at.train),
    }
    edges = np.linspace(0, max(float(np.quantile(d, 0.99)) for d in distances.values()) or 1.0, BINS + 1)
    shares = {name: (np.histogram(np.minimum(d, edges[-1]), edges)[0] / len(d)).tolist() for name, d in distances.items()}
    return {
        "nearest.distances": {
            "kind": "histogram",
            "title": "Distance to the nearest training patient",
            "note": "Synthetic patients should be no nearer to training patients than held-out patients are; a column at 0 "
            "would be copies. The last column holds all that are farther.",
            "edges": edges.tolist(),
            "series": shares,
            "x_label": "distance (normal scores)",
        }
    }
