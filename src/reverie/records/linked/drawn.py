"""What of completed tables was drawn, told by the tables that were given.

a row below those given    -> made                 a cell that was empty, and is not    -> filled
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from reverie.errors import UsageError
from reverie.records.given import texts
from reverie.records.linked.fitting import FittedTables

__all__ = ["Drawn"]


@dataclass(frozen=True, eq=False)
class Drawn:
    """Completed tables beside those that were given, rows of which stand in their order at the head of each table."""

    now: FittedTables
    given: FittedTables

    @classmethod
    def of(cls, now: FittedTables, given: FittedTables, key: str) -> Self:
        """`key` is that of the patients. Raises UsageError where the one cannot have been made of the other."""
        root = now.grown.tree.root
        short = [table for table, frame in given.source.items() if now.source[table].height < frame.height]
        if not short and root in given.source:
            ours, theirs = (texts(of.source[root].select(key))[key] for of in (now, given))
            short = [] if ours.head(len(theirs)).equals(theirs) else [root]
        if short:
            raise UsageError(
                f"{now.name} was not made of {given.name}, for the rows of {short[0]} there are others: give as `given` the "
                "tables that were completed."
            )
        return cls(now, given)

    def rows(self, table: str) -> np.ndarray:
        """Bool, which rows of a table, as the model sees it, were made."""
        if table not in self.given.source:  # implied: others only speak of it
            return np.zeros(len(self.now.rows[table]), dtype=bool)
        return self.now.rows[table] >= self.given.source[table].height

    def cells(self, table: str, column: str) -> np.ndarray:
        """Bool, in which rows a cell was filled."""
        made = self.rows(table)
        was = self.given.given.get(table, {})
        if column not in was:
            return np.zeros(len(made), dtype=bool)
        here = self.now.grown.frames[table][column].is_not_null().to_numpy()
        empty = np.zeros(len(made), dtype=bool)
        empty[~made] = ~was[column].gather(self.now.rows[table][~made]).to_numpy()
        return here & empty
