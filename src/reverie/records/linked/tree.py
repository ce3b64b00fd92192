"""Which table hangs on which when patients are made: a tree whose root is the patients.

    patients <- encounters <- orders <- administrations        the parent of the schema, where nearly every row has one
    encounters <- lab_results                                  the stay in whose time a row lies, where no column says it

A row that only says whose it is belongs to the stay that had begun when it was: what a model must know to make it is that
stay. Rows that belong to nobody are left out, and counted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

__all__ = ["Branch", "Grown", "Tree"]


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
        rows = np.arange(self.frames[table].height)
        for at in (table, *self.tree.above(table)):
            if at != self.tree.root:
                rows = self.parents[at][rows]
        return rows

    def take(self, patients: np.ndarray) -> Grown:
        """Only these patients (rows of the root, rising), and what hangs on them."""
        frames, parents, kept = dict(self.frames), dict(self.parents), {}
        for branch in self.tree.branches:
            table = branch.table
            if branch.parent is None:
                kept[table] = patients
            else:
                place = np.full(self.frames[branch.parent].height, -1)
                place[kept[branch.parent]] = np.arange(len(kept[branch.parent]))
                at = place[self.parents[table]]
                kept[table], parents[table] = np.flatnonzero(at >= 0), at[at >= 0]
            frames[table] = self.frames[table][kept[table]]
        return Grown(self.tree, frames, parents)
