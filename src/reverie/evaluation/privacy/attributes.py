"""Attribute inference: does the synthetic table tell a secret of someone whose other columns are known?

The attacker knows a patient's statics and first visit but for one column, finds the nearest synthetic patient by what is
known, and guesses that one's value (Giomi et al. 2023, inference).

R = (attack - control) / (1 - control),   attack on training patients, control on held-out ones

A level is guessed where it is the same, a number where it is within TOLERANCE of the real patients' ranks. What can be
guessed of patients never seen is knowledge of the population, which synthetic data is meant to give; R is what is left.
"""

from __future__ import annotations

import numpy as np
import polars as pl
from scipy.spatial.distance import cdist

from reverie.evaluation.cohort import Cohort
from reverie.evaluation.distances import encoded, visit_rows
from reverie.evaluation.enough import too_few
from reverie.evaluation.features import vocabulary
from reverie.evaluation.measure import Measure, Section, Split, judged
from reverie.evaluation.privacy.rates import Rate, risk, wilson
from reverie.evaluation.privacy.space import cohorts, unknown
from reverie.records.schema import Schema

__all__ = ["attributes"]

ABOUT = (
    "privacy.attributes",
    "Attribute inference",
    "An attacker who knows all of a patient's first visit but one column guesses that column from the synthetic table.",
)
TOLERANCE = 0.05
COLUMNS = 20
"""At most so many columns are attacked."""


def attributes(split: Split, synthetic: pl.DataFrame, schema: Schema, seed: int = 0) -> Section:
    """The risk of attribute inference, over all columns and of the worst column."""
    titles = {
        "privacy.attributes.risk": "risk of attribute inference beyond that of patients never seen",
        "privacy.attributes.worst": "the same for the column most at risk",
    }
    names = [c.name for c in (*schema.static, *schema.varying)]
    why = too_few(split, synthetic, schema) or ("" if len(names) > 1 else "one column is known and another guessed.")
    if why:
        return Section(*ABOUT, tuple(unknown(n, t, why) for n, t in titles.items()), {})
    three, notes = cohorts(split, synthetic, schema, seed)
    if len(names) > COLUMNS:
        order = np.random.default_rng([seed, 7]).permutation(len(names))[:COLUMNS]
        notes = (*notes, f"Of {len(names)} columns {COLUMNS} were drawn at random and attacked.")
        names = [names[i] for i in np.sort(order)]
    first = [_first(cohort) for cohort in three]
    found = {name: rates for name in names if (rates := _attack(first, name)) is not None}
    if not found:
        return Section(*ABOUT, tuple(unknown(n, t, "no column is filled in.") for n, t in titles.items()), {}, notes)
    risks = {name: risk(*(wilson(h, n) for h, n in rates)) for name, rates in found.items()}
    # Columns of one patient are not independent, so the mean has the sizes of patients, not of guesses.
    shares = [np.mean([rates[side][0] / rates[side][1] for rates in found.values()]) for side in (0, 1)]
    attack, control = (wilson(round(s * len(c)), len(c)) for s, c in zip(shares, first[:2], strict=True))
    overall = risk(attack, control)
    most = max(risks, key=lambda name: risks[name].value / max(risks[name].deviation, 1e-9))
    how = (
        f"The attack guessed {attack.value:.1%} of the cells of training and {control.value:.1%} of those of held-out "
        f"patients over {len(found)} columns; R = (attack - control) / (1 - control). Interval by Wilson's, patients as n."
    )
    (a, m), (c, n) = found[most]
    of_most = f"Column {most}: guessed of {a} of {m} training and of {c} of {n} held-out patients; it stands out most in R."
    measures = (
        _measure("privacy.attributes.risk", titles["privacy.attributes.risk"], overall, len(first[0]), how, 0.05),
        _measure(
            "privacy.attributes.worst",
            f"{titles['privacy.attributes.worst']} ({most})",
            risks[most],
            m,
            of_most,
            0.1,
            len(risks),
        ),
    )
    return Section(*ABOUT, measures, {"attributes.columns": _figure(risks)}, notes)


def _measure(name: str, title: str, found: Rate, n: int, how: str, least: float, among: int = 1) -> Measure:
    measure = Measure(
        name, title, found.value, n, unit="R", interval=found.interval, deviation=found.deviation, ideal=0.0, how=how
    )
    return judged(measure, least=least, worse="above", among=among)


def _first(cohort: Cohort) -> Cohort:
    """Everyone's first visit."""
    rows = cohort.offsets[:-1]
    return Cohort(
        cohort.schema,
        np.arange(len(cohort) + 1),
        cohort.time[rows],
        {name: values[rows] for name, values in cohort.numbers.items()},
        {name: values[rows] for name, values in cohort.levels.items()},
    )


def _attack(first: list[Cohort], secret: str) -> list[tuple[int, int]] | None:
    """(guessed, attacked) of training and held-out patients; None if the column is empty somewhere."""
    known = [_without(cohort, secret) for cohort in first]
    levels = vocabulary(known)
    tables = [visit_rows(cohort, levels) for cohort in known]
    kept = ~np.isnan(np.concatenate(tables[:2])).all(axis=0)
    points = encoded([table[:, kept] for table in tables])
    told = ~first[2].missing(secret)
    if not told.any():
        return None
    found = []
    for side in (0, 1):
        open_ = ~first[side].missing(secret)
        if not open_.any():
            return None
        nearest = np.flatnonzero(told)[cdist(points[side][open_], points[2][told]).argmin(axis=1)]
        found.append((int(_same(first, side, secret, np.flatnonzero(open_), nearest).sum()), int(open_.sum())))
    return found


def _same(first: list[Cohort], side: int, secret: str, rows: np.ndarray, nearest: np.ndarray) -> np.ndarray:
    """Whether the guess is right, bool [n]."""
    if secret in first[0].levels:
        return first[side].levels[secret][rows].to_numpy() == first[2].levels[secret][nearest].to_numpy()
    known = np.sort(np.concatenate([first[i].numbers[secret][~first[i].missing(secret)] for i in (0, 1)]))
    truth, guess = first[side].numbers[secret][rows], first[2].numbers[secret][nearest]
    rank = [(np.searchsorted(known, x, "left") + np.searchsorted(known, x, "right")) / 2 for x in (truth, guess)]
    return (np.abs(rank[0] - rank[1]) <= TOLERANCE * len(known)) | (truth == guess)


def _without(cohort: Cohort, secret: str) -> Cohort:
    numbers = {name: values for name, values in cohort.numbers.items() if name != secret}
    levels = {name: values for name, values in cohort.levels.items() if name != secret}
    return Cohort(cohort.schema, cohort.offsets, cohort.time, numbers, levels)


def _figure(risks: dict[str, Rate]) -> dict[str, object]:
    return {
        "kind": "intervals",
        "title": "Risk of attribute inference by column",
        "note": "0: training patients' values are guessed no more often than those of patients never seen. 95 % intervals.",
        "labels": list(risks),
        "series": {"synthetic": [[r.value, *r.interval] for r in risks.values()]},
        "x_label": "R = (attack - control) / (1 - control)",
        "reference": 0,
    }
