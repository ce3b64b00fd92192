"""Where patients lie: one row of numbers each (features.py), in a space fitted on the real ones.

Attackers hold a table, not a model of it; distances in this space are what they can compute with no further knowledge.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import polars as pl

from reverie.evaluation.cohort import Cohort
from reverie.evaluation.distances import encoded
from reverie.evaluation.features import features, vocabulary
from reverie.evaluation.tables import Tables

__all__ = ["MOST", "Embedding", "cohorts", "cut", "embedded", "some"]

MOST = 2000
"""At most so many patients of each table: distances between all pairs are quadratic in them."""


@dataclass(frozen=True, eq=False)
class Embedding:
    """Patients as points, float64 [P, F] each, and what was left out.

    Attributes:
        train, holdout, synthetic: the points.
        shuffled: training patients with every column shuffled, who copy nobody.
        notes: sentences on subsampling.
    """

    train: np.ndarray
    holdout: np.ndarray
    synthetic: np.ndarray
    shuffled: np.ndarray
    notes: tuple[str, ...]


def cohorts(tables: Tables, most: int = MOST) -> tuple[list[Cohort], tuple[str, ...]]:
    """The patients of train, holdout and synthetic, at most `most` of each drawn by the seed, and notes on it."""
    assert tables.holdout is not None
    parts, notes = [], []
    named = {"training": tables.train, "held-out": tables.holdout, "synthetic": tables.synthetic}
    for number, (name, cohort) in enumerate(named.items()):
        if tables.sizes(name) > (drawn := min(most, len(cohort))):
            whole = f"{tables.sizes(name):,} {name} patients"
            notes.append(f"Of {whole} {drawn:,} were drawn at random, for all pairs are compared.")
        parts.append(cohort.sample(most, np.random.default_rng([tables.seed, 17, number])))
    if any(tables.sizes(name) > len(part) for name, part in zip(named, parts, strict=True) if name != "held-out"):
        notes.append(
            "A copy that is not exact is met only where it was drawn and its patient too, so what is missed here grows with "
            "the table; exact copies are looked for among all."
        )
    return parts, tuple(notes)


class Placed(Protocol):
    """Tables that know where their patients lie: linked ones."""

    def embedding(self, most: int) -> Embedding: ...


def embedded(tables: Tables | Placed, most: int = MOST) -> Embedding:
    """The points of all three tables."""
    if not isinstance(tables, Tables):
        return tables.embedding(most)
    three, notes = cohorts(tables, most)
    levels = vocabulary(three)
    real, synthetic = [features(cohort, levels)[0] for cohort in three[:2]], features(three[2], levels)[0]
    mixed = features(tables.shuffled[0].sample(most, np.random.default_rng([tables.seed, 18])), levels)[0]
    (train, holdout, synthetic), (*_, floor) = encoded([*real, synthetic]), encoded([*real, mixed])
    return Embedding(train, holdout, synthetic, floor, notes)


def some(tables: Tables, name: str, stream: list[int], notes: list[str]) -> pl.DataFrame:
    """The visits of at most MOST of a table's patients, "training", "held-out" or "synthetic", drawn by `stream`; what was
    left out is added to the notes."""
    frame = {"training": tables.split.train, "held-out": tables.split.holdout, "synthetic": tables.drawn}[name]
    key = tables.schema.identifier.name
    patients = frame[key].unique(maintain_order=True)
    if tables.sizes(name) > (drawn := min(MOST, len(patients))):
        notes.append(f"Of {tables.sizes(name):,} {name} patients {drawn:,} were drawn at random.")
    if len(patients) <= MOST:
        return frame
    chosen = np.random.default_rng(stream).permutation(len(patients))[:MOST]
    return frame.filter(pl.col(key).is_in(patients[np.sort(chosen)].implode()))


def cut(points: np.ndarray, count: int, generator: np.random.Generator) -> np.ndarray:
    """`count` of the points, drawn without replacement; all of them if there are no more."""
    return points if count >= len(points) else points[generator.permutation(len(points))[:count]]
