"""All measures of one synthetic table, as named numbers.

Every figure is to be read beside the ceiling (held-out patients scored as if they were synthetic) and the floor (columns
shuffled independently): see `scores` of those.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl

from reverie.evaluation.accuracy import accuracy
from reverie.evaluation.classifier import c2st_auc
from reverie.evaluation.cohort import Cohort
from reverie.evaluation.correlations import correlations, distance
from reverie.evaluation.counted import ANY, Broken
from reverie.evaluation.distances import dcr_shares
from reverie.evaluation.shape import impossible, in_order, missing_rates, missing_together
from reverie.evaluation.tails import Spread, tails
from reverie.records.kinds.comparing import kolmogorov
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
    named = {"training table": train, "held-out table": holdout, "synthetic table": synthetic}
    real, held, ours = (Cohort.read(frame, schema, name) for name, frame in named.items())
    alike = accuracy(real, ours, seed)
    alone = _gaps(missing_rates(real), missing_rates(ours))
    varying = [c.name for c in schema.varying if c.name in alone]
    together = _gaps(*(missing_together(cohort, varying) for cohort in (real, ours)), everywhere=True)
    logic = Broken.of(synthetic, schema)
    of_real, of_made = correlations(real, seed), correlations(ours, seed)
    return {
        **{f"accuracy.{part}": getattr(alike, part) for part in ("overall", *PARTS)},
        "auc": c2st_auc(real, ours, seed)[0],
        **{f"nearer.{part}": share for part, share in dcr_shares(real, held, ours, seed).items()},
        "order": float(in_order(ours).mean()),
        "length.mean": float(ours.lengths.mean() / real.lengths.mean()),
        "length.distance": kolmogorov(*(cohort.lengths.astype(float) for cohort in (real, ours))),
        "missing.mean": float(np.mean(list(alone.values()) or [0])),
        "missing.largest": max(alone.values(), default=0.0),
        "missing.together_mean": float(np.mean(list(together.values()) or [0])),
        "missing.together_largest": max(together.values(), default=0.0),
        **tail_scores(tails(real.join(held), ours, seed)),
        **{f"correlation.{k}": distance(getattr(of_real, k), getattr(of_made, k)) for k in ("static", "trend", "cycle")},
        "rules.rows": float(logic.rules[ANY].mean()),
        "rules.patients": logic.patients() / len(ours),
        "faults": float(impossible(ours, real, held).count),
    }


PARTS = ("univariate", "bivariate", "trivariate", "coherence")


def tail_scores(spreads: list[Spread]) -> dict[str, float]:
    """The scores of tails; see `scores`."""
    return {
        "tails.within": float(np.mean([s.within for s in spreads])) if spreads else float("nan"),
        "tails.deviation": _ratio([(s.synthetic, s.real) for s in spreads if s.statistic == "deviation"]),
        "tails.low": _spreads([s for s in spreads if s.statistic == "1st percentile"]),
        "tails.high": _spreads([s for s in spreads if s.statistic == "99th percentile"]),
    }


def _gaps(real: Mapping[Any, float], other: Mapping[Any, float], everywhere: bool = False) -> dict[Any, float]:
    """|difference| of the shares by key: of those that are above 0 on a side, or of all."""
    return {key: abs(p - other[key]) for key, p in real.items() if everywhere or max(p, other[key]) > 0}


def _ratio(pairs: list[tuple[float, float]]) -> float:
    """Geometric mean of synthetic over real deviations; NaN where one of them is 0 or unknown."""
    logs = [np.log(a / b) for a, b in pairs if a > 0 and b > 0]
    return float(np.exp(np.mean(logs))) if logs else float("nan")


def _spreads(spreads: list[Spread]) -> float:
    """Mean |synthetic - real| in deviations of the real draws; NaN if none varies."""
    ways = [abs(s.synthetic - s.real) / s.deviation for s in spreads if s.deviation > 0 and not np.isnan(s.synthetic)]
    return float(np.mean(ways)) if ways else float("nan")
