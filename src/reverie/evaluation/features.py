"""A patient as one row of numbers: what stays, how long, and what each column does over the visits.

statics            their value, or one column for each level
clock              number of visits, start, mean, deviation and smallest of the gaps
varying numerics   mean, deviation, first, last, smallest, largest, deviation of the steps between visits, share missing
other varying      share of visits at each level, share of visits at which the level changed, share missing
"""

from __future__ import annotations

import numpy as np

from reverie.evaluation.cohort import GAP, Cohort

__all__ = ["features", "patient_mean", "patient_summary", "steps", "vocabulary"]


def vocabulary(cohorts: list[Cohort]) -> dict[str, list[str]]:
    """All levels of each column that is not numeric, in order of name."""
    names = cohorts[0].levels
    return {n: sorted({level for c in cohorts for level in c.levels[n].drop_nulls().unique().to_list()}) for n in names}


def features(cohort: Cohort, levels: dict[str, list[str]]) -> tuple[np.ndarray, tuple[str, ...]]:
    """float64 [P, F] with NaN where there is nothing to say (the deviation of one visit), and the names [F]."""
    first = cohort.offsets[:-1]
    columns = {"visits": cohort.lengths.astype(float), "start": cohort.time[first]}
    for column in cohort.schema.static:
        if column.name in cohort.numbers:
            columns[column.name] = cohort.numbers[column.name][first]
        else:
            columns |= {f"{column.name} = {k}": flag[first] for k, flag in _flags(cohort, column.name, levels).items()}
    for name in cohort.varying:
        columns |= {f"{name}, {what}": v for what, v in _course(cohort, name, levels).items()}
    return np.stack(list(columns.values()), axis=1), tuple(columns)


def _flags(cohort: Cohort, name: str, levels: dict[str, list[str]]) -> dict[str, np.ndarray]:
    """Whether each row is at each level, as 0 and 1, NaN where missing."""
    missing = cohort.missing(name)
    at = {k: cohort.levels[name].eq_missing(k).to_numpy().astype(float) for k in levels[name]}
    return {k: np.where(missing, np.nan, flag) for k, flag in at.items()}


def _course(cohort: Cohort, name: str, levels: dict[str, list[str]]) -> dict[str, np.ndarray]:
    if name == GAP:
        return patient_summary(cohort, cohort.numbers[GAP])
    missing = {"missing": patient_mean(cohort, cohort.missing(name).astype(float))}
    if name in cohort.numbers:
        values = cohort.numbers[name]
        return patient_summary(cohort, values) | {"steps": _deviation(cohort, steps(cohort, values))} | missing
    flags = _flags(cohort, name, levels)
    moved = (
        np.max([np.abs(steps(cohort, flag)) for flag in flags.values()], axis=0) if flags else np.full(cohort.rows, np.nan)
    )
    return (
        {f"at {k}": patient_mean(cohort, flag) for k, flag in flags.items()}
        | {"changes": patient_mean(cohort, moved)}
        | missing
    )


def patient_summary(cohort: Cohort, values: np.ndarray) -> dict[str, np.ndarray]:
    """Mean, deviation, first, last, lowest and highest of each patient's values [N], each [P]; NaN if there are none."""
    there = ~np.isnan(values)
    rows, whose = np.flatnonzero(there), cohort.patient[there]
    none = np.full(len(cohort), np.nan)
    first, last, low, high = (none.copy() for _ in range(4))
    last[whose] = values[rows]  # of several assignments to one patient the last one stays
    first[whose[::-1]] = values[rows[::-1]]
    np.fmin.at(low, whose, values[rows])
    np.fmax.at(high, whose, values[rows])
    mean, deviation = patient_mean(cohort, values), _deviation(cohort, values)
    return {"mean": mean, "deviation": deviation, "first": first, "last": last, "lowest": low, "highest": high}


def steps(cohort: Cohort, values: np.ndarray) -> np.ndarray:
    """Change since the visit before, NaN at first visits and beside missing values."""
    change = np.diff(values, prepend=np.nan)
    change[cohort.offsets[:-1]] = np.nan
    return change


def patient_mean(cohort: Cohort, values: np.ndarray) -> np.ndarray:
    """Mean of each patient's values, NaN if there are none."""
    there = ~np.isnan(values)
    whose = cohort.patient[there]
    count = np.bincount(whose, minlength=len(cohort)).astype(float)
    count[count == 0] = np.nan
    return np.bincount(whose, values[there], minlength=len(cohort)) / count


def _deviation(cohort: Cohort, values: np.ndarray) -> np.ndarray:
    """Standard deviation (n - 1) of each patient's values, NaN if there are fewer than two."""
    there = ~np.isnan(values)
    count = np.bincount(cohort.patient[there], minlength=len(cohort)).astype(float)
    count[count < 2] = np.nan
    squares = (values - patient_mean(cohort, values)[cohort.patient]) ** 2
    return np.sqrt(np.bincount(cohort.patient[there], squares[there], minlength=len(cohort)) / (count - 1))
