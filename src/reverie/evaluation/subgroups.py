"""Patients by their statics: is every group there, as often as among real patients, and as well made?

A group is a level of a static column, a third of a numeric one, or two of these at once, with enough real patients.

share       of the patients; its deviation is sqrt(p (1 - p) / n), since patients are drawn one by one
lost        groups with at most a quarter of the patients that the real share would give, where so few have a probability
            below 1e-4 by chance: P(X <= count), X hypergeometric for the group's patients dealt out among all, real and
            synthetic (Fisher's exact test)
distance    within a group, the mean over columns of the total variation between shares in bins (bins.py, those of all
            real patients), beside two real halves of the group; every side has the same number of patients
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

import numpy as np
from scipy.stats import hypergeom

from reverie.evaluation.area import Found, area
from reverie.evaluation.bins import Bins
from reverie.evaluation.cohort import Cohort
from reverie.evaluation.figures.histograms import counted
from reverie.evaluation.measure import Measure, Metric
from reverie.evaluation.references import ROUNDS, References, Score
from reverie.evaluation.tables import Tables
from reverie.records.commonest import commonest
from reverie.records.schema import Column

__all__ = ["Group", "groups", "subgroups"]

ENOUGH = 20
"""Real patients that make a group; for the distance in it as many synthetic ones, too."""
MOST_LEVELS, MOST_GROUPS = 12, 200
"""Commonest levels of a column that are groups; groups whose distance is computed, the largest first."""
NAMED = 8
"""Groups that are named one by one, the farthest first."""
THINNED, RARE = 0.25, 1e-4


@dataclass(frozen=True, eq=False)
class Group:
    """Some patients: `real` and `synthetic` say which, bool [P] each."""

    name: str
    columns: tuple[str, ...]
    real: np.ndarray
    synthetic: np.ndarray


CLAIM = "subgroups"
INSIDE = (
    "Within the group, mean over columns of the total variation between shares in bins: the share of values that would have "
    "to move to another bin."
)
LOST = Metric(
    "fidelity.subgroups.lost",
    "Groups of patients that are lost",
    "Groups with at most a quarter of the patients that they should have, where chance gives so few less than once in "
    f"{1 / RARE:,.0f} (Fisher's exact test).",
    CLAIM,
    tolerance=0.5,
    unit="count",
    ideal=0.0,
)
WORST = Metric("fidelity.subgroups.worst", "Worst group: {group}", INSIDE, CLAIM, tolerance=0.05, unit="share", ideal=0.0)
SHARE = Metric(
    "fidelity.subgroup.{group}.share",
    "{group}: share of patients",
    "Of synthetic and of real patients; the deviation is that of drawing so many patients.",
    CLAIM,
    tolerance=0.05,
    unit="share",
)
DISTANCE = Metric(
    "fidelity.subgroup.{group}.distance", "{group}: distance of distributions", INSIDE, CLAIM, 0.05, "share", ideal=0.0
)
NONE = f"no static column divides the patients into groups of at least {ENOUGH}."
INTRO = (
    "Patients by what stays the same over their visits: each level of each static column, each two of them together. "
    "Whether each group occurs as often as it should, and whether its patients are as well made as others."
)


@area("fidelity.subgroups", "Groups of patients", INTRO, 0.5, LOST, WORST, SHARE, DISTANCE)
def subgroups(tables: Tables) -> Found:
    """Measures of the groups that the static columns make."""
    references = tables.references
    every = groups(references.real, references.synthetic)
    if not every:
        return NONE
    notes = list(references.notes)
    larger = sorted(every, key=lambda g: -int(g.real.sum()))[:MOST_GROUPS]
    if len(larger) < len(every):
        notes.append(f"Of {len(every)} groups the {MOST_GROUPS} largest were looked into.")
    inside = _inside(references, larger)
    ranked = sorted(inside.items(), key=lambda item: -item[1].excess)
    measures = [_counted(every)]
    measures += [score.measure(WORST.of(group=name), len(inside)) for name, score in ranked[:1]]
    measures += [_share(group) for group in every if len(group.columns) == 1]
    measures += [score.measure(DISTANCE.of(group=name), len(inside)) for name, score in ranked[:NAMED]]
    return measures, _figures(every, inside), notes


def groups(real: Cohort, synthetic: Cohort) -> list[Group]:
    """The groups with enough real patients, single ones first."""
    single = [g for c in real.schema.static for g in _of(c, real, synthetic) if g.real.sum() >= ENOUGH]
    double = [
        Group(f"{a.name}, {b.name}", (*a.columns, *b.columns), a.real & b.real, a.synthetic & b.synthetic)
        for a, b in combinations(single, 2)
        if a.columns != b.columns
    ]
    return single + [g for g in double if g.real.sum() >= ENOUGH]


def _of(column: Column, real: Cohort, synthetic: Cohort) -> Iterator[Group]:
    """Groups by one column: its levels, or thirds of its real values."""
    name = column.name
    if not column.numeric:
        ours, theirs = (c.levels[name][c.offsets[:-1]] for c in (synthetic, real))
        common = commonest(theirs).head(MOST_LEVELS).to_list()
        for level in sorted(common, key=lambda k: column.levels.index(k) if k in column.levels else len(column.levels)):
            yield Group(f"{name} = {level}", (name,), *(s.eq_missing(level).to_numpy() for s in (theirs, ours)))
        return
    ours, theirs = (c.numbers[name][c.offsets[:-1]] for c in (synthetic, real))
    values = theirs[~np.isnan(theirs)]
    if column.calendar or len(np.unique(values)) < 3:
        return
    low, high = (float(q) for q in np.quantile(values, [1 / 3, 2 / 3]))
    if low < high:
        yield Group(f"{name} below {low:.4g}", (name,), theirs < low, ours < low)
        yield Group(f"{name} {low:.4g} to {high:.4g}", (name,), *((v >= low) & (v <= high) for v in (theirs, ours)))
        yield Group(f"{name} above {high:.4g}", (name,), theirs > high, ours > high)


def _inside(references: References, chosen_groups: list[Group]) -> dict[str, Score]:
    """The score of the distance within each group that has enough patients on every side."""
    bins = Bins.fit(references.real)
    tables = [_counts(c, bins) for c in (references.real, references.synthetic, references.shuffled)]
    starts = tables[0][1]
    real, synthetic, mixed = (table for table, _ in tables)
    scores = {}
    for number, group in enumerate(chosen_groups):
        whole, ours = np.flatnonzero(group.real), np.flatnonzero(group.synthetic)
        size = min(len(whole) // 2, len(ours))
        if len(whole) < 2 * ENOUGH or size < ENOUGH:
            continue
        rows = []
        for turn in range(ROUNDS):
            generator = np.random.default_rng([references.seed, 5, number, turn])
            order, chosen = generator.permutation(whole), generator.permutation(ours)[:size]
            first = real[order[:size]].sum(axis=0)
            held = order[size : 2 * size]
            others = (synthetic[chosen], real[held], mixed[held])
            rows.append([_variation(first, part.sum(axis=0), starts) for part in others])
        score = references.score(rows)
        scores[group.name] = Score(**{**vars(score), "n": size})
    return scores


def _counts(cohort: Cohort, bins: Bins) -> tuple[np.ndarray, np.ndarray]:
    """How often each patient is in each bin of each column, float32 [P, bins], and where columns begin."""
    statics = {c.name: c for c in cohort.schema.static}
    parts, starts = [], [0]
    for name in cohort.names:
        codes, size = bins.codes(cohort, name), bins.size(name)
        rows = counted(cohort, statics[name]) if name in statics else np.arange(cohort.rows)
        place = cohort.patient[rows] * size + codes[rows]
        parts.append(np.bincount(place, minlength=len(cohort) * size).reshape(len(cohort), size).astype(np.float32))
        starts.append(starts[-1] + size)
    return np.concatenate(parts, axis=1), np.array(starts[:-1])


def _variation(p: np.ndarray, q: np.ndarray, starts: np.ndarray) -> float:
    """Mean over columns of the total variation of counts [bins]."""
    sums = [np.add.reduceat(v, starts) for v in (p, q)]
    widths = np.diff(np.append(starts, len(p)))
    shares = [v / np.repeat(np.maximum(s, 1), widths) for v, s in zip((p, q), sums, strict=True)]
    return float(np.add.reduceat(np.abs(shares[0] - shares[1]), starts).mean() / 2)


def _share(group: Group) -> Measure:
    counts, sizes = [int(s.sum()) for s in (group.synthetic, group.real)], [len(group.synthetic), len(group.real)]
    ours, theirs = (count / size for count, size in zip(counts, sizes, strict=True))
    pooled = sum(counts) / sum(sizes)
    deviations = [math.sqrt(p * (1 - p) / n) for p, n in zip((ours, theirs), sizes, strict=True)]
    # Where the group is gone its own deviation is 0: chance is that of the shares being one.
    chance = max(math.hypot(*deviations), math.sqrt(pooled * (1 - pooled) * sum(1 / n for n in sizes)))
    return (
        replace(SHARE, wrong=theirs)
        .of(group=group.name)
        .measure(
            ours,
            sizes[0],
            f"{counts[0]:,} of {sizes[0]:,} synthetic patients, {counts[1]:,} of {sizes[1]:,} real ones.",
            interval=(max(0.0, ours - 1.96 * deviations[0]), min(1.0, ours + 1.96 * deviations[0])),
            deviation=deviations[0],
            ceiling=theirs,
            ceiling_deviation=deviations[1],
            floor=theirs,
            chance=chance,
        )
    )


def _lost(group: Group) -> bool:
    """Whether hardly any synthetic patient is in the group, by more than chance."""
    (ours, n), (theirs, of) = ((int(s.sum()), len(s)) for s in (group.synthetic, group.real))
    return ours <= THINNED * theirs * n / of and float(hypergeom.cdf(ours, n + of, ours + theirs, n)) < RARE


def _counted(every: list[Group]) -> Measure:
    lost = [group.name for group in every if _lost(group)]
    named = f" Lost: {'; '.join(lost[:NAMED])}{' and others' if len(lost) > NAMED else ''}." if lost else ""
    seen = sum(_lost(replace(group, synthetic=np.zeros_like(group.synthetic))) for group in every)
    detail = f"Of {len(every)} groups, the loss of {seen} would stand out.{named}"
    metric = replace(LOST, wrong=float(seen))
    return metric.measure(float(len(lost)), len(every[0].synthetic), detail, ceiling=0.0, floor=0.0, chance=0.0)


def _figures(every: list[Group], inside: dict[str, Score]) -> dict[str, Any]:
    single = [g for g in every if len(g.columns) == 1]
    rows = []
    for group in sorted(every, key=lambda g: -inside[g.name].excess if g.name in inside else 0.0):
        score = inside.get(group.name)
        shares = [round(float(s.mean()), 4) for s in (group.real, group.synthetic)]
        rows.append([group.name, *shares, *((round(score.value, 4), round(score.ceiling, 4)) if score else (None, None))])
    return {
        "shares": {
            "kind": "bars",
            "title": "Shares of groups",
            "note": "The share of patients in each group.",
            "labels": [g.name for g in single],
            "series": {
                "real": [float(g.real.mean()) for g in single],
                "synthetic": [float(g.synthetic.mean()) for g in single],
            },
            "y_label": "share of patients",
        },
        "groups": {
            "kind": "table",
            "title": "All groups, the worst first",
            "note": "Share of patients, real and synthetic; distance of distributions within the group, of synthetic "
            "patients and of held-out ones. A distance is left out where a side has too few patients.",
            "columns": ["group", "real share", "synthetic share", "distance", "distance, held-out"],
            "rows": rows,
        },
    }
