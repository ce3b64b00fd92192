"""The figures of a run: real patients beside synthetic ones.

run/figures/ trajectories.png  levels.png        values and levels over time
             marginals.png  visits.png           every column by itself; how many visits, and when
             missingness.png  correlations.png   columns together
             losses.png                          how training went

Each is plain data, which `reverie.drawing` draws. Of large tables, patients drawn at random stand for all, and each figure
says so below its title.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl

from reverie.drawing import png, sheet
from reverie.evaluation.cohort import Cohort
from reverie.evaluation.figures.histograms import marginals, visits
from reverie.evaluation.figures.losses import losses, read_metrics
from reverie.evaluation.figures.matrices import correlation_matrices, missingness_matrices
from reverie.evaluation.figures.tables import HELD, REAL, SYNTHETIC, Figure
from reverie.evaluation.figures.trajectories import levels_over_time, trajectories
from reverie.files import write_atomically
from reverie.records.schema import Schema

__all__ = [
    "HELD",
    "REAL",
    "SYNTHETIC",
    "correlation_matrices",
    "levels_over_time",
    "losses",
    "marginals",
    "missingness_matrices",
    "save_figures",
    "some_patients",
    "trajectories",
    "visits",
]

MOST_PATIENTS, MOST_ROWS = 2000, 20_000
OF_TIME = ("trajectories", "levels", "visits")
"""Figures that are drawn over time: a table without a time has none of them."""


def save_figures(
    real: pl.DataFrame, synthetic: pl.DataFrame, schema: Schema, run: Path, held: pl.DataFrame | None = None, seed: int = 0
) -> tuple[Path, ...]:
    """Draws all figures into run/figures and returns their paths, each file written whole.

    Args:
        real, synthetic: visits, with the source's columns.
        schema: what the columns are.
        run: the run folder; its metrics.jsonl, if it is there, gives the losses.
        held: visits of patients set aside, drawn in a third colour.
        seed: of the patients drawn.

    Raises DataError if a table has no rows, lacks a column of the schema, or a row lacks its identifier.
    """
    frames = {REAL: real, SYNTHETIC: synthetic} | ({} if held is None else {HELD: held})
    tables = {name: some_patients(frame, schema, seed) for name, frame in frames.items()}
    cohorts = {name: Cohort.read(frame, schema, f"{name} table") for name, frame in tables.items()}
    parts = [
        f"{len(cohorts[name]):,} of {frames[name][schema.identifier.name].n_unique():,} {name}"
        for name in frames
        if tables[name].height < frames[name].height
    ]
    about = f"Patients drawn at random: {', '.join(parts)}." if parts else ""
    figures: dict[str, Callable[[], Figure]] = {
        "trajectories": lambda: trajectories(cohorts, seed),
        "levels": lambda: levels_over_time(cohorts),
        "marginals": lambda: marginals(cohorts),
        "visits": lambda: visits(cohorts),
        "missingness": lambda: missingness_matrices(cohorts),
        "correlations": lambda: correlation_matrices(cohorts, seed),
        "losses": lambda: losses(read_metrics(run)),
    }
    paths = []
    for name in OF_TIME if schema.timeless else ():
        del figures[name]
        (run / "figures" / f"{name}.png").unlink(missing_ok=True)  # of a run before
    for name, draw in figures.items():
        figure = draw() | ({"about": about} if name != "losses" else {})
        paths.append(run / "figures" / f"{name}.png")
        write_atomically(paths[-1], png(sheet(figure)))
    return tuple(paths)


def some_patients(frame: pl.DataFrame, schema: Schema, seed: int) -> pl.DataFrame:
    """All rows of patients drawn at random, at most MOST_PATIENTS of them and about MOST_ROWS rows; or the frame itself."""
    name = schema.identifier.name
    if name not in frame.columns or (frame.height <= MOST_ROWS and frame.height <= MOST_PATIENTS):
        return frame
    who = frame[name].unique(maintain_order=True)
    most = min(MOST_PATIENTS, max(1, MOST_ROWS * len(who) // frame.height))
    if len(who) <= most:
        return frame
    chosen = np.random.default_rng(seed).permutation(len(who))[:most]
    return frame.filter(pl.col(name).is_in(who[chosen].implode()))
