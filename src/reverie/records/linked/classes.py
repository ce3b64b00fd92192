"""Latent classes of rows, see latent.py, and what they say of all else.

A class is drawn before all else of its row, and says at once what goes with what in all that hangs on it: how often each
level comes where the row above, or the row itself, is of class c, and where the scores of numbers lie then,

    log P(k | c) / P(k),      P(k | c) = (n_ck + A P(k)) / (n_c + A)                  z | c ~ N(m_c, v_c)

is added to what the noisy scores of a cell say (denoisers/naming.py, rows.py). So before anything is learned the network
says what a model of latent classes says, and what it learns is beyond that.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self

import numpy as np
from torch import Tensor

from reverie.denoisers.naming import Cells, Naming
from reverie.errors import UsageError
from reverie.process.randomness import generator
from reverie.records.leveled import leveled
from reverie.records.levels import Indices
from reverie.records.linked.latent import CHUNK, Cell, LatentClasses
from reverie.records.linked.scores import TableScores
from reverie.records.linked.succession import Successions
from reverie.records.linked.tree import Tree

__all__ = ["Classes"]

BACKED = 1.0
"""A: how many rows of all classes each class has besides its own."""
LEAST = 0.05
"""The smallest variance that scores of a class are taken to have."""


@dataclass(frozen=True, eq=False)
class Classes:
    """The latent classes of all tables.

    Attributes:
        tables: of those that have any.
        following: of the same, how classes follow on each other.
        expected, spread: by cell, float32 [1 + classes above + own, levels | 2, width], see Cells.
    """

    tables: Mapping[str, LatentClasses] = field(default_factory=dict)
    following: Mapping[str, Successions] = field(default_factory=dict)
    expected: Mapping[Cell, np.ndarray] = field(default_factory=dict)
    spread: Mapping[Cell, np.ndarray] = field(default_factory=dict)

    @classmethod
    def fit(cls, tree: Tree, scores: Mapping[str, TableScores], cells: Mapping[Cell, Cells]) -> Self:
        """Those of all tables in which rows are told apart."""
        levels, tables = _levels(scores, cells), {}
        for branch in tree.learned:
            found = LatentClasses.fit(branch.table, tree, scores, levels)
            tables |= {branch.table: found} if found is not None else {}
        return cls(tables)

    def expecting(
        self,
        tree: Tree,
        scores: Mapping[str, TableScores],
        cells: Mapping[Cell, Cells],
        known_by: Callable[[str, str, bool], Indices],
        classes_of: Callable[[str], Indices],
    ) -> Classes:
        """The same, with what each class says of each level and of numbers, of such rows, whose cells tell classes too; and
        how classes follow on each other.

        Args:
            known_by: (table, "group" or "rows", whether by their own) -> int64 [n], see Layout.known_by.
            classes_of: of a table, int64 [rows], see Layout.classes_of.
        """
        levels, expected, spread = _levels(scores, cells), {}, {}
        for cell, of in cells.items():
            count, pairs = levels[cell]
            fields = np.repeat(np.arange(len(of.leveled)), [len(one.lower) for one in of.leveled])
            numbers = np.setdiff1d(np.arange(of.width), [c for one in of.leveled for c in one.channels])
            parts, moments = [np.zeros((1, count), dtype=np.float32)], [_standard(1, of.width)]
            whose = [(known_by(*cell, False) - 1, of.classes_above)]
            if of.class_field is not None:
                whose.append((known_by(*cell, True) - 1 - of.classes_above, self.count(cell[0])))
            for classes, many in (one for one in whose if one[1]):
                parts.append(_expected(count, pairs, fields, classes, many))
                moments.append(_spread(scores[cell[0]], cell[1], numbers, classes, many, of.width))
            if len(parts) > 1:
                expected[cell], spread[cell] = np.concatenate(parts), np.concatenate(moments)
        following = {table: self._following(table, tree, scores, classes_of) for table in self.tables}
        return replace(self, following=following, expected=expected, spread=spread)

    def _following(
        self, table: str, tree: Tree, scores: Mapping[str, TableScores], classes_of: Callable[[str], Indices]
    ) -> Successions:
        lengths = np.ones(len(scores[table]), dtype=np.int64) if table == tree.root else scores[table].lengths
        counts = [self.count(above) for above in self.above(table, tree)]
        return Successions.fit(
            classes_of(table), self.classes_above(table, tree, scores, classes_of), lengths, self.count(table), counts
        )

    def above(self, table: str, tree: Tree) -> list[str]:
        """The tables above one that have classes, from the next up to the root."""
        return [above for above in tree.above(table) if above in self.tables]

    def classes_above(
        self, table: str, tree: Tree, scores: Mapping[str, TableScores], classes_of: Callable[[str], Indices]
    ) -> Indices:
        """int64 [groups, tables above], 1 + the class of the row above each group of a table, 0 where it is not known.

        Args:
            classes_of: of a table, int64 [rows], the class of each of its rows; -1 where it is not known.
        """
        groups = scores[table].parent
        found = [np.zeros((len(groups), 0), dtype=np.int64)]
        for above in self.above(table, tree):
            rows = tree.up(str(tree[table].parent), above, groups, lambda t: scores[t].above)
            found.append(1 + classes_of(above)[rows, None])
        return np.concatenate(found, 1)

    def told(self, cell: Cell, of: Cells, values: Tensor, known: Tensor) -> np.ndarray:
        """float64 [n, classes], log P(what is known | class) of rows of a table, up to a constant, by scores [n, w] of which
        some are known (Bayes, each cell by itself)."""
        own, naming = slice(1 + of.classes_above, None), Naming(of)
        mean, variance = self.spread[cell][own].astype(np.float64).transpose(1, 0, 2)
        there = known.numpy().astype(np.float64)
        z = values.double().numpy() * there  # log N(z; mean, variance) / N(z; 0, 1), multiplied out
        said = z**2 @ (0.5 * (1 - 1 / variance)).T + z @ (mean / variance).T
        said -= there @ (0.5 * (mean**2 / variance + np.log(variance))).T
        return said + naming.known_levels(values, known).double().numpy() @ self.expected[cell][own].T

    def of(self, tree: Tree, scores: Mapping[str, TableScores], cells: Mapping[Cell, Cells]) -> dict[str, np.ndarray]:
        """By table float64 [2, rows, width], the ends of the scores of the class of each row."""
        levels = _levels(scores, cells)
        return {
            table: np.stack(classes.code.intervals(classes.of(table, tree, scores, levels)))
            for table, classes in self.tables.items()
        }

    def count(self, table: str) -> int:
        return self.tables[table].count if table in self.tables else 0

    def width(self, table: str) -> int:
        """Channels that tell the class of a row."""
        return self.tables[table].code.width if table in self.tables else 0

    def level(self, table: str, scores: np.ndarray) -> Indices:
        """int64 [n], the classes that scores [n, width] tell."""
        return self.tables[table].code.level(scores)

    def ends(self, table: str) -> tuple[np.ndarray, np.ndarray] | None:
        """Both ends [k, width] of the scores of all classes; None of a table without any."""
        return leveled(self.tables[table].code) if table in self.tables else None

    @property
    def config(self) -> dict[str, Any]:
        expected = {"\n".join(cell): (100 * of).round().astype(int).tolist() for cell, of in self.expected.items()}
        spread = {"\n".join(cell): (100 * of).round().astype(int).tolist() for cell, of in self.spread.items()}
        tables = {table: of.config for table, of in self.tables.items()}
        following = {table: of.config for table, of in self.following.items()}
        return {"tables": tables, "following": following, "expected": expected, "spread": spread}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        tables = {table: LatentClasses.from_config(of) for table, of in config.get("tables", {}).items()}
        following = config.get("following", {})
        if tables.keys() != following.keys() or not all("again" in of for of in following.values()):
            raise UsageError("its latent classes are of a form that cannot be read here: train it again.")
        said = ({}, {})
        for out, name in zip(said, ("expected", "spread"), strict=True):
            for key, of in config.get(name, {}).items():
                table, what = key.split("\n")
                out[table, what] = np.array(of, dtype=np.float32) / 100
        return cls(tables, {table: Successions.from_config(of) for table, of in following.items()}, *said)


def _levels(scores: Mapping[str, TableScores], cells: Mapping[Cell, Cells]) -> dict[Cell, tuple[int, np.ndarray]]:
    """By cell, how many levels its channels tell; and int64 [2, n], (group or row, level) of all that are known."""
    found = {}
    for (table, what), of in cells.items():
        naming, pairs = Naming(of), []
        count = len(scores[table]) if what == "group" else scores[table].rows.shape[1]
        for first in range(0, count if of.levels else 0, CHUNK):
            which = np.arange(first, min(first + CHUNK, count))
            values, known = scores[table].of_groups(which) if what == "group" else scores[table].of_rows(which)
            row, level = naming.known_levels(values, known).nonzero().T.numpy()
            pairs.append(np.stack([row + first, level]))
        found[table, what] = of.levels, np.concatenate(pairs, 1) if pairs else np.zeros((2, 0), dtype=np.int64)
    return found


def _expected(levels: int, pairs: np.ndarray, fields: Indices, classes: Indices, count: int) -> np.ndarray:
    """float32 [count, levels], log P(k | c) / P(k).

    Args:
        pairs: int64 [2, n], (row, level) of all that are known.
        fields: int64 [levels], the field of each.
        classes: int64 [rows], the class of each row, or of the one above; -1 where there is none.
    """
    of = classes[pairs[0]]
    seen = of >= 0
    n = np.bincount(of[seen] * levels + pairs[1, seen], minlength=count * levels).reshape(count, levels).astype(np.float64)
    share = np.bincount(pairs[1], minlength=levels).astype(np.float64)
    whole = np.bincount(fields, share)
    share = share / np.maximum(whole[fields], 1)
    of_field = np.stack([np.bincount(fields, row) for row in n])[:, fields]
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.log((n + BACKED * share) / (of_field + BACKED)) - np.log(share)
    return np.where(share > 0, ratio, 0.0).round(2).astype(np.float32)


def _standard(classes: int, width: int) -> np.ndarray:
    """float32 [classes, 2, width], mean 0 and variance 1."""
    return np.stack([np.zeros((classes, width)), np.ones((classes, width))], 1).astype(np.float32)


def _spread(one: TableScores, what: str, numbers: Indices, classes: Indices, count: int, width: int) -> np.ndarray:
    """float32 [count, 2, width], mean and variance of the scores of numbers by class, with BACKED more of N(0, 1)."""
    out = _standard(count, width).astype(np.float64)
    rows, randomness = np.arange(len(classes)), generator(0, "spread")  # drawn, for a number that many have is an interval
    values, known = one.of_groups(rows, randomness) if what == "group" else one.of_rows(rows, randomness)
    for c in numbers.tolist():
        there = known[:, c].numpy() & (classes >= 0)
        of, z = classes[there], values[:, c].double().numpy()[there]
        n, first, second = (np.bincount(of, weights, minlength=count) for weights in (np.ones(len(z)), z, z * z))
        mean = first / (n + BACKED)
        out[:, 0, c] = mean
        out[:, 1, c] = np.clip((second + BACKED) / (n + BACKED) - mean**2, LEAST, 2.0)
    return out.round(2).astype(np.float32)
