"""How cells are moved so that a rule is kept: none that was given, levels and courses as little as may be.

A claim that is false is made true by moving a column of it, or is no longer made by moving a column of its conditions. Of
those that may move, columns of visits go before statics, and the time of a visit before nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from reverie.records.intervals import Floats
from reverie.records.kinds import Column
from reverie.records.rules.deriving import counted, settled
from reverie.records.rules.draft import Draft
from reverie.records.rules.expressions import Expression, Name, Value
from reverie.records.rules.rows import Bools, Rows, number_of
from reverie.records.rules.rule import CLOSE, ELSE, SIGNS, Claim, Course, OneOf, Presence, Relation, Rule, Tells

__all__ = ["Fill", "mended"]

Fill = Callable[[str, int], Floats]
"""(column, n) -> n values for cells of which nothing was drawn."""
Move = tuple[str, Callable[[Bools], bool]]
"""A column, and what moves it at some rows [R]; it says whether anything was moved."""
HEAVY = 1e9
"""The weight of a value that was given beside one that was drawn."""


def mended(rule: Rule, draft: Draft, fill: Fill, turn: int) -> bool:
    """Moves what breaks a rule; whether anything was. Every other `turn` the moves are tried from the last to the first."""
    broken = rule.breaks(draft)
    if not broken.any():
        return False
    moves = [*_true(rule.claim, draft, fill, turn == 0), *(m for c in rule.when for m in _false(c, draft, fill))]
    moves = moves[::-1] if turn % 2 else moves
    last = {"static": 1 - turn % 2, "time": 2}
    moves.sort(key=lambda move: last.get(draft.column(move[0]).role, 0))
    moved = False
    for _, move in moves:
        moved |= move(broken)
        broken = rule.breaks(draft)
        if not broken.any():
            break
    return moved


def _true(claim: Claim, draft: Draft, fill: Fill, mirrored: bool) -> Iterator[Move]:
    """The moves that make a claim true."""
    match claim:
        case Relation():
            yield from _related(claim, draft, mirrored)
        case OneOf():
            allowed = np.sort(claim.numbers(draft.column(claim.column)))
            yield claim.column, lambda at: draft.put(claim.column, at, _nearest(draft.values(claim.column), allowed))
        case Presence():
            yield claim.column, lambda at: draft.put(claim.column, at, _present(draft, claim.column, claim.filled, fill))
        case Course():
            yield claim.column, lambda at: _coursed(claim, draft)
        case Tells():
            yield claim.column, lambda at: draft.put(claim.column, at, claim.must(draft))
            yield claim.by, lambda at: draft.put(claim.by, at, _telling(claim, draft, fill))


def _telling(claim: Tells, draft: Draft, fill: Fill) -> Floats:
    """The nearest value that tells what stands in the column; where all but some do, one that is as common as any."""
    by, column = draft.column(claim.by), draft.column(claim.column)
    x, must = draft.values(claim.by), draft.values(claim.column)
    table = [(by.parse(key), column.parse(value)) for key, value in claim.table if key != ELSE]
    keys, values = np.array([key for key, _ in table]), np.array([value for _, value in table])
    moved = x.copy()
    for value in set(values.tolist()):
        moved = np.where(must == value, _nearest(x, np.sort(keys[values == value])), moved)
    for key, value in claim.table:
        if key == ELSE:
            others = fill(claim.by, len(x))
            others = np.where(np.isin(others, keys), keys.max(initial=0.0) + (by.step or 1.0), others)
            moved = np.where((must == column.parse(value)) & ~np.isin(must, values), others, moved)
    return moved


def _false(condition: Claim, draft: Draft, fill: Fill) -> Iterator[Move]:
    """The moves that make a condition false."""
    name = condition.columns[0]
    column = draft.column(name)
    if isinstance(condition, Presence):
        yield name, lambda at: draft.put(name, at, _present(draft, name, not condition.filled, fill))
    elif column.levels:
        allowed = _missing(condition, column)
        if len(allowed):
            yield name, lambda at: draft.put(name, at, _nearest(draft.values(name), allowed))
    elif isinstance(condition, Relation) and isinstance(condition.right, Value):
        bound, step = condition.right.number(column), column.step or 1e-6
        moved = {"<": bound, "<=": bound + step, ">": bound, ">=": bound - step, "!=": bound}.get(condition.sign)
        up = bound if column.upper is None or bound + step <= column.upper else bound - 2 * step
        yield name, lambda at: draft.put(name, at, np.full(len(draft), up + step if moved is None else moved))


def _missing(condition: Claim, column: Column) -> Floats:
    """The places of the levels of a column that do not meet a condition on it."""
    places = np.arange(len(column.levels), dtype=float)
    if isinstance(condition, OneOf):
        return places[~np.isin(places, condition.numbers(column))]
    assert isinstance(condition, Relation) and isinstance(condition.right, Value)
    return places[~SIGNS[condition.sign](places, condition.right.number(column))]


def _present(draft: Draft, name: str, filled: bool, fill: Fill) -> Floats:
    """A column filled where it is empty, or empty."""
    x = draft.values(name)
    return np.where(np.isnan(x), fill(name, len(draft)), x) if filled else np.full(len(x), np.nan)


def _nearest(x: Floats, allowed: Floats) -> Floats:
    """The nearest of some rising values to each; NaN stays."""
    at = np.searchsorted((allowed[1:] + allowed[:-1]) / 2, x)
    return np.where(np.isnan(x), np.nan, allowed[at])


def _related(claim: Relation, draft: Draft, mirrored: bool) -> Iterator[Move]:
    """The right side's columns before the left's: what is written last gives way first."""
    a, b, _ = claim.sides(draft)
    view = claim.view(draft)
    strict = claim.sign in ("<", ">", "!=")
    for side, (own, other) in (("right", (claim.right, b)), ("left", (claim.left, a))):
        target, rising = (a, claim.sign in ("<", "<=", "!=")) if side == "right" else (b, claim.sign in (">", ">=", "!="))
        if claim.sign == "=" and side == "right" and isinstance(claim.left, Name):
            continue  # what an equation says is its left side
        for name in own.columns:
            bound = own.inverse(name, target, view)
            if bound is None:
                continue
            lifts = rising if _rises(own, name, other, view) else not rising
            yield name, lambda at, n=name, x=bound, up=lifts: _moved(claim, draft, n, at, x, up, strict, mirrored)
    if claim.sign == "=" and isinstance(claim.left, Name):
        for name in claim.right.columns:
            bound = claim.right.inverse(name, a, view)
            if bound is not None:
                yield name, lambda at, n=name, x=bound: _moved(claim, draft, n, at, x, True, False, False)


def _rises(own: Expression, name: str, now: Floats, rows: Rows) -> bool:
    """Whether a side grows with one of its columns."""
    more, less = (own.inverse(name, x, rows) for x in (now + 1.0, now))
    if more is None or less is None:
        return True
    change = (more - less)[~np.isnan(more - less)]
    return not len(change) or bool(np.median(change) >= 0)


def _moved(claim: Relation, draft: Draft, name: str, at: Bools, x: Floats, up: bool, strict: bool, mirrored: bool) -> bool:
    """A column at the bound that the other side sets it, on its grid and on the right side of the bound.

    `mirrored`: as far beyond the bound as it was short of it, so that no heap of values arises there.
    """
    column = draft.column(name)
    if column.role == "time":
        return _squeezed(draft, at, x, strict) if not up else False
    reckoned = claim.view(draft) is not draft
    on = settled(column, x, reckoned)
    if column.levels and reckoned:
        numbers = np.array([number_of(level) for level in column.levels])
        if claim.sign != "=":  # what an equation asks for may take several columns, each as near as it can be
            fits = [(n > x if strict else n >= x) if up else (n < x if strict else n <= x) for n in numbers]
            on = _first_fit(np.array(fits), numbers if up else -numbers)
    elif claim.sign != "=":
        finest = 10.0 ** (np.floor(np.log10(np.maximum(np.abs(x), 1e-9))) - 6)  # of a column without a unit
        step = (column.step or finest) if column.numeric else 1.0
        room = 2 * CLOSE * np.abs(x)  # what is told apart from the bound, and what is not
        beyond = on - x if up else x - on
        short = beyond <= room if strict else beyond < -room
        on = np.where(short, settled(column, on + (step if up else -step)), on)
        if column.levels:
            on = np.where((on < 0) | (on >= len(column.levels)), np.nan, on)
    if mirrored and claim.sign not in ("=", "!=") and not column.levels:
        mirror = settled(column, 2 * x - draft.values(name))
        seen = [np.nan if end is None else end for end in (column.lowest, column.highest)]
        inside = ~(mirror < seen[0]) & ~(mirror > seen[1]) & ((mirror > on) if up else (mirror < on))
        on = np.where(inside, mirror, on)
    if not column.levels:  # no value is made beyond a bound: then another column has to move, or the visits
        least, most = column.bounds
        on = np.where((on < least) | (on > most), np.nan, on)
    where = at & ~np.isnan(on)
    of = None if claim.sign == "=" else np.fmax if up else np.fmin
    return draft.put(name, where, on, of)


def _first_fit(fits: Bools, cost: Floats) -> Floats:
    """Of levels [L] that fit at rows, bool [L, R], the place of the one that costs least; NaN where none fits."""
    costs = np.where(fits, cost[:, None], np.inf)
    return np.where(fits.any(0), costs.argmin(0), np.nan).astype(np.float64)


def _squeezed(draft: Draft, at: Bools, bound: Floats, strict: bool) -> bool:
    """Visits that come after an end that was given are drawn together so that the last comes just before it.

    t -> t_1 + (t - t_1) (end - t_1) / (t_n - t_1),   on the grid of the time, each visit a step after the one before
    """
    name = next(c.name for c in draft.columns.values() if c.role == "time")
    column, t = draft.column(name), draft.values(name)
    free, moved, changed = draft.free(name), t.copy(), False
    step = column.step or 1e-6
    for i, j in draft.spans:
        if not at[i:j].any() or not free[i:j].any():
            continue
        last = float(np.nanmin(np.where(at[i:j], bound[i:j], np.nan))) - (step if strict else 0.0)
        here = np.flatnonzero(free[i:j]) + i  # the visits that were not given are those at the end
        after = here[0] > i  # a visit that was given, which the first of these comes a step after
        begin = t[here[0] - 1] if after else min(t[i], last - step * (len(here) - 1))
        least = begin + step * (np.arange(len(here)) + after)
        if least[-1] > last:
            continue
        far = t[j - 1] - begin
        new = begin + (t[here] - begin) * ((last - begin) / far if far > 0 else 0.0)
        new = np.floor(new / step + 1e-9) * step if column.step else new
        most = last - step * np.arange(len(here))[::-1]
        for k in range(len(here)):
            new[k] = min(max(new[k], least[k], new[k - 1] + step if k else least[0]), most[k])
        moved[here], changed = settled(column, new), True
    if changed:
        draft.put(name, np.ones(len(t), dtype=bool), moved)
    return changed


def _coursed(claim: Course, draft: Draft) -> bool:
    """The nearest course by least squares (isotonic regression, Barlow et al. 1972), in which given values weigh most."""
    name, column, x = claim.column, draft.column(claim.column), draft.values(claim.column)
    if claim.how == "counts from":
        must = counted(claim, draft)
        return draft.put(name, ~np.isnan(x) & ~np.isnan(must), must)
    from scipy.optimize import isotonic_regression  # long to import, and few tables have rules that need it

    level = column.parse(claim.value) if claim.how in ("stays", "ends at") else 0.0
    true, known = claim.holds(draft)
    broken = draft.spread(known & ~true, np.logical_or)
    free, moved = draft.free(name), x.copy()
    rising = claim.how in ("never falls", "always rises")
    strict = (column.step or 1.0) if claim.how.startswith("always") else 0.0
    for i, end in draft.spans:
        if not broken[i]:
            continue
        at = np.flatnonzero(~np.isnan(x[i:end])) + i
        if claim.how == "ends at":
            moved[at] = _staying(x[at], at == end - 1, level, level - 1 if level else level + 1)
            continue
        weight = np.where(free[at], 1.0, HEAVY)
        if claim.how == "stays":
            y = isotonic_regression((x[at] == level).astype(float), weights=weight).x
            moved[at] = _staying(x[at], y >= 0.5, level, level)
            continue
        ramp = strict * np.arange(len(at)) * (1 if rising else -1)
        y = isotonic_regression(x[at] - ramp, weights=weight, increasing=rising).x
        least, most = (0.0, len(column.levels) - 1.0) if column.levels else column.bounds
        room = np.arange(len(at)) if rising else np.arange(len(at))[::-1]
        moved[at] = np.clip(settled(column, y) + ramp, least + strict * room, most - strict * room[::-1])
    return draft.put(name, np.ones(len(x), dtype=bool), moved)


def _staying(x: Floats, there: Bools, level: float, other: float) -> Floats:
    """At the level only where it may be `there`; elsewhere what came before in its place, or comes later, or the `other`."""
    moved = np.where((x == level) & ~there, np.nan, np.where(there & (other == level), level, x))
    for k in range(1, len(x)):
        moved[k] = moved[k - 1] if np.isnan(moved[k]) else moved[k]
    begins = x[x != level]
    return np.where(np.isnan(moved), begins[0] if len(begins) else other, moved)
