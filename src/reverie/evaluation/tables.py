"""The tables of a report: real patients as training split them, synthetic ones, and real ones shuffled.

Every part of the report looks at the same cohorts; what a part needs of the cells themselves it finds in the frames. Of a
large table these are a sample of its patients (sample.py); what is counted was counted over all rows (passes.py).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import polars as pl

from reverie.evaluation.cohort import Cohort, shuffled
from reverie.evaluation.counted import Counted
from reverie.evaluation.measure import Split, too_few
from reverie.evaluation.passes import Counts, Side, Streamed, read
from reverie.evaluation.references import MOST_PATIENTS, References
from reverie.evaluation.sample import Parts
from reverie.process.gaussian import GaussianProcess
from reverie.records.codec import RecordCodec
from reverie.records.schema import Schema

__all__ = ["Loss", "Model", "Tables"]

Loss = Callable[[pl.DataFrame, int], np.ndarray]
"""(visits, seed) -> float [patients, noise levels], patients by first appearance: see PatientModel.losses."""


@dataclass(frozen=True, eq=False)
class Model:
    """What an attacker who has the model uses of it."""

    losses: Loss
    codec: RecordCodec | None = None
    process: GaussianProcess | None = None


@dataclass(frozen=True, eq=False)
class Tables:
    """What a report looks at.

    Attributes:
        split: the real visits, of the patients drawn.
        drawn: the synthetic visits, of the patients drawn, in the order of the file.
        train, holdout, synthetic: the same as cohorts; no holdout where no patients were held out.
        mixed: the training visits, every column but identifier and time in an order of its own.
        shuffled: the same of train (and holdout) as cohorts.
        seed: of all drawing.
        counts: what was counted over all rows.
        others: training patients drawn once more, for an attack that is given them as synthetic ones: of a large table these
            are others than those of train, as a table of copies would bring.
        model: the model that is attacked, or None where only tables are known.
    """

    split: Split
    drawn: pl.DataFrame
    schema: Schema
    seed: int
    train: Cohort
    holdout: Cohort | None
    synthetic: Cohort
    mixed: pl.DataFrame
    shuffled: tuple[Cohort, ...]
    counts: Counts
    others: Side
    model: Model | None = None

    @classmethod
    def read(
        cls,
        split: Split | Streamed,
        synthetic: pl.DataFrame | Parts,
        schema: Schema,
        seed: int = 0,
        model: Model | None = None,
    ) -> Tables:
        """Reads the tables, each a frame or parts of whole patients. Raises DataError if one lacks a column or has no rows;
        the holdout may have none."""
        train, held, ours, others, counts = read(split, synthetic, schema, seed)
        real = [train, held] if held else [train]
        mixed = [shuffled(side.frame, schema, seed) for side in real]
        floor = tuple(Cohort.read(frame, schema) for frame in mixed)
        kept = Split(train.frame, held.frame if held else train.frame.clear(), split.seen)
        holdout = held.cohort if held else None
        return cls(
            kept, ours.frame, schema, seed, train.cohort, holdout, ours.cohort, mixed[0], floor, counts, others, model
        )

    @property
    def leaked(self) -> Tables:
        """The same with training patients in the place of the synthetic ones."""
        return replace(self, drawn=self.others.frame, synthetic=self.others.cohort, counts=self.counts.leaked)

    @cached_property
    def mixed_counts(self) -> Counted:
        """What is counted over the shuffled training patients."""
        return Counted.of(self.mixed, self.shuffled[0])

    @property
    def drawn_of(self) -> str:
        """How many patients of each table were drawn, in words; "" where all are there."""
        sides = {"training": self.train, "held-out": self.holdout, "synthetic": self.synthetic}
        there = {name: cohort for name, cohort in sides.items() if cohort is not None}
        if all(len(cohort) == self.sizes(name) for name, cohort in there.items()):
            return ""
        *first, last = (f"{len(cohort):,} {name}" for name, cohort in there.items())
        return f"{', '.join(first)} and {last} patients drawn at random by the seed"

    def sizes(self, which: str) -> int:
        """How many patients there are in all: of "training", "held-out" or "synthetic"."""
        counted = {"training": self.counts.train, "held-out": self.counts.holdout, "synthetic": self.counts.synthetic}[which]
        return counted.patients if counted else 0

    @property
    def real(self) -> tuple[Cohort, ...]:
        """Train, and the holdout where there is one."""
        return (self.train,) if self.holdout is None else (self.train, self.holdout)

    @cached_property
    def references(self) -> References:
        """The sides of comparisons of distributions."""
        return self.compared()

    def compared(self, patients: int = MOST_PATIENTS) -> References:
        """The same of at most so many patients on each side."""
        of = (self.sizes("training"), self.sizes("held-out")) if self.holdout else (self.sizes("training"),)
        sizes = (of, self.sizes("synthetic"))
        return References.of(self.real, self.synthetic, self.shuffled, self.split.seen, self.seed, patients, sizes=sizes)

    def too_few(self, of: str = "an attack's success", synthetic: bool = True) -> str:
        """Why something cannot be judged, or ""; `of` names it."""
        sides = {"training": self.train, "held-out": self.holdout} | ({"synthetic": self.synthetic} if synthetic else {})
        return too_few({name: 0 if cohort is None else len(cohort) for name, cohort in sides.items()}, of)
