"""Which table hangs on which when patients are made: a tree whose root is the patients.

    patients <- encounters <- orders <- administrations        the parent of the schema, where nearly every row has one
    encounters <- lab_results                                  the stay in whose time a row lies, where no column says it

A row that only says whose it is belongs to the stay that had begun when it was: what a model must know to make it is that
stay. Rows that belong to nobody are left out, and counted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

__all__ = ["Branch", "Grown", "Tree", "gathered", "place_of"]


@dataclass(frozen=True)
class Branch:
    """A table that is made, and the one that it hangs on.

    Attributes:
        table: its name.
        parent: of its parent; none of the patients.
        tie: the column that names the row of the parent; none where time tells it, or `place`.
        time: the column that says when its rows were: that of its clock, or another where that one is empty at times; none
            of sets and of patients.
        beside: whether no row above has two, and nothing hangs on it: then it is learned as more columns of the row above.
        place: the column that names the row of the parent together with whose it is, where no column alone does.
    """

    table: str
    parent: str | None = None
    tie: str | None = None
    time: str | None = None
    beside: bool = False
    place: str | None = None


@dataclass(frozen=True)
class Tree:
    """All that are made, parents before their children; and those that are carried over."""

    branches: tuple[Branch, ...]
    carried: tuple[str, ...] = ()

    @property
    def root(self) -> str:
        return self.branches[0].table

    def __getitem__(self, table: str) -> Branch:
        return next(branch for branch in self.branches if branch.table == table)

    def children(self, table: str) -> list[str]:
        """The tables whose rows hang on those of a table."""
        return [branch.table for branch in self.branches if branch.parent == table and not branch.beside]

    def beside(self, table: str) -> list[str]:
        """The tables that have one row at most for each of a table."""
        return [branch.table for branch in self.branches if branch.parent == table and branch.beside]

    @property
    def learned(self) -> list[Branch]:
        """The branches that have rows of their own."""
        return [branch for branch in self.branches if not branch.beside]

    def above(self, table: str) -> Iterator[str]:
        """The parent, its parent, and so on up to the root."""
        while (parent := self[table].parent) is not None:
            yield parent
            table = parent

    def up(self, table: str, above: str, rows: np.ndarray, parents: Callable[[str], np.ndarray]) -> np.ndarray:
        """int64 [n], the rows of a table above that some rows of a table hang on, or of one beside it, -1 for none; they
        themselves of that table itself.

        Args:
            parents: of a table, int64 [rows], the row of its parent's that each of its rows hangs on.
        """
        while table != above:
            if self[above].beside and self[above].parent == table:
                own = parents(above)
                return place_of(own, 1 + max(own.max(initial=-1), rows.max(initial=-1)))[rows]
            rows, table = parents(table)[rows], str(self[table].parent)
        return rows

    def below(
        self, patients: np.ndarray, count: int, parents: Mapping[str, np.ndarray]
    ) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        """By table the rows that hang on some of `count` patients (rising), and the place that the row above each has among
        those that stay; of the tables of which `parents` says what their rows hang on."""
        kept = {self.root: (patients, np.arange(len(patients)))}
        for branch in self.branches:
            if branch.parent is not None and branch.table in parents:
                above = count if branch.parent == self.root else len(parents[branch.parent])
                at = place_of(kept[branch.parent][0], above)[parents[branch.table]]
                kept[branch.table] = np.flatnonzero(at >= 0), at[at >= 0]
        return kept

    @property
    def config(self) -> dict[str, object]:
        return {
            "branches": [[b.table, b.parent, b.tie, b.time, b.beside, b.place] for b in self.branches],
            "carried": list(self.carried),
        }

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Tree:
        return cls(tuple(Branch(*one) for one in config["branches"]), tuple(map(str, config["carried"])))


@dataclass(frozen=True, eq=False)
class Grown:
    """Tables in the order of a tree.

    Attributes:
        tree: which hangs on which.
        frames: of the tables that are made: rows together that have one parent, in the order of time.
        parents: by table, int64 [rows], the row of the parent's frame that each hangs on; none of the root.
        notes: what was left out.
    """

    tree: Tree
    frames: Mapping[str, pl.DataFrame]
    parents: Mapping[str, np.ndarray]
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        """The number of patients."""
        return self.frames[self.tree.root].height

    def patients(self, table: str) -> np.ndarray:
        """int64 [rows], the row of the root that each row of a table is of."""
        return self.tree.up(table, self.tree.root, np.arange(self.frames[table].height), self.parents.__getitem__)

    def take(self, patients: np.ndarray) -> Grown:
        """Only these patients (rows of the root, rising), and what hangs on them."""
        kept = self.tree.below(patients, len(self), self.parents)
        frames = {table: self.frames[table][rows] for table, (rows, _) in kept.items()}
        parents = {table: above for table, (_, above) in kept.items() if table != self.tree.root}
        return Grown(self.tree, {**self.frames, **frames}, parents)


def place_of(rows: np.ndarray, count: int) -> np.ndarray:
    """int64 [count], the place of each row of a table among some `rows` of it; -1 of the others."""
    place = np.full(count, -1)
    place[rows] = np.arange(len(rows))
    return place


def gathered(cells: pl.Series, rows: np.ndarray) -> pl.Series:
    """The cells of some rows; null where a row is -1."""
    at = pl.Series(rows)
    return cells.gather(at.set(at < 0, None))
