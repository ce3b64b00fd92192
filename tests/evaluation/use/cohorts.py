"""A cohort whose outcome, hazard, treatment and course are known by construction."""

import numpy as np
import polars as pl

from reverie.records.schema import Column, Schema

RHO = 0.8
"""Correlation of a marker with that of the visit before."""


def cohort(patients: int, seed: int, effect: float = 1.5, visits: int = 4) -> pl.DataFrame:
    """x raises the odds and the hazard of death by exp(effect) and the odds of drug A, marker is AR(1) around nothing."""
    draw = np.random.default_rng(seed)
    x, z = draw.normal(size=(2, patients))
    dead = draw.random(patients) < 1 / (1 + np.exp(-effect * x))
    watched = draw.exponential(np.exp(-effect * x / 2)) + 0.01
    marker = draw.normal(size=(patients, visits))
    for t in range(1, visits):
        marker[:, t] = RHO * marker[:, t - 1] + np.sqrt(1 - RHO**2) * marker[:, t]
    a = draw.random((patients, visits)) < 1 / (1 + np.exp(-2 * marker))
    whose = np.repeat(np.arange(patients), visits)
    return pl.DataFrame(
        {
            "id": whose + 10_000 * seed,
            "t": np.tile(np.arange(visits), patients),
            "x": x[whose],
            "z": z[whose],
            "death": np.where(dead, "yes", "no")[whose],
            "years": watched[whose],
            "marker": marker.reshape(-1),
            "drug": np.where(a, "A", "B").reshape(-1),
        }
    )


def _column(name: str, role: str, kind: str, **more) -> Column:
    return Column.model_validate({"name": name, "role": role, "kind": kind, **more})


SCHEMA = Schema(
    columns=(
        _column("id", "identifier", "integer"),
        _column("t", "time", "integer"),
        _column("x", "static", "real"),
        _column("z", "static", "real"),
        _column("death", "static", "binary", levels=("no", "yes"), purpose="outcome"),
        _column("years", "static", "real", purpose="follow-up"),
        _column("marker", "varying", "real"),
        _column("drug", "varying", "binary", levels=("A", "B"), purpose="treatment"),
    )
)
