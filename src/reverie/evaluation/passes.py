"""The tables of a report, read part by part: what is counted over all rows, and a sample of the patients.

    real patients       counted, sampled; training records registered; wide gaps of the sample
    synthetic patients  counted, sampled, looked up among training records; what lies in the wide gaps
    real patients again what lies in the wide gaps; training records that are like those of the sample in all columns but one

In memory are a part, the samples, and of each training visit a number of 64 bits and whose it is. All is a function of the
rows and the seed, not of the cut into parts.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import cached_property

import polars as pl

from reverie.errors import DataError
from reverie.evaluation.cohort import Cohort
from reverie.evaluation.counted import Counted
from reverie.evaluation.fingerprints import Copied, Prints, Probes, Register
from reverie.evaluation.gaps import Inside, wide_gaps
from reverie.evaluation.measure import Split
from reverie.evaluation.sample import Parts, Sample, parts_of
from reverie.records.schema import Schema

__all__ = ["Counts", "Side", "Streamed", "read"]

NEAR = {"synthetic": 0, "holdout": 1}


@dataclass(frozen=True, eq=False)
class Streamed:
    """The real patients as a Split, in parts: for tables that are larger than memory.

    Attributes:
        parts: (training visits, held-out visits) of whole patients, either of which may have no rows; gone through twice.
        held: whether anyone is held out.
        seen: see Split.
    """

    parts: Iterable[tuple[pl.DataFrame, pl.DataFrame]]
    held: bool
    seen: str = ""


@dataclass(frozen=True, eq=False)
class Side:
    """Patients that were drawn from a table: their visits, in the order of the table, and the same as a cohort."""

    frame: pl.DataFrame
    cohort: Cohort


@dataclass(frozen=True, eq=False)
class Counts:
    """What was counted over every row of the tables.

    Attributes:
        train, holdout, synthetic: see Counted; no holdout where no patients were held out.
        between: synthetic values in a gap of the real ones, by column.
        copied: of "synthetic" and "holdout", see Copied.
        near: of the patients drawn of "synthetic" and "holdout", by whether patients or visits are meant: how many are equal
            to a training record in all columns but one, and of how many.
    """

    train: Counted
    holdout: Counted | None
    synthetic: Counted
    between: dict[str, int]
    copied: dict[str, Copied]
    near: dict[tuple[str, bool], tuple[int, int]] = field(default_factory=dict)

    @cached_property
    def real(self) -> Counted:
        """Training and held-out patients together."""
        return self.train if self.holdout is None else self.train + self.holdout

    @property
    def leaked(self) -> Counts:
        """The same with the training patients in the place of the synthetic ones: all are copies."""
        patients, rows = self.train.patients, self.train.rows
        copied = self.copied | {"synthetic": Copied((rows, rows), (patients, patients))}
        near = self.near | {("synthetic", True): (0, patients), ("synthetic", False): (0, rows)}
        return replace(self, synthetic=self.train, copied=copied, near=near)


def read(
    split: Split | Streamed, synthetic: pl.DataFrame | Parts, schema: Schema, seed: int
) -> tuple[Side, Side | None, Side, Side, Counts]:
    """Training, held-out and synthetic patients; training patients drawn once more, by a draw of their own; and the counts.

    Raises DataError for a table without rows, or without a column of the schema; the holdout may have no rows.
    """
    real = split if isinstance(split, Streamed) else Streamed(((split.train, split.holdout),), split.holdout.height > 0)
    training = _Pass(schema, seed, "training table", rules=not real.held)
    holdout = _Pass(schema, seed, "held-out table", rules=True)
    again, registered = Sample(schema.identifier.name, seed + 1), []
    for train, held in real.parts:
        if held.height:
            holdout.add(held)
        if train.height:
            training.add(train)
            again = again.add(train)
            prints = Prints.of(train, schema)
            registered.append((prints.names, prints.offsets, prints.visits, prints.records(of_patients=True)))
    one, other = training.side(), holdout.side() if holdout.parts else None
    register = Register.of(registered)
    del registered
    gaps = wide_gaps(schema, [side.cohort for side in (one, other) if side])

    drawn = _Pass(schema, seed, "synthetic table", rules=True)
    filling, copied = Inside(gaps), Copied()
    for frame in parts_of(synthetic):
        filling = filling.add_cohort(drawn.add(frame))
        copied += Copied.of(Prints.of(frame, schema), register)
    ours = drawn.side()

    left, controls = Inside(gaps), Copied()
    probes = Probes.of(tuple(Prints.of(side.frame, schema, cells=True) for side in (ours, other) if side))
    for train, held in real.parts:
        for frame in (part for part in (train, held) if part.height):
            left = left.add(frame, schema)
        if train.height:
            probes = probes.add(Prints.of(train, schema, cells=True))
        if held.height:
            controls += Copied.of(Prints.of(held, schema), register)
    near = {
        (name, of_patients): probes.near(which, of_patients, register)
        for name, which in NEAR.items()
        if which < len(probes.prints)
        for of_patients in (False, True)
    }
    between = filling.counted(left.left_empty()) if gaps else {}
    counts = Counts(
        training.counted,
        holdout.counted if other else None,
        drawn.counted,
        between,
        {"synthetic": copied, "holdout": controls},
        near,
    )
    leaked = one if again.whole is not None else Side(frame := again.frame("training table"), Cohort.read(frame, schema))
    return one, other, ours, leaked, counts


class _Pass:
    """One table, counted and sampled as its parts come by."""

    def __init__(self, schema: Schema, seed: int, name: str, rules: bool) -> None:
        self.schema, self.name, self.rules = schema, name, rules
        self.parts, self.counted = 0, Counted()
        self.sample = Sample(schema.identifier.name, seed)
        self.cohort: Cohort | None = None

    def add(self, frame: pl.DataFrame) -> Cohort:
        """The cohort of the part."""
        self.cohort = Cohort.read(frame, self.schema, self.name)
        self.counted += Counted.of(frame, self.cohort, self.rules)
        self.sample = self.sample.add(frame)
        self.parts += 1
        return self.cohort

    def side(self) -> Side:
        """The patients drawn. Raises DataError where no part came, and for a patient in two of them."""
        if not self.parts or self.cohort is None:
            raise DataError(f"the {self.name} has no rows: there is nothing to score.")
        frame = self.sample.frame(self.name)
        return Side(frame, self.cohort if self.sample.whole is not None else Cohort.read(frame, self.schema, self.name))
