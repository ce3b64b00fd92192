"""What follows from other columns by a formula: a clock, another unit, a product, a weighted sum.

    age - first(age) = (day - first(day)) / 365.25 within 1        kelvin = celsius + 273.15
    bmi = weight / height ^ 2                                      map = (sbp + 2 * dbp) / 3

Constants are fitted to some rows of the first half, then made as round as they can be: a formula is tried with 1, 2, 3, ...
digits, and with the ratios of units of time, and is one when all rows keep to it within what rounding hides.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import combinations, permutations

import numpy as np

from reverie.records.intervals import Floats
from reverie.records.kinds import Column
from reverie.records.rules.expressions import Arithmetic, Expression, Value
from reverie.records.rules.finding.evidence import Evidence
from reverie.records.rules.finding.sums import LEAST, Term, confirmed, sample, terms
from reverie.records.rules.rule import Relation, Rule

__all__ = ["formulas"]

UNITS = (1 / 86400, 1 / 3600, 1 / 1440, 1 / 24, 1.0, 7.0, 30.0, 30.4, 30.4375, 365.0, 365.25, 365.2425)
"""Of time, in days."""
RATIOS = tuple(sorted({a / b for a in UNITS for b in UNITS if not 0.9 < a / b < 1.1}))
CONVERSIONS = (2.20462, 2.2046226218, 2.54, 30.48, 1.8, 18.0182, 18.016, 38.67, 88.57, 88.4, 88.42, 17.1, 59.48)
"""Pounds, inches, feet, degrees; mg/dL in mmol/L or umol/L of glucose, cholesterol, triglycerides, creatinine, bilirubin and
uric acid."""
DIGITS = 6
"""Of a constant, at most."""
POWERS = ((1, 1), (1, -1), (1, -2), (1, 2), (2, -1), (0.5, 0.5))
"""Exponents of two factors."""
FEW = 40
"""Rows of the sample that every product is tried on."""
NARROW = 0.15
"""How far apart its logarithms may be there, from that of the column."""
TIGHT = 0.05
"""The part of a column's own spread that a formula may leave, at most."""


def formulas(evidence: Evidence, columns: list[Column], same: dict[str, str], before: list[Rule]) -> list[Rule]:
    """The formulas that hold in every row.

    Args:
        same: columns that are always equal to another, and that one: they are left out.
        before: equations that were found already.
    """
    targets = {rule.target or "" for rule in before}
    seen = {frozenset(rule.columns) for rule in before}
    comes: dict[str, set[str]] = {}
    for rule in before:
        _traced(rule, comes)
    bare, firsts = terms(evidence, [c for c in columns if c.name not in same])
    place = {c.name: i for i, c in enumerate(columns)}
    rules: list[Rule] = []
    scaled = _scaled(evidence, bare, firsts, targets)
    for relations in (scaled, _weighted(evidence, bare, targets), _products(evidence, bare, targets)):
        for r in sorted(confirmed(evidence, relations), key=lambda r: (r.within is not None, -place[r.left.columns[0]])):
            target, *others = r.columns
            circular = any(target in comes.get(name, ()) for name in others)
            if target not in targets and frozenset(r.columns) not in seen and not circular:
                rules.append(Rule(r))
                seen.add(frozenset(r.columns))
                targets.add(target)
                _traced(rules[-1], comes)
    return rules


def _traced(rule: Rule, comes: dict[str, set[str]]) -> None:
    """Adds to what each column is worked out from."""
    target, *others = rule.columns
    comes[target] = {*others, *(origin for name in others for origin in comes.get(name, ()))}


def _plain(column: Column) -> bool:
    return column.role in ("static", "varying") and not column.calendar


def _scaled(evidence: Evidence, bare: list[Term], firsts: list[Term], targets: set[str]) -> Iterator[tuple[Relation, str]]:
    """y = k u + m, of a column or how far it has moved since the first visit."""
    since = {f.column.name: f for f in firsts}
    moved = {}
    for t in bare:
        if t.column.name in since:
            first = since[t.column.name]
            moved[t.column.name] = Term(Arithmetic(t.expression, "-", first.expression), t.column, t.x - first.x)
    apart = [
        Term(Arithmetic(a.expression, "-", b.expression), a.column, a.x - b.x)
        for a, b in permutations([t for t in bare if t.column.calendar], 2)
    ]
    some = sample(evidence)
    for at, y in enumerate(bare):
        if not _plain(y.column) or y.column.name in targets:
            continue
        ways = [(y, u, u.column.role != "time") for u in bare[:at] if not u.column.calendar]
        ways += [(y, u, False) for u in bare[at + 1 :] if u.column.role == "time" and not u.column.calendar]
        ways += [(y, u, False) for u in apart]
        clock = next((u for u in bare if u.column.role == "time"), None)
        if y.column.name in moved and clock is not None:
            ways.append((moved[y.column.name], moved[clock.column.name], False))
        tried = [_line(left, right, some, shifted, evidence.slack) for left, right, shifted in ways]
        if lines := [r for r in tried if r is not None]:
            yield min(lines, key=lambda r: (r.within or 0.0, len(r.text))), y.column.name


