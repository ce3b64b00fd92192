"""Accuracy: how alike the low-dimensional distributions of two cohorts are, by counting.

accuracy = 1 - TV(p, q),   TV(p, q) = 1/2 sum_i |p_i - q_i|   over the bins of one, two or three columns (bins.py)

This follows the published quality-assurance measures of MOSTLY AI's synthetic data tools (mostlyai-qa), so that figures
compare: every patient counts once, through two consecutive visits drawn at random, and so does the number of visits.

univariate   all columns, the gap and the number of visits, at the first of the two visits
bivariate    all pairs of them
trivariate   all triples of them, or a drawn sample of many
coherence    mean of three: (value, next value), with a bin for "there is no next visit"; how many different bins a
             patient visits; and in how many patients each bin occurs
overall      the mean of the four

The drawing is repeated and the results averaged, which keeps the expectation and takes most of the noise away. What a
finite sample of the same population reaches is below 1 and depends on its size: read every figure beside that of the
held-out patients, and compare cohorts of the same size (here the larger is cut to the smaller).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from reverie.evaluation.bins import BINS, Bins, edges
from reverie.evaluation.cohort import GAP, Cohort, equal
from reverie.records.kinds.comparing import variation

__all__ = ["DRAWS", "TRIPLES", "VISITS", "Accuracy", "accuracy"]

DRAWS = 8
TRIPLES = 1500
VISITS = "(visits)"
"""The name of the number of visits among the columns."""
COHERENCE_BINS = 30


@dataclass(frozen=True)
class Accuracy:
    """Shares in [0, 1]; 1 is equality.

    Attributes:
        univariate, bivariate, trivariate, coherence: means over columns, pairs, triples and columns.
        columns: univariate accuracy of each column.
        pairs: bivariate accuracy of each pair.
        transitions: accuracy of (value, next value) of each varying column.
    """

    univariate: float
    bivariate: float
    trivariate: float
    coherence: float
    columns: dict[str, float]
    pairs: dict[tuple[str, str], float]
    transitions: dict[str, float]

    @property
    def overall(self) -> float:
        return (self.univariate + self.bivariate + self.trivariate + self.coherence) / 4


def accuracy(real: Cohort, synthetic: Cohort, seed: int = 0, draws: int = DRAWS, triples: int = TRIPLES) -> Accuracy:
    """The accuracy of `synthetic` with bins from `real`.

    Args:
        draws: how often two visits per patient are drawn.
        triples: at most so many triples of columns, drawn once for all.
    """
    cohorts = equal([real, synthetic], seed)
    bins = Bins.fit(cohorts[0])
    binned = [_Binned.of(c, bins, edges(cohorts[0].lengths.astype(float), BINS)) for c in cohorts]
    names = binned[0].names
    wanted = [*_subsets(len(names), 1), *_subsets(len(names), 2), *_some(_subsets(len(names), 3), triples, seed)]
    near, after = np.zeros(len(wanted)), np.zeros(len(cohorts[0].varying))
    for draw in range(draws):
        pairs = [b.two(np.random.default_rng([seed, draw, which])) for which, b in enumerate(binned)]
        (p, p_next), (q, q_next) = pairs
        sizes = binned[0].sizes
        near += [_joint([p[i] for i in s], [q[i] for i in s], [sizes[i] for i in s]) for s in wanted]
        for i, name in enumerate(cohorts[0].varying):
            at = names.index(name)
            after[i] += _joint([p[at], p_next[i]], [q[at], q_next[i]], [sizes[at], sizes[at] + 1])
    by_subset = dict(zip(wanted, near / draws, strict=True))
    groups = [[value for subset, value in by_subset.items() if len(subset) == size] for size in (1, 2, 3)]
    transitions = dict(zip(cohorts[0].varying, map(float, after / draws), strict=True))
    variety, presence = _within_patients(cohorts)
    return Accuracy(
        *(float(np.mean(g)) if g else float("nan") for g in groups),
        coherence=(float(np.mean(list(transitions.values()))) + variety + presence) / 3,
        columns={names[s[0]]: float(v) for s, v in by_subset.items() if len(s) == 1},
        pairs={(names[s[0]], names[s[1]]): float(v) for s, v in by_subset.items() if len(s) == 2},
        transitions=transitions,
    )


def _joint(p: Sequence[np.ndarray], q: Sequence[np.ndarray], sizes: Sequence[int]) -> float:
    """Accuracy of the joint distribution of some columns' codes [P] each."""
    cells = int(np.prod(sizes))
    counts = [np.bincount(np.ravel_multi_index(tuple(codes), tuple(sizes)), minlength=cells) for codes in (p, q)]
    return 1 - variation(*counts)


def _subsets(count: int, size: int) -> list[tuple[int, ...]]:
    return list(combinations(range(count), size))


def _some(subsets: list[tuple[int, ...]], most: int, seed: int) -> list[tuple[int, ...]]:
    if len(subsets) <= most:
        return subsets
    return [subsets[i] for i in np.sort(np.random.default_rng(seed).permutation(len(subsets))[:most])]


@dataclass(frozen=True, eq=False)
class _Binned:
    """Codes of all columns by row, [C, N], with the number of visits as the last column."""

    names: tuple[str, ...]
    varying: tuple[int, ...]
    sizes: tuple[int, ...]
    codes: np.ndarray
    offsets: np.ndarray

    @classmethod
    def of(cls, cohort: Cohort, bins: Bins, visits: np.ndarray) -> _Binned:
        codes = [bins.codes(cohort, name) for name in cohort.names]
        count = np.searchsorted(visits, cohort.lengths, side="right")
        sizes = (*(bins.size(name) for name in cohort.names), len(visits) + 1)
        at = tuple(cohort.names.index(name) for name in cohort.varying)
        return cls((*cohort.names, VISITS), at, sizes, np.stack([*codes, count[cohort.patient]]), cohort.offsets)

    def two(self, generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """One visit of each patient [C, P], and the varying columns of the next [V, P]; an extra code where none is."""
        lengths = np.diff(self.offsets)
        row = self.offsets[:-1] + (generator.random(len(lengths)) * np.maximum(lengths - 1, 1)).astype(np.int64)
        after = self.codes[list(self.varying)][:, np.minimum(row + 1, self.offsets[-1] - 1)]
        none = np.array([self.sizes[i] for i in self.varying])[:, None]
        return self.codes[:, row], np.where(lengths > 1, after, none)


def _within_patients(cohorts: list[Cohort]) -> tuple[float, float]:
    """Mean accuracies over the varying columns, in finer bins: of how many different bins a patient's visits fall into,
    and of the shares in which bins occur among patients."""
    bins = Bins.fit(cohorts[0], COHERENCE_BINS)
    variety, presence = [], []
    for name in (n for n in cohorts[0].varying if n != GAP):
        seen = []
        for cohort in cohorts:
            table = np.zeros((len(cohort), bins.size(name)), dtype=bool)
            table[cohort.patient, bins.codes(cohort, name)] = True
            seen.append(table)
        numbers = [table.sum(axis=1) for table in seen]
        most = max(int(n.max()) for n in numbers) + 1
        variety.append(1 - variation(*(np.bincount(n, minlength=most) for n in numbers)))
        common = np.argsort(-seen[0].sum(axis=0), kind="stable")[: BINS - 1]
        rest = [np.delete(table, common, axis=1).any(axis=1) for table in seen]
        pooled = [np.append(t[:, common].sum(axis=0), r.sum()) for t, r in zip(seen, rest, strict=True)]
        presence.append(1 - variation(*pooled))
    return float(np.mean(variety)), float(np.mean(presence))
