"""How the latent classes of rows follow on each other, see latent.py.

P(k | all before) ~ P(k | c, p) exp(sum_i W_ik x_i + sum_j A_j y_jk)

of a row below one of class c, after one of class p. P(k | c, p) is counted, and leans on P(k | c), as that on P(k). x is
what is known of the row before all else: the classes of the rows above it, that of the row before it, how many rows came
before it and are to come, and of each class how large a share of the rows before it were of it, and how many (in
logarithms); and y_k how class k itself stood there: its share, its number, whether there was any, and whether the row
before was of it. W is the likeliest with W_ik ~ N(0, 1 / SHRUNK) beforehand, where each group of rows is told what was
counted of the others (multinomial logistic regression); A, by how many rows came before, is the likeliest. So what goes
with what over a life of many rows is kept, and what comes again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from reverie.records.intervals import Floats
from reverie.records.levels import Indices

__all__ = ["ROWS", "Successions"]

BACKED, SHRUNK = 10.0, 1.4
"""How many rows each P leans on what is known of less by; and how surely W is small; by measurement."""
ROWS, TURNS = 30_000, 60
"""Rows from which W is found, at most (or one group); and turns of L-BFGS."""
PLACES = (0, 1, 2, 4, 9, 20)
"""From how many rows before, or to come, on a row is one of another kind."""


@dataclass(frozen=True, eq=False)
class Successions:
    """The classes of the rows of one table, one after the other.

    Attributes:
        counts: int64 [1 + classes above, classes + 1, classes], how many rows of each class (last) there are below a row of
            each class, the first of none, and after a row of each class, the last after none.
        above: float32 [1 + classes, classes] of each table above, W of the classes of its rows, the first of none.
        before: float32 [classes + 1, classes], W of the class of the row before, the last of none.
        place, left: float32 [len(PLACES), classes], W of how many rows came before, and are to come.
        part, times: float32 [classes, classes], W of what share of the rows before, and how many, were of each class.
        again: float32 [len(PLACES), 4], A.
    """

    counts: Indices
    above: tuple[np.ndarray, ...]
    before: np.ndarray
    place: np.ndarray
    left: np.ndarray
    part: np.ndarray
    times: np.ndarray
    again: np.ndarray

    @classmethod
    def fit(cls, classes: Indices, above: Indices, lengths: Indices, count: int, counts_above: Sequence[int]) -> Self:
        """Those of classes int64 [rows], of groups that have so many rows each, one after the other.

        Args:
            above: int64 [groups, tables above], 1 + the class of the row there, 0 where it has none.
            count, counts_above: how many classes there are, and in each of the tables above.
        """
        c = np.repeat(above[:, 0] if len(counts_above) else np.zeros(len(lengths), dtype=np.int64), lengths)
        p, size = _known(classes, lengths, count)[0], (1 + sum(counts_above[:1]), count + 1, count)
        n = np.bincount((c * size[1] + p) * count + classes, minlength=int(np.prod(size))).reshape(size)
        sizes = [*(1 + n for n in counts_above), count + 1, len(PLACES), len(PLACES), count, count]
        mix = np.random.default_rng(0).permutation(len(lengths))
        some = np.sort(mix[: max(1, int(np.searchsorted(np.cumsum(lengths[mix]), ROWS)))])
        rows = np.flatnonzero(np.repeat(np.isin(np.arange(len(lengths)), some), lengths))
        weights, again = np.zeros((sum(sizes), count), dtype=np.float32), np.zeros((len(PLACES), 4), dtype=np.float32)
        if len(rows):
            others = np.log(_of_others(n, classes[rows], c[rows], p[rows], lengths[some]))
            weights, again = _likeliest(classes[rows], above[some], lengths[some], sizes, others)
        *of_above, before, place, left, part, times = np.split(weights, np.cumsum(sizes)[:-1])
        return cls(n, tuple(of_above), before, place, left, part, times, again)

    @cached_property
    def shares(self) -> Floats:
        """P(k | c, p), as `counts`."""
        n = self.counts
        return _leaning(n, _leaning(n.sum(1), _whole(n))[:, None])

    @property
    def count(self) -> int:
        """How many classes there are."""
        return self.counts.shape[2]

    def logits(self, above: Indices, before: Indices, place: Indices, left: Indices, seen: Floats) -> Floats:
        """log P [n, classes] up to a constant of each of n rows.

        Args:
            above: int64 [n, tables above], see `fit`.
            before: int64 [n], the class of the row before; as many as there are where there is none.
            place, left: int64 [n], how many rows came before, and are to come.
            seen: [n, classes], how many of those before were of each class.
        """
        of = (
            np.log(self.shares[above[:, 0] if self.above else 0, before])
            + self.before[before]
            + self.place[_kind(place)]
            + self.left[_kind(left)]
        )
        for number, weights in enumerate(self.above):
            of = of + weights[above[:, number]]
        share, times, *_ = of_each = _of_each(before, place, seen)
        for number, one in enumerate(of_each):
            of = of + self.again[_kind(place), number, None] * one
        return of + share @ self.part + times @ self.times

    def drawn(self, above: Indices, lengths: Indices, given: Indices, told: Floats | None, chance: Floats) -> Indices:
        """int64 [rows], classes of the rows of groups, one after the other.

        Args:
            above: int64 [groups, tables above], as for `fit`.
            lengths: int64 [groups], rows of each.
            given: int64 [rows], classes that stay; -1 of those to be drawn.
            told: [rows, classes], log P(what is known of the row | class) up to a constant; None where nothing is.
            chance: uniform in [0, 1), [rows].
        """
        out, count, first = given.copy(), self.count, np.cumsum(lengths) - lengths
        seen, before = np.zeros((len(lengths), count)), np.full(len(lengths), count)
        for place in range(int(lengths.max(initial=0))):
            groups = np.flatnonzero(lengths > place)
            at = first[groups] + place
            logits = self.logits(
                above[groups], before[groups], np.full(len(at), place), lengths[groups] - place - 1, seen[groups]
            )
            if told is not None:
                logits = logits + told[at]
            upto = np.exp(logits - logits.max(1, keepdims=True)).cumsum(1)
            one = (chance[at, None] * upto[:, -1:] >= upto).sum(1).clip(max=count - 1)
            out[at] = before[groups] = np.where(given[at] < 0, one, given[at])
            seen[groups, out[at]] += 1
        return out

    def likelihood(self, classes: Indices, lengths: Indices) -> Floats:
        """log P [groups, 1 + classes above] of the classes of the rows of each group, below rows of every class of the one
        table above."""
        (of_above,) = self.above
        out = np.zeros((len(lengths), len(of_above)))
        for groups, rows, before, *known in _chunks(classes, lengths, self.count):
            logits = self.logits(np.zeros((len(rows), 1), dtype=np.int64), before, *known)
            logits = logits - of_above[0] - np.log(self.shares[0, before])
            for c, more in enumerate(of_above):
                each = logits + more + np.log(self.shares[c, before])
                top = each.max(1, keepdims=True)
                each = each[np.arange(len(rows)), classes[rows]] - top[:, 0] - np.log(np.exp(each - top).sum(1))
                np.add.at(out[:, c], groups, each)
        return out

    @property
    def config(self) -> dict[str, Any]:
        weights = np.concatenate([*self.above, self.before, self.place, self.left, self.part, self.times])
        sizes = [len(of) for of in (*self.above, self.before, self.place, self.left, self.part, self.times)]
        whole = {name: (100 * of).round().astype(int).tolist() for name, of in (("weights", weights), ("again", self.again))}
        at = np.flatnonzero(self.counts)
        counts = {"shape": list(self.counts.shape), "at": at.tolist(), "counts": self.counts.ravel()[at].tolist()}
        return {**counts, "sizes": sizes, **whole}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        shape: tuple[int, int, int] = tuple(config["shape"])
        counts = np.zeros(shape, dtype=np.int64)
        counts.ravel()[config["at"]] = config["counts"]
        weights, again = (np.array(config[name], dtype=np.float32) / 100 for name in ("weights", "again"))
        parts = np.split(weights.reshape(-1, shape[2]), np.cumsum(config["sizes"])[:-1])
        *of_above, before, place, left, part, times = parts
        return cls(counts, tuple(of_above), before, place, left, part, times, again)


def _kind(rows: Indices) -> Indices:
    """Which of PLACES so many rows are."""
    return np.searchsorted(PLACES, rows, side="right") - 1


def _of_each(before: Indices, place: Indices, seen: np.ndarray) -> list[np.ndarray]:
    """Four of [n, classes], see `Successions.logits`: what share of the rows before were of each class, how many in
    logarithms, whether any was, and whether the last was."""
    last = np.zeros((len(seen), seen.shape[1] + 1), dtype=seen.dtype)
    last[np.arange(len(seen)), before] = 1
    return [seen / np.maximum(place, 1)[:, None], np.log1p(seen), (seen > 0).astype(seen.dtype), last[:, :-1]]


def _known(classes: Indices, lengths: Indices, count: int) -> tuple[Indices, Indices, Indices, np.ndarray]:
    """Of each row of groups: the class of the row before, `count` where there is none; how many rows came before, and are to
    come; and float32 [rows, count], how many of those before were of each class."""
    begun = np.repeat(np.cumsum(lengths) - lengths, lengths)
    place = np.arange(len(classes)) - begun
    before = np.where(place > 0, np.append(count, classes[:-1])[: len(classes)], count)
    upto = np.zeros((len(classes) + 1, count), dtype=np.float32)
    upto[np.arange(1, len(classes) + 1), classes] = 1
    upto = upto.cumsum(0)
    return before, place, np.repeat(lengths, lengths) - place - 1, upto[:-1] - upto[begun]


def _chunks(classes: Indices, lengths: Indices, count: int) -> Iterator[tuple[Any, ...]]:
    """(groups, rows, *_known of them) of whole groups, about ROWS rows at a time."""
    group, part = np.repeat(np.arange(len(lengths)), lengths), np.cumsum(lengths) // ROWS
    for number in np.unique(part):
        rows = np.flatnonzero(part[group] == number)
        yield group[rows], rows, *_known(classes[rows], lengths[part == number], count)


def _whole(n: np.ndarray) -> Floats:
    """P(k) of counts [..., K]."""
    of = n.reshape(-1, n.shape[-1]).sum(0)
    return (of + BACKED / len(of)) / (of.sum() + BACKED)


def _of_others(n: np.ndarray, classes: Indices, c: Indices, p: Indices, lengths: Indices) -> Floats:
    """P(k | c, p) [rows, classes] of rows of groups, as `n` says without the rows of their own group."""
    count, group = n.shape[2], np.repeat(np.arange(len(lengths)), lengths)

    def own(of: Indices) -> np.ndarray:
        """[rows, classes], how many rows of a row's own group, of those that are alike in `of`, are of each class."""
        each = np.unique(group * (count + 2) + of, return_inverse=True)[1]
        return np.bincount(each * count + classes, minlength=(each.max(initial=0) + 1) * count).reshape(-1, count)[each]

    by_above = _leaning(n.sum(1)[c] - own(np.zeros_like(p)), _whole(n))
    return _leaning(n[c, p] - own(1 + p), by_above)


