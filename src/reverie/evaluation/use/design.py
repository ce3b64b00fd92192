"""From visits to the rows and columns of a model: what is known, as numbers.

numbers    normal scores by rank in the table that the model is fitted on, within [-3, 3]; a missing one is 0, with a flag
levels     one column each; a level that the table does not have is all 0

An analyst who has a synthetic table has nothing else to fit scales on, so neither has the model trained on it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from reverie.evaluation.cohort import GAP, Cohort
from reverie.evaluation.distances import normal_scores
from reverie.records.schema import Column

__all__ = ["TIME", "Encoder", "Rows", "codes", "levels_of", "resampled", "rows_of"]

TIME = "(time)"
"""The name of the time of a visit among the predictors."""
REACH = 3.0
ENOUGH = 2
"""Different values that a number must have to be told about."""


@dataclass(frozen=True, eq=False)
class Rows:
    """Some rows of a cohort, and whose they are.

    Attributes:
        cohort: all of it.
        at: int64 [n], rows of the cohort.
    """

    cohort: Cohort
    at: np.ndarray

    @property
    def patient(self) -> np.ndarray:
        return self.cohort.patient[self.at]

    def __len__(self) -> int:
        return len(self.at)

    def where(self, kept: np.ndarray) -> Rows:
        return Rows(self.cohort, self.at[kept])

    def numbers(self, name: str) -> np.ndarray:
        """Values of a numeric column, of the time or the gap, NaN where missing: float64 [n]."""
        return (self.cohort.time if name == TIME else self.cohort.numbers[name])[self.at]


def rows_of(cohort: Cohort, target: Column) -> Rows:
    """The rows at which a column is to be predicted: first visits where it is the patient's, else all where it is known."""
    at = cohort.offsets[:-1] if target.role == "static" else np.arange(cohort.rows)
    rows = Rows(cohort, at)
    return rows.where(~cohort.missing(target.name)[at])


def levels_of(rows: Rows, name: str) -> list[str]:
    """The levels of a column that occur."""
    return sorted(rows.cohort.levels[name][rows.at].drop_nulls().unique().to_list())


def codes(rows: Rows, name: str, levels: list[str]) -> np.ndarray:
    """The place of each row's level on a list, int64 [n]; -1 where it is missing or not on it."""
    cells = rows.cohort.levels[name][rows.at]
    if not levels:
        return np.full(len(rows), -1)
    return cells.replace_strict(levels, range(len(levels)), default=-1, return_dtype=pl.Int64).to_numpy()


@dataclass(frozen=True, eq=False)
class Encoder:
    """Predictors of a fitted table: sorted known values of numeric columns, levels of the others."""

    known: dict[str, np.ndarray]
    levels: dict[str, list[str]]

    @classmethod
    def fit(cls, rows: Rows, names: list[str]) -> Encoder:
        numbers = {}
        for name in names:
            if name in (TIME, GAP) or name in rows.cohort.numbers:
                values = rows.numbers(name)
                numbers[name] = np.sort(values[~np.isnan(values)])
        return cls(numbers, {name: levels_of(rows, name) for name in names if name not in numbers})

    def __call__(self, rows: Rows) -> np.ndarray:
        """float64 [n, F]."""
        columns = [np.zeros(len(rows))]
        for name, known in self.known.items():
            values = rows.numbers(name)
            missing = np.isnan(values)
            if len(known) >= ENOUGH and known[0] < known[-1]:
                score = np.clip(normal_scores(values, known), -REACH, REACH)
                columns.append(np.where(missing, 0.0, score))
            columns.append(missing.astype(float))
        for name, levels in self.levels.items():
            at = codes(rows, name, levels)
            columns += [(at == i).astype(float) for i in range(len(levels))]
        return np.stack(columns, axis=1)


def resampled(patient: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Rows of as many patients drawn with replacement: indices [m] into `patient` [n], grouped by patient."""
    starts = np.flatnonzero(np.diff(patient, prepend=-1))
    lengths = np.diff(np.append(starts, len(patient)))
    chosen = generator.integers(len(starts), size=len(starts))
    ends = np.cumsum(lengths[chosen])
    return np.arange(ends[-1]) + np.repeat(starts[chosen] - (ends - lengths[chosen]), lengths[chosen])
