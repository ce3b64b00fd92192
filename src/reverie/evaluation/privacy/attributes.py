"""Attribute inference: does the synthetic table tell a secret of someone whose other columns are known?

The attacker knows a patient's statics and first visit but for one column, finds the nearest synthetic patient by what is
known, and guesses that one's value (Giomi et al. 2023, inference).

R = (attack - control) / (1 - control),   attack on training patients, control on held-out ones

A level is guessed where it is the same, a number where it is within TOLERANCE of the real patients' ranks. What can be
guessed of patients never seen is knowledge of the population, which synthetic data is meant to give; R is what is left.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy.spatial.distance import cdist

from reverie.evaluation.area import Found, area
from reverie.evaluation.cohort import Cohort
from reverie.evaluation.distances import encoded, visit_rows
from reverie.evaluation.features import vocabulary
from reverie.evaluation.privacy.rates import Rate, measured, of_attack, risk, wilson
from reverie.evaluation.privacy.space import cohorts
from reverie.evaluation.tables import Tables

__all__ = ["attributes"]

TOLERANCE = 0.05
COLUMNS = 20
"""At most so many columns are attacked."""


RISK = of_attack(
    "privacy.attributes.risk",
    "risk of attribute inference beyond that of patients never seen",
    "R = (attack - control) / (1 - control), of the cells guessed of training and of held-out patients. Interval by "
    "Wilson's, patients as n.",
    tolerance=0.05,
    unit="R",
    ideal=0.0,
    beside=(),
)
WORST = replace(
    RISK,
    name="privacy.attributes.worst",
    title="the same for the column most at risk ({column})",
    how="Column {column}: it stands out most in R.",
    tolerance=0.1,
)
INTRO = "An attacker who knows all of a patient's first visit but one column guesses that column from the synthetic table."


@area("privacy.attributes", "Attribute inference", INTRO, 0.5, RISK, WORST, attack=True)
def attributes(tables: Tables) -> Found:
    """The risk of attribute inference, over all columns and of the worst column."""
    names = [c.name for c in (*tables.schema.static, *tables.schema.varying)]
    if why := tables.too_few() or ("" if len(names) > 1 else "one column is known and another guessed."):
        return why
    three, notes = cohorts(tables)
    if len(names) > COLUMNS:
        order = np.random.default_rng([tables.seed, 7]).permutation(len(names))[:COLUMNS]
        notes = (*notes, f"Of {len(names)} columns {COLUMNS} were drawn at random and attacked.")
        names = [names[i] for i in np.sort(order)]
    first = [_first(cohort) for cohort in three]
    guesses = {name: rates for name in names if (rates := _attack(first, name)) is not None}
    if not guesses:
        return "no column is filled in."
    risks = {name: risk(*(wilson(h, n) for h, n in rates)) for name, rates in guesses.items()}
    # Columns of one patient are not independent, so the mean has the sizes of patients, not of guesses.
    shares = [np.mean([rates[side][0] / rates[side][1] for rates in guesses.values()]) for side in (0, 1)]
    attack, control = (wilson(round(s * len(c)), len(c)) for s, c in zip(shares, first[:2], strict=True))
    most = max(risks, key=lambda name: risks[name].value / max(risks[name].deviation, 1e-9))
    (a, m), (c, n) = guesses[most]
    detail = (
        f"The attack guessed {attack.value:.1%} of the cells of training and {control.value:.1%} of those of held-out "
        f"patients over {len(guesses)} columns."
    )
    worst = f"It was guessed of {a} of {m} training and of {c} of {n} held-out patients."
    measures = (
        measured(RISK, risk(attack, control), detail),
        measured(WORST.of(column=most), risks[most], worst, among=len(risks)),
    )
    return measures, {"attributes.columns": _figure(risks)}, notes


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
    public = [_without(cohort, secret) for cohort in first]
    levels = vocabulary(public)
    tables = [visit_rows(cohort, levels) for cohort in public]
    kept = ~np.isnan(np.concatenate(tables[:2])).all(axis=0)
    points = encoded([table[:, kept] for table in tables])
    filled = ~first[2].missing(secret)
    if not filled.any():
        return None
    counts = []
    for side in (0, 1):
        open_ = ~first[side].missing(secret)
        if not open_.any():
            return None
        nearest = np.flatnonzero(filled)[cdist(points[side][open_], points[2][filled]).argmin(axis=1)]
        counts.append((int(_same(first, side, secret, np.flatnonzero(open_), nearest).sum()), int(open_.sum())))
    return counts


def _same(first: list[Cohort], side: int, secret: str, rows: np.ndarray, nearest: np.ndarray) -> np.ndarray:
    """Whether the guess is right, bool [n]."""
    if secret in first[0].levels:
        return first[side].levels[secret][rows].to_numpy() == first[2].levels[secret][nearest].to_numpy()
    real = np.sort(np.concatenate([first[i].numbers[secret][~first[i].missing(secret)] for i in (0, 1)]))
    truth, guess = first[side].numbers[secret][rows], first[2].numbers[secret][nearest]
    rank = [(np.searchsorted(real, x, "left") + np.searchsorted(real, x, "right")) / 2 for x in (truth, guess)]
    return (np.abs(rank[0] - rank[1]) <= TOLERANCE * len(real)) | (truth == guess)


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
