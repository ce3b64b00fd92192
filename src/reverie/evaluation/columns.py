"""Each column alone: is its distribution that of real patients, and are its holes, bounds and levels?

numeric   distance, transport: see records.kinds.comparing
          spread     deviation of normal scores z = Phi^-1(rank among all real values), 1 for real ones whatever the law
levels    distance, covered: see there
any       missing    share without a value

Static columns count once a patient, varying ones at each visit. The clock is seen to in course.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
import polars as pl

from reverie.evaluation.cohort import Cohort
from reverie.evaluation.distances import normal_scores
from reverie.evaluation.figures.histograms import counted, marginal
from reverie.evaluation.measure import Measure, Section, Split, judged
from reverie.evaluation.references import References, Score
from reverie.evaluation.shape import kept, missing_rates
from reverie.records.kinds import Column
from reverie.records.schema import Schema

__all__ = ["columns"]

Values = dict[str, Any]


def columns(split: Split, synthetic: pl.DataFrame, schema: Schema, seed: int = 0) -> Section:
    """Measures of every modelled column, and what the real data rule out. Deterministic for a seed.

    Raises DataError if a frame lacks a column.
    """
    references = References.of(split, synthetic, schema, seed)
    modelled = [*schema.static, *schema.varying]
    apart = references.distances(lambda cohort: _values(cohort, modelled), partial(_compared, schema))
    scale = {c.name: np.sort(_known(references.real, c)) for c in modelled if c.numeric}
    spread = references.statistics(lambda cohort: _spreads(cohort, scale, schema))
    missing = references.statistics(missing_rates)
    measures = _overall(apart, references.few) + _kept(synthetic, schema, split, references)
    for column in modelled:
        name, key = column.name, f"fidelity.column.{column.name}"
        of = "patients" if column.role == "static" else "visits of these patients"
        if (name, "distance") in apart:
            measures.append(
                apart[name, "distance"].measure(
                    f"{key}.distance",
                    f"{name}: distance of distributions",
                    least=0.1,
                    unit="share",
                    how=column.distance.format(of=of),
                )
            )
        if (name, "transport") in apart:
            measures.append(
                apart[name, "transport"].measure(
                    f"{key}.transport",
                    f"{name}: how far values would have to move",
                    least=0.2,
                    unit="deviations",
                    how="Wasserstein: the mean distance by which values must be moved to make the distributions equal, in "
                    f"standard deviations of the real values, over {of}.",
                )
            )
        if name in spread:
            measures.append(
                spread[name].measure(
                    f"{key}.spread",
                    f"{name}: spread",
                    least=0.15,
                    how="Standard deviation of the values as normal scores (each value replaced by its rank among real "
                    f"ones, on the normal scale, so that no outlier rules), over {of}; about 1 for real patients.",
                )
            )
        if missing[name].value > 0 or missing[name].ceiling > 0:
            measures.append(
                missing[name].measure(
                    f"{key}.missing", f"{name}: missing", least=0.05, unit="share", how=f"Share of {of} without a value."
                )
            )
    return Section(
        "fidelity.columns",
        "Columns",
        "Each column alone: its distribution, the share that is missing, and values that cannot be. Shuffled columns keep "
        "all of this, so the shuffle scores as well as real patients here; it fails where columns are looked at together.",
        tuple(measures),
        {column.name: figure for column in modelled if (figure := _figure(references.tables, column))},
        references.notes,
    )


def _values(cohort: Cohort, modelled: list[Column]) -> Values:
    """The values that are there: float64 for a numeric column, text for another."""
    return {c.name: _known(cohort, c) if c.numeric else cohort.levels[c.name][counted(cohort, c)] for c in modelled}


def _known(cohort: Cohort, column: Column) -> np.ndarray:
    values = cohort.numbers[column.name][counted(cohort, column)]
    return values[~np.isnan(values)]


def _compared(schema: Schema, real: Values, other: Values) -> dict[tuple[str, str], float]:
    found = {
        (name, what): v for name, values in real.items() for what, v in schema[name].compare(values, other[name]).items()
    }
    for part in ("distance", "covered"):
        known = [v for (_, what), v in found.items() if what == part and not np.isnan(v)]
        found["", part] = float(np.mean(known)) if known else float("nan")
    return found


def _spreads(cohort: Cohort, scale: Mapping[str, np.ndarray], schema: Schema) -> dict[str, float]:
    """Deviation of each numeric column's normal scores among all real values."""
    found = {}
    for name, known in scale.items():
        values = _known(cohort, schema[name])
        if len(known) > 1 and known[0] < known[-1]:
            found[name] = float(normal_scores(values, known).std(ddof=1)) if len(values) > 1 else float("nan")
    return found


def _overall(apart: Mapping[tuple[str, str], Score], few: str) -> list[Measure]:
    name, title = "fidelity.columns.distance", "Distance of distributions, mean over columns"
    if not apart:
        return [Measure(name, title, None, 0, why=few)]
    measures = [
        apart["", "distance"].measure(
            name,
            title,
            least=0.03,
            unit="share",
            how="Kolmogorov-Smirnov distance of numeric columns and total variation of the others, 0 to 1 (n: patients on "
            "each side).",
        )
    ]
    if not np.isnan(apart["", "covered"].ceiling):
        measures.append(
            apart["", "covered"].measure(
                "fidelity.columns.covered",
                "Levels that occur",
                least=0.1,
                unit="share",
                ideal=1.0,
                worse="below",
                how="Share of the levels of one half of the real patients that occur among others, mean over the columns "
                "that have levels.",
            )
        )
    return measures


def _kept(synthetic: pl.DataFrame, schema: Schema, split: Split, references: References) -> list[Measure]:
    """What cannot be: exact counts over the whole synthetic table."""
    real = [split.train, *([split.holdout] if split.holdout.height else [])]
    found, rows = kept(synthetic, schema, *real), synthetic.height
    counts = {
        "beyond": ("Values beyond bounds", found.beyond, "values that no patient can have by the bounds of the schema"),
        "unseen": (
            "Levels that do not exist",
            {name: len(levels) for name, levels in found.unseen.items()},
            "levels that are in no real table",
        ),
        "changing": ("Constants that change", found.changing, "patients whose static column is not the same at all visits"),
    }
    measures = []
    for key, (title, where, what) in counts.items():
        culprits = f" Found in {', '.join(f'{name} ({count:,})' for name, count in where.items())}." if where else ""
        measure = Measure(
            f"fidelity.columns.{key}",
            title,
            float(sum(where.values())),
            rows,
            "count",
            ceiling=0.0 if key != "beyond" else None,
            ideal=0.0,
            how=f"Number of {what}, exact over all {rows:,} synthetic visits; it should be 0.{culprits}",
        )
        measures.append(judged(measure, least=0.5, chance=0.0))
    return measures


def _figure(tables: Mapping[str, Cohort], column: Column) -> dict[str, Any]:
    """Shares of values in bins, or of levels; nothing of a column that has one value, or none."""
    figure = marginal(tables, column)
    return {} if figure["kind"] == "nothing" else figure | {"note": "Share of values; missing ones apart."}
