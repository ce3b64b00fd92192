"""A table of visits as arrays, in the order of its rows.

rows of patient p = offsets[p] : offsets[p + 1]

Measures look at a table as a reader would: the visits of a patient stand in the order of the file, so a table that is
not in the order of time shows it (negative gaps, broken coherence).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl

from reverie.errors import DataError
from reverie.records.schema import Schema

__all__ = ["GAP", "Cohort", "equal", "grouped", "shuffled"]

GAP = "(gap)"
"""The name of the time since the visit before; no value at a first visit."""


@dataclass(frozen=True, eq=False)
class Cohort:
    """All modelled columns of P patients with N visits in all.

    Attributes:
        schema: what the columns are.
        offsets: int64 [P + 1].
        time: float64 [N], the values of the time column, as its kind has them (dates and date-times in days).
        numbers: float64 [N] for each numeric column and for GAP, NaN where missing.
        levels: text [N] for each other column, null where missing.
    """

    schema: Schema
    offsets: np.ndarray
    time: np.ndarray
    numbers: dict[str, np.ndarray]
    levels: dict[str, pl.Series]

    @classmethod
    def read(cls, frame: pl.DataFrame, schema: Schema, name: str = "table") -> Cohort:
        """The cohort of a frame; `name` is how errors call it.

        Raises DataError if the frame has no rows, lacks a column of the schema, or a row lacks its identifier.
        """
        columns = [*schema.static, *schema.varying]
        for wanted in (schema.identifier, schema.time, *columns):
            if wanted.name not in frame.columns:
                raise DataError(f"the {name} has no column {wanted.name!r}: score tables that have the source's columns.")
        if frame.height == 0:
            raise DataError(f"the {name} has no rows: there is nothing to score.")
        frame = schema.typed(frame)
        order, offsets = grouped(frame[schema.identifier.name], name)
        frame = frame if (order[1:] > order[:-1]).all() else frame[order]
        who = schema.identifier.name  # as a real table is read: a visit that lacks a static has it of the patient's others
        frame = frame.with_columns(
            pl.col(c.name).fill_null(pl.col(c.name).drop_nulls().first().over(who))
            for c in schema.static
            if frame[c.name].null_count()
        )
        time = schema.time.seen(frame[schema.time.name])
        gap = np.diff(time, prepend=np.nan)
        gap[offsets[:-1]] = np.nan
        numbers = {c.name: c.seen(frame[c.name]) for c in columns if c.numeric}
        levels = {c.name: c.names(frame[c.name]) for c in columns if not c.numeric}
        return cls(schema, offsets, time, {**numbers, GAP: gap}, levels)

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def rows(self) -> int:
        return int(self.offsets[-1])

    @property
    def lengths(self) -> np.ndarray:
        """Visits of each patient, int64 [P]."""
        return np.diff(self.offsets)

    @property
    def patient(self) -> np.ndarray:
        """Whose visit each row is, int64 [N]."""
        return np.repeat(np.arange(len(self)), self.lengths)

    @property
    def names(self) -> tuple[str, ...]:
        """All columns: statics, then varying ones, then the gap."""
        return (*(c.name for c in (*self.schema.static, *self.schema.varying)), GAP)

    @property
    def varying(self) -> tuple[str, ...]:
        """Columns that may change from visit to visit, the gap among them."""
        return (*(c.name for c in self.schema.varying), GAP)

    @cached_property
    def places(self) -> dict[str, np.ndarray]:
        """Of each column of levels of the schema, the places of its levels on the list, and after it of those that are not
        there, in order of name: float64 [N], NaN where missing."""
        found = {}
        for column in (c for c in (*self.schema.static, *self.schema.varying) if c.name in self.levels):
            cells = self.levels[column.name]
            found[column.name] = column.places(cells, *sorted(set(cells.drop_nulls().unique()) - set(column.levels)))
        return found

    def missing(self, name: str) -> np.ndarray:
        """Whether each row lacks this column's value, bool [N]."""
        values = self.numbers if name in self.numbers else self.places
        return np.isnan(values[name]) if name in values else self.levels[name].is_null().to_numpy()

    def take(self, patients: np.ndarray) -> Cohort:
        """These patients, in this order."""
        lengths = self.lengths[patients]
        offsets = np.concatenate([[0], np.cumsum(lengths)])
        rows = np.arange(offsets[-1]) + np.repeat(self.offsets[:-1][patients] - offsets[:-1], lengths)
        numbers = {name: values[rows] for name, values in self.numbers.items()}
        taken = Cohort(self.schema, offsets, self.time[rows], numbers, {n: s[rows] for n, s in self.levels.items()})
        # A report takes hundreds of samples, and to look up the levels of each anew takes longer than all else with them.
        vars(taken)["places"] = {name: places[rows] for name, places in self.places.items()}
        return taken

    def join(self, other: Cohort) -> Cohort:
        """These patients, and those of another cohort of the same schema after them."""
        offsets = np.concatenate([self.offsets, self.rows + other.offsets[1:]])
        numbers = {name: np.concatenate([values, other.numbers[name]]) for name, values in self.numbers.items()}
        levels = {name: pl.concat([series, other.levels[name]]) for name, series in self.levels.items()}
        return Cohort(self.schema, offsets, np.concatenate([self.time, other.time]), numbers, levels)

    def sample(self, count: int, generator: np.random.Generator) -> Cohort:
        """`count` patients drawn without replacement, all of them if there are no more."""
        return self if count >= len(self) else self.take(np.sort(generator.permutation(len(self))[:count]))


def equal(cohorts: list[Cohort], seed: int) -> list[Cohort]:
    """As many patients of each as the smallest has: distances between samples shrink with their size."""
    count = min(map(len, cohorts))
    return [c.sample(count, np.random.default_rng([seed, i])) for i, c in enumerate(cohorts)]


def shuffled(frame: pl.DataFrame, schema: Schema, seed: int = 0) -> pl.DataFrame:
    """The floor: every column but identifier and time in a random order of its own, so that only marginals are left.

    Statics are shuffled over patients and stay the same at all visits of a patient.
    """
    generator = np.random.default_rng(seed)
    key = schema.identifier.name
    patients = frame.unique(key, keep="first", maintain_order=True)
    which = frame.select(key).join(patients.select(key).with_row_index("at"), on=key, how="left", maintain_order="left")[
        "at"
    ]
    mixed = {}
    for column in schema.static:
        mixed[column.name] = patients[column.name][generator.permutation(patients.height)][which.to_numpy()]
    for column in schema.varying:
        mixed[column.name] = frame[column.name][generator.permutation(frame.height)]
    return frame.with_columns(**mixed)


def grouped(identifier: pl.Series, name: str) -> tuple[np.ndarray, np.ndarray]:
    """The order that brings each patient's rows together, patients by first appearance, and the offsets."""
    if identifier.null_count():
        row = int(identifier.is_null().arg_max() or 0) + 1
        raise DataError(f"row {row} of the {name} has no {identifier.name!r}: say whose visit it is.")
    who = identifier.cast(pl.String).to_frame("who").with_row_index("row")
    first = who.select(pl.col("row").first().over("who").cast(pl.Int64)).to_series().to_numpy()
    order = np.argsort(first, kind="stable")
    begins = np.flatnonzero(np.diff(first[order], prepend=-1))
    return order, np.append(begins, len(first))
