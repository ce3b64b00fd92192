"""Cells that are lists of a few things ("I10|E66.9"): each thing is learned as whether it is in the cell.

    chronic_conditions    I10|E66.9        chronic_conditions: I10    chronic_conditions: E66.9    chronic_conditions: J45
                                        <->        true                       true                      false

An empty cell has none of them. Lists are written in one order, that in which most of those seen stand.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Self

import polars as pl

__all__ = ["Listed"]

SEPARATORS = (" | ", "|", "; ", ";", ", ", ",")
MOST = 64
"""Things that lists are of."""
AGAIN, SHARE = 2, 0.1
"""Different cells for each different thing, at least: what stands together in a few ways alone are names; and the least
share of cells that are of several."""


@dataclass(frozen=True)
class Listed:
    """How a column of lists is written.

    Attributes:
        column: its name.
        separator: between things.
        things: what lists are of, in the order in which they are written.
    """

    column: str
    separator: str
    things: tuple[str, ...]

    @classmethod
    def of(cls, cells: pl.Series) -> Self | None:
        """How a column is a list; None where it is not one, or could not be written again."""
        whole = cells.drop_nulls()
        if cells.dtype != pl.String or not whole.len():
            return None
        values = whole.unique(maintain_order=True)
        for separator in SEPARATORS:
            if float(whole.str.contains(separator, literal=True).mean() or 0.0) < SHARE:  # pyright: ignore[reportArgumentType]
                continue
            split = values.str.split(separator)
            things = split.explode().unique(maintain_order=True)
            if things.len() > MOST or values.len() < AGAIN * things.len() or (things.str.strip_chars() != things).any():
                continue
            if (things == "").any() or (split.list.n_unique() != split.list.len()).any():
                continue
            return cls(cells.name, separator, _in_order(split.to_list(), things.to_list()))
        return None

    @property
    def names(self) -> list[str]:
        """The columns of what is in them."""
        return [f"{self.column}: {thing}" for thing in self.things]

    def visits(self, cells: pl.Series) -> Iterator[pl.Series]:
        """Whether each thing is in each cell."""
        split = cells.fill_null("").str.split(self.separator)
        for name, thing in zip(self.names, self.things, strict=True):
            yield split.list.contains(thing).alias(name)

    def cells(self, visits: pl.DataFrame) -> pl.Series:
        """The inverse; empty where there is nothing."""
        there = [
            pl.when(pl.col(name).cast(pl.String) == "true").then(pl.lit(thing))
            for name, thing in zip(self.names, self.things, strict=True)
        ]
        whole = pl.concat_list(there).list.drop_nulls().list.join(self.separator)
        return visits.select(pl.when(whole != "").then(whole)).to_series()

    @property
    def config(self) -> list[Any]:
        return [self.separator, list(self.things)]


def _in_order(lists: list[list[str]], things: list[str]) -> tuple[str, ...]:
    """Things by how many of the others they stand before, mostly."""
    before: Counter[tuple[str, str]] = Counter()
    for one in lists:
        before.update((a, b) for i, a in enumerate(one) for b in one[i + 1 :])

    def wins(thing: str) -> int:
        return sum(
            (before[thing, other] > before[other, thing]) - (before[other, thing] > before[thing, other]) for other in things
        )

    return tuple(sorted(things, key=lambda thing: (-wins(thing), things.index(thing))))
