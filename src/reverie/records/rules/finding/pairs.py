"""Pairs of columns, some of whose states never occur together: tells, and implications.

What follows from others is struck: a state i rules out j if some column, known in every row, has no state that goes with
both.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from reverie.records.emptiness import ANY, EMPTY
from reverie.records.intervals import Floats
from reverie.records.rules.finding.evidence import Evidence, Ints
from reverie.records.rules.finding.states import FilledStates, LevelStates, NumberStates, States
from reverie.records.rules.rows import Bools
from reverie.records.rules.rule import ELSE, Rule, Tells

__all__ = ["Pair", "pairs", "phrased", "seen_cells", "struck"]

MANY = 10
"""A table of more lines says the commonest value once, as the last."""


@dataclass(frozen=True, eq=False)
class Pair:
    """Two respects, and what never occurs together.

    Attributes:
        never: bool [A, B].
        tells: whether a tells b.
    """

    a: States
    b: States
    never: Bools
    tells: bool = False
    strength: float = 0.0


def table(a: Ints, b: Ints, size: tuple[int, int], rows: Ints, to: Ints | None = None) -> Ints:
    """How often the states occur together in these rows, int64 [A, B]; those of b at the rows `to` instead."""
    x, y = a[rows], b[rows if to is None else to[rows]]
    known = (x >= 0) & (y >= 0)
    return np.bincount((x * size[1] + y)[known], minlength=size[0] * size[1]).reshape(size)


def _going_with(counts: Ints, slack: int) -> Bools:
    """Which states of b go with each of a; the commonest does even if it is rare."""
    return (counts > slack) | ((counts > 0) & (counts == counts.max(axis=1, keepdims=True)))


def pairs(evidence: Evidence, states: list[States]) -> list[Pair]:
    """All that the second half confirms."""
    candidates, asked = [], 0
    for i, a in enumerate(states):
        for b in states[i + 1 :]:
            if a.column.name == b.column.name:
                continue
            for x, y, never in _seen(evidence, a, b):
                asked += int(never.sum()) if not isinstance(never, bool) else 1
                candidates.append((x, y, never))
    confirmed: dict[tuple[str, str], Pair] = {}
    for x, y, never in candidates:
        most = evidence.most(True, asked, len(evidence.whole[True][True]))
        counts, odds = _odds(evidence, x, y, True)
        if isinstance(never, bool):
            telling = _telling_odds(evidence, x, y, True)
            whole = table(x.codes, y.codes, (x.size, y.size), np.arange(len(x.codes)))
            if telling < most and (_going_with(whole, evidence.slack).sum(axis=1) <= 1).all():
                confirmed[x.key, y.key] = Pair(
                    x, y, ~_going_with(whole, evidence.slack) & (whole.sum(axis=1) > 0)[:, None], True, telling
                )
        elif (never := never & (counts <= evidence.slack) & (odds < most)).any():
            confirmed[x.key, y.key + " "] = Pair(x, y, never, False, float(odds[never].max()))
    for x, y in [key for key in confirmed if confirmed[key].tells]:
        confirmed.pop((x, y + " "), None)
        confirmed.pop((y, x + " "), None)
        if (x, y) in confirmed and (y, x) in confirmed:  # each tells the other: the earlier does, or numbers do
            confirmed.pop((x, y) if isinstance(confirmed[y, x].a, NumberStates) else (y, x))
    return list(confirmed.values())


def seen_cells(evidence: Evidence, of: Iterable[tuple[States, States]]) -> list[Pair]:
    """Those of the pairs that have states which never occur together."""
    candidates = [(a, b, never) for a, b in of for _, _, never in _seen(evidence, a, b, tells=False)]
    asked = sum(int(never.sum()) for _, _, never in candidates)
    confirmed, most = [], evidence.most(True, asked, len(evidence.whole[True][True]))
    for a, b, never in candidates:
        counts, odds = _odds(evidence, a, b, True)
        if (sure := never & (counts <= evidence.slack) & (odds < most)).any():
            confirmed.append(Pair(a, b, sure, False, float(odds[sure].max())))
    return confirmed


def _seen(evidence: Evidence, a: States, b: States, tells: bool = True) -> Iterator[tuple[States, States, Any]]:
    """What the first half shows of a pair: cells that never occur together; True where one tells the other."""
    size = (a.size, b.size)
    static = a.static and b.static
    if not static and (table(a.codes, b.codes, size, evidence.screen) > evidence.slack).all():
        return
    counts, odds = _odds(evidence, a, b, False)
    most = evidence.most(False, 1, len(evidence.whole[False][True]))
    never = (counts <= evidence.slack) & (odds < most)
    if never.any():
        yield a, b, never
    for x, y, t in ((a, b, counts), (b, a, counts.T)) if tells else ():
        tellable = isinstance(y, LevelStates) and not isinstance(x, FilledStates)
        several = min((t.sum(axis=1) > 0).sum(), (t.sum(axis=0) > 0).sum()) > 1
        single = (_going_with(t, evidence.slack).sum(axis=1) <= 1).all()
        if tellable and several and single and _telling_odds(evidence, x, y, False) < most:
            yield x, y, True


def _odds(evidence: Evidence, a: States, b: States, half: bool) -> tuple[Ints, Floats]:
    """How often states occur together in a half, [A, B], and the logarithm of the odds that they would not."""
    size = (a.size, b.size)
    rows = evidence.whole[half][a.static and b.static]
    counts = table(a.codes, b.codes, size, rows)
    swapped = np.sum([table(a.codes, b.codes, size, rows, to) for to in evidence.partners], axis=0)
    of_a = evidence.count(a.codes, a.size, half, a.key)
    of_b = evidence.count(b.codes, b.size, half, b.key)
    of_a, of_b = np.minimum(of_a, counts.sum(axis=1)), np.minimum(of_b, counts.sum(axis=0))
    given_a = swapped / (swapped.sum(axis=1, keepdims=True) + 1)
    given_b = swapped / (swapped.sum(axis=0, keepdims=True) + 1)
    odds = np.maximum(of_a[:, None] * np.log1p(-given_a), of_b[None, :] * np.log1p(-given_b))
    return counts, odds


def _telling_odds(evidence: Evidence, a: States, b: States, half: bool) -> float:
    """The logarithm of the odds that a would tell b in a half as it does in the first; of states that patients share."""
    size, static = (a.size, b.size), a.static and b.static
    first = table(a.codes, b.codes, size, evidence.whole[False][static])
    shared = first.sum(axis=1) > 0 if half else evidence.count(a.codes, a.size, False, a.key) > 1
    level_of = np.where(shared, first.argmax(axis=1), -1)
    rows = evidence.whole[half][static]
    rows = rows[(a.codes[rows] >= 0) & (b.codes[rows] >= 0)]
    rows = rows[level_of[a.codes[rows]] >= 0]
    must, able, broken = level_of[a.codes[rows]], 1, 0
    for to in evidence.partners:
        swapped = b.codes[to[rows]]
        able += int((swapped >= 0).sum())
        broken += int(((swapped >= 0) & (swapped != must)).sum())
    return float(len(np.unique(evidence.patient[rows])) * np.log1p(-broken / able))


def struck(candidates: list[Pair], states: list[States], before: dict[tuple[str, str], set[int]]) -> list[Pair]:
    """Without what follows from the others, from asked_if and from the orders of columns."""
    at, total = {}, 0
    states = list({s.key: s for s in states}.values())
    for s in states:
        at[s.key] = slice(total, total + s.size)
        total += s.size
    through = [at[s.key] for s in states if s.sure]
    apart = np.zeros((total, total), dtype=bool)
    for i, j in (*_asked(states, at), *_ordered(states, at, before)):
        apart[i, j] = apart[j, i] = True

    def implied(kept: Iterable[Pair]) -> Bools:
        never = apart.copy()
        for pair in kept:
            never[at[pair.a.key], at[pair.b.key]] |= pair.never
            never[at[pair.b.key], at[pair.a.key]] |= pair.never.T
        for _ in range(6):
            before = int(never.sum())
            for y in through:
                may = (~never[:, y]).astype(np.float32)
                never |= (may @ may.T) == 0
            if int(never.sum()) == before:
                break
        return never

    kept = sorted(candidates, key=lambda p: (not p.tells, p.strength))
    for pair in sorted(candidates, key=lambda p: (p.tells, -p.strength)):
        others = [p for p in kept if p is not pair]
        never = implied(others)[at[pair.a.key], at[pair.b.key]]
        if (left := pair.never & ~never).any():
            changed = pair if pair.tells else replace(pair, never=left)
            kept = [changed if p is pair else p for p in kept]
        else:
            kept = others
    return kept


def _asked(states: list[States], at: dict[str, slice]) -> Iterator[tuple[int, int]]:
    """What asked_if of the columns keeps apart, as places of states."""
    of = {s.key: s for s in states}
    for s in states:
        if not isinstance(s, FilledStates):
            continue
        for gate, levels in s.column.asked_if.items():
            filled, gate_levels = of.get(f"FilledStates {gate}"), of.get(f"LevelStates {gate}")
            if ANY in levels and filled is not None:
                yield at[filled.key].start, at[s.key].start + 1
            elif isinstance(gate_levels, LevelStates):
                for state, name in enumerate(gate_levels.names):
                    if name not in levels:
                        yield at[gate_levels.key].start + state, at[s.key].start + 1
                if EMPTY not in levels and filled is not None:
                    yield at[filled.key].start, at[s.key].start + 1


def _ordered(
    states: list[States], at: dict[str, slice], before: dict[tuple[str, str], set[int]]
) -> Iterator[tuple[int, int]]:
    """What the orders of columns keep apart: a state that is beyond another."""
    of = {s.column.name: s for s in states if isinstance(s, NumberStates)}
    for (a, b), allowed in before.items():
        if a in of and b in of:
            for i, x in enumerate(of[a].spans):
                for j, y in enumerate(of[b].spans):
                    if (2 not in allowed and x[0] > y[1]) or (0 not in allowed and x[1] < y[0]):
                        yield at[of[a].key].start + i, at[of[b].key].start + j


def phrased(pair: Pair) -> list[Rule]:
    """The rules that say it, as few and as short as can be."""
    if pair.tells and isinstance(pair.a, LevelStates | NumberStates) and isinstance(pair.b, LevelStates):
        return [Rule(_telling(pair.a, pair.b, pair.never))]
    ways = []
    for gate, target, never in ((pair.a, pair.b, pair.never), (pair.b, pair.a, pair.never.T)):
        groups: dict[tuple[int, ...], list[int]] = {}
        for state in np.flatnonzero(never.any(axis=1)):
            groups.setdefault(tuple(np.flatnonzero(~never[state]).tolist()), []).append(int(state))
        rules = [
            Rule(claim, gate.claims(group)) for allowed, group in groups.items() for claim in target.claims(list(allowed))
        ]
        rank = 0 if isinstance(target, FilledStates) else 1 if isinstance(target, NumberStates) else 2
        gated = isinstance(gate, FilledStates)
        rows = sum(int((gate.codes == state).sum()) for group in groups.values() for state in group)
        ways.append((gated and not isinstance(target, FilledStates), len(rules), rank, rows, [r.text for r in rules], rules))
    return min(ways, key=lambda way: way[:5])[5]


def _telling(a: LevelStates | NumberStates, b: LevelStates, never: Bools) -> Tells:
    goes_with = [(state, int((~never[state]).argmax())) for state in range(a.size) if never[state].any()]
    lines = [(a.names[s], b.names[x]) for s, x in goes_with if s < len(a.names)]
    if isinstance(a, NumberStates):
        last = [b.names[x] for s, x in goes_with if s == a.size - 1]
        return Tells(a.column.name, b.column.name, (*lines, *((ELSE, x) for x in last)))
    if len(lines) > (2 if a.column.numeric else MANY):
        values = [x for _, x in lines]
        common = max(sorted(set(values)), key=values.count)
        if values.count(common) > 1:
            lines = [line for line in lines if line[1] != common] + [(ELSE, common)]
    return Tells(a.column.name, b.column.name, tuple(lines))
