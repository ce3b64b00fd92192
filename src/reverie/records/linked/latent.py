"""Latent classes of the rows of a table: what kind of stay, what kind of patient.

x_d   whether anything of level d is there: in the row, or in what hangs on it; and whether more than 1, 2, 4 ... rows are
P(x) = sum_c w_c prod_d p_cd^x_d (1 - p_cd)^(1 - x_d)              (Lazarsfeld and Henry 1968), by EM
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from scipy.cluster.hierarchy import leaves_list, linkage
from scipy.sparse import csr_array

from reverie.records.digits import Digits
from reverie.records.levels import Indices
from reverie.records.linked.scores import TableScores
from reverie.records.linked.tree import Tree

__all__ = ["CHUNK", "FEWEST", "Cell", "LatentClasses"]

ROWS_EACH, MOST = 40, 128
"""Rows for each class, at least; and classes of a table, at most."""
FEWEST = 10
"""Patients of a class, at least; and rows that have and that lack a feature."""
FEATURES, SEEN, TURNS = 512, 10_000, 30
"""Features by which classes are told, at most; rows from which they are found; and turns of EM."""
CHUNK = 8192
"""Rows whose classes are found together."""
TIMES = 2 ** np.arange(8)
"""Of each table that hangs on a row, whether more rows than so many do."""
Cell = tuple[str, str]
"""A table, and its "group" or "rows"."""


@dataclass(frozen=True, eq=False)
class LatentClasses:
    """The classes of the rows of one table.

    Attributes:
        features: int64 [D], which of what `_present` tells are looked at.
        odds: float64 [K, D], log p_cd / (1 - p_cd).
        least: float64 [K], log w_c + sum_d log(1 - p_cd).
        code: of the classes in scores.
    """

    features: Indices
    odds: np.ndarray
    least: np.ndarray
    code: Digits

    @classmethod
    def fit(
        cls, table: str, tree: Tree, scores: Mapping[str, TableScores], levels: Mapping[Cell, tuple[int, np.ndarray]]
    ) -> Self | None:
        """The classes of a table; None of one with too few rows, or where nothing tells them apart.

        Args:
            levels: by cell, how many its channels tell; and int64 [2, n], (group or row, level) of all that are known.
        """
        x = _present(table, tree, scores, levels)
        n = _count(table, tree, scores)
        some = np.asarray(x.sum(0)).ravel()
        rare = np.minimum(some, n - some)
        told = np.sort(np.argsort(-rare, kind="stable")[: min(FEATURES, int((rare >= FEWEST).sum()))])
        if n < 2 * ROWS_EACH or not len(told):
            return None
        x = x[:, told]
        looked_at = np.sort(np.random.default_rng(0).permutation(n)[:SEEN])
        odds, least = (one.round(2) for one in _mixture(x[looked_at].toarray(), min(MOST, n // ROWS_EACH)))
        patients = tree.up(table, tree.root, np.arange(n), lambda t: scores[t].above)
        while True:  # a class of a few patients would name them
            of = _likeliest(x, odds, least)
            having = np.bincount(np.unique(np.stack([of, patients]), axis=1)[0], minlength=len(least))
            if having.min() >= FEWEST or len(least) == 1:
                break
            odds, least = (np.delete(one, int(having.argmin()), 0) for one in (odds, least))
        if len(least) < 2:
            return None
        order = leaves_list(linkage(odds, "ward", optimal_ordering=True)).astype(np.int64)
        return cls(told, odds, least, Digits.fit(np.bincount(of, minlength=len(least)), order))

    @property
    def count(self) -> int:
        return self.code.count

    def of(
        self, table: str, tree: Tree, scores: Mapping[str, TableScores], levels: Mapping[Cell, tuple[int, np.ndarray]]
    ) -> Indices:
        """int64 [rows], the class of each row of the table."""
        return _likeliest(_present(table, tree, scores, levels)[:, self.features], self.odds, self.least)

    @property
    def config(self) -> dict[str, Any]:
        return {
            "features": self.features.tolist(),
            "odds": self.odds.tolist(),
            "least": self.least.tolist(),
            "code": self.code.config,
        }

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        odds, least = (np.array(config[name], dtype=np.float64) for name in ("odds", "least"))
        return cls(np.array(config["features"], dtype=np.int64), odds, least, Digits.from_config(config["code"]))


def _count(table: str, tree: Tree, scores: Mapping[str, TableScores]) -> int:
    return len(scores[table] if table == tree.root else scores[table].above)


def _present(
    table: str, tree: Tree, scores: Mapping[str, TableScores], levels: Mapping[Cell, tuple[int, np.ndarray]]
) -> csr_array:
    """float32 [rows, D], 1 for what there is in each row of a table and in what hangs on it: levels, and numbers of rows."""
    n, width = _count(table, tree, scores), 0
    rows, columns = [np.zeros(0, dtype=np.int64)], [np.zeros(0, dtype=np.int64)]

    def up(other: str, at: Indices) -> Indices:
        return tree.up(other, table, at, lambda t: scores[t].above)

    for (other, what), (count, (at, level)) in levels.items():
        of_parent = what == "group" and other != tree.root
        if (other != table and table not in tree.above(other)) or (of_parent and other == table):
            continue  # what is one for all rows of a parent tells those apart by nothing
        rows.append(up(str(tree[other].parent), scores[other].parent[at]) if of_parent else up(other, at))
        columns.append(width + level)
        width += count
    for other in (branch.table for branch in tree.learned if table in tree.above(branch.table)):
        row, times = (np.bincount(up(other, np.arange(len(scores[other].above))), minlength=n)[:, None] > TIMES).nonzero()
        rows.append(row)
        columns.append(width + times)
        width += len(TIMES)
    at = np.unique(np.concatenate(rows) * max(width, 1) + np.concatenate(columns))
    return csr_array((np.ones(len(at), np.float32), np.divmod(at, max(width, 1))), shape=(n, width))


def _mixture(x: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """(odds [K, D], least [K]) of rows float32 [n, D], by EM from rows far apart (Arthur and Vassilvitskii 2007)."""
    randomness, n = np.random.default_rng(0), len(x)
    square = (x * x).sum(1)
    seeds, near = [int(randomness.integers(n))], np.full(n, np.inf)
    nearest = np.zeros(n, dtype=np.int64)
    while True:
        seed = seeds[-1]
        far = np.maximum(square - 2 * (x @ x[seed]) + square[seed], 0)
        nearest[far < near] = len(seeds) - 1
        near = np.minimum(near, far)
        if len(seeds) == count or near.sum() <= 0:
            break
        seeds.append(int(randomness.choice(n, p=near / near.sum())))
    whole = x.mean(0)
    share = np.eye(len(seeds), dtype=np.float32)[nearest]
    odds = least = np.zeros(0)
    for _ in range(TURNS):
        weight = share.sum(0)
        p = np.clip((share.T @ x + whole) / (weight[:, None] + 1), 1e-3, 1 - 1e-3).astype(np.float64)
        odds, least = np.log(p / (1 - p)), np.log1p(-p).sum(1) + np.log(weight / n + 1e-6)
        log = x @ odds.T.astype(np.float32) + least.astype(np.float32)
        share = np.exp(log - log.max(1, keepdims=True))
        share /= share.sum(1, keepdims=True)
    return odds, least


def _likeliest(x: csr_array, odds: np.ndarray, least: np.ndarray) -> Indices:
    """int64 [n], the class of rows [n, D]."""
    begins = range(0, len(x.indptr) - 1, CHUNK)
    parts = [np.asarray(x[first : first + CHUNK] @ odds.T + least).argmax(1) for first in begins]
    return np.concatenate([np.zeros(0, dtype=np.int64), *parts])
