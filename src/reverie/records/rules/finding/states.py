"""What goes with what: levels, exact numbers that recur, and whether a cell is filled, each a list of states.

Of each pair of columns, the states that never occur together are the rule:

    tells         each state of one goes with one state of the other          status tells code (alive: 0, dead: 1)
    implications  some states of one never go with some of the other         TIMEDTH = 8766 if DEATH = 0, filled(x) if s = M
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from reverie.errors import UsageError
from reverie.records.kinds import Column
from reverie.records.rules.expressions import Name, Value
from reverie.records.rules.finding.evidence import Evidence, Ints
from reverie.records.rules.rule import Claim, Empty, Filled, OneOf, Relation

__all__ = ["FilledStates", "LevelStates", "NumberStates", "States", "states_of", "written"]

FEW = 12
"""Numbers of at most so many different values are looked at value by value."""
MOST = 60
"""Levels of a column that is looked at."""
PILE = 0.02
"""Share of the known cells that are one exact number, least or greatest, to be a state of its own."""
MODE = 0.2
"""The same of a number in between."""


@dataclass(frozen=True, eq=False)
class States:
    """One respect in which rows differ.

    Attributes:
        column: of the schema.
        codes: int64 [R], the state of each row, -1 where it is not known.
        size: how many states there are.
    """

    column: Column
    codes: Ints
    size: int

    @property
    def key(self) -> str:
        return f"{type(self).__name__} {self.column.name}"

    @property
    def static(self) -> bool:
        return self.column.role == "static"

    @property
    def sure(self) -> bool:
        """Whether it is known in every row."""
        return bool((self.codes >= 0).all())

    def claims(self, allowed: list[int]) -> tuple[Claim, ...]:
        """What says that the state is one of these."""
        raise NotImplementedError


@dataclass(frozen=True, eq=False)
class LevelStates(States):
    """Levels, or numbers of few different values.

    Attributes:
        names: of each state, as people write it.
    """

    names: tuple[str, ...]

    def claims(self, allowed: list[int]) -> tuple[Claim, ...]:
        names = tuple(self.names[state] for state in allowed)
        return (
            Relation(Name(self.column.name), "=", Value(names[0])) if len(names) == 1 else OneOf(self.column.name, names),
        )


@dataclass(frozen=True, eq=False)
class NumberStates(States):
    """Exact numbers that recur, in ascending order, and, as the last state, all others."""

    names: tuple[str, ...]
    edges: tuple[bool, bool]
    """Whether the first is the least of all values, and the last the greatest."""
    spans: tuple[tuple[float, float], ...]
    """The least and the greatest value of each state."""

    def claims(self, allowed: list[int]) -> tuple[Claim, ...]:
        if self.size - 1 not in allowed:
            return LevelStates(self.column, self.codes, self.size, self.names).claims(allowed)
        name, relations = Name(self.column.name), []
        for state in range(self.size - 1):
            if state not in allowed:
                least, greatest = state == 0 and self.edges[0], state == self.size - 2 and self.edges[1]
                relations.append(Relation(name, ">" if least else "<" if greatest else "!=", Value(self.names[state])))
        return tuple(relations)


@dataclass(frozen=True, eq=False)
class FilledStates(States):
    """Empty, and filled."""

    def claims(self, allowed: list[int]) -> tuple[Claim, ...]:
        return ((Filled if allowed == [1] else Empty)(self.column.name),)


def states_of(evidence: Evidence, columns: list[Column]) -> Iterator[States]:
    """The states of columns that have some."""
    for column in columns:
        x = evidence.values(column.name)
        known = ~np.isnan(x)
        if column.levels:
            codes = np.where(known, np.nan_to_num(x), -1).astype(np.int64)
            if 1 < len(column.levels) <= MOST:
                yield LevelStates(column, codes, len(column.levels), column.levels)
        elif column.numeric and known.any():
            yield from _numbers(column, x, known)
        if column.role != "time" and not known.all() and known.any():
            yield FilledStates(column, known.astype(np.int64), 2)


def _numbers(column: Column, x: np.ndarray, known: np.ndarray) -> Iterator[States]:
    values, counts = np.unique(x[known], return_counts=True)
    if len(values) < 2:
        return
    if len(values) <= FEW:
        codes = np.where(known, np.searchsorted(values, np.nan_to_num(x, nan=values[0])), -1)
        names = tuple(written(column, v) for v in values)
        if all(names):
            yield LevelStates(column, codes, len(values), names)
        return
    share = counts / counts.sum()
    last = len(values) - 1
    piles = [i for i in range(len(values)) if share[i] >= (PILE if i in (0, last) or values[i] == 0 else MODE)]
    names = tuple(written(column, values[i]) for i in piles)
    if piles and all(names):
        exact = values[piles]
        at = np.searchsorted(exact, np.nan_to_num(x, nan=exact[0])).clip(0, len(exact) - 1)
        codes = np.where(known, np.where(exact[at] == x, at, len(exact)), -1)
        edges = (piles[0] == 0, piles[-1] == last)
        others = np.setdiff1d(values, exact)
        spans = (*((float(v), float(v)) for v in exact), (float(others[0]), float(others[-1])))
        yield NumberStates(column, codes, len(exact) + 1, names, edges, spans)


def written(column: Column, value: float) -> str:
    """The value as it is read again."""
    for text in (column.text(value), f"{value:.15g}"):
        try:
            if column.parse(text) == value:
                return text
        except UsageError:
            continue
    return ""
