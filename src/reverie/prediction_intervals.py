"""How sure a completion is: of each patient and column, the middle of the draws and bands around it.

    band of 80 %: from the 0.1 to the 0.9 quantile of the draws at a visit;  of 50 %: from 0.25 to 0.75

Fewer than WIDE draws have no such quantiles: the band is then from the least to the largest, and there is no inner one.
Columns of levels have the share of the draws in each level instead.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl

from reverie.export import Completed
from reverie.records.kinds import Column

__all__ = ["PATIENTS", "WIDE", "bands", "shares"]

PATIENTS = 5
WIDE = 10
"""Draws from which on quantiles are taken."""


def bands(result: Completed, patients: int = PATIENTS) -> dict[str, dict[str, Any]]:
    """{patient: {column: {"time", "given", "median", "low", "high", "low50", "high50"}}} of the first patients.

    Lists go over the visits of a draw; `given` is None where a value was drawn or is missing. Columns of numbers alone.
    """
    return _each(result, patients, True, _band)


def shares(result: Completed, patients: int = PATIENTS) -> dict[str, dict[str, Any]]:
    """{patient: {column: {"time", "given", "shares": {level: [share of the draws]}}}} of columns of levels."""
    return _each(result, patients, False, _shares)


def _each(
    result: Completed,
    patients: int,
    numeric: bool,
    tell: Callable[[Column, list[pl.DataFrame], pl.DataFrame], dict[str, Any]],
) -> dict[str, dict[str, Any]]:
    table, schema = result.table, result.table.schema
    offsets = table.offsets + result.added * np.arange(len(table) + 1)
    by_patient: dict[str, dict[str, Any]] = {}
    for i in range(min(len(table), patients)):
        rows = slice(int(offsets[i]), int(offsets[i + 1]))
        frames = [frame[rows] for frame in result.frames]
        visits = table.frame[table.offsets[i] : table.offsets[i + 1]]
        times = _quantile(np.stack([schema.time.read(frame[schema.time.name]) for frame in frames]), 0.5)
        columns = [column for column in schema.varying if column.numeric == numeric]
        patient = str(frames[0][schema.identifier.name][0])
        by_patient[patient] = {column.name: {"time": times, **tell(column, frames, visits)} for column in columns}
    return by_patient


def _band(column: Column, frames: list[pl.DataFrame], visits: pl.DataFrame) -> dict[str, Any]:
    x = np.stack([column.read(frame[column.name]) for frame in frames])
    was = np.full(x.shape[1], np.nan)
    was[: len(visits)] = column.read(visits[column.name])
    wide = len(frames) >= WIDE
    return {
        "given": _listed(was),
        "median": _quantile(x, 0.5),
        "low": _quantile(x, 0.1 if wide else 0.0),
        "high": _quantile(x, 0.9 if wide else 1.0),
        "low50": _quantile(x, 0.25) if wide else None,
        "high50": _quantile(x, 0.75) if wide else None,
    }


def _shares(column: Column, frames: list[pl.DataFrame], visits_: pl.DataFrame) -> dict[str, Any]:
    draws = [frame[column.name].cast(pl.String).to_list() for frame in frames]
    visits = len(draws[0])
    was = visits_[column.name].cast(pl.String).to_list()
    levels = sorted({cell for draw in draws for cell in draw if cell is not None})
    return {
        "given": was + [None] * (visits - len(was)),
        "shares": {level: [sum(draw[v] == level for draw in draws) / len(draws) for v in range(visits)] for level in levels},
    }


def _quantile(x: np.ndarray, q: float) -> list[float | None]:
    """Over the draws that have a value [draws, rows]; None where none has."""
    some = ~np.isnan(x).all(0)
    quantiles = np.full(x.shape[1], np.nan)
    if some.any():
        quantiles[some] = np.nanquantile(x[:, some], q, axis=0)
    return _listed(quantiles)


def _listed(x: np.ndarray) -> list[float | None]:
    return [None if np.isnan(value) else float(value) for value in x]
