"""A bounded sample of a table that may be larger than memory, of whole patients.

    kept = the patients of the smallest keys,   key(patient) = hash(seed, identifier)

as many as PATIENTS, and VISITS rows, allow. Who is kept depends on the seed and on who there is, and on nothing else: not on
the order of the table, nor on how it was cut into parts. A patient who is left out of some parts is left out of all, so what
is held in memory is one part and the sample.

A table is given as parts: frames that can be gone through again and again, each with whole patients, in the same order. A
table in memory is one part.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from reverie.errors import DataError
from reverie.records.places import ROW

__all__ = ["PATIENTS", "VISITS", "Parts", "Sample", "parts_of"]

PATIENTS, VISITS = 10_000, 200_000
"""At most so many patients of a table, and about so many visits: all that is compared, learned or attacked takes fewer."""
LEAST = 100
"""So many patients are kept however many visits they have."""

_KEY, _FIRST = "\0key", "\0first"

Parts = Iterable[pl.DataFrame]


def parts_of(table: pl.DataFrame | Parts) -> Parts:
    """The parts of a table; none of one without rows."""
    return table if not isinstance(table, pl.DataFrame) else (table,) if table.height else ()


@dataclass(frozen=True, eq=False)
class Sample:
    """The sample of the parts that were added.

    Attributes:
        identifier: the column that says whose a row is.
        seed: of the keys.
        rows: of all parts.
        kept: rows of the sample, with their patient's key and the number of the patient's first row.
        seen: the keys of all patients, uint64, of each part: 8 bytes a patient.
        whole: the first part itself, while it is the only one and nothing was left out.
    """

    identifier: str
    seed: int
    most: tuple[int, int] = (PATIENTS, VISITS)
    rows: int = 0
    kept: pl.DataFrame | None = None
    seen: tuple[np.ndarray, ...] = ()
    whole: pl.DataFrame | None = None

    def add(self, part: pl.DataFrame) -> Sample:
        """With one more part. Rows that carry their number in the source (ROW) have their place by it, else by the order in
        which parts come."""
        names = part[self.identifier].cast(pl.String)
        patients = names.unique(maintain_order=True)
        keys = np.fromiter((_key(self.seed, name) for name in patients), dtype=np.uint64, count=len(patients))
        place = pl.col(ROW) if ROW in part.columns else pl.int_range(self.rows, self.rows + pl.len(), dtype=pl.Int64)
        keyed = part.with_columns(
            names.replace_strict(patients, pl.Series(keys), return_dtype=pl.UInt64).alias(_KEY), place.alias(_FIRST)
        ).with_columns(pl.col(_FIRST).min().over(_KEY))
        kept = self._pruned(keyed if self.kept is None else pl.concat([self.kept, keyed], how="vertical_relaxed"))
        whole = part if self.kept is None and kept.height == part.height else None
        return replace(self, rows=self.rows + part.height, kept=kept, seen=(*self.seen, keys), whole=whole)

    def frame(self, name: str) -> pl.DataFrame:
        """The patients of the sample in the order of the table. Raises DataError for a patient in two parts; `name` is that
        of the table."""
        assert self.kept is not None
        every = np.concatenate(self.seen)
        if len(np.unique(every)) < len(every):
            raise DataError(
                f"in the {name} the rows of one patient are in several files: write all rows of a patient to one of them."
            )
        if self.whole is not None:
            return self.whole.drop(ROW) if ROW in self.whole.columns else self.whole
        return self.kept.sort(_FIRST, maintain_order=True).drop(_KEY, _FIRST, ROW, strict=False)

    def _pruned(self, keyed: pl.DataFrame) -> pl.DataFrame:
        patients, visits = self.most
        by_key = keyed.group_by(_KEY).len().sort(_KEY)
        within = (by_key["len"].cum_sum() <= visits).to_numpy() | (np.arange(by_key.height) < LEAST)
        count = min(int(within.sum()), patients)
        if count >= by_key.height:
            return keyed
        return keyed.filter(pl.col(_KEY) <= by_key[_KEY][count - 1])


def _key(seed: int, name: str | None) -> int:
    return int.from_bytes(hashlib.blake2b(f"{seed}:{name}".encode(), digest_size=8).digest(), "little")
