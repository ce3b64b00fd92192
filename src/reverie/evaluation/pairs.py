"""Columns two by two: do they go together as in real patients?

association   of any two kinds of columns (association.py), synthetic beside real
contingency   total variation between the joint shares of two columns of levels, a missing value as a level of its own
together      share of visits that lack both columns of a pair

The farthest pairs are named one by one, all are in the matrices; a pair is as far as the difference is in deviations of
chance, so one of few values does not come first for being few.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import combinations
from typing import Any

import numpy as np
import polars as pl

from reverie.evaluation.area import Found, area
from reverie.evaluation.association import associations
from reverie.evaluation.cohort import Cohort
from reverie.evaluation.figures.histograms import counted
from reverie.evaluation.measure import Metric
from reverie.evaluation.references import References, Score
from reverie.evaluation.shape import missing_rates, missing_together
from reverie.evaluation.tables import Tables
from reverie.records.kinds.comparing import variation
from reverie.records.schema import Column

__all__ = ["contingency", "pairs"]

Places = dict[str, dict[str | None, int]]
NAMED = 12
"""Pairs of each kind that are named one by one."""
MOST_COLUMNS = 40
"""Columns in pairs: beyond them the first are taken."""
NONE = "no two columns can be paired."
MANY = 25
"""Levels above which a table of two columns has more cells than patients to fill them."""


CLAIM = "columns together"
ASSOCIATIONS = Metric(
    "fidelity.pairs.association",
    "Associations, mean difference",
    "Mean absolute difference of the associations of all pairs of columns (Spearman's correlation, correlation ratio or "
    "Cramer's V).",
    CLAIM,
    tolerance=0.04,
    ideal=0.0,
)
CONTINGENCIES = Metric(
    "fidelity.pairs.contingency",
    "Joint shares of levels, mean distance",
    "Mean over pairs of level columns of the total variation between their joint shares.",
    CLAIM,
    tolerance=0.04,
    unit="share",
    ideal=0.0,
)
HOLES = Metric(
    "fidelity.pairs.missing",
    "Missing together, mean difference",
    "Mean absolute difference, over pairs of columns, of the share of visits that lack both.",
    CLAIM,
    tolerance=0.02,
    unit="share",
    ideal=0.0,
)
ASSOCIATION = Metric(
    "fidelity.pair.{a}~{b}.association",
    "{a} and {b}: association",
    "Spearman's correlation, correlation ratio or Cramer's V, as the kinds of the columns ask for: 0 they have nothing to "
    "do with each other, 1 (or -1) one decides the other.",
    CLAIM,
    tolerance=0.15,
)
CONTINGENCY = Metric(
    "fidelity.pair.{a}~{b}.contingency",
    "{a} and {b}: joint shares",
    "Total variation between the tables of shares of both columns' levels together: the share of visits that would have to "
    "be in another cell.",
    CLAIM,
    tolerance=0.1,
    unit="share",
    ideal=0.0,
)
TOGETHER = Metric(
    "fidelity.pair.{a}~{b}.missing",
    "{a} and {b}: missing together",
    "Share of visits that lack a value of both.",
    CLAIM,
    tolerance=0.05,
    unit="share",
)
INTRO = (
    "Columns two by two: which go together and how strongly, which levels occur together, which are missing together. "
    f"Named are the {NAMED} pairs that differ most for their noise; the matrices show all."
)


@area("fidelity.pairs", "Pairs of columns", INTRO, 3, ASSOCIATIONS, CONTINGENCIES, HOLES, ASSOCIATION, CONTINGENCY, TOGETHER)
def pairs(tables: Tables) -> Found:
    """Measures of pairs of the modelled columns."""
    references, schema = tables.references, tables.schema
    modelled, notes = [*schema.static, *schema.varying], list(references.notes)
    if len(modelled) > MOST_COLUMNS:
        notes.append(f"Of {len(modelled)} columns the first {MOST_COLUMNS} were paired.")
        modelled = modelled[:MOST_COLUMNS]
    linked = {
        pair: replace(score, value=0.0, deviation=0.0, chance=score.ceiling_deviation) if np.isnan(score.value) else score
        for pair, score in references.statistics(lambda cohort: associations(cohort, modelled)).items()
        if not np.isnan(score.ceiling)
    }
    gaps = references.distances(lambda cohort: associations(cohort, modelled), _apart)
    lacking = [c.name for c in schema.varying if _ever_missing(references, c.name)]
    both = references.statistics(lambda cohort: missing_together(cohort, lacking))
    holes = references.distances(lambda cohort: missing_together(cohort, lacking), _apart)
    tabled = _tabled(modelled, references, notes)
    places = _every_level({c.name for pair in tabled for c in pair}, references)
    joint = references.distances(lambda cohort: _coded(cohort, tabled, places), _contingencies)
    means = ((ASSOCIATIONS, gaps.get("mean")), (CONTINGENCIES, joint.get(("", ""))), (HOLES, holes.get("mean")))
    measures = [score.measure(m) for m, score in means if score is not None and not np.isnan(score.value)]
    for metric, scores in ((ASSOCIATION, linked), (CONTINGENCY, joint), (TOGETHER, both)):
        measures += [s.measure(metric.of(a=a, b=b), len(scores)) for (a, b), s in _farthest(scores) if (a, b) != ("", "")]
    if not measures:
        return references.few or NONE
    figures = _figures([c.name for c in modelled], linked, missing_rates(references.real), lacking, references)
    return measures, figures, notes


def contingency(real: np.ndarray, other: np.ndarray) -> float:
    """1/2 sum |p_ij - q_ij| over the cells of two columns, their codes whole numbers from 0 [2, N]; NaN without rows."""
    if not real.shape[1] or not other.shape[1]:
        return float("nan")
    sizes = np.maximum(real.max(axis=1), other.max(axis=1)) + 1
    counts = (
        np.bincount(np.ravel_multi_index(tuple(codes), tuple(sizes)), minlength=sizes.prod()) for codes in (real, other)
    )
    return variation(*counts)


def _apart(real: Mapping[Any, float], other: Mapping[Any, float]) -> dict[str, float]:
    """Mean |difference| over the keys that real patients know; NaN if there are none. A column that is constant in the other
    table alone goes with nothing: 0."""
    gaps = [abs(value - np.nan_to_num(other[key])) for key, value in real.items() if not np.isnan(value)]
    return {"mean": float(np.mean(gaps)) if gaps else float("nan")}


def _ever_missing(references: References, name: str) -> bool:
    return any(bool(c.missing(name).any()) for c in (references.real, references.synthetic))


def _tabled(modelled: list[Column], references: References, notes: list[str]) -> list[tuple[Column, Column]]:
    """The pairs of level columns to be tabled."""
    levels = [c for c in modelled if not c.numeric]
    few = [c for c in levels if references.real.levels[c.name].n_unique() <= MANY]
    if len(few) < len(levels):
        names = ", ".join(c.name for c in levels if c not in few)
        notes.append(f"Joint shares leave out columns of more than {MANY} levels: {names}.")
    return list(combinations(few, 2))


def _every_level(names: set[str], references: References) -> Places:
    """A number for each level, real or synthetic, and for none."""
    cohorts = (references.real, references.synthetic)
    seen = {n: sorted(set().union(*(c.levels[n].drop_nulls().unique() for c in cohorts))) for n in sorted(names)}
    return {name: {None: 0, **{level: i + 1 for i, level in enumerate(levels)}} for name, levels in seen.items()}


def _coded(cohort: Cohort, tabled: list[tuple[Column, Column]], places: Places) -> dict[tuple[str, str], np.ndarray]:
    """Codes of both columns of each pair [2, N]: of patients where both are static, else of visits."""
    columns = {c.name: c for pair in tabled for c in pair}
    codes = {name: cohort.levels[name].replace_strict(places[name], return_dtype=pl.Int64).to_numpy() for name in columns}
    return {
        (a.name, b.name): np.stack([codes[c.name][counted(cohort, a if a.role == "varying" else b)] for c in (a, b)])
        for a, b in tabled
    }


def _contingencies(
    real: Mapping[tuple[str, str], np.ndarray], other: Mapping[tuple[str, str], np.ndarray]
) -> dict[tuple[str, str], float]:
    distances = {pair: contingency(codes, other[pair]) for pair, codes in real.items()}
    return {**distances, ("", ""): float(np.mean(list(distances.values()))) if distances else float("nan")}


def _farthest(scores: Mapping[Any, Score]) -> list[tuple[Any, Score]]:
    finite = [(key, score) for key, score in scores.items() if not np.isnan(score.value)]
    return sorted(finite, key=lambda item: -item[1].excess)[:NAMED]


def _figures(
    names: list[str],
    linked: Mapping[tuple[str, str], Score],
    alone: Mapping[str, float],
    lacking: list[str],
    references: References,
) -> dict[str, Any]:
    def matrix(
        values: Mapping[tuple[str, str], float], names: list[str], own: Mapping[str, float]
    ) -> list[list[float | None]]:
        table = [[values.get((a, b), values.get((b, a), own.get(a) if a == b else None)) for b in names] for a in names]
        return [[None if v is None or np.isnan(v) else float(v) for v in row] for row in table]

    ones = dict.fromkeys(names, 1.0)
    series = {
        "real": matrix({pair: score.ceiling for pair, score in linked.items()}, names, ones),
        "synthetic": matrix({pair: score.value for pair, score in linked.items()}, names, ones),
    }
    figures: dict[str, Any] = {
        "association": {
            "kind": "matrix",
            "title": "Associations",
            "note": "Each cell says how strongly two columns go together; the two matrices should look alike.",
            "labels": names,
            "series": series,
            "range": [-1, 1],
        }
    }
    if len(lacking) > 1:
        cohorts = {"real": references.real, "synthetic": references.synthetic}
        series = {n: matrix(missing_together(c, lacking), lacking, missing_rates(c)) for n, c in cohorts.items()}
        figures["missing"] = {
            "kind": "matrix",
            "title": "Missing together",
            "note": "Share of visits that lack both columns; on the diagonal, one column.",
            "labels": lacking,
            "series": series,
            "range": [0, 1],
            "root": True,
        }
    return figures
