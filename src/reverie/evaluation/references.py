"""What a number of fidelity stands beside: real patients in the place of synthetic ones, and shuffled columns.

Of a distance D between two samples (0 where their laws are one, above it by chance, and more so the fewer the patients)

    value = mean_r D(A_r, S_r)      ceiling = mean_r D(A_r, B_r)      floor = mean_r D(A_r, F_r)

where round r splits the real patients at random in two: A_r, and B_r, held out and scored as if synthetic; S_r are as many
synthetic patients, F_r are those of B_r with every column shuffled. All samples have the same number of patients, so what
chance adds is the same in all three, and the deviation of D(A_r, B_r) says how much it varies: that of a permutation test.

Of a statistic T of one sample (a rate, a correlation)

    value = T(S)      ceiling = T(real)      floor = T(shuffled real)      deviation^2 = mean_r (T(half_r) - T)^2

with halves of the patients drawn without replacement. Each patient weighs by all of its visits, and halves of n patients
have just the variance that makes this the variance of T over n patients (the delete-d jackknife with d = n / 2; Shao and
Wu, Annals of Statistics 17:1176, 1989).

All real patients take part, those trained on too: where a model has learned patients by heart, fidelity does not show it,
and the attacks do.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, TypeVar

import numpy as np

from reverie.evaluation.cohort import Cohort
from reverie.evaluation.measure import FEW, Measure, Metric
from reverie.plain import number_of

__all__ = ["HALVES", "ROUNDS", "References", "Score"]

ROUNDS, HALVES = 20, 24
MOST_PATIENTS, MOST_VISITS = 4000, 40_000
"""At most so many patients, and about so many visits, of a kind: more make the answer slower, not more telling."""

Summary = TypeVar("Summary")


@dataclass(frozen=True)
class Score:
    """A value beside its references; see the module. NaN where something is unknown.

    Attributes:
        chance: the deviation that chance alone gives value - ceiling.
        n: synthetic patients it was computed on.
        level: whether it is a statistic of one sample rather than a distance.
    """

    value: float
    deviation: float
    ceiling: float
    ceiling_deviation: float
    floor: float
    chance: float
    n: int
    level: bool

    def measure(self, metric: Metric, among: int = 1) -> Measure:
        """The measure with its verdict; unknown where there are too few patients to say what chance does."""
        if self.level:
            metric = replace(metric, ideal=None)
        judgeable = not (math.isnan(self.chance) or math.isnan(self.ceiling))
        measure = metric.measure(
            self.value,
            self.n,
            interval=(self.value - 1.96 * self.deviation, self.value + 1.96 * self.deviation),
            deviation=self.deviation,
            ceiling=self.ceiling,
            ceiling_deviation=self.ceiling_deviation,
            floor=self.floor,
            chance=self.chance if judgeable else 0.0,
            among=max(among, 1),
        )
        why = "too few patients have values to say what chance alone does."
        return measure if judgeable else replace(measure, verdict="unknown", why=why, detects=None, power=None)

    @property
    def excess(self) -> float:
        """By how many deviations of chance the value lies from the ceiling; 0 where that is unknown."""
        if math.isnan(self.chance) or math.isnan(self.value) or math.isnan(self.ceiling):
            return 0.0
        gap = abs(self.value - self.ceiling) if self.level else self.value - self.ceiling
        return gap / max(self.chance, 1e-12)


@dataclass(frozen=True, eq=False)
class References:
    """Real, synthetic and shuffled patients, ready to be compared.

    Attributes:
        train, holdout: the real patients; None where no patients were held out.
        real: both together.
        synthetic: the synthetic ones.
        shuffled: the real ones with every column but identifier and time in an order of its own.
        seed: of all drawing.
        notes: what was left out.
        few: why no distributions are compared, "" where they are.
    """

    train: Cohort
    holdout: Cohort | None
    real: Cohort
    synthetic: Cohort
    shuffled: Cohort
    seed: int
    notes: tuple[str, ...] = ()
    few: str = ""

    @classmethod
    def of(
        cls,
        real: tuple[Cohort, ...],
        synthetic: Cohort,
        mixed: tuple[Cohort, ...],
        seen: str = "",
        seed: int = 0,
        patients: int = MOST_PATIENTS,
        visits: int = MOST_VISITS,
        sizes: tuple[Sequence[int], int] | None = None,
    ) -> References:
        """The patients trained on (and held out), the synthetic ones, and the real ones shuffled, brought to at most
        `patients` and about `visits` on each side; `seen` says what of the holdout the model has seen.

        Args:
            sizes: how many patients each of the real tables has in all, and the synthetic one, if these were drawn of them.
        """
        of, made = sizes or (tuple(map(len, real)), len(synthetic))
        pooled, floor = (_pooled(parts, of, seed) for parts in (real, mixed))
        most = max(2, min(patients, int(visits * len(pooled) / pooled.rows)))
        notes = [_said(of[0], of[1] if len(of) == 2 else 0)] + ([seen] if seen else [])
        if sum(of) > min(2 * most, len(pooled)) or made > min(most, len(synthetic)):
            notes.append(
                f"Of {sum(of):,} real and {made:,} synthetic patients, {min(2 * most, len(pooled)):,} and "
                f"{min(most, len(synthetic)):,} were drawn at random to be compared."
            )
        few = ""
        if min(len(pooled) // 2, len(synthetic)) < FEW:
            few = (
                f"{len(pooled):,} real and {number_of(len(synthetic), 'synthetic patient')} were given, and "
                f"distributions are compared only from {2 * FEW} and {FEW} on."
            )
            notes.append(few)
        chosen = np.sort(np.random.default_rng([seed, 1]).permutation(len(pooled))[: 2 * most])
        return cls(
            real[0],
            real[1] if len(real) == 2 else None,
            pooled.take(chosen),
            synthetic.sample(most, np.random.default_rng([seed, 2])),
            floor.take(chosen),
            seed,
            tuple(notes),
            few,
        )

    @property
    def tables(self) -> dict[str, Cohort]:
        """The tables of figures, by the names that figures know."""
        held = {"held-out": self.holdout} if self.holdout is not None else {}
        return {"real": self.train, "synthetic": self.synthetic, **held}

    @cached_property
    def size(self) -> int:
        """Patients on each side of a comparison."""
        return min(len(self.real) // 2, len(self.synthetic))

    def rounds(self, count: int = ROUNDS) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """(A, B, S) as places of patients [size] each, A and B disjoint places among the real ones."""
        for number in range(count if self.size >= FEW else 0):
            generator = np.random.default_rng([self.seed, 3, number])
            order = generator.permutation(len(self.real))
            synthetic = generator.permutation(len(self.synthetic))[: self.size]
            yield np.sort(order[: self.size]), np.sort(order[self.size : 2 * self.size]), np.sort(synthetic)

    def distances(
        self,
        summary: Callable[[Cohort], Summary],
        compare: Callable[[Summary, Summary], Mapping[Any, float]],
        rounds: int = ROUNDS,
    ) -> dict[Any, Score]:
        """Scores of each distance that `compare` gives for the summaries of two cohorts, by its key; none of a few."""
        rows: list[tuple[Mapping[Any, float], ...]] = []
        for a, b, s in self.rounds(rounds):
            first = summary(self.real.take(a))
            others = (self.synthetic.take(s), self.real.take(b), self.shuffled.take(b))
            rows.append(tuple(compare(first, summary(cohort)) for cohort in others))
        if not rows:
            return {}
        return {key: self.score([[float(part[key]) for part in parts] for parts in rows]) for key in rows[0][0]}

    def score(self, distances: list[list[float]] | np.ndarray) -> Score:
        """The score of distances [rounds, 3]: to the synthetic, the held-out and the shuffled patients."""
        table = np.asarray(distances, dtype=float)
        (value, ceiling, floor), (deviation, spread, _) = _mean(table), _deviation(table)
        return Score(value, deviation, ceiling, spread, floor, spread, self.size, level=False)

    def statistics(self, statistic: Callable[[Cohort], Mapping[Any, float]], halves: int = HALVES) -> dict[Any, Score]:
        """Scores of each number that `statistic` gives for one cohort, by its key."""
        whole = [statistic(cohort) for cohort in (self.synthetic, self.real, self.shuffled)]
        spreads: list[list[Mapping[Any, float]]] = [[], []]
        for which, cohort in enumerate((self.synthetic, self.real)):
            for number in range(halves if len(cohort) >= (1 + which) * FEW else 0):
                order = np.random.default_rng([self.seed, 4, which, number]).permutation(len(cohort))
                spreads[which].append(statistic(cohort.take(np.sort(order[: len(cohort) // 2]))))
        scores = {}
        for key in whole[0]:
            values = [float(numbers.get(key, math.nan)) for numbers in whole]
            ours, theirs = (
                _root([float(half.get(key, math.nan)) - value for half in numbers])
                for numbers, value in zip(spreads, values[:2], strict=True)
            )
            n = len(self.synthetic)
            scores[key] = Score(values[0], ours, values[1], theirs, values[2], math.hypot(ours, theirs), n, level=True)
        return scores


def _pooled(parts: Sequence[Cohort], of: Sequence[int], seed: int) -> Cohort:
    """Both real tables as one, each with the same share of the patients that it has in all."""
    share = min(len(part) / count for part, count in zip(parts, of, strict=True))
    kept = [
        part.sample(round(share * count), np.random.default_rng([seed, 6, which]))
        for which, (part, count) in enumerate(zip(parts, of, strict=True))
    ]
    return kept[0].join(kept[1]) if len(kept) == 2 else kept[0]


def _said(trained: int, held: int) -> str:
    if not held:
        return (
            f"No patients were held out: {number_of(trained, 'patient')} of the training stand for real ones, and halves of "
            "them for held-out ones."
        )
    return (
        f"Real patients are the {trained:,} trained on and the {held:,} held out together, split in two at random, again "
        "and again: one half is compared with synthetic patients, and with the other half as if that were synthetic."
    )


def _mean(table: np.ndarray) -> list[float]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a column without any value has no mean: NaN says so
        return [float(v) for v in np.nanmean(table, axis=0)]


def _deviation(table: np.ndarray) -> list[float]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        return [float(v) for v in np.nanstd(table, axis=0, ddof=1)]


def _root(differences: list[float]) -> float:
    """Root of the mean square, of those known; NaN if there are fewer than two."""
    finite = np.array([d for d in differences if not math.isnan(d)])
    return float(np.sqrt((finite**2).mean())) if len(finite) > 1 else math.nan
