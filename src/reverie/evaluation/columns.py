"""Each column alone: is its distribution that of real patients, and are its holes?

numeric   distance, transport: see records.kinds.comparing
          spread     deviation of normal scores z = Phi^-1(rank among all real values), 1 for real ones whatever the law
levels    distance, covered: see there
any       missing    share without a value

Static columns count once a patient, varying ones at each visit. The clock is seen to in course.py.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np

from reverie.evaluation.area import Found, area
from reverie.evaluation.cohort import Cohort
from reverie.evaluation.distances import normal_scores
from reverie.evaluation.figures.histograms import counted, marginal
from reverie.evaluation.measure import ALARM, Metric
from reverie.evaluation.references import Score
from reverie.evaluation.shape import missing_rates
from reverie.evaluation.tables import Tables
from reverie.records.kinds import Column
from reverie.records.schema import Schema

__all__ = ["columns"]

Values = dict[str, Any]

CLAIM = "single columns"
MIDDLE = 0.5
"""A plainly wrong column has the median everywhere: half of a distribution away, and some half of a deviation."""
DISTANCE = Metric(
    "fidelity.columns.distance",
    "Distance of distributions, mean over columns",
    "Kolmogorov-Smirnov distance of numeric columns and total variation of the others, 0 to 1 (n: patients on each side).",
    CLAIM,
    tolerance=0.03,
    unit="share",
    ideal=0.0,
    wrong=ALARM,
    alarm="a difference of {} of the values of a column, in the mean,",
)
COVERED = Metric(
    "fidelity.columns.covered",
    "Levels that occur",
    "Share of the levels of one half of the real patients that occur among others, mean over the columns that have levels.",
    CLAIM,
    tolerance=0.1,
    unit="share",
    ideal=1.0,
    worse="below",
    wrong=0.5,
)
OF_COLUMN = Metric(
    "fidelity.column.{column}.distance",
    "{column}: distance of distributions",
    "{how}",
    CLAIM,
    0.1,
    "share",
    0.0,
    wrong=MIDDLE,
)
TRANSPORT = Metric(
    "fidelity.column.{column}.transport",
    "{column}: how far values would have to move",
    "Wasserstein: the mean distance by which values must be moved to make the distributions equal, in standard deviations "
    "of the real values, over {of}.",
    CLAIM,
    tolerance=0.2,
    unit="deviations",
    ideal=0.0,
    wrong=MIDDLE,
)
SPREAD = Metric(
    "fidelity.column.{column}.spread",
    "{column}: spread",
    "Standard deviation of the values as normal scores (each value replaced by its rank among real ones, on the normal "
    "scale, so that no outlier rules), over {of}; about 1 for real patients.",
    CLAIM,
    tolerance=0.15,
    wrong=1.0,
)
MISSING = Metric(
    "fidelity.column.{column}.missing",
    "{column}: missing",
    "Share of {of} without a value.",
    CLAIM,
    tolerance=0.05,
    unit="share",
    wrong=0.5,
)
INTRO = (
    "Each column alone: its distribution, and the share that is missing. Shuffled columns keep all of this, so the shuffle "
    "scores as well as real patients here; it fails where columns are looked at together."
)


@area("fidelity.columns", "Columns", INTRO, 4, DISTANCE, COVERED, OF_COLUMN, TRANSPORT, SPREAD, MISSING)
def columns(tables: Tables) -> Found:
    """Measures of every modelled column."""
    references, schema = tables.references, tables.schema
    modelled = [*schema.static, *schema.varying]
    apart = references.distances(lambda cohort: _values(cohort, modelled), partial(_compared, schema))
    scale = {c.name: np.sort(_known(references.real, c)) for c in modelled if c.numeric}
    spread = references.statistics(lambda cohort: _spreads(cohort, scale, schema))
    missing = {name: _of_all(score, name, tables) for name, score in references.statistics(missing_rates).items()}
    measures = [] if apart else [DISTANCE.unknown(references.few)]
    for metric, part in ((DISTANCE, "distance"), (COVERED, "covered")):
        if apart and not np.isnan(apart["", part].ceiling):
            measures.append(apart["", part].measure(metric))
    for column in modelled:
        of = "patients" if column.role == "static" else "visits of these patients"
        words = {"column": column.name, "of": of, "how": column.distance.format(of=of)}
        scores = ((OF_COLUMN, apart.get((column.name, "distance"))), (TRANSPORT, apart.get((column.name, "transport"))))
        lacking = missing[column.name]
        there = lacking.value > 0 or lacking.ceiling > 0
        for metric, score in (*scores, (SPREAD, spread.get(column.name)), (MISSING, lacking if there else None)):
            if score is not None:
                measures.append(score.measure(metric.of(**words)))
    figures = {column.name: figure for column in modelled if (figure := _figure(references.tables, column))}
    return measures, figures, references.notes


def _values(cohort: Cohort, modelled: list[Column]) -> Values:
    """The values that are there: float64 for a numeric column, text for another."""
    return {c.name: _known(cohort, c) if c.numeric else cohort.levels[c.name][counted(cohort, c)] for c in modelled}


def _known(cohort: Cohort, column: Column) -> np.ndarray:
    values = cohort.numbers[column.name][counted(cohort, column)]
    return values[~np.isnan(values)]


def _compared(schema: Schema, real: Values, other: Values) -> dict[tuple[str, str], float]:
    distances = {
        (name, what): v for name, values in real.items() for what, v in schema[name].compare(values, other[name]).items()
    }
    for part in ("distance", "covered"):
        finite = [v for (_, what), v in distances.items() if what == part and not np.isnan(v)]
        distances["", part] = float(np.mean(finite)) if finite else float("nan")
    return distances


def _of_all(score: Score, name: str, tables: Tables) -> Score:
    """The share missing of a column as counted over all rows; what chance does to it falls with the root of the patients."""
    counts, references, static = tables.counts, tables.references, tables.schema[name].role == "static"
    ours, theirs = (counted.share_missing(name, static) for counted in (counts.synthetic, counts.real))
    fewer = [
        math.sqrt(len(drawn) / of.patients)
        for drawn, of in ((references.synthetic, counts.synthetic), (references.real, counts.real))
    ]
    deviation, spread = score.deviation * fewer[0], score.ceiling_deviation * fewer[1]
    chance = math.hypot(deviation, spread)
    n = counts.synthetic.patients
    return Score(ours, deviation, theirs, spread, score.floor, chance, n, score.level)


def _spreads(cohort: Cohort, scale: Mapping[str, np.ndarray], schema: Schema) -> dict[str, float]:
    """Deviation of each numeric column's normal scores among all real values."""
    spreads = {}
    for name, real in scale.items():
        values = _known(cohort, schema[name])
        if len(real) > 1 and real[0] < real[-1]:
            spreads[name] = float(normal_scores(values, real).std(ddof=1)) if len(values) > 1 else float("nan")
    return spreads


def _figure(tables: Mapping[str, Cohort], column: Column) -> dict[str, Any]:
    """Shares of values in bins, or of levels."""
    figure = marginal(tables, column)
    return {} if figure["kind"] == "nothing" else figure | {"note": "Share of values; missing ones apart."}
