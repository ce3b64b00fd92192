"""What speaks against a rule's being chance: patients who trade places.

A rule is looked for in one half of the patients and confirmed in the other. If two columns had nothing to do with each
other, one of them could as well be another patient's, of as many visits, visit by visit: swapped so, trends over the visits
and what is like itself within a patient stay as they are. With p the share that then breaks the rule, and n patients who had
occasion to break it and did not, the odds against it are

    (1 - p)^n < FALSE / m,   m: the candidates that the second half is asked about,

so at most FALSE false rules are expected of all that are looked for, however many columns there are.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from reverie.records.intervals import Floats
from reverie.records.rules.rows import Bools, Rows

__all__ = ["CLOSE", "EXPECTED", "FALSE", "FAR", "LIKELY", "MIRRORED", "NONE", "PATIENTS", "SWAPS", "Evidence", "Ints"]

Ints = NDArray[np.int64]

FALSE = 0.01
"""False rules expected of each kind, at most."""
EXPECTED = 0.1
"""The same of all that is looked for: pairs, orders, orders at levels, courses, beginnings, copies, differences, clocks and
units, weighted sums, products."""
LIKELY = 1e-2
"""So likely may it be at most, in the first half, that a rule is none."""
PATIENTS = 5
"""Fewest patients, in each half, who had occasion to break a rule."""
MIRRORED = 4
"""Distances that are above twice their median: were they spread alike to both sides, as many had been below 0."""
CLOSE = 25
"""Distances within a quarter of their median from 0: were they normal, a fifth as many had been below 0."""
NONE = 8
"""Distances that are 0: were it no end, about as many had been one unit below."""
FAR = 1.0
"""Distances below 0 that are to be expected, where none of these is seen, as they spread below their median."""
SWAPS = 3
SCREEN = 2_000
"""Rows that are looked at first: what they break needs no closer look."""
GOLDEN = 0.6180339887
"""Multiples of it, modulo 1, are spread evenly whatever regular part of them is taken."""


@dataclass(frozen=True, eq=False)
class Evidence:
    """The rows of a table in two halves of its patients.

    Attributes:
        rows: R rows, by patient and time.
        patient: int64 [R], the number of the patient of each row.
        second: bool [R], which rows are of the second half.
        slack: rows of each half that may break a rule; 0 for rules, more for what is nearly one.
    """

    rows: Rows
    patient: Ints
    second: Bools
    slack: int = 0
    _counts: dict[Any, Ints] = field(default_factory=dict)

    @classmethod
    def of(cls, frame: pl.DataFrame, schema: Any, slack: int = 0) -> Evidence:
        """Of a typed frame, rows by patient and time."""
        return cls.among(Rows.of(frame, schema), slack)

    @classmethod
    def among(cls, rows: Rows, slack: int = 0) -> Evidence:
        """Of rows."""
        patient = np.cumsum(rows.place == 0) - 1
        return cls(rows, patient, (patient * GOLDEN % 1) >= 0.5, slack)

    def few(self, which: Bools) -> bool:
        """Whether no more rows than may be are such; bool [R]."""
        return int(which.sum()) <= self.slack

    def most(self, half: bool, asked: int, patients: Any) -> Any:
        """The logarithm of what the odds of chance are to be below, for so many patients. With exceptions there are more
        ways to be nearly a rule: as many as there are choices of those who break it, at most."""
        return np.log(FALSE / max(asked, 1) if half else LIKELY) - self.slack * np.log(1 + np.asarray(patients))

    @property
    def starts(self) -> Ints:
        """The first row of each patient, int64 [P]."""
        return self.rows.starts

    @cached_property
    def whole(self) -> dict[bool, tuple[Ints, Ints]]:
        """By half: its rows, and the first rows of its patients."""
        return {
            half: (np.flatnonzero(self.second == half), self.starts[self.second[self.starts] == half])
            for half in (False, True)
        }

    @cached_property
    def screen(self) -> Ints:
        """Some rows of the first half, whole patients spread over it."""
        rows, starts = self.whole[False]
        every = max(len(rows) // SCREEN, 1)
        chosen = np.zeros(int(self.patient.max(initial=0)) + 1, dtype=bool)
        chosen[self.patient[starts[::every]]] = True
        return rows[chosen[self.patient[rows]]][: 2 * SCREEN]

    @cached_property
    def partners(self) -> tuple[Ints, ...]:
        """SWAPS times int64 [R]: the row of another patient of the same half that each row may be traded for."""
        starts, generator = self.starts, np.random.default_rng(0)
        lengths, half = self.rows.lengths, self.second[starts]
        order = np.lexsort((generator.random(len(starts)), lengths, half))
        swaps = []
        for shift in range(1, SWAPS + 1):
            partner = np.empty(len(starts), dtype=np.int64)
            for part in (False, True):
                of = order[half[order] == part]
                partner[of] = np.roll(of, shift)
            to = partner[self.patient]
            swaps.append(starts[to] + np.minimum(self.rows.place, lengths[to] - 1))
        return tuple(swaps)

    def traded(self, name: str, to: Ints) -> Rows:
        """The rows with a column that is another patient's."""
        rows = self.rows
        return Rows(rows.frame, rows.columns, rows.first, {**rows.known_values, name: self.values(name)[to]})

    def values(self, name: str) -> Floats:
        """Of a column, float64 [R], NaN where empty."""
        return self.rows.values(name)

    def patients(self, which: Bools) -> int:
        """How many patients have such rows; bool [R]."""
        return int(np.logical_or.reduceat(which, self.starts).sum()) if len(which) else 0

    def count(self, codes: Ints, states: int, half: bool, key: Any) -> Ints:
        """Patients of a half in whom each state occurs, int64 [states]; remembered by `key`."""
        if (key, half) not in self._counts:
            rows = self.whole[half][0]
            known = rows[codes[rows] >= 0]
            pairs = np.unique(self.patient[known] * states + codes[known])
            self._counts[key, half] = np.bincount(pairs % states, minlength=states)
        return self._counts[key, half]
