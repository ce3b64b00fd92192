"""What comes before what: columns of numbers, of dates, the time; everywhere, and at some levels of others.

    diastolic < systolic       visit_date <= death_date       TIMEAP = TIMEDTH if ANGINA = 0       onset <= day if ill = yes

Only where ranges overlap, for else nothing needs to be said. An order that two related columns keep because they seldom come
near each other is one if their distance, turned about its median, would have been below 0 in some patients, or is so far
from 0 that it never would. What follows from others is struck: a < b and b <= c make a < c.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
from scipy.special import ndtr

from reverie.records.kinds import Column
from reverie.records.rules.expressions import Name
from reverie.records.rules.finding.evidence import CLOSE, FAR, MIRRORED, NONE, PATIENTS, Evidence, Ints
from reverie.records.rules.finding.pairs import Pair, seen_cells
from reverie.records.rules.finding.states import LevelStates, States
from reverie.records.rules.rows import Bools
from reverie.records.rules.rule import Claim, Relation

__all__ = ["OrderStates", "Signs", "gated", "orders", "sparse"]

Signs = dict[tuple[str, str], set[int]]
"""Of two columns, whether the first is less (0), equal (1) or greater (2)."""
SIGNS = {(0,): "<", (0, 1): "<=", (1,): "=", (1, 2): ">=", (2,): ">", (0, 2): "!="}
SCALE = 3.0
"""Ranges of columns that are compared at single levels of others differ by this factor at most."""


@dataclass(frozen=True, eq=False)
class OrderStates(States):
    """Whether a column is less than another, equal to it, or greater; `column` is the first of them."""

    other: Column

    @property
    def key(self) -> str:
        return f"OrderStates {self.column.name} {self.other.name}"

    @property
    def static(self) -> bool:
        return self.column.role == self.other.role == "static"

    def claims(self, allowed: list[int]) -> tuple[Claim, ...]:
        return (relation(self.column.name, self.other.name, allowed),)


def relation(a: str, b: str, allowed: Iterable[int]) -> Relation:
    """The order of two columns, with < rather than >."""
    sign = SIGNS[tuple(sorted(allowed))]
    if sign in (">", ">="):
        a, b, sign = b, a, sign.replace(">", "<")
    return Relation(Name(a), sign, Name(b))  # pyright: ignore[reportArgumentType]


def signs(evidence: Evidence, columns: list[Column]) -> Iterator[OrderStates]:
    """Each pair of columns of one nature whose ranges overlap."""
    for a, b in combinations([c for c in columns if c.numeric], 2):
        x, y = evidence.values(a.name), evidence.values(b.name)
        codes = _signs(x, y)
        x, y = x[codes >= 0], y[codes >= 0]
        if a.calendar == b.calendar and len(x) and min(x.max(), y.max()) > max(x.min(), y.min()):
            yield OrderStates(a, codes, 3, b)


def _signs(a: np.ndarray, b: np.ndarray) -> Ints:
    """0 where a < b, 1 where they are equal, 2 where a > b; -1 where one is not known."""
    with np.errstate(invalid="ignore"):
        near = np.abs(a - b) <= 1e-9 * np.fmax(np.abs(a), np.abs(b))
        codes = np.where(near, 1, np.where(a < b, 0, 2))
    return np.where(np.isnan(a) | np.isnan(b), -1, codes).astype(np.int64)


def orders(evidence: Evidence, columns: list[Column]) -> tuple[Signs, list[OrderStates]]:
    """The signs that each ordered pair of columns has, and the pairs that have no order."""
    ordered, loose = [], []
    for pair in signs(evidence, columns):
        counts = np.bincount(pair.codes[pair.codes >= 0], minlength=3)
        if not counts.sum():
            continue
        if min(counts[0], counts[2]) > evidence.slack:
            loose.append(pair)
        else:
            ordered.append((pair, counts))
    before = {}
    for pair, counts in ordered:
        allowed = set(np.flatnonzero(counts > evidence.slack).tolist()) | ({1} if evidence.slack else set())
        related = all(_sure(evidence, pair, allowed, half, len(ordered)) for half in (False, True))
        if related and _ends(evidence, pair, allowed):
            before[pair.column.name, pair.other.name] = allowed | _touching(evidence, pair, allowed)
        loose.append(pair)
    return before, loose


def _sure(evidence: Evidence, pair: OrderStates, allowed: set[int], half: bool, asked: int) -> bool:
    """Whether it is no chance that the pair has only these signs."""
    a, b = evidence.values(pair.column.name), evidence.values(pair.other.name)
    rows = evidence.whole[half][pair.static]
    known = rows[pair.codes[rows] >= 0]
    patients = len(np.unique(evidence.patient[known]))
    if patients < PATIENTS:
        return False
    broken = able = 0
    for to in evidence.partners:
        swapped = _signs(a[to[rows]], b[rows])
        able += len(np.unique(evidence.patient[rows[swapped >= 0]]))
        broken += len(np.unique(evidence.patient[rows[~np.isin(swapped, [-1, *allowed])]]))
    return bool(patients * np.log1p(-broken / (able + 1)) < evidence.most(half, asked, patients))


def _ends(evidence: Evidence, pair: OrderStates, allowed: set[int]) -> bool:
    """Whether the distance of two columns ends at 0, rather than being seldom so small."""
    if allowed == {1}:
        return True
    a, b = evidence.values(pair.column.name), evidence.values(pair.other.name)
    rows = evidence.starts if pair.static else np.arange(len(a))
    known = rows[np.isin(pair.codes[rows], list(allowed))]
    gap = np.abs(a[known] - b[known])
    middle = np.median(gap)
    spread = 1.4826 * np.median(middle - gap[gap <= middle])
    far = middle > 0 and len(known) * ndtr(-middle / max(spread, 1e-12)) < FAR
    mirrored, close, none = (
        len(np.unique(evidence.patient[known[n]])) for n in (gap > 2 * middle, gap <= middle / 4, gap == 0)
    )
    return bool(mirrored >= MIRRORED or close >= CLOSE or none >= NONE or far)


def _touching(evidence: Evidence, pair: OrderStates, allowed: set[int]) -> set[int]:
    """{1} where two columns were never seen equal, but come so near that this may be chance."""
    if 1 in allowed:
        return set()
    gap = np.abs(evidence.values(pair.column.name) - evidence.values(pair.other.name))
    unit = max(pair.column.step or 0.0, pair.other.step or 0.0)
    near = int((gap <= 3 * unit * (1 + 1e-9)).sum()) if unit else 0
    return {1} if 0 < near < 9 else set()


def gated(evidence: Evidence, loose: list[OrderStates], gates: list[LevelStates], before: Signs) -> list[Pair]:
    """The pairs of columns that have an order at some levels of another, or are equal there.

    An order only of columns on one clock: dates, and what orders that hold everywhere connect.
    """
    clock: dict[str, set[str]] = {}
    for a, b in before:
        joined = clock.get(a, {a}) | clock.get(b, {b})
        clock |= dict.fromkeys(joined, joined)
    alike = [pair for pair in loose if _alike(evidence, pair)]
    kept = []
    for pair in seen_cells(evidence, [(gate, pair) for pair in alike for gate in gates]):
        order = pair.b
        assert isinstance(order, OrderStates)
        never = _near(evidence, pair)
        if not order.column.calendar and order.other.name not in clock.get(order.column.name, ()):
            never[never.sum(axis=1) < 2] = False
        never[(never.sum(axis=1) == 1) & never[:, 1]] = False  # that two are not equal says little
        if never.any():
            kept.append(replace(pair, never=never))
    return kept


def _alike(evidence: Evidence, pair: OrderStates) -> bool:
    """Whether two columns are on one scale: ranges of like width, that share half of the narrower."""
    if pair.column.calendar:
        return True
    x, y = evidence.values(pair.column.name), evidence.values(pair.other.name)
    (low, high), (least, most) = ((np.nanmin(v), np.nanmax(v)) for v in (x, y))
    width = sorted((high - low, most - least))
    return bool(2 * (min(high, most) - max(low, least)) >= width[0] and width[1] <= SCALE * width[0])


def _near(evidence: Evidence, candidate: Pair) -> Bools:
    """Without the states at which the ranges of the two columns are apart, so that nothing needs to be said."""
    pair, never = candidate.b, candidate.never.copy()
    assert isinstance(pair, OrderStates)
    x, y = evidence.values(pair.column.name), evidence.values(pair.other.name)
    for state in np.flatnonzero(never.any(axis=1)):
        here = (candidate.a.codes == state) & (pair.codes >= 0)
        a, b = x[here], y[here]
        if not len(a) or a.max() <= b.min() or b.max() <= a.min():
            never[state] = False
    return never


# --- what follows ---------------------------------------------------------------------------------------------------------

COMPOSED = np.zeros((8, 8), dtype=np.int64)
"""Signs as bits (1 <, 2 =, 4 >): what a ? b and b ? c leave for a ? c."""
for _x in range(8):
    for _y in range(8):
        for _i in range(3):
            for _j in range(3):
                if _x >> _i & 1 and _y >> _j & 1:
                    COMPOSED[_x, _y] |= 7 if {_i, _j} == {0, 2} else 1 << (_i if _j == 1 else _j)


def closed(names: list[str], relations: Iterable[tuple[str, str, set[int]]]) -> Ints:
    """What the relations leave of every pair, as bits, int64 [N, N]; by paths through all others."""
    place = {name: i for i, name in enumerate(names)}
    left = np.full((len(names), len(names)), 7)
    np.fill_diagonal(left, 2)
    for a, b, allowed in relations:
        left[place[a], place[b]] &= sum(1 << s for s in allowed)
        left[place[b], place[a]] &= sum(1 << (2 - s) for s in allowed)
    while True:
        before = left.copy()
        for k in range(len(names)):
            left &= COMPOSED[left[:, k][:, None], left[k][None, :]]
        if (left == before).all():
            return left


def sparse(wanted: Signs, before: Signs) -> Signs:
    """Those of the wanted relations that do not follow from the others and from those given."""
    names = list(dict.fromkeys(name for pair in (*wanted, *before) for name in pair))
    place = {name: i for i, name in enumerate(names)}
    kept = dict(wanted)
    for pair in sorted(wanted, key=lambda p: (len(wanted[p]) == 1, abs(place[p[0]] - place[p[1]])), reverse=False)[::-1]:
        others = {key: value for key, value in kept.items() if key != pair}
        left = closed(names, [(*k, v) for part in (before, others) for k, v in part.items()])
        if not left[place[pair[0]], place[pair[1]]] & ~sum(1 << s for s in wanted[pair] | {1}):
            kept = others
    return kept
