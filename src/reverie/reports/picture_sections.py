"""What is measured of pictures: near the source in features, varied, and no copies.

Distances between samples shrink with their size, so all are taken between halves of equal size, drawn anew REPEATS times:
train against synthetic, train against held-out (the ceiling; without any, one half of the training against the other), train
against pictures whose pixels were shuffled from picture to picture (the floor). The value is the mean over the repeats.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from reverie.evaluation.image_distances import frechet, kernel, nearest, precision, recall
from reverie.evaluation.image_features import Features
from reverie.evaluation.measure import ALARM, Measure, Metric, Section

__all__ = ["NEW", "PictureEvidence", "copies", "fidelity"]

REPEATS = 10
SHOWN = 12


@dataclass(frozen=True, eq=False)
class PictureEvidence:
    """uint8 [N, H, W, C] each; without pictures where none were held out."""

    train: np.ndarray
    holdout: np.ndarray
    synthetic: np.ndarray
    features: Features
    notes: tuple[str, ...] = ()


LOOK, NEW = "look and variety", "newness"
FRECHET = Metric(
    "pictures.fidelity.frechet",
    "Frechet distance",
    "Distance of the two normal laws that have the features' means and covariances, in units of the features' mean square; "
    "0 is equality.",
    LOOK,
    tolerance=1.0,
    ideal=0.0,
    worse="above",
)
KERNEL = Metric(
    "pictures.fidelity.kernel",
    "kernel distance",
    "Squared distance of the sets in the space of a cubic kernel of the features (maximum mean discrepancy, unbiased).",
    LOOK,
    tolerance=0.05,
    ideal=0.0,
    worse="above",
)
PRECISION = Metric(
    "pictures.fidelity.precision",
    "precision: synthetic pictures that look real",
    "Share of synthetic pictures that are nearer to some training picture than its third neighbour is.",
    LOOK,
    tolerance=0.1,
    unit="share",
    ideal=1.0,
    worse="below",
)
RECALL = Metric(
    "pictures.fidelity.recall",
    "recall: real pictures that could have been made",
    "Share of training pictures that are nearer to some synthetic picture than its third neighbour is: variety.",
    LOOK,
    tolerance=0.1,
    unit="share",
    ideal=1.0,
    worse="below",
)
RULES: dict[Metric, Callable[[np.ndarray, np.ndarray], float]] = {
    FRECHET: frechet,
    KERNEL: kernel,
    PRECISION: precision,
    RECALL: recall,
}
EXACT = Metric(
    "pictures.copies.exact",
    "synthetic pictures equal to a training picture",
    "Share of pictures that agree in every pixel with one of the training; beside it that of held-out pictures.",
    NEW,
    tolerance=0.01,
    unit="share",
    ideal=0.0,
    worse="above",
    beside=("ceiling",),
)
NEARER = Metric(
    "pictures.copies.nearer",
    "synthetic pictures nearer to the training than to held-out ones",
    f"Half is what new pictures give. Pixel by pixel, as many training as held-out ones; mean over {REPEATS} draws.",
    NEW,
    tolerance=0.05,
    unit="share",
    ideal=0.5,
    worse="above",
    beside=("ceiling",),
    wrong=ALARM,
    alarm="an excess of {} of pictures that lie nearer to the training",
)


def fidelity(evidence: PictureEvidence, seed: int) -> Section:
    """Frechet and kernel distance, precision and recall, and a sheet of pictures."""
    title, intro = (
        "Near and varied",
        f"How the sets of pictures differ, seen by {evidence.features.name}. {evidence.features.about}",
    )
    seen = evidence.features.of
    train = seen(evidence.train)
    scale = float(np.sqrt(np.mean(train**2))) or 1.0  # a cubic kernel of large numbers is ruled by few pictures
    train = train / scale
    synthetic, shuffled = (seen(p) / scale for p in (evidence.synthetic, _scrambled(evidence.train, seed)))
    sets = [train, synthetic, seen(evidence.holdout) / scale if len(evidence.holdout) else train, shuffled]
    m = min(map(len, sets)) // 2
    if m < 8:
        why = "there are fewer than 16 pictures of one kind."
        return Section("pictures.fidelity", title, intro, tuple(metric.unknown(why) for metric in RULES), {})
    # A mean over draws of m from N varies as one draw does, by sqrt(m / N), and by the draws being few.
    shrink = np.array([max(np.sqrt(m / max(len(x), 1)), REPEATS**-0.5) for x in sets[1:]])
    measures = []
    for metric, rule in RULES.items():
        values = np.array([_repeat(rule, sets, m, seed, r) for r in range(REPEATS)])  # [repeats, synthetic real shuffled]
        mean, deviation = values.mean(0), values.std(0, ddof=1) * shrink
        measure = metric.measure(
            mean[0],
            2 * m,
            f"Mean over {REPEATS} draws of {m:,} pictures of each kind; ± is what other pictures would change.",
            deviation=deviation[0],
            ceiling=mean[1],
            ceiling_deviation=deviation[1],
            floor=mean[2],
        )
        measures.append(about_pictures(measure))
    sheet = {
        "kind": "pictures",
        "title": "Pictures, as they come",
        "rows": [
            {"label": name, "pixels": pixels[: 2 * SHOWN].tolist()}
            for name, pixels in (("real, of the training", evidence.train), ("synthetic", evidence.synthetic))
        ],
    }
    return Section("pictures.fidelity", title, intro, tuple(measures), {"pictures.sheet": sheet}, evidence.notes)


def copies(evidence: PictureEvidence, seed: int) -> Section:
    """Pictures equal to a training picture, and the share nearer to train than to held-out ones; nearest ones shown."""
    title = "New, or copied"
    intro = "For each synthetic picture the nearest of the training is looked for, pixel by pixel."
    train, held, synthetic = (_flat(p) for p in (evidence.train, evidence.holdout, evidence.synthetic))
    far, which = nearest(synthetic, train)
    far, of_held = far / 255, nearest(held, train)[0] / 255 if len(held) else np.zeros(0)
    same = float(np.mean(far == 0))
    exact = EXACT.measure(same, len(synthetic), ceiling=float(np.mean(of_held == 0)) if len(held) else None)
    measures = [about_pictures(exact), _nearer(train, held, synthetic, seed)]
    order = np.argsort(far, kind="stable")[:SHOWN]
    shown = {
        "kind": "pictures",
        "title": "The synthetic pictures nearest to the training, and what they are near to",
        "stacked": True,
        "note": "Numbers are distances: the root of the summed squared differences of pixels, black 0 and white 1.",
        "rows": [
            {"label": "synthetic", "pixels": evidence.synthetic[order].tolist()},
            {
                "label": "nearest of the training",
                "pixels": evidence.train[which[order]].tolist(),
                "captions": [f"{far[i]:.2f}" for i in order],
            },
        ],
    }
    edges = np.histogram_bin_edges(np.concatenate([far, of_held]), 24)
    histogram = {
        "kind": "histogram",
        "title": "Distance to the nearest training picture",
        "edges": edges.tolist(),
        "series": {
            name: (np.histogram(d, edges)[0] / len(d)).tolist()
            for name, d in (("synthetic", far), ("held-out", of_held))
            if len(d)
        },
        "x_label": "distance",
        "note": "Copies pile up at the left of held-out pictures.",
    }
    return Section(
        "pictures.copies", title, intro, tuple(measures), {"copies.nearest": shown, "copies.distances": histogram}
    )


def _nearer(train: np.ndarray, held: np.ndarray, synthetic: np.ndarray, seed: int) -> Measure:
    """Share nearer to train than to as many held-out pictures; the control has one half of the held-out in their place."""
    if len(held) < 20:
        return NEARER.unknown("fewer than 20 pictures were held out.", len(held))

    def share(points: np.ndarray, apart: np.ndarray, among: np.ndarray) -> float:
        a, b = nearest(points, among)[0], nearest(points, apart)[0]
        return float(np.mean((a < b) + 0.5 * (a == b)))

    values = []
    for r in range(REPEATS):
        g = np.random.default_rng([seed, 31, r])
        mine, halves, some = g.permutation(len(train)), g.permutation(len(held)), g.permutation(len(synthetic))
        n = len(held) // 2
        among, one, other = train[mine[:n]], held[halves[:n]], held[halves[n : 2 * n]]
        values.append((share(synthetic[some[: max(n, 1)]], other, among), share(one, other, among)))
    mean, deviation = np.mean(values, 0), np.std(values, 0, ddof=1)
    measure = NEARER.measure(
        mean[0],
        len(synthetic),
        deviation=deviation[0],
        ceiling=mean[1],
        ceiling_deviation=deviation[1],
    )
    return about_pictures(measure)


def about_pictures(measure: Measure) -> Measure:
    """The measure with its reason in the words of pictures."""
    return replace(measure, why=measure.why.replace("patients", "pictures"))


def _repeat(
    rule: Callable[[np.ndarray, np.ndarray], float], sets: list[np.ndarray], m: int, seed: int, r: int
) -> list[float]:
    """Of `sets`, the first against each other: m of each, drawn anew, and never the same picture on both sides."""
    g, train = np.random.default_rng([seed, 30, r]), sets[0]
    order = g.permutation(len(train))
    rest = [x[order[m : 2 * m]] if x is train else x[g.permutation(len(x))[:m]] for x in sets[1:]]
    return [rule(train[order[:m]], x) for x in rest]


def _scrambled(pixels: np.ndarray, seed: int) -> np.ndarray:
    """Every pixel of another picture: each keeps its own law, and nothing goes together."""
    g = np.random.default_rng([seed, 32])
    flat = _flat(pixels)
    rows = np.stack([g.permutation(len(flat)) for _ in range(flat.shape[1])], axis=1)
    return np.take_along_axis(flat, rows, axis=0).reshape(pixels.shape)


def _flat(pixels: np.ndarray) -> np.ndarray:
    """[N, H, W, C] -> [N, H W C], of no pictures too."""
    return pixels.reshape(len(pixels), int(np.prod(pixels.shape[1:])))
