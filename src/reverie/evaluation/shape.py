"""The shape of records: order in time, what is missing alone and together, values that cannot be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import polars as pl

from reverie.evaluation.cohort import GAP, Cohort

__all__ = ["Impossible", "beyond", "changing", "impossible", "in_order", "missing_rates", "missing_together"]


@dataclass(frozen=True)
class Impossible:
    """Values that the real data or the schema rule out.

    Attributes:
        beyond: values beyond a bound of the schema, by column, where there are any.
        unseen: levels that are in no real table, by column.
        changing: patients whose value of a static column is not the same at all visits, by column.
    """

    beyond: dict[str, int]
    unseen: dict[str, tuple[str, ...]]
    changing: dict[str, int]

    @property
    def count(self) -> int:
        """Of values beyond bounds, unseen levels and patients with a static that changes."""
        return sum(self.beyond.values()) + sum(map(len, self.unseen.values())) + sum(self.changing.values())


def in_order(cohort: Cohort) -> np.ndarray:
    """Whether each patient's visits stand in the order of time, each with a time, bool [P]: later ones strictly later (or at
    the same time, if the schema keeps different rows of one time)."""
    gap = cohort.numbers[GAP]
    allowed = gap >= 0 if cohort.schema.duplicates == "keep" else gap > 0
    allowed[cohort.offsets[:-1]] = True
    return np.logical_and.reduceat(allowed & ~np.isnan(cohort.time), cohort.offsets[:-1])


def missing_rates(cohort: Cohort) -> dict[str, float]:
    """Share of patients that lack each static column, and of visits that lack each varying one."""
    first = cohort.offsets[:-1]
    rates = {c.name: float(cohort.missing(c.name)[first].mean()) for c in cohort.schema.static}
    return rates | {c.name: float(cohort.missing(c.name).mean()) for c in cohort.schema.varying}


def missing_together(cohort: Cohort, names: Sequence[str]) -> dict[tuple[str, str], float]:
    """Share of visits that lack both columns of each pair of these."""
    masks = {name: cohort.missing(name) for name in names}
    return {(a, b): float((masks[a] & masks[b]).mean()) for a, b in combinations(names, 2)}


def impossible(cohort: Cohort, *real: Cohort) -> Impossible:
    """Values beyond the schema's bounds, levels that neither the schema nor a `real` cohort has, statics that change."""
    unseen = {}
    for name, cells in cohort.levels.items():
        column = cohort.schema[name]
        levels = {*column.levels, *column.pooled}.union(*(set(o.levels[name].drop_nulls().unique()) for o in real))
        if new := tuple(sorted(set(cells.drop_nulls().unique()) - levels)):
            unseen[name] = new
    return Impossible(beyond(cohort), unseen, changing(cohort))


def beyond(cohort: Cohort) -> dict[str, int]:
    """Values beyond a bound of the schema, by column, where there are any."""
    found = {}
    for column in (cohort.schema[name] for name in cohort.numbers if name != GAP):
        low = -np.inf if column.lower is None else column.lower
        high = np.inf if column.upper is None else column.upper
        values = cohort.numbers[column.name]
        if count := int(((values < low) | (values > high)).sum()):
            found[column.name] = count
    return found


def changing(cohort: Cohort) -> dict[str, int]:
    """Patients whose value of a static column is not the same at all visits, by column, where there are any."""
    found = {}
    first = cohort.offsets[:-1][cohort.patient]
    for name in (c.name for c in cohort.schema.static):
        values = pl.Series(cohort.numbers[name], nan_to_null=True) if name in cohort.numbers else cohort.levels[name]
        if count := len(np.unique(cohort.patient[values.ne_missing(values[first]).to_numpy()])):
            found[name] = count
    return found
