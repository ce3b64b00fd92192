"""Linkage: does the synthetic table join two separate pieces of one patient?

An attacker has some columns of a patient from one source and the others from another, finds the nearest synthetic patient
for each, and has linked them where it is the same one (Giomi et al. 2023, linkability).

R = (attack - control) / (1 - control),   attack on training patients, control on held-out ones

Patients never seen are linked too, wherever pieces of one patient go together in general; R is what is left for training
patients.
"""

from __future__ import annotations

import numpy as np
from scipy.spatial.distance import cdist

from reverie.evaluation.area import Found, area
from reverie.evaluation.cohort import GAP
from reverie.evaluation.distances import encoded
from reverie.evaluation.features import features, vocabulary
from reverie.evaluation.privacy.rates import measured, of_attack, risk, wilson
from reverie.evaluation.privacy.space import cohorts
from reverie.evaluation.tables import Tables

__all__ = ["linkage", "linked"]

DIVISIONS = 5


RISK = of_attack(
    "privacy.linkage.risk",
    "risk of linkage beyond that of patients never seen",
    f"R = (attack - control) / (1 - control) of training and held-out patients linked, over {DIVISIONS} random divisions of "
    "the columns. Interval by Wilson's.",
    tolerance=0.05,
    unit="R",
    ideal=0.0,
    beside=(),
)
INTRO = "An attacker who knows a patient from two sources tries to join them through the synthetic table."


@area("privacy.linkage", "Linkage", INTRO, 0.3, RISK, attack=True)
def linkage(tables: Tables) -> Found:
    """The risk of linkage, over random divisions of the columns into two."""
    names = [c.name for c in (*tables.schema.static, *tables.schema.varying)]
    if why := tables.too_few() or ("" if len(names) > 1 else "two columns at least can be told apart."):
        return why
    three, notes = cohorts(tables)
    levels = vocabulary(three)
    seen = [features(c, levels) for c in three]
    owner = [_owner(feature, names) for feature in seen[0][1]]
    draw = np.random.default_rng([tables.seed, 6])
    hits = np.zeros(2)
    for _ in range(DIVISIONS):
        order = draw.permutation(len(names))
        first = {names[i] for i in order[: len(names) // 2]}
        mask = np.array([o in first or o == GAP for o in owner])
        a, b = ([x[:, side] for x, _ in seen] for side in (mask, ~mask))
        at_a, at_b = encoded(a), encoded(b)
        hits += [linked(at_a[i], at_b[i], at_a[2], at_b[2]).mean() for i in (0, 1)]
    # Divisions of one patient are not independent: the sizes are those of patients.
    attack, control = (wilson(round(h / DIVISIONS * len(c)), len(c)) for h, c in zip(hits, three[:2], strict=True))
    beyond = risk(attack, control)
    detail = f"The attack linked {attack.value:.1%} of training and {control.value:.1%} of held-out patients."
    return (measured(RISK, beyond, detail),), {}, notes


def linked(known_a: np.ndarray, known_b: np.ndarray, drawn_a: np.ndarray, drawn_b: np.ndarray) -> np.ndarray:
    """Whether the nearest synthetic patient by either piece is the same, bool [P]; pieces [P, Fa], [P, Fb]."""
    return cdist(known_a, drawn_a).argmin(axis=1) == cdist(known_b, drawn_b).argmin(axis=1)


def _owner(feature: str, names: list[str]) -> str:
    """The column that a feature is of; the number, start and gaps of visits belong to the clock."""
    owners = [n for n in names if feature == n or feature.startswith((f"{n}, ", f"{n} = "))]
    return max(owners, key=len, default=GAP)
