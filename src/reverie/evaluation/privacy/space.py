"""Where patients lie: one row of numbers each (features.py), in a space fitted on the real ones.

Attackers hold a table, not a model of it; distances in this space are what they can compute with no further knowledge.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from reverie.evaluation.cohort import Cohort
from reverie.evaluation.distances import encoded
from reverie.evaluation.features import features, vocabulary
from reverie.evaluation.measure import Measure, Split
from reverie.records.schema import Schema

__all__ = ["MOST", "Places", "cohorts", "cut", "places", "unknown"]

MOST = 2000
"""At most so many patients of each table: distances between all pairs are quadratic in them."""


@dataclass(frozen=True, eq=False)
class Places:
    """Patients as points, float64 [P, F] each, and what was left out.

    Attributes:
        train, holdout, synthetic: the points.
        notes: sentences on subsampling.
    """

    train: np.ndarray
    holdout: np.ndarray
    synthetic: np.ndarray
    notes: tuple[str, ...]


def cohorts(
    split: Split, synthetic: pl.DataFrame, schema: Schema, seed: int, most: int = MOST
) -> tuple[list[Cohort], tuple[str, ...]]:
    """The patients of train, holdout and synthetic, at most `most` of each drawn by `seed`, and notes on it."""
    tables = {"training": split.train, "held-out": split.holdout, "synthetic": synthetic}
    found, notes = [], []
    for number, (name, frame) in enumerate(tables.items()):
        cohort = Cohort.read(frame, schema, f"{name} table")
        if len(cohort) > most:
            notes.append(f"Of {len(cohort):,} {name} patients {most:,} were drawn at random, for all pairs are compared.")
        found.append(cohort.sample(most, np.random.default_rng([seed, 17, number])))
    return found, tuple(notes)


def places(split: Split, synthetic: pl.DataFrame, schema: Schema, seed: int, most: int = MOST) -> Places:
    """The points of all three tables. Raises DataError if a frame lacks a column or has no rows."""
    three, notes = cohorts(split, synthetic, schema, seed, most)
    levels = vocabulary(three)
    train, holdout, drawn = encoded([features(cohort, levels)[0] for cohort in three])
    return Places(train, holdout, drawn, notes)


def cut(points: np.ndarray, count: int, generator: np.random.Generator) -> np.ndarray:
    """`count` of the points, drawn without replacement; all of them if there are no more."""
    return points if count >= len(points) else points[generator.permutation(len(points))[:count]]


def unknown(name: str, title: str, why: str) -> Measure:
    """A measure that could not be computed."""
    return Measure(name, title, None, 0, why=why)
