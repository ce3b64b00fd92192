"""A patient as one row of numbers over all tables: what a classifier and an attacker see of whole patients.

patient           numbers as they are, 0 and 1 for each common level; first event on the calendar, time from first to last
each table        rows; first and last since the patient's first event; mean gap; mean time from start to end
  its codes       rows of each of the commonest
  its tests       mean, first and last value of each of the commonest
  its numbers     mean and last;  its names: share of rows at each common level

NaN where there is nothing to say: a mean of no values, a gap of one row.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from reverie.evaluation.linked.hospital import AT, CODE, END, WHO, Hospital, floats
from reverie.evaluation.linked.plan import Lane

__all__ = ["Points", "features"]

CODES, TESTS, NUMBERS, NAMES = 20, 12, 8, 5
"""Of each table, at most."""


@dataclass(frozen=True, eq=False)
class Points:
    """Patients as rows of numbers: a cohort, to References.

    Attributes:
        matrix: float64 [P, F], NaN where there is nothing to say.
        names: [F], each "table: what", of the patients themselves "what".
    """

    matrix: np.ndarray
    names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.matrix)

    @property
    def rows(self) -> int:
        return len(self.matrix)

    def take(self, patients: np.ndarray) -> Points:
        return Points(self.matrix[patients], self.names)

    def join(self, other: Points) -> Points:
        return Points(np.concatenate([self.matrix, other.matrix]), self.names)

    def sample(self, count: int, generator: np.random.Generator) -> Points:
        return self if count >= len(self) else self.take(np.sort(generator.permutation(len(self))[:count]))

    def of(self, table: str) -> np.ndarray:
        """What one table tells alone: float64 [P, F']."""
        return self.matrix[:, [i for i, name in enumerate(self.names) if name.startswith(f"{table}: ")]]


def features(hospital: Hospital) -> Points:
    """All patients of a hospital."""
    plan, begins = hospital.plan, hospital.begins
    count = len(hospital)
    found: dict[str, np.ndarray] = {}
    entity, rows = plan[plan.entity], hospital.rows[plan.entity]
    for column in entity.numbers:
        found[column] = floats(rows[column])
    for column, levels in entity.names:
        cells = rows[column].cast(pl.String)
        found |= {f"{column} = {level}": floats((cells == level).cast(pl.Float64)) for level in levels}
    last = np.full(count, np.nan)
    for lane in plan.clocked:
        who, at = hospital.rows[lane.name][WHO].to_numpy(), floats(hospital.rows[lane.name][AT])
        np.fmax.at(last, who[~np.isnan(at)], at[~np.isnan(at)])
    found |= {"first event": begins, "time from first to last event": last - begins}
    for lane in plan.below:
        found |= {f"{lane.name}: {what}": values for what, values in _of(hospital, lane, begins, count).items()}
    return Points(np.stack(list(found.values()), axis=1), tuple(found))


def _of(hospital: Hospital, lane: Lane, begins: np.ndarray, count: int) -> dict[str, np.ndarray]:
    rows = hospital.rows[lane.name]
    wanted: dict[str, pl.Expr] = {"rows": pl.len().cast(pl.Float64)}
    if lane.start is not None:
        wanted |= {"first": pl.col(AT).min(), "last": pl.col(AT).max(), "gap": pl.col(AT).diff().mean()}
        wanted |= {"length": (pl.col(END) - pl.col(AT)).mean()} if lane.end is not None else {}
    if lane.code is not None:
        wanted |= {
            f"{lane.called(level)}, rows": (pl.col(CODE) == i).sum().cast(pl.Float64)
            for i, level in enumerate(lane.levels[:CODES])
        }
    if lane.value is not None:
        values = pl.col(lane.value).cast(pl.Float64, strict=False)
        for i, level in enumerate(map(lane.called, lane.levels[:TESTS])):
            of = values.filter((pl.col(CODE) == i) & values.is_not_null())
            wanted |= {f"{level}, mean": of.mean(), f"{level}, first": of.first(), f"{level}, last": of.last()}
    for column in lane.numbers[:NUMBERS]:
        if column != lane.value:
            cells = pl.col(column).cast(pl.Float64, strict=False)
            wanted |= {f"{column}, mean": cells.mean(), f"{column}, last": cells.drop_nulls().last()}
    for column, levels in lane.names[:NAMES]:
        cells = pl.col(column).cast(pl.String)
        wanted |= {f"{column} = {level}": (cells == level).mean() for level in levels}
    named = [expr.alias(str(i)) for i, expr in enumerate(wanted.values())]
    summed = rows.group_by(WHO).agg(named)
    at = summed[WHO].to_numpy()
    found = {}
    for i, what in enumerate(wanted):
        column = np.full(count, 0.0 if what == "rows" or what.endswith(", rows") else np.nan)
        column[at] = floats(summed[str(i)])
        found[what] = column - begins if what in ("first", "last") else column
    return found
