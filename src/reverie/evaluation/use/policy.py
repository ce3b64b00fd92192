"""Policies: who learns from synthetic patients how treatment is chosen, does he learn what real patients would have taught?

pi(a | s)   the probability of a treatment in a state: the statics, the time, the other columns of the visit and the
            treatment before; learned by behaviour cloning (multinomial logistic regression) from either table
agreement   share of held-out visits at which both cloned policies hold the same treatment the likeliest
value       sum_i w_i r_i / sum_i w_i,  w_i = pi(a_i | s_i) / mu(a_i | s_i)     weighted importance sampling, each decision

r is the outcome (at the next visit, where it changes), mu the behaviour of held-out patients, cloned from the other half of
them. One decision at a time is all that is weighed: over whole courses the weights of some dozen patients would be noise.
The effective number (sum w)^2 / sum w^2 says how many held-out decisions speak.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl

from reverie.evaluation.area import Found, area
from reverie.evaluation.cohort import Cohort
from reverie.evaluation.measure import Measure, Metric
from reverie.evaluation.tables import Tables
from reverie.evaluation.use.design import Rows, codes, levels_of, resampled, rows_of
from reverie.evaluation.use.effects import event_of
from reverie.evaluation.use.prediction import Classifier, alike, predictors
from reverie.evaluation.use.purposes import Purposes, purposes
from reverie.records.schema import Column

__all__ = ["policy", "weighted"]

REFITS = 12
BOOTSTRAPS = 200
FEW = 20
BEFORE = "(treatment before)"


CLAIM = "treatment policies"
AGREEMENT = Metric(
    "use.policy.agreement",
    "agreement on {treatment} of policies learned from synthetic and from real patients",
    "Share of held-out decisions at which both policies hold the same treatment the likeliest; the ceiling is that of "
    f"policies learned from resampled real patients ({REFITS} times), the floor that of always the commonest.",
    CLAIM,
    tolerance=0.1,
    unit="share",
    ideal=1.0,
    worse="below",
)
SURPRISE = Metric(
    "use.policy.surprise",
    "surprise of the policy learned from synthetic patients at what {treatment} held-out patients had",
    "Mean negative log probability of each held-out decision; the ceiling is the policy learned from training patients, the "
    "floor knows no more than how common each is.",
    CLAIM,
    tolerance=0.2,
    unit="nats",
    worse="above",
)
VALUE = Metric(
    "use.policy.value",
    "{what} under the policy learned from synthetic patients",
    "Weighted importance sampling of one decision at a time over held-out decisions. The ceiling is the policy learned from "
    "training patients. Bootstrap over held-out patients. A comparison of two policies, no advice on treatment.",
    CLAIM,
    beside=("ceiling",),
)
INTRO = "How treatment is chosen, learned from synthetic and from real patients, and tried on held-out ones."


@area(
    "use.policy",
    "Treatment policies",
    INTRO,
    0.5,
    AGREEMENT,
    SURPRISE,
    VALUE,
    given=lambda tables: not tables.schema.timeless,
)
def policy(tables: Tables) -> Found:
    """Agreement, likelihood and value of the policy cloned from synthetic patients; nothing where no treatment is known."""
    purpose, seed = purposes(tables.schema), tables.seed
    treatment = purpose.treatment
    if treatment is None:
        return "no column is marked as the treatment (purpose: treatment in the schema)."
    if treatment.numeric:
        return "the treatment is a number, and policies are compared over levels."
    if tables.holdout is None:
        return "no patients were held out to try policies on."
    if why := tables.too_few("a policy"):
        return why
    train, synthetic, holdout, notes = alike(tables)
    train, synthetic, holdout = (_with_before(c, treatment) for c in (train, synthetic, holdout))
    names = [*predictors(train, treatment, purpose), *([BEFORE] if treatment.role == "varying" else [])]
    names = [n for n in names if purpose.outcome is None or n != purpose.outcome.name]
    rows = [rows_of(c, treatment) for c in (train, synthetic, holdout)]
    levels = levels_of(rows[0], treatment.name)
    action = codes(rows[2], treatment.name, levels)
    test, action = rows[2].where(action >= 0), action[action >= 0]
    if len(levels) < 2 or min(len(test), len(rows[1])) < FEW:
        return f"fewer than {FEW} decisions of two treatments are known."
    models = [Classifier.of(r, treatment.name, names, levels) for r in rows[:2]]
    at = [m.encoder(test) for m in models]
    real, ours = (m.predict(x) for m, x in zip(models, at, strict=True))
    draw = np.random.default_rng([seed, 41])
    again = [[m.predict(x, resampled(m.patient, draw)) for _ in range(REFITS)] for m, x in zip(models, at, strict=True)]
    measures = [
        _agreement(treatment, real, ours, again, action),
        _likelihood(treatment, real, ours, again, action, levels),
    ]
    measures += _value(treatment, purpose, test, names, levels, action, (real, ours), again, draw)
    shares = {name: p.mean(axis=0).tolist() for name, p in (("real", real), ("synthetic", ours))}
    shares["held-out"] = (np.bincount(action, minlength=len(levels)) / len(action)).tolist()
    figure: dict[str, Any] = {
        "kind": "bars",
        "title": f"How often each {treatment.name} is chosen for held-out patients",
        "note": "By the policies cloned from real and from synthetic patients, and as it was.",
        "labels": levels,
        "series": shares,
        "y_label": "share of decisions",
    }
    return measures, {"policy.choices": figure}, (*purpose.notes, *notes)


def weighted(policy: np.ndarray, behaviour: np.ndarray, reward: np.ndarray) -> tuple[float, float]:
    """Weighted importance sampling (Precup et al. 2000): the value, and the effective number of decisions.

    Args:
        policy, behaviour: probabilities [n] of what was done, under the policy and as patients were treated.
        reward: [n].
    """
    w = policy / np.maximum(behaviour, 1e-3)
    total = w.sum()
    return (float((w * reward).sum() / total), float(total**2 / (w**2).sum())) if total > 0 else (float("nan"), 0.0)


def _with_before(cohort: Cohort, treatment: Column) -> Cohort:
    """The cohort with the treatment of the visit before as a column; none at a first visit."""
    levels = cohort.levels[treatment.name].shift(1)
    first = np.zeros(cohort.rows, dtype=bool)
    first[cohort.offsets[:-1]] = True
    before = pl.select(pl.when(~pl.Series(first)).then(levels)).to_series()
    return Cohort(cohort.schema, cohort.offsets, cohort.time, cohort.numbers, {**cohort.levels, BEFORE: before})


def _agreement(
    treatment: Column, real: np.ndarray, ours: np.ndarray, again: list[list[np.ndarray]], action: np.ndarray
) -> Measure:
    def same(p: np.ndarray) -> float:
        return float((p.argmax(axis=1) == real.argmax(axis=1)).mean())

    controls = [same(p) for p in again[0]]
    return AGREEMENT.of(treatment=treatment.name).measure(
        same(ours),
        len(ours),
        deviation=float(np.std([same(p) for p in again[1]], ddof=1)),
        ceiling=float(np.mean(controls)),
        ceiling_deviation=float(np.std(controls, ddof=1)),
        floor=float((real.argmax(axis=1) == np.bincount(action).argmax()).mean()),
    )


def _likelihood(
    treatment: Column,
    real: np.ndarray,
    ours: np.ndarray,
    again: list[list[np.ndarray]],
    action: np.ndarray,
    levels: list[str],
) -> Measure:
    def surprise(p: np.ndarray) -> float:
        return float(-np.log(np.maximum(p[np.arange(len(p)), action], 1e-4)).mean())

    share = np.bincount(action, minlength=len(levels)) / len(action)
    return SURPRISE.of(treatment=treatment.name).measure(
        surprise(ours),
        len(ours),
        deviation=float(np.std([surprise(p) for p in again[1]], ddof=1)),
        ceiling=surprise(real),
        ceiling_deviation=float(np.std([surprise(p) for p in again[0]], ddof=1)),
        floor=surprise(np.tile(share, (len(ours), 1))),
    )


def _value(
    treatment: Column,
    purpose: Purposes,
    test: Rows,
    names: list[str],
    levels: list[str],
    action: np.ndarray,
    policies: tuple[np.ndarray, np.ndarray],
    again: list[list[np.ndarray]],
    draw: np.random.Generator,
) -> list[Measure]:
    """The value of both policies, where there is an outcome."""
    outcome = purpose.outcome
    if outcome is None:
        return []
    reward, what = _reward(test, outcome)
    there = ~np.isnan(reward)
    if there.sum() < FEW:
        return []
    behaviour = _crossed(test, treatment, names, levels, action)
    mu, taken, reward, patient = behaviour[there], action[there], reward[there], test.patient[there]
    chosen = [p[there][np.arange(len(taken)), taken] for p in policies]
    (real, _), (ours, effective) = (weighted(p, mu, reward) for p in chosen)
    values = []
    for _ in range(BOOTSTRAPS):
        r = resampled(patient, draw)
        values.append(weighted(chosen[1][r], mu[r], reward[r])[0])
    spread = [
        np.std([weighted(p[there][np.arange(len(taken)), taken], mu, reward)[0] for p in side], ddof=1) for side in again
    ]
    metric = replace(VALUE.of(what=what), tolerance=0.25 * float(reward.std()) or 0.05)
    return [
        metric.measure(
            ours,
            len(taken),
            f"Of {len(taken):,} decisions {effective:.0f} speak in effect; as it was: {reward.mean():.3g}.",
            interval=(float(np.nanquantile(values, 0.025)), float(np.nanquantile(values, 0.975))),
            deviation=float(spread[1]),
            ceiling=real,
            ceiling_deviation=float(spread[0]),
        )
    ]


def _reward(test: Rows, outcome: Column) -> tuple[np.ndarray, str]:
    """The outcome that follows each decision [n], NaN where unknown, and what it is called."""
    after = test.at if outcome.role == "static" else np.minimum(test.at + 1, test.cohort.rows - 1)
    later = Rows(test.cohort, after)
    if outcome.numeric:
        reward, what = later.numbers(outcome.name).astype(float), f"mean {outcome.name}"
    else:
        event = event_of(outcome, levels_of(later, outcome.name))
        reward = np.where(test.cohort.missing(outcome.name)[after], np.nan, codes(later, outcome.name, [event]) + 1.0)
        what = f"share of {outcome.name} = {event}"
    if outcome.role != "static":
        reward = np.where(test.cohort.patient[after] == test.patient, reward, np.nan)
        reward[after == test.at] = np.nan
        what += " at the next visit"
    return reward, what


def _crossed(test: Rows, treatment: Column, names: list[str], levels: list[str], action: np.ndarray) -> np.ndarray:
    """mu(a | s) of what held-out patients had [n], each from the patients of the other half."""
    half = test.patient % 2
    mu = np.zeros(len(test))
    for side in (0, 1):
        mine = half == side
        if mine.any() and (~mine).any():
            model = Classifier.of(test.where(~mine), treatment.name, names, levels)
            mu[mine] = model.predict(model.encoder(test.where(mine)))[np.arange(mine.sum()), action[mine]]
    return mu
