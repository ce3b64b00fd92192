"""The next visit from this one: is the course of synthetic patients that of real ones?

    y_{i+1} = W [1, x_i] + error,    explained = 1 - sum (y - y-hat)^2 / sum (y - mean)^2   on held-out patients

Ridge regression (penalty 1) of every varying column at the next visit on the statics and all of this visit, and of the gap
to it; numbers as normal scores of the training table, levels as one column each (whose squared errors are Brier's). The same
is fitted to synthetic and to training patients, as many of each. Carrying the last value forward is what a model must beat.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from reverie.evaluation.area import Found, area
from reverie.evaluation.cohort import GAP, Cohort
from reverie.evaluation.measure import FEW, Metric
from reverie.evaluation.tables import Tables
from reverie.evaluation.use.design import TIME, Encoder, Rows, resampled
from reverie.evaluation.use.prediction import alike

__all__ = ["next_visit", "ridge"]

REFITS = 12
BOOTSTRAPS = 100
PENALTY = 1.0


@dataclass(frozen=True, eq=False)
class _Pairs:
    """Visits and the ones after them: x [n, F], y [n, T] with NaN where missing, and whose they are [n]."""

    x: np.ndarray
    y: np.ndarray
    now: np.ndarray
    patient: np.ndarray


CLAIM = "next visits"
EXPLAINED = Metric(
    "use.next_visit.explained",
    "variance of the next visit explained, trained on synthetic patients",
    "Of ridge regression fitted to pairs of visits, mean over columns of held-out patients. Bootstrap over held-out "
    f"patients; deviations over {REFITS} refits to resampled patients.",
    CLAIM,
    tolerance=0.05,
    unit="share",
    worse="below",
)
WORST = Metric(
    "use.next_visit.worst",
    "the same for the column that loses most ({column})",
    "Of ridge regression fitted to pairs of visits; the column whose loss is largest in deviations of the refits.",
    CLAIM,
    tolerance=0.1,
    unit="share",
    worse="below",
)
INTRO = (
    "A model trained on synthetic patients forecasts the next visit of held-out ones, beside one trained on real patients."
)


@area("use.next_visit", "The next visit", INTRO, 1, EXPLAINED, WORST, given=lambda tables: not tables.schema.timeless)
def next_visit(tables: Tables) -> Found:
    """Variance of the next visit explained, over all columns and of the column that loses most."""
    if tables.holdout is None:
        return "no patients were held out to test on."
    schema, seed = tables.schema, tables.seed
    train, synthetic, holdout, notes = alike(tables)
    if min((c.lengths > 1).sum() for c in (train, synthetic, holdout)) < FEW:
        return f"fewer than {FEW} patients of one of the tables have a second visit."
    names = [GAP, *(c.name for c in schema.varying)]
    targets = Encoder.fit(Rows(train, np.arange(train.rows)), names)
    predictors = [TIME, *(c.name for c in schema.static), *names]
    fitted = [_pairs(c, Encoder.fit(Rows(c, np.arange(c.rows)), predictors), targets) for c in (train, synthetic)]
    tests = [_pairs(holdout, Encoder.fit(Rows(c, np.arange(c.rows)), predictors), targets) for c in (train, synthetic)]
    owner = _owners(targets)
    kept = [n for n in dict.fromkeys(owner) if not np.isnan(_explained(tests[0].y, tests[0].y * 0, owner)[n])]
    draw = np.random.default_rng([seed, 31])
    real, ours = (_scored(p, t, owner, kept) for p, t in zip(fitted, tests, strict=True))
    refits = [
        np.array([_scored(p, t, owner, kept, resampled(p.patient, draw)) for _ in range(REFITS)])
        for p, t in zip(fitted, tests, strict=True)
    ]
    spread = [scores.std(axis=0, ddof=1) for scores in refits]
    means = [scores.mean(axis=1).std(ddof=1) for scores in refits]
    guess = ridge(fitted[1].x, fitted[1].y, tests[1].x)
    again = [
        np.nanmean([_explained(tests[1].y[r], guess[r], owner)[n] for n in kept])
        for r in (resampled(tests[1].patient, draw) for _ in range(BOOTSTRAPS))
    ]
    forward = _explained(tests[0].y, tests[0].now, owner)
    carried = float(np.nanmean([forward[n] for n in kept if n != GAP])) if len(kept) > 1 else float("nan")
    lost = (real - ours) / np.maximum(np.hypot(spread[0], spread[1]), 0.02)
    most = int(lost.argmax())
    measures = (
        EXPLAINED.measure(
            float(ours.mean()),
            len(tests[0].x),
            f"{len(fitted[1].x):,} synthetic and {len(fitted[0].x):,} training pairs, {len(kept)} columns; carrying the "
            f"last value forward explains {carried:.2f}.",
            interval=(float(np.quantile(again, 0.025)), float(np.quantile(again, 0.975))),
            deviation=float(means[1]),
            ceiling=float(real.mean()),
            ceiling_deviation=float(means[0]),
            floor=0.0,
        ),
        WORST.of(column=kept[most]).measure(
            float(ours[most]),
            len(tests[0].x),
            deviation=float(spread[1][most]),
            ceiling=float(real[most]),
            ceiling_deviation=float(spread[0][most]),
            floor=0.0,
            among=len(kept),
        ),
    )
    figure = _figure(kept, real, ours, [forward[n] for n in kept])
    return measures, {"next_visit.columns": figure}, notes


def ridge(x: np.ndarray, y: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Predictions [m, T] at x [m, F] of a fit to x [n, F], y [n, T], each column of y where it is known."""
    x, at = (np.concatenate([np.ones((len(part), 1)), part], axis=1) for part in (x, at))
    penalty = PENALTY * np.eye(x.shape[1])
    penalty[0, 0] = 1e-9
    predicted = np.zeros((len(at), y.shape[1]))
    missing = np.isnan(y)
    for pattern in np.unique(missing, axis=1).T:  # columns missing at the same visits share a factorisation
        mine = (missing == pattern[:, None]).all(axis=0)
        there = ~pattern
        if there.any():
            a = x[there]
            predicted[:, mine] = at @ np.linalg.solve(a.T @ a + penalty, a.T @ y[there][:, mine])
    return predicted


