"""Rules across tables that real patients keep, found in them, to be counted in synthetic ones.

    order      a time of a row is not before (after) a time of the row above it: within a stay, not after death
    number     a row of P has no row of T, or has one; where P's column is at a level; has no more than one
    inside     a row lies within a stay of its patient, though nothing ties it to one
    same       a column has the value that the column of that name has in the row above
    goes with  where a row's code is one of some, a column of the row above is at one level

A rule is kept if no more than ALMOST of the patients who could break it do, of at least LEAST. What would hold by chance
alone is none: a level of share s that n patients all have is one only where s^n < CHANCE.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import product
from operator import add

import numpy as np
import polars as pl

from reverie.evaluation.linked.hospital import AT, CODE, WHO, Hospital, floats
from reverie.evaluation.linked.lived import parents_times
from reverie.evaluation.linked.plan import Lane, Plan
from reverie.evaluation.privacy.rates import Kept
from reverie.records.column_names import words
from reverie.records.linked.binding import FATES
from reverie.records.linked.bonds import dated
from reverie.records.linked.times import SIGNS, kept

__all__ = ["Rule", "found"]

LEAST = 20
"""Patients who could break a rule."""
ALMOST = 0.01
CHANCE = 1e-6
_KEY, _THEIRS = "\0key", "\0theirs"


@dataclass(frozen=True)
class Rule:
    """One rule.

    Attributes:
        what: "order", "inside", "number", "same" or "goes".
        table, above: the table of the rows, and that of the rows they refer to.
        column: of `table`; of a rule on numbers of `above`, "" for all rows.
        theirs: of `above`; of a rule on numbers the level.
        sign: of an order "<=", ">=" or "="; of a number "none", "some" or "one".
        levels: of "goes", (code, level) as text.
        called: of "goes" the name of its first code, of a number that of the level, where a lookup knows it.
    """

    what: str
    table: str
    above: str
    column: str
    theirs: str
    sign: str = ""
    levels: tuple[tuple[str, str], ...] = ()
    called: str = ""

    @property
    def firm(self) -> bool:
        """Whether one patient who breaks it is a fault: what holds at one level alone may be chance that nobody did."""
        return self.what != "goes" and not (self.what == "number" and self.column)

    def __str__(self) -> str:
        mine, theirs = f"{self.table}.{self.column}", f"{self.above}.{self.theirs}"
        if self.what == "order":
            return f"{mine} {self.sign} {theirs}"
        if self.what == "number":
            how = {"none": "no row", "some": "a row", "one": "at most one row"}[self.sign]
            where = f" where {self.column} is {self.called or self.theirs}" if self.column else ""
            return f"{how} of {self.table} for each of {self.above}{where}"
        if self.what == "inside":
            return f"{mine} within the time of a row of {self.above}"
        if self.what == "same":
            return f"{mine} = {theirs}"
        (code, level), *more = self.levels
        return f"{mine} {self.called or code} only with {theirs} {level}" + (
            f", and {len(more)} more such codes" if more else ""
        )

    def kept(self, hospitals: Sequence[Hospital]) -> Kept:
        """How it is kept in some hospitals."""
        of = [self._applied(hospital) for hospital in hospitals]
        each = (Kept(len(who), len(np.unique(who)), int(bad.sum()), len(np.unique(who[bad]))) for who, bad in of)
        return reduce(add, each)

    def breaking(self, hospital: Hospital) -> np.ndarray:
        """The patients who break it, int64, each once."""
        who, broken = self._applied(hospital)
        return np.unique(who[broken])

    def _applied(self, hospital: Hospital) -> tuple[np.ndarray, np.ndarray]:
        """Of each row that it applies to, whose it is and whether it breaks it."""
        if self.what == "number":
            who, counts, cells = _numbers(hospital, hospital.plan[self.table], self.above, self.column)
            of = np.ones(len(who), dtype=bool) if not self.column else (cells == self.theirs).fill_null(False).to_numpy()
            return who[of], {"none": counts > 0, "some": counts == 0, "one": counts > 1}[self.sign][of]
        if self.what == "inside":
            lane = hospital.plan[self.table]
            start, end = next((a, b) for table, a, b in parents_times(hospital, lane) if table == self.above)
            at = floats(hospital.rows[self.table][AT])
            known = ~np.isnan(at)
            wrong = np.isnan(start) | (at > end)  # pyright: ignore[reportOptionalOperand]
            return hospital.rows[self.table][WHO].to_numpy()[known], wrong[known]
        who, mine, theirs = _beside(hospital, hospital.plan[self.table], self.above, self.column, self.theirs)
        known = (mine.is_not_null() & theirs.is_not_null()).to_numpy()
        if self.what == "order":
            return who[known], ~kept(mine, self.sign, theirs).fill_null(True).to_numpy()[known]
        mine, theirs = mine.cast(pl.String), theirs.cast(pl.String)
        if self.what == "same":
            return who[known], (mine != theirs).fill_null(False).to_numpy()[known]
        codes, levels = zip(*self.levels, strict=True)
        wanted = mine.replace_strict(list(codes), list(levels), default=None, return_dtype=pl.String)
        known &= wanted.is_not_null().to_numpy()
        return who[known], (wanted != theirs).fill_null(False).to_numpy()[known]


def found(real: Sequence[Hospital]) -> list[Rule]:
    """The rules that the real hospitals keep."""
    return [rule for rule in _proposed(real[0]) if _holds(rule, real)]


def _holds(rule: Rule, real: Sequence[Hospital]) -> bool:
    of = rule.kept(real)
    return of.patients >= LEAST and of.patients_breaking <= ALMOST * of.patients


def _proposed(hospital: Hospital) -> Iterator[Rule]:
    plan = hospital.plan
    for lane in plan.below:
        for above in _above(plan, lane):
            yield from _orders(hospital, lane, above)
        if lane.start is not None and plan.types[lane.name][lane.start] != pl.Date:
            tied = {table for _, table in lane.upwards}
            for table, _, end in parents_times(hospital, lane):
                if end is not None and table not in tied:
                    yield Rule("inside", lane.name, table, lane.start, "")
        for _, table in lane.upwards:
            yield from _of_numbers(hospital, lane, table)
            yield from _same(plan, lane, table)
        if lane.code is not None:
            yield from _goes(hospital, lane)


def _above(plan: Plan, lane: Lane) -> list[str]:
    """The tables that rows refer to, and that of the patients."""
    return list(dict.fromkeys([*(table for _, table in lane.upwards), plan.entity]))


def _orders(hospital: Hospital, lane: Lane, above: str) -> Iterator[Rule]:
    plan = hospital.plan
    mine = [column for column in (lane.start, lane.end) if column]
    theirs = [column for column in (plan[above].start, plan[above].end) if column]
    theirs += [c for c, t in plan.types[above].items() if c not in theirs and FATES & set(words(c)) and dated(t)]
    for column, other in product(mine, theirs):
        if dated(plan.types[lane.name][column]) == dated(plan.types[above][other]):
            signs = [Rule("order", lane.name, above, column, other, sign) for sign in SIGNS]
            yield from [rule for rule in signs if _holds(rule, [hospital])][:1]
    if lane.end is not None and above == plan.entity:
        yield Rule("order", lane.name, lane.name, str(lane.start), lane.end, "<=")


def _of_numbers(hospital: Hospital, lane: Lane, table: str) -> Iterator[Rule]:
    """Whether there are rows, by the levels of the row above."""
    who, counts, _ = _numbers(hospital, lane, table, "")
    if counts.max(initial=0) == 1 and (counts == 1).sum() >= LEAST:
        yield Rule("number", lane.name, table, "", "", "one")
    share = float((counts > 0).mean()) if len(counts) else 0.0
    if share == 1.0:
        yield Rule("number", lane.name, table, "", "", "some")
    if not 0 < share < 1:
        return
    of = hospital.plan[table]
    for column in [*([of.code] if of.code and len(of.levels) <= 50 else []), *(column for column, _ in of.names)]:
        cells = hospital.rows[table][column].cast(pl.String)
        frame = pl.DataFrame({"level": cells, "who": who, "has": counts > 0}).drop_nulls()
        summed = frame.group_by("level").agg(pl.col("has").mean(), pl.col("who").n_unique()).sort("level")
        for level, has, patients in summed.iter_rows():
            if has in (0.0, 1.0) and patients >= LEAST and (share if has else 1 - share) ** patients < CHANCE:
                called = of.called(level) if column == of.code else ""
                yield Rule("number", lane.name, table, column, level, "some" if has else "none", called=called)


def _same(plan: Plan, lane: Lane, table: str) -> Iterator[Rule]:
    keys = {plan[table].key, lane.key, lane.tie, *(column for column, _ in lane.upwards)}
    for column in plan.types[lane.name]:
        if column in plan.types[table] and column not in keys:
            yield Rule("same", lane.name, table, column, column)


def _goes(hospital: Hospital, lane: Lane) -> Iterator[Rule]:
    """Codes that are had at one level alone of a column of the row above."""
    for table in _above(hospital.plan, lane):
        for column, levels in hospital.plan[table].names:
            if column == lane.code or column in hospital.plan.types[lane.name]:
                continue
            who, _, theirs = _beside(hospital, lane, table, str(lane.code), column)
            frame = pl.DataFrame({"code": hospital.rows[lane.name][CODE], "level": theirs.cast(pl.String), "who": who})
            frame = frame.drop_nulls().unique()
            shares = frame.group_by("level").agg(pl.col("who").n_unique() / max(frame["who"].n_unique(), 1))
            of = dict(shares.iter_rows())
            sure = frame.group_by("code").agg(
                pl.col("level").n_unique().alias("n"), pl.col("level").first(), pl.col("who").n_unique()
            )
            kept = [
                (lane.levels[code], level)
                for code, n, level, patients in sure.sort("code").iter_rows()
                if n == 1 and code < len(lane.levels) and patients >= LEAST and min(of[level], 1.0) ** patients < CHANCE
            ]
            if kept and len(levels) > 1:
                yield Rule(
                    "goes", lane.name, table, str(lane.code), column, levels=tuple(kept), called=lane.called(kept[0][0])
                )


def _numbers(hospital: Hospital, lane: Lane, table: str, column: str) -> tuple[np.ndarray, np.ndarray, pl.Series]:
    """Of each row of `table`, whose it is, how many rows of the lane refer to it, and its cell of the column as text."""
    tie = next(tie for tie, of in lane.upwards if of == table)
    counts = hospital.rows[lane.name].group_by(pl.col(tie).cast(pl.String).alias(_KEY)).len("\0n")
    above = hospital.rows[table]
    key = pl.col(str(hospital.plan[table].key)).cast(pl.String).alias(_KEY)
    both = above.select(WHO, key).join(counts, on=_KEY, how="left", maintain_order="left")
    cells = above[column].cast(pl.String) if column else pl.Series("", [None] * above.height, dtype=pl.String)
    return both[WHO].to_numpy(), floats(both["\0n"].fill_null(0)), cells


def _beside(hospital: Hospital, lane: Lane, above: str, column: str, theirs: str) -> tuple[np.ndarray, pl.Series, pl.Series]:
    """Of each row, whose it is, its cell, and the other column's cell in the row above it (null where there is none)."""
    rows, plan = hospital.rows[lane.name], hospital.plan
    if above == lane.name:
        return rows[WHO].to_numpy(), rows[column], rows[theirs]
    there = hospital.rows[above]
    if above == plan.entity:
        mine, key = pl.col(WHO).alias(_KEY), pl.col(WHO).alias(_KEY)
    else:
        tie = next(tie for tie, of in lane.upwards if of == above)
        mine, key = (pl.col(c).cast(pl.String).alias(_KEY) for c in (tie, str(plan[above].key)))
    of = there.select(key, pl.col(theirs).alias(_THEIRS)).unique(_KEY, keep="first")
    found = rows.select(mine).join(of, on=_KEY, how="left", maintain_order="left")
    return rows[WHO].to_numpy(), rows[column], found[_THEIRS]
