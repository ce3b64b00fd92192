"""Records as numbers of 64 bits: equal where the records are equal, so that copies are found among any number of them.

    visit     = sum_c h_c(cell of column c)          h_c: a hash of its own for each column, all modulo 2^64
    patient   = sum_k g(visit k + k r)               k: 0, 1, ... in the order of the file, r odd
    all but c = the same without h_c(cell of column c)

Numbers enter to nine digits, a missing cell as a value of its own. Of training patients 8 bytes a visit are held, and 4 to
say whose it is; two records that are not alike have one number with a chance of 2^-64.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl

from reverie.evaluation.cohort import grouped
from reverie.records.schema import Schema

__all__ = ["Copied", "Pair", "Prints", "Probes", "Register"]

MIX = (np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))
STEP = np.uint64(0x9E3779B97F4A7C15)
PAIRS = 10
"""Pairs of a synthetic and a training patient that are named, those that share most visits first."""

Pair = tuple[str, str, int]


@dataclass(frozen=True, eq=False)
class Prints:
    """The records of some whole patients.

    Attributes:
        names: their identifiers [P], by first appearance.
        offsets: int64 [P + 1], where the visits of each begin.
        visits: uint64 [N].
        cells: of each column, uint64 [N]; none where visits are not asked for without one.
    """

    names: pl.Series
    offsets: np.ndarray
    visits: np.ndarray
    cells: tuple[np.ndarray, ...] = ()

    @classmethod
    def of(cls, frame: pl.DataFrame, schema: Schema, cells: bool = False) -> Prints:
        """`cells`: whether visits will be asked for without a column."""
        order, offsets = grouped(frame[schema.identifier.name], "table")
        frame = frame if (order[1:] > order[:-1]).all() else frame[order]
        columns, visits = [], np.zeros(frame.height, dtype=np.uint64)
        for place, name in enumerate((schema.time.name, *(c.name for c in (*schema.static, *schema.varying)))):
            column = frame[name]
            plain = column.cast(pl.Float64).round_sig_figs(9) if column.dtype.is_numeric() else column.cast(pl.String)
            hashed = _stirred(plain.hash(place).to_numpy())
            visits += hashed
            columns += [hashed] if cells else []
        return cls(frame[schema.identifier.name][offsets[:-1]], offsets, visits, tuple(columns))

    def records(self, of_patients: bool, without: int | None = None) -> np.ndarray:
        """The numbers of visits, or of patients, uint64; of all columns, or all but one."""
        visits = self.visits if without is None else self.visits - self.cells[without]
        if not of_patients:
            return visits
        place = np.arange(len(visits)) - np.repeat(self.offsets[:-1], np.diff(self.offsets))
        return np.add.reduceat(_stirred(visits + place.astype(np.uint64) * STEP), self.offsets[:-1])


def _stirred(x: np.ndarray) -> np.ndarray:
    """splitmix64's finalizer (Steele, Lea and Flood, OOPSLA 2014)."""
    x = (x ^ (x >> np.uint64(30))) * MIX[0]
    x = (x ^ (x >> np.uint64(27))) * MIX[1]
    return x ^ (x >> np.uint64(31))


