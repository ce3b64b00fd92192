"""Which codes go together: of one stay, or of one patient, within a table and between tables.

    phi(a, b) = (n n_ab - n_a n_b) / sqrt(n_a (n - n_a) n_b (n - n_b)),   n units, n_a of them with code a

All four are sums over patients, so a sample of patients has its phi from sums. Codes too rare to say anything are left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from reverie.evaluation.linked.hospital import CODE, ROW, WHO, Hospital
from reverie.evaluation.linked.plan import Lane, Plan

__all__ = ["Tokens", "phi"]

EACH, ALL = 25, 150
"""Codes of a table, and of all, that are paired: the commonest."""
LEAST = 10
"""Real patients that a code must have."""


@dataclass(frozen=True, eq=False)
class Tokens:
    """The codes that are paired.

    Attributes:
        unit: the table each row of which is a unit: that of the patients, or of stays.
        of: (table, code's number) of each token.
    """

    unit: str
    of: tuple[tuple[str, int], ...]

    @classmethod
    def chosen(cls, plan: Plan, unit: str, real: Sequence[Hospital]) -> Tokens:
        """Those that most real patients have."""
        found: list[tuple[int, str, int]] = []
        for lane in _below(plan, unit):
            counts = np.zeros(len(lane.levels) + 1, dtype=np.int64)
            for hospital in real:
                once = hospital.rows[lane.name].select(WHO, CODE).drop_nulls().unique()
                counts += np.bincount(once[CODE].to_numpy(), minlength=len(counts))
            first = np.argsort(-counts[:-1], kind="stable")[:EACH]
            found += [(int(counts[c]), lane.name, int(c)) for c in first if counts[c] >= LEAST]
        found.sort(key=lambda one: -one[0])
        return cls(unit, tuple((lane, code) for _, lane, code in found[:ALL]))

    @property
    def size(self) -> int:
        """Cells: pairs [T, T] and, in the last one, the number of units."""
        return len(self.of) ** 2 + 1

    def cells(self, hospital: Hospital) -> tuple[np.ndarray, np.ndarray]:
        """(whose, cell) of each pair of codes, a <= b, in each unit, and of each unit."""
        plan = hospital.plan
        units = hospital.rows[self.unit].select(WHO)
        whose = [units[WHO].to_numpy()]
        cell = [np.full(units.height, self.size - 1, dtype=np.int64)]
        parts = []
        for lane in _below(plan, self.unit):
            numbers = {code: i for i, (name, code) in enumerate(self.of) if name == lane.name}
            if not numbers:
                continue
            rows = hospital.rows[lane.name].filter(pl.col(CODE).is_in(list(numbers)))
            token = rows[CODE].replace_strict(list(numbers), list(numbers.values()), return_dtype=pl.Int64)
            parts.append(pl.DataFrame({WHO: rows[WHO], "\0unit": _unit_of(hospital, lane, self.unit, rows), "\0t": token}))
        if parts:
            had = pl.concat(parts).drop_nulls().unique()
            both = had.join(had, on=["\0unit", WHO], suffix="\0b").filter(pl.col("\0t") <= pl.col("\0t\0b"))
            whose.append(both[WHO].to_numpy())
            cell.append(both["\0t"].to_numpy() * len(self.of) + both["\0t\0b"].to_numpy())
        return np.concatenate(whose), np.concatenate(cell)

    def groups(self) -> Iterator[tuple[str, str, np.ndarray, np.ndarray]]:
        """(table, table, a [K], b [K]): the pairs within each table and between each two."""
        tables = list(dict.fromkeys(lane for lane, _ in self.of))
        places = {t: np.array([i for i, (lane, _) in enumerate(self.of) if lane == t]) for t in tables}
        for i, one in enumerate(tables):
            for other in tables[i:]:
                a, b = (m.ravel() for m in np.meshgrid(places[one], places[other], indexing="ij"))
                a, b = (a[a < b], b[a < b]) if one == other else (np.minimum(a, b), np.maximum(a, b))
                if len(a) >= 3:
                    yield one, other, a, b


def phi(sums: np.ndarray, tokens: int, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """phi of pairs of tokens [K] by the sums over patients [T * T + 1]; 0 where a code is in none or in all."""
    n, table = sums[-1], sums[:-1].reshape(tokens, tokens)
    alone = np.diagonal(table)
    of_a, of_b = alone[a], alone[b]
    # A unit whose rows are of two patients counts for either: then there may be more with a code than there are.
    size = np.sqrt(of_a * np.maximum(n - of_a, 0) * of_b * np.maximum(n - of_b, 0))
    return np.where(size > 0, (n * table[a, b] - of_a * of_b) / np.where(size > 0, size, 1.0), 0.0)


def _below(plan: Plan, unit: str) -> list[Lane]:
    """The lanes with codes in a unit: those that refer to it, directly or by their parents, and itself."""
    return [
        lane
        for lane in plan.coded
        if unit == plan.entity or lane.name == unit or any(table == unit for _, table in lane.upwards)
        or unit in plan.schema.above(lane.name)
    ]  # fmt: skip


def _unit_of(hospital: Hospital, lane: Lane, unit: str, rows: pl.DataFrame) -> pl.Series:
    """The number of the unit that each row is of; null where it is of none."""
    plan = hospital.plan
    if unit == plan.entity:
        return rows[WHO]
    if lane.name == unit:
        return rows[ROW]
    column, table = next(((c, t) for c, t in lane.upwards if t == unit), (lane.tie, lane.parent))
    assert column is not None and table is not None
    above = hospital.rows[table]
    numbers = above[ROW] if table == unit else _unit_of(hospital, plan[table], unit, above)
    there = pl.DataFrame({"\0key": above[str(plan[table].key)].cast(pl.String), "\0u": numbers}).unique(
        "\0key", keep="first"
    )
    mine = rows.select(pl.col(column).cast(pl.String).alias("\0key"))
    return mine.join(there, on="\0key", how="left", maintain_order="left")["\0u"]