def _leaning(n: np.ndarray, on: Floats) -> Floats:
    """What is counted [..., K] as shares, each leaning by BACKED on these."""
    return (n + BACKED * on) / (n.sum(-1, keepdims=True) + BACKED)


def _likeliest(
    classes: Indices, above: Indices, lengths: Indices, sizes: Sequence[int], others: Floats
) -> tuple[np.ndarray, np.ndarray]:
    """float32 W [sum of sizes, classes] of rows of groups, with so many lines for each of what is known of them; and A.

    Args:
        others: [rows, classes], log P(k | c, p) as all other groups say.
    """
    count = others.shape[1]
    before, place, left, seen = _known(classes, lengths, count)
    which = [*np.repeat(above, lengths, axis=0).T, before, _kind(place), _kind(left)]
    upto = np.cumsum([0, *sizes])
    lines = torch.from_numpy(np.stack([one + first for one, first in zip(which, upto, strict=False)], 1))
    share, times, some, last = (torch.from_numpy(of.astype(np.float32)) for of in _of_each(before, place, seen))
    of, aim, kind = torch.from_numpy(others).float(), torch.from_numpy(classes), torch.from_numpy(_kind(place))
    weights = torch.zeros(int(upto[-1]), count, requires_grad=True)
    again = torch.zeros(len(PLACES), 4, requires_grad=True)
    search = torch.optim.LBFGS([weights, again], max_iter=TURNS, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        search.zero_grad()
        logits = F.embedding_bag(lines, weights, mode="sum") + of
        logits = logits.addmm(share, weights[-2 * count : -count]).addmm(times, weights[-count:])
        a, b, c, d = again[kind].unbind(1)
        logits = logits + a[:, None] * share + b[:, None] * times + c[:, None] * some + d[:, None] * last
        loss = F.cross_entropy(logits, aim) + SHRUNK / 2 / len(aim) * weights.square().sum()
        loss.backward()
        return loss

    with torch.enable_grad():
        search.step(closure)
    whole, again = ((100 * of.detach().numpy()).round() / 100 for of in (weights, again))
    return whole, again
