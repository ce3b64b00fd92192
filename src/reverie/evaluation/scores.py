"""All measures of one synthetic table, as named numbers.

Every figure is to be read beside the ceiling (held-out patients scored as if they were synthetic) and the floor (columns
shuffled independently): see `scores` of those.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from reverie.evaluation.accuracy import accuracy
from reverie.evaluation.classifier import detection
from reverie.evaluation.cohort import Cohort
from reverie.evaluation.correlations import correlations, distance
from reverie.evaluation.distances import nearness
from reverie.evaluation.logic import Broken
from reverie.evaluation.shape import kept, lengths, missingness, time_order
from reverie.evaluation.tails import Spread, tails
from reverie.records.schema import Schema

__all__ = ["scores", "tail_scores"]


def scores(
    train: pl.DataFrame, holdout: pl.DataFrame, synthetic: pl.DataFrame, schema: Schema, seed: int = 0
) -> dict[str, float]:
    """What `synthetic` scores; deterministic for a seed. Frames have the source's columns.

    accuracy.*         overall, univariate, bivariate, trivariate, coherence, against train (1 is best)
    auc                of a classifier of patients, train against synthetic (0.5 is best)
    nearer.*           rows, patients: share nearer to train than to holdout (0.5 is best); copied: rows equal to one of
                       train less those equal to one of holdout
    order              share of patients in the order of time
    length.*           mean: synthetic over real; distance: Kolmogorov's
    missing.*          mean, largest, together_mean, together_largest: absolute differences of shares
    tails.*            within: share of statistics within the spread of real draws; deviation, low, high: geometric mean of
                       synthetic over real deviation; mean distance of the 1st and 99th percentiles in spreads of the draws
    correlation.*      static, trend, cycle: mean absolute difference over pairs
    rules.*            rows, patients: share that breaks a rule of the schema (0 is best)
    faults             values beyond bounds, unseen levels, statics that change (0 is best)

    Raises DataError if a frame lacks a column.
    """
    alike = accuracy(train, synthetic, schema, seed)
    near = nearness(train, holdout, synthetic, schema, seed)
    long, missing = lengths(train, synthetic, schema), missingness(train, synthetic, schema)
    logic = Broken.of(synthetic, schema)
    real, drawn = correlations(train, schema, seed), correlations(synthetic, schema, seed)
    return {
        "accuracy.overall": alike.overall,
        "accuracy.univariate": alike.univariate,
        "accuracy.bivariate": alike.bivariate,
        "accuracy.trivariate": alike.trivariate,
        "accuracy.coherence": alike.coherence,
        "auc": detection(train, synthetic, schema, seed).auc,
        "nearer.rows": near.rows,
        "nearer.patients": near.patients,
        "nearer.copied": near.copied_rows - near.copied_holdout,
        "order": time_order(synthetic, schema),
        "length.mean": long.synthetic / long.real,
        "length.distance": long.distance,
        "missing.mean": missing.mean,
        "missing.largest": missing.largest,
        "missing.together_mean": missing.together_mean,
        "missing.together_largest": missing.together_largest,
        **tail_scores(tails(train, holdout, synthetic, schema, seed)),
        "correlation.static": distance(real.static, drawn.static),
        "correlation.trend": distance(real.trend, drawn.trend),
        "correlation.cycle": distance(real.cycle, drawn.cycle),
        "rules.rows": float(logic.any.mean()),
        "rules.patients": logic.patients(logic.any) / logic.size,
        "faults": float(kept(*(Cohort.read(frame, schema) for frame in (synthetic, train, holdout))).count),
    }


def tail_scores(spreads: list[Spread]) -> dict[str, float]:
    """The scores of tails; see `scores`."""
    return {
        "tails.within": float(np.mean([s.within for s in spreads])) if spreads else float("nan"),
        "tails.deviation": _ratio([(s.synthetic, s.real) for s in spreads if s.statistic == "deviation"]),
        "tails.low": _spreads([s for s in spreads if s.statistic == "1st percentile"]),
        "tails.high": _spreads([s for s in spreads if s.statistic == "99th percentile"]),
    }


def _ratio(pairs: list[tuple[float, float]]) -> float:
    """Geometric mean of synthetic over real deviations; NaN where one of them is 0 or unknown."""
    known = [np.log(a / b) for a, b in pairs if a > 0 and b > 0]
    return float(np.exp(np.mean(known))) if known else float("nan")


def _spreads(found: list[Spread]) -> float:
    """Mean |synthetic - real| in deviations of the real draws; NaN if none varies."""
    known = [abs(s.synthetic - s.real) / s.deviation for s in found if s.deviation > 0 and not np.isnan(s.synthetic)]
    return float(np.mean(known)) if known else float("nan")
