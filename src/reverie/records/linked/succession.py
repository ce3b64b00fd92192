"""How the latent classes of rows follow on each other, see latent.py.

P(k | c, p, h) = w_1 P(k) + w_2 P(k | c) + w_3 P(k | p) + w_4 P(k | c, p) + w_5 h_k / |h|

of a row below one of class c, after one of class p, where h_k of the rows before were of class k. What is counted leans on
what is known of less, and the weights are those by which the classes of patients who were not counted are likeliest (deleted
interpolation, Jelinek and Mercer 1980; h is a cache, Kuhn and De Mori 1990). So a patient whose stays are of few kinds has
them again and again, which classes that are drawn each by itself never have.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np

from reverie.records.intervals import Floats
from reverie.records.levels import Indices

__all__ = ["Successions"]

BACKED = 1.0
"""How many rows each P leans on what is known of less by."""
FOLDS, TURNS = 5, 40
"""Parts of the patients, of which each is not counted in turn; and turns of EM."""


@dataclass(frozen=True, eq=False)
class Successions:
    """The classes of the rows of one table, one after the other.

    Attributes:
        counts: float64 [1 + classes above, classes + 1, classes], how many rows of each class (last) there are below a row
            of each class, the first of none, and after a row of each class, the last after none.
        weights: float64 [2, 5], w of the first row of a group, and of the others.
    """

    counts: Floats
    weights: Floats

    @classmethod
    def fit(
        cls, classes: Indices, above: Indices, lengths: Indices, patients: Indices, count: int, count_above: int
    ) -> Self:
        """Those of classes int64 [rows], of groups that have so many each, one after the other.

        Args:
            above: int64 [rows], 1 + the class of the row above, 0 where it has none.
            patients: int64 [rows], whose they are.
            count, count_above: how many classes there are.
        """
        before, place, share = _before(classes, lengths, count)
        fold = np.random.default_rng(0).permutation(int(patients.max(initial=-1)) + 1)[patients] % FOLDS

        def counted(rows: np.ndarray) -> Floats:
            at = (above[rows] * (count + 1) + before[rows]) * count + classes[rows]
            size = (1 + count_above) * (count + 1) * count
            return np.bincount(at, minlength=size).reshape(1 + count_above, count + 1, count).astype(np.float64)

        said = np.zeros((len(classes), 5))
        for number in range(FOLDS):
            rows, of = fold == number, cls(counted(fold != number), np.zeros((2, 5)))
            k, c, p = classes[rows], above[rows], before[rows]
            said[rows] = np.stack([of.whole[k], of.by_above[c, k], of.by_before[p, k], of.by_both[c, p, k], share[rows]], 1)
        weights = np.stack([_weights(said[first]) for first in (place == 0, place > 0)])
        return cls(counted(np.ones(len(classes), dtype=bool)), weights)

    @cached_property
    def whole(self) -> Floats:
        """P(k) [classes]."""
        n = self.counts.sum((0, 1))
        return (n + BACKED / len(n)) / (n.sum() + BACKED)

    @cached_property
    def by_above(self) -> Floats:
        """P(k | c)."""
        return _leaning(self.counts.sum(1), self.whole)

    @cached_property
    def by_before(self) -> Floats:
        """P(k | p)."""
        return _leaning(self.counts.sum(0), self.whole)

    @cached_property
    def by_both(self) -> Floats:
        """P(k | c, p)."""
        return _leaning(self.counts, self.by_above[:, None])

    def chances(self, above: Indices, before: Indices, seen: Floats, first: bool) -> Floats:
        """P [n, classes] of rows below rows of a class, and after rows of a class, in groups of which so many were of each
        before, [n, classes]."""
        w = self.weights[int(not first)]
        of = w[0] * self.whole + w[1] * self.by_above[above] + w[2] * self.by_before[before]
        of += w[3] * self.by_both[above, before]
        return of + w[4] * seen / np.maximum(seen.sum(1, keepdims=True), 1)

    def drawn(self, above: Indices, lengths: Indices, given: Indices, told: Floats | None, chance: Floats) -> Indices:
        """int64 [rows], classes of the rows of groups, one after the other.

        Args:
            above: int64 [groups], as for `fit`.
            lengths: int64 [groups], rows of each.
            given: int64 [rows], classes that stay; -1 of those to be drawn.
            told: [rows, classes], log P(what is known of the row | class) up to a constant; None where nothing is.
            chance: uniform in [0, 1), [rows].
        """
        out, count, first = given.copy(), len(self.whole), np.cumsum(lengths) - lengths
        seen, before = np.zeros((len(lengths), count)), np.full(len(lengths), count)
        for place in range(int(lengths.max(initial=0))):
            groups = np.flatnonzero(lengths > place)
            at = first[groups] + place
            p = self.chances(above[groups], before[groups], seen[groups], place == 0)
            if told is not None:
                p = p * np.exp(told[at] - told[at].max(1, keepdims=True)) + 1e-300
            upto = p.cumsum(1)
            one = (chance[at, None] * upto[:, -1:] >= upto).sum(1).clip(max=count - 1)
            out[at] = before[groups] = np.where(given[at] < 0, one, given[at])
            seen[groups, out[at]] += 1
        return out

    def likelihood(self, classes: Indices, lengths: Indices) -> Floats:
        """log P [groups, 1 + classes above] of the classes of the rows of each group, below rows of every class."""
        p, place, share = _before(classes, lengths, len(self.whole))
        k, w, out = classes, self.weights[(place > 0).astype(int)].T[..., None], np.zeros((len(lengths), len(self.counts)))
        said = w[0] * self.whole[k, None] + w[2] * self.by_before[p, k, None] + w[4] * share[:, None]
        said = said + w[1] * self.by_above[:, k].T + w[3] * self.by_both[:, p, k].T
        np.add.at(out, np.repeat(np.arange(len(lengths)), lengths), np.log(said))
        return out

    @property
    def config(self) -> dict[str, Any]:
        at = np.flatnonzero(self.counts)
        return {
            "shape": list(self.counts.shape),
            "at": at.tolist(),
            "counts": self.counts.ravel()[at].astype(int).tolist(),
            "weights": self.weights.round(5).tolist(),
        }

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        counts = np.zeros(config["shape"])
        counts.ravel()[config["at"]] = config["counts"]
        return cls(counts, np.array(config["weights"], dtype=np.float64))


def _before(classes: Indices, lengths: Indices, count: int) -> tuple[Indices, Indices, Floats]:
    """Of each row of groups: the class of the row before, `count` where there is none; its place in its group; and how
    large a share of the rows before are of its class."""
    group = np.repeat(np.arange(len(lengths)), lengths)
    place = np.arange(len(classes)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    before = np.where(place > 0, np.append(count, classes[:-1])[: len(classes)], count)
    key = group * count + classes
    order = np.argsort(key, kind="stable")
    starts = np.flatnonzero(np.append(True, np.diff(key[order]) > 0)[: len(key)])
    times = np.empty(len(key), dtype=np.int64)
    times[order] = np.arange(len(key)) - np.repeat(starts, np.diff(np.append(starts, len(key))))
    return before, place, times / np.maximum(place, 1)


def _leaning(n: Floats, on: Floats) -> Floats:
    """What is counted [..., K] as shares, each leaning on what is known of less by BACKED."""
    return (n + BACKED * on) / (n.sum(-1, keepdims=True) + BACKED)


def _weights(said: Floats) -> Floats:
    """w [M] by which what M ways say of rows, [rows, M], is likeliest, by EM; the same of each where there is no row."""
    w = np.full(said.shape[1], 1 / said.shape[1])
    for _ in range(TURNS if len(said) else 0):
        share = said * w + 1e-300
        w = (share / share.sum(1, keepdims=True)).mean(0)
    return w