@dataclass(frozen=True, eq=False)
class Register:
    """All training records, in which those of any table are looked up.

    Attributes:
        visits: uint64, sorted; owner: int32, whose each is, the last of those who have it.
        patients: uint64, sorted.
        names: the identifiers of the patients.
    """

    visits: np.ndarray
    owner: np.ndarray
    patients: np.ndarray
    names: pl.Series

    @classmethod
    def of(cls, parts: Iterable[tuple[pl.Series, np.ndarray, np.ndarray, np.ndarray]]) -> Register:
        """Of (names, offsets, visits, patients) of parts."""
        names, offsets, visits, patients = zip(*parts, strict=True)
        every = np.concatenate(visits)
        owner = np.repeat(np.arange(sum(map(len, names)), dtype=np.int32), np.concatenate([np.diff(o) for o in offsets]))
        order = np.argsort(every, kind="stable")
        every = every[order]
        last = np.append(every[1:] != every[:-1], True)
        return cls(every[last], owner[order[last]], np.unique(np.concatenate(patients)), pl.concat(names))

    def has(self, records: np.ndarray, of_patients: bool) -> np.ndarray:
        """Which of the records are those of training patients, bool."""
        known = self.patients if of_patients else self.visits
        return known[np.minimum(np.searchsorted(known, records), len(known) - 1)] == records

    def shared(self, prints: Prints) -> Iterator[Pair]:
        """(patient, training patient, equal visits) of the pairs that share most, PAIRS of them, by first appearance where
        they share as many."""
        there = np.flatnonzero(self.has(prints.visits, False))
        whose = np.repeat(np.arange(len(prints.names)), np.diff(prints.offsets))[there]
        owner = self.owner[np.searchsorted(self.visits, prints.visits[there])].astype(np.int64)
        pairs, first, counts = np.unique(whose * len(self.names) + owner, return_index=True, return_counts=True)
        for at in np.lexsort([first, -counts])[:PAIRS]:
            patient, training = divmod(int(pairs[at]), len(self.names))
            yield str(prints.names[patient]), str(self.names[training]), int(counts[at])


@dataclass(frozen=True, eq=False)
class Probes:
    """Some records that are looked for among training records in all columns but one, and what was found part by part."""

    prints: tuple[Prints, ...]
    found: dict[tuple[bool, int], tuple[pl.Series, pl.Series]]

    @classmethod
    def of(cls, prints: tuple[Prints, ...]) -> Probes:
        columns = len(prints[0].cells)
        wanted: dict[tuple[bool, int], tuple[pl.Series, pl.Series]] = {}
        for of_patients in (False, True):
            for column in range(columns if columns > 1 else 0):
                records = np.unique(np.concatenate([p.records(of_patients, column) for p in prints]))
                wanted[of_patients, column] = (pl.Series(records), pl.Series([], dtype=pl.UInt64))
        return cls(prints, wanted)

    def add(self, training: Prints) -> Probes:
        """With what is alike in a part of the training patients."""
        found = {}
        for (of_patients, column), (wanted, there) in self.found.items():
            records = pl.Series(training.records(of_patients, column))
            met = records.filter(records.is_in(wanted.implode())).unique()
            left = wanted.filter(~wanted.is_in(met.implode())) if len(met) else wanted
            found[of_patients, column] = (left, pl.concat([there, met]) if len(met) else there)
        return Probes(self.prints, found)

    def near(self, which: int, of_patients: bool, register: Register) -> tuple[int, int]:
        """Of the records of one table, how many are equal to a training record in all columns but one and to none in all;
        and how many there are."""
        prints = self.prints[which]
        near = np.zeros(len(prints.records(of_patients)), dtype=bool)
        for (patients, column), (_, there) in self.found.items():
            if patients == of_patients and len(there):
                near |= pl.Series(prints.records(of_patients, column)).is_in(there.implode()).to_numpy()
        return int((near & ~register.has(prints.records(of_patients), of_patients)).sum()), len(near)


@dataclass(frozen=True, eq=False)
class Copied:
    """How many records of a table are those of training patients; counts of parts add.

    Attributes:
        visits, patients: (equal to a training record, in all).
        pairs: see Register.shared.
    """

    visits: tuple[int, int] = (0, 0)
    patients: tuple[int, int] = (0, 0)
    pairs: tuple[Pair, ...] = ()

    @classmethod
    def of(cls, prints: Prints, register: Register) -> Copied:
        def equal(of_patients: bool) -> tuple[int, int]:
            records = prints.records(of_patients)
            return int(register.has(records, of_patients).sum()), len(records)

        return cls(equal(of_patients=False), equal(of_patients=True), tuple(register.shared(prints)))

    def __add__(self, other: Copied) -> Copied:
        both = ((self.visits, other.visits), (self.patients, other.patients))
        visits, patients = ((a[0] + b[0], a[1] + b[1]) for a, b in both)
        pairs = sorted((*self.pairs, *other.pairs), key=lambda pair: -pair[2])[:PAIRS]
        return Copied(visits, patients, tuple(pairs))