def _pairs(cohort: Cohort, encoder: Encoder, targets: Encoder) -> _Pairs:
    now = np.setdiff1d(np.arange(cohort.rows), cohort.offsets[1:] - 1)
    after, rows = Rows(cohort, now + 1), Rows(cohort, now)
    return _Pairs(encoder(rows), _masked(targets, after), np.nan_to_num(_masked(targets, rows)), rows.patient)


def _masked(targets: Encoder, rows: Rows) -> np.ndarray:
    """The columns to be predicted [n, T]: values NaN where missing, without the encoder's flags."""
    parts = []
    for name in targets.known:
        one = Encoder({name: targets.known[name]}, {})(rows)
        value = one[:, 1] if one.shape[1] == 3 else np.zeros(len(rows))
        parts.append(np.where(one[:, -1] > 0, np.nan, value)[:, None])
    for name, levels in targets.levels.items():
        flags = Encoder({}, {name: levels})(rows)[:, 1:]
        missing = rows.cohort.missing(name)[rows.at]
        parts.append(np.where(missing[:, None], np.nan, flags))
    return np.concatenate(parts, axis=1)


def _owners(targets: Encoder) -> list[str]:
    """Whose each of the predicted columns is."""
    return [*targets.known, *(name for name, levels in targets.levels.items() for _ in levels)]


def _explained(y: np.ndarray, guess: np.ndarray, owner: list[str]) -> dict[str, float]:
    """Share of the variance explained of each column, over all of its parts; NaN if it does not vary."""
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.nansum(y, axis=0) / np.maximum((~np.isnan(y)).sum(axis=0), 1)
        wrong, all_ = np.nansum((y - guess) ** 2, axis=0), np.nansum((y - mean) ** 2, axis=0)
    shares = {}
    for name in dict.fromkeys(owner):
        at = [i for i, o in enumerate(owner) if o == name]
        total = all_[at].sum()
        shares[name] = float(1 - wrong[at].sum() / total) if total > 1e-9 else float("nan")
    return shares


def _scored(pairs: _Pairs, test: _Pairs, owner: list[str], kept: list[str], rows: np.ndarray | None = None) -> np.ndarray:
    """Variance explained of the kept columns, not below -1, for a column that was missed altogether says no more."""
    x, y = (pairs.x, pairs.y) if rows is None else (pairs.x[rows], pairs.y[rows])
    shares = _explained(test.y, ridge(x, y, test.x), owner)
    return np.maximum(np.array([shares[name] for name in kept]), -1.0)


def _figure(names: list[str], real: np.ndarray, synthetic: np.ndarray, forward: list[float]) -> dict[str, Any]:
    note = "Share of the variance at the next visit of held-out patients that a model explains. Last value carried forward: "
    carried = ", ".join(f"{n} {v:.2f}" for n, v in zip(names, forward, strict=True) if n != GAP and np.isfinite(v))
    return {
        "kind": "bars",
        "title": "The next visit, explained from this one",
        "note": f"{note}{carried}.",
        "labels": names,
        "series": {"real": real.tolist(), "synthetic": synthetic.tolist()},
        "y_label": "share of variance",
    }
