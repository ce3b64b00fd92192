"""The tables of a report, read once: real patients as training split them, synthetic ones, and real ones shuffled.

Every part of the report looks at the same cohorts; what a part needs of the cells themselves it finds in the frames.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import polars as pl

from reverie.evaluation.cohort import Cohort, shuffled
from reverie.evaluation.measure import FEW, Split
from reverie.evaluation.references import MOST_PATIENTS, References
from reverie.plain import number_of
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
        split: the real visits.
        drawn: the synthetic visits, in the order of the file.
        train, holdout, synthetic: the same as cohorts; no holdout where no patients were held out.
        mixed: the training visits, every column but identifier and time in an order of its own.
        shuffled: the same of train (and holdout) as cohorts.
        seed: of all drawing.
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
    model: Model | None = None

    @classmethod
    def read(
        cls, split: Split, synthetic: pl.DataFrame, schema: Schema, seed: int = 0, model: Model | None = None
    ) -> Tables:
        """Reads the frames. Raises DataError if one lacks a column or has no rows; the holdout may have none."""
        real = {"training table": split.train} | ({"held-out table": split.holdout} if split.holdout.height else {})
        train, *held = (Cohort.read(frame, schema, name) for name, frame in real.items())
        mixed = [shuffled(frame, schema, seed) for frame in real.values()]
        floor = tuple(Cohort.read(frame, schema) for frame in mixed)
        cohort = Cohort.read(synthetic, schema, "synthetic table")
        return cls(split, synthetic, schema, seed, train, held[0] if held else None, cohort, mixed[0], floor, model)

    @property
    def leaked(self) -> Tables:
        """The same with the training patients in the place of the synthetic ones."""
        return replace(self, drawn=self.split.train, synthetic=self.train)

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
        return References.of(self.real, self.synthetic, self.shuffled, self.split.seen, self.seed, patients)

    def too_few(self, of: str = "an attack's success", synthetic: bool = True) -> str:
        """Why something cannot be judged, or ""; `of` names it."""
        sides = {"training": self.train, "held-out": self.holdout} | ({"synthetic": self.synthetic} if synthetic else {})
        for name, cohort in sides.items():
            if (count := 0 if cohort is None else len(cohort)) < FEW:
                patients = number_of(count, f"{name} patient")
                return f"there {'is' if count == 1 else 'are'} {patients}, and fewer than {FEW} say nothing of {of}."
        return ""