def _line(y: Term, u: Term, some: np.ndarray, shifted: bool, slack: int) -> Relation | None:
    a, b = y.x[some], u.x[some]
    known = ~(np.isnan(a) | np.isnan(b))
    a, b = a[known], b[known]
    if len(a) < LEAST or np.ptp(a) == 0 or np.ptp(b) == 0 or not b.any():
        return None
    unit = y.column.step or 0.0
    if shifted:
        k, m = np.polyfit(b, a, 1)
    else:
        k, m = float(a @ b) / float(b @ b), 0.0
    rest = np.abs(a - k * b - m).max()
    room = unit + abs(k) * (u.column.step or 0.0)
    if k == 0 or rest > max(1.5 * room, 1e-6 * np.abs(a).max()) or rest > TIGHT * max(np.ptp(a), unit) + unit:
        return None
    whole, other = y.x, u.x
    factors = list(_factors(k, u.expression, u.column.role == "time" or u.column.calendar))
    for within in (unit / 2, unit, unit + abs(k) * (u.column.step or 0.0)):
        for factor, expression in factors:
            for shift in _round(float(np.median(a - factor * b))) if shifted else (0.0,):
                apart = np.abs(whole - factor * other - shift)
                if (np.nan_to_num(apart) > within + 1e-9 * np.abs(np.nan_to_num(whole)) + 1e-12).sum() <= slack:
                    exact = within == unit / 2 and y.bare
                    return Relation(
                        y.expression, "=", _shifted(expression, shift), None if exact else float(f"{within:.6g}")
                    )
    return None


def _factors(k: float, of: Expression, clock: bool = False) -> Iterator[tuple[float, Expression]]:
    """Round numbers near k, each with the expression that multiplies by it; of a clock ratios of units first."""

    def times(factor: float) -> Expression:
        return of if factor == 1 else Arithmetic(Value(f"{factor:.10g}"), "*", of)

    def over(factor: float) -> Expression:
        return Arithmetic(of, "/", Value(f"{factor:.10g}"))

    near_k = [r for r in (*RATIOS, *CONVERSIONS, *(1 / c for c in CONVERSIONS)) if abs(r / k - 1) < 0.01]
    ratios = [(r, over(1 / r)) if r < 1 else (r, times(r)) for r in near_k]
    yield from ratios if clock else ()
    for digits in range(1, DIGITS + 1):
        for inverse in (False, True):
            near = float(f"{1 / k if inverse else k:.{digits}g}")
            if near and abs((1 / near if inverse else near) / k - 1) < 0.05:
                yield (1 / near, over(near)) if inverse else (near, times(near))
    yield from () if clock else ratios


def _round(x: float) -> Iterator[float]:
    yield 0.0
    for digits in range(1, DIGITS + 1):
        yield float(f"{x:.{digits}g}")


def _shifted(of: Expression, shift: float) -> Expression:
    return Arithmetic(of, "+" if shift > 0 else "-", Value(f"{abs(shift):.10g}")) if shift else of


def _weighted(evidence: Evidence, bare: list[Term], targets: set[str]) -> Iterator[tuple[Relation, str]]:
    """c = p a + q b + m."""
    some = sample(evidence)
    able = [t for t in bare if _plain(t.column)]
    if len(able) < 3 or len(some) < LEAST:
        return
    x = np.stack([t.x[some] for t in able])
    for k, c in enumerate(able):
        if c.column.name in targets:
            continue
        unit = c.column.step or 0.0
        for i, j in combinations([i for i in range(len(able)) if i != k], 2):
            known = ~np.isnan(x[[i, j, k]]).any(axis=0)
            if known.sum() < 2 * LEAST:
                continue
            y, design = x[k, known], np.column_stack([x[i, known], x[j, known], np.ones(known.sum())])
            if np.ptp(y) == 0:
                continue
            (p, q, m), *_ = np.linalg.lstsq(design, y, rcond=None)
            rest = np.abs(y - design @ [p, q, m]).max()
            room = unit + abs(p) * (able[i].column.step or 0) + abs(q) * (able[j].column.step or 0)
            if rest > max(room, 1e-6 * np.abs(y).max()) or room > TIGHT * np.ptp(y) + unit or min(abs(p), abs(q)) < 1e-6:
                continue
            if 8 * room > min(abs(p) * np.ptp(design[:, 0]), abs(q) * np.ptp(design[:, 1])):
                continue  # one of them alone would do
            relation = _mixed(c, able[i], able[j], (p, q), y, design)
            if relation is not None and _everywhere(evidence, relation):
                yield relation, c.column.name
                break


