"""A hospital as sums over its patients: all that is counted in cells [P, K], so any sample of patients is compared by sums.

    p(cell) = sum over the patients drawn of their counts there, brought to sum 1
    ordered   max over cells of |P - Q|, cumulated: Kolmogorov-Smirnov on the cells
    names     1/2 sum |p - q|: total variation
    next      sum_a p(a) 1/2 sum_b |p(b | a) - q(b | a)|: of what follows on each code, by how common that is
    pairs     mean |phi - phi'| (together.py)

Cells of numbers are those between quantiles of the real values, and the quantiles themselves: exact to a share of 1 / CELLS,
and where real values repeat, exact. To count costs a pass over the events, to compare a sample a sum of rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.sparse import csr_matrix, vstack

from reverie.evaluation.linked.hospital import Hospital
from reverie.evaluation.linked.lived import Key, Named, Sample, samples
from reverie.evaluation.linked.together import Tokens, phi
from reverie.records.kinds.comparing import variation

__all__ = ["Cells", "Profile"]

CELLS = 100


@dataclass(frozen=True, eq=False)
class Cells:
    """What is counted, and in which cells, settled on real hospitals.

    Attributes:
        edges: of each sample of numbers, rising float64 [E].
        sizes: of each of names, how many there are, and how many may follow (0: they are no pairs).
        tokens: of each unit.
        units: who is a unit of pairs, for words: "patients", "stays".
    """

    edges: dict[Key, np.ndarray]
    sizes: dict[Key, tuple[int, int]]
    tokens: dict[Key, Tokens]

    @classmethod
    def of(cls, real: Sequence[Hospital], lived: Sequence[Mapping[Key, Sample | Named]]) -> Cells:
        """The cells for real hospitals and their samples."""
        plan, edges, sizes = real[0].plan, {}, {}
        for key, one in lived[0].items():
            if isinstance(one, Named):
                sizes[key] = (one.size, one.given)
            elif len(values := np.concatenate([each[key].values for each in lived])):
                edges[key] = np.unique(np.quantile(values, np.linspace(0, 1, CELLS + 1), method="nearest"))
        units = [
            plan.entity,
            *(lane.name for lane in plan.stays if any(lane.name in plan.schema.above(c.name) for c in plan.coded)),
        ]
        tokens = {("pairs", unit): Tokens.chosen(plan, unit, real) for unit in units}
        return cls(edges, sizes, {key: of for key, of in tokens.items() if len(of.of) > 2})

    @cached_property
    def places(self) -> dict[Key, slice]:
        """The cells of each key among all."""
        widths = {key: 2 * len(edges) + 1 for key, edges in self.edges.items()}
        widths |= {key: size for key, (size, _) in self.sizes.items()}
        widths |= {key: tokens.size for key, tokens in self.tokens.items()}
        ends = np.cumsum([0, *widths.values()])
        return {key: slice(int(a), int(b)) for key, a, b in zip(widths, ends, ends[1:], strict=False)}

    @property
    def width(self) -> int:
        return max((place.stop for place in self.places.values()), default=0)

    def counted(self, key: Key, sample: Sample | Named) -> np.ndarray:
        """The cell of each value."""
        if isinstance(sample, Named):
            return sample.values
        values = np.round(sample.values, 9)
        edges = np.round(self.edges[key], 9)
        return np.searchsorted(edges, values, "left") + np.searchsorted(edges, values, "right")


@dataclass(frozen=True, eq=False)
class Profile:
    """Counts of P patients: a cohort, to References.

    Attributes:
        cells: what is counted.
        counts: float64 [P, K].
    """

    cells: Cells
    counts: csr_matrix

    @classmethod
    def of(cls, hospital: Hospital, lived: Mapping[Key, Sample | Named], cells: Cells) -> Profile:
        """The profile of a hospital, whose samples are given."""
        whose, where = [], []
        for key, place in cells.places.items():
            if key in cells.tokens:
                who, cell = cells.tokens[key].cells(hospital)
            else:
                who, cell = lived[key].who, cells.counted(key, lived[key])
            whose.append(who)
            where.append(cell + place.start)
        who, cell = np.concatenate(whose), np.concatenate(where)
        return cls(cells, csr_matrix((np.ones(len(who)), (who, cell)), shape=(len(hospital), cells.width)))

    @classmethod
    def read(cls, hospital: Hospital, cells: Cells) -> Profile:
        return cls.of(hospital, samples(hospital), cells)

    def __len__(self) -> int:
        return int(self.counts.shape[0])  # pyright: ignore[reportOptionalSubscript]

    @property
    def rows(self) -> int:
        """Patients once more: what is compared is a sum, and as quick for long lives."""
        return len(self)

    def take(self, patients: np.ndarray) -> Profile:
        return Profile(self.cells, self.counts[patients])

    def join(self, other: Profile) -> Profile:
        return Profile(self.cells, csr_matrix(vstack([self.counts, other.counts])))

    def sample(self, count: int, generator: np.random.Generator) -> Profile:
        return self if count >= len(self) else self.take(np.sort(generator.permutation(len(self))[:count]))

    @property
    def sums(self) -> np.ndarray:
        """Over all patients, float64 [K]."""
        return np.asarray(self.counts.sum(axis=0)).ravel()


def distances(cells: Cells, real: np.ndarray, other: np.ndarray) -> dict[Key, float]:
    """How far two samples of patients are apart in each thing counted, by their sums [K]; NaN where the real ones have none,
    and the farthest that may be where only the others have none."""
    found: dict[Key, float] = {}
    for key, place in cells.places.items():
        p, q = real[place], other[place]
        if key in cells.tokens:
            tokens = cells.tokens[key]
            for one, two, a, b in tokens.groups():
                mine, theirs = (phi(sums, len(tokens.of), a, b) for sums in (p, q))
                found["pairs", key[1], one, two] = float(np.abs(mine - theirs).mean())
        elif not p.sum() or not q.sum():
            found[key] = 1.0 if p.sum() else float("nan")
            if key[0] == "carried":
                found["occur", *key[1:]] = 0.0 if p.sum() else float("nan")
        elif key in cells.edges:
            found[key] = float(np.abs(np.cumsum(p) / p.sum() - np.cumsum(q) / q.sum()).max())
        elif given := cells.sizes[key][1]:
            found[key] = _following(p.reshape(-1, given), q.reshape(-1, given))
        else:
            found[key] = variation(p, q)
            if key[0] == "carried":
                found["occur", *key[1:]] = float(((p > 0) & (q > 0)).sum() / (p > 0).sum())
    return found


def _following(p: np.ndarray, q: np.ndarray) -> float:
    """The mean total variation of what follows on each row's name, weighed by how common that is in p."""
    of_p, of_q = p.sum(axis=1), q.sum(axis=1)
    with np.errstate(all="ignore"):
        apart = np.abs(p / of_p[:, None] - q / of_q[:, None]).sum(axis=1) / 2
    apart = np.where(of_q > 0, apart, 1.0)
    return float((apart * of_p)[of_p > 0].sum() / of_p.sum())