def _mixed(c: Term, a: Term, b: Term, weights: tuple[float, float], y: Floats, design: Floats) -> Relation | None:
    unit = c.column.step or 0.0
    for most in (1, 2, 3, 4, 5, 6, 10, 100, 1000):
        p, q = (Fraction(w).limit_denominator(most) for w in weights)
        if not p or not q:
            continue
        m = float(np.median(y - float(p) * design[:, 0] - float(q) * design[:, 1]))
        for shift in _round(m):
            rest = np.abs(y - float(p) * design[:, 0] - float(q) * design[:, 1] - shift).max()
            for within in (unit / 2, unit):
                if rest <= within + 1e-9 * np.abs(y).max():
                    return Relation(c.expression, "=", _blend(a, b, p, q, shift), None if within == unit / 2 else within)
    return None


def _blend(a: Term, b: Term, p: Fraction, q: Fraction, shift: float) -> Expression:
    """(p a + q b) as a whole-number sum over one number, and a shift."""
    common = int(np.lcm(p.denominator, q.denominator))
    parts = sorted(((int(p * common), a), (int(q * common), b)), key=lambda part: part[0] < 0)
    (first, u), (second, v) = parts
    left = u.expression if first == 1 else Arithmetic(Value(f"{first}"), "*", u.expression)
    right = v.expression if abs(second) == 1 else Arithmetic(Value(f"{abs(second)}"), "*", v.expression)
    blend = Arithmetic(left, "+" if second > 0 else "-", right)
    return _shifted(Arithmetic(blend, "/", Value(f"{common}")) if common > 1 else blend, shift)


def _products(evidence: Evidence, bare: list[Term], targets: set[str]) -> Iterator[tuple[Relation, str]]:
    """c = k a^p b^q."""
    some = sample(evidence)
    able = [t for t in bare if _plain(t.column)]
    if len(able) < 3 or len(some) < LEAST:
        return
    with np.errstate(divide="ignore"):
        logs = np.stack([np.log(np.abs(t.x[some])) for t in able])
    logs[~np.isfinite(logs)] = np.nan
    for k, c in enumerate(able):
        if c.column.name in targets:
            continue
        unit = (c.column.step or 0.0) / 2
        spread = np.nanstd(logs[k]) if (~np.isnan(logs[k])).any() else 0
        best: Relation | None = None
        for p, q in POWERS:
            with np.errstate(invalid="ignore"):
                rest = (logs[k] - p * logs[:, None, :] - q * logs[None, :, :])[..., :: max(len(some) // FEW, 1)]
            known = (~np.isnan(rest)).sum(axis=2)
            wide = np.where(np.isnan(rest), -np.inf, rest).max(axis=2) - np.where(np.isnan(rest), np.inf, rest).min(axis=2)
            for i, j in np.argwhere((known >= LEAST) & (wide < min(NARROW, spread))):
                if k in (i, j) or i == j or (p == q and i > j):
                    continue
                factor = float(np.exp(np.nanmedian(rest[i, j])))
                relation = _product(c, able[i], able[j], (p, q), factor, unit, evidence.slack)
                if relation is not None and (best is None or len(relation.text) < len(best.text)):
                    best = relation
        if best is not None:
            yield best, c.column.name


def _product(c: Term, a: Term, b: Term, powers: tuple[float, float], k: float, unit: float, slack: int) -> Relation | None:
    p, q = powers
    up = a.expression if p == 1 else Arithmetic(a.expression, "^", Value(f"{p:g}"))
    down = b.expression if abs(q) == 1 else Arithmetic(b.expression, "^", Value(f"{abs(q):g}"))
    of = Arithmetic(up, "*" if q > 0 else "/", down)
    with np.errstate(all="ignore"):
        x = a.x**p * b.x**q
        move = p * (a.column.step or 0) / 2 / np.abs(a.x) + abs(q) * (b.column.step or 0) / 2 / np.abs(b.x)
    for factor, expression in _factors(k, of):
        apart = np.abs(c.x - factor * x)
        size = 1e-9 * np.abs(np.nan_to_num(c.x)) + 1e-12
        apart[~np.isfinite(x)] = np.nan
        if (np.nan_to_num(apart) > unit + size).sum() <= slack:
            return Relation(c.expression, "=", expression)
        with np.errstate(invalid="ignore"):  # 0 times infinity, where a factor is 0
            hidden = unit + np.nan_to_num(move * np.abs(factor * x)) + size
        if not slack and (np.nan_to_num(apart) <= hidden).all():
            within = float(f"{float(np.nanmax(apart)) * 1.05:.2g}")
            return Relation(c.expression, "=", expression, within)
    return None


def _everywhere(evidence: Evidence, relation: Relation) -> bool:
    true, known = relation.holds(evidence.rows)
    return evidence.few(known & ~true)
