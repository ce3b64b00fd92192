"""What follows from other columns by adding up: baselines, changes, totals, sums and differences.

    base = first(value)      change = value - base      total = total(dose)      first(day) = 0      stay = end - start

Every difference of two columns is compared with every third on some rows of the first half; what holds there is tried on all
of them. Equations that follow from others are struck: each is a row of a matrix, and is kept if it adds to its rank.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from reverie.records.intervals import Floats
from reverie.records.kinds import Column
from reverie.records.rules.expressions import Arithmetic, Expression, Function, Name, Value
from reverie.records.rules.finding.evidence import FALSE, PATIENTS, Evidence, Ints
from reverie.records.rules.finding.states import written
from reverie.records.rules.rows import countable
from reverie.records.rules.rule import Relation, Rule

__all__ = ["Term", "beginnings", "confirmed", "sample", "steps", "sums", "terms"]

SAMPLE = 300
"""Rows that every combination is tried on."""
LEAST = 8
"""Of them, so many are to have all that it takes."""


@dataclass(frozen=True, eq=False)
class Term:
    """A column, or what came before in it.

    Attributes:
        expression: as a rule writes it.
        column: that it is of.
        x: float64 [R].
    """

    expression: Expression
    column: Column
    x: Floats

    @property
    def bare(self) -> bool:
        return isinstance(self.expression, Name)

    @property
    def key(self) -> str:
        return self.expression.text


def terms(evidence: Evidence, columns: list[Column]) -> tuple[list[Term], list[Term]]:
    """The columns of numbers, and the first values of those that vary."""
    bare = [Term(Name(c.name), c, evidence.rows.numbers(c.name)) for c in columns if countable(c)]
    firsts = []
    for term in bare:
        if term.column.role != "static":
            first = Function("first", term.expression)
            firsts.append(Term(first, term.column, first.values(evidence.rows.reckoned)))
    return bare, firsts


def sample(evidence: Evidence) -> Ints:
    """Some rows of the first half, later visits among them."""
    rows = evidence.whole[False][0]
    later = rows[evidence.rows.place[rows] > 0]
    rows = later if len(later) >= SAMPLE else rows
    return rows[np.linspace(0, len(rows) - 1, min(SAMPLE, len(rows))).astype(np.int64)]


def steps(*columns: Column) -> float:
    """How far rounding may have moved a sum of columns that are rounded each."""
    return sum((c.step or 0.0) / 2 for c in columns)


def confirmed(evidence: Evidence, relations: Iterable[tuple[Relation, str]], asked: int = 0) -> list[Relation]:
    """Those of the equations that hold in every row and are no chance: were the column on the left another patient's, they
    would not. Of each, the column of its left side that is swapped is given."""
    candidates = []
    for relation, swapped in relations:
        true, known = relation.holds(evidence.rows)
        n = len(evidence.whole[False][True])
        if evidence.few(known & ~true) and _odds(evidence, relation, swapped, known, False) < evidence.most(False, 1, n):
            candidates.append((relation, swapped, known))
    most = evidence.most(True, max(len(candidates), asked), len(evidence.whole[True][True]))
    return [r for r, swapped, known in candidates if _odds(evidence, r, swapped, known, True) < most]


def _odds(evidence: Evidence, relation: Relation, swapped: str, known: np.ndarray, half: bool) -> float:
    """The logarithm of the odds that patients of a half would obey an equation by chance."""
    patients = evidence.patients(known & (evidence.second == half))
    if patients < PATIENTS:
        return 0.0
    able = held = 1
    for to in evidence.partners:
        true, can = relation.holds(evidence.traded(swapped, to))
        can &= evidence.second == half
        able += evidence.patients(can)
        held += evidence.patients(can) - evidence.patients(can & ~true)
    return patients * float(np.log(held / able))


def sums(evidence: Evidence, columns: list[Column], same: dict[str, str]) -> list[Rule]:
    """The equations that hold in every row.

    Args:
        same: columns that are always equal to another, and that one: they are left out.
    """
    bare, firsts = terms(evidence, [c for c in columns if c.name not in same])
    singles = confirmed(evidence, _singles(evidence, bare, firsts))
    firsts_told = {r.right.text for r in singles if isinstance(r.left, Name)}
    firsts = [f for f in firsts if f.key not in firsts_told]
    differences = confirmed(evidence, _differences(evidence, bare, firsts))
    return [Rule(r) for r in (*singles, *_independent(differences))]


def beginnings(evidence: Evidence, columns: list[Column]) -> list[Rule]:
    """Columns that begin with one value in all patients, which is not what they mostly are."""
    rules = []
    varying = [c for c in columns if c.role == "varying" and (c.levels or c.numeric) and not c.calendar]
    for column in varying:  # when all begin is kept by the clock
        x, name = evidence.values(column.name), Name(column.name)
        begins, later = Function("first", name).values(evidence.rows)[evidence.starts], x[evidence.rows.place > 0]
        begins, later = begins[~np.isnan(begins)], later[~np.isnan(later)]
        if len(begins) < 2 * PATIENTS or begins.min() != begins.max():
            continue
        as_often = (int((later == begins[0]).sum()) + 1) / (len(later) + 1)
        text = column.text(begins[0]) if column.levels else written(column, begins[0])
        if text and len(begins) / 2 * np.log(as_often) < np.log(FALSE / len(varying)):
            rules.append(Rule(Relation(Function("first", name), "=", Value(text))))
    return rules


def _singles(evidence: Evidence, bare: list[Term], firsts: list[Term]) -> Iterator[tuple[Relation, str]]:
    """A column that is the first value, the value before, or the sum of another."""
    some = sample(evidence)
    for of in firsts:
        before = [("first", of.x)]
        if not of.column.calendar and of.column.role == "varying":
            before += [(how, Function(how, Name(of.column.name)).values(evidence.rows)) for how in ("total", "previous")]
        for how, x in before:
            for c in bare:
                if c.column is of.column or c.column.calendar != of.column.calendar or c.column.role == "time":
                    continue
                if how != "first" and c.column.role == "static":
                    continue
                if _holds(c.x[some], x[some], steps(c.column), evidence.slack):
                    yield Relation(c.expression, "=", Function(how, Name(of.column.name))), c.column.name


def _holds(c: Floats, x: Floats, room: float, slack: int) -> bool:
    """Whether two are equal wherever both are known, and that is often enough."""
    apart = np.abs(c - x)
    known = ~np.isnan(apart)
    return int(known.sum()) >= LEAST and int((apart[known] > room + 1e-9 * np.abs(c[known]) + 1e-12).sum()) <= slack


def _differences(evidence: Evidence, bare: list[Term], firsts: list[Term]) -> Iterator[tuple[Relation, str]]:
    """c = a - b of any three; each only once, solved for the last of the columns."""
    some = sample(evidence)
    every = [*bare, *firsts]
    if len(some) < LEAST or len(every) < 3:
        return
    values = np.stack([t.x[some] for t in every])
    place = {t.column.name: i for i, t in enumerate(bare)}
    room = np.array([steps(c.column) for c in bare])
    seen: set[tuple[str, frozenset[str]]] = set()
    for i, a in enumerate(every):
        apart = values[i] - values  # [B, S], of all b
        for k, c in enumerate(bare):
            if c.column.name == a.column.name:
                continue
            gap = np.abs(apart - values[k])
            known = ~np.isnan(gap)
            size = 1e-9 * np.nan_to_num(np.abs(values[i]) + np.abs(values[k]))
            loose = room[k] + np.array([steps(a.column, b.column) for b in every])
            wrong = np.where(known, gap, 0) > loose[:, None] + size
            fits = (wrong.sum(axis=1) <= evidence.slack) & (known.sum(axis=1) >= LEAST)
            for j in np.flatnonzero(fits):
                b = every[j]
                key = (a.key, frozenset((b.key, c.key)))
                if j == i or b.column.name == c.column.name or key in seen or _idle(a, b, c):
                    continue
                if not any(t.bare and t.column.role != "time" for t in (a, b, c)):
                    continue  # of first values and the time, none of which an equation can be solved for
                seen.add(key)
                yield _solved(evidence, a, b, c, place)


def _idle(a: Term, b: Term, c: Term) -> bool:
    """Whether one of the three is always 0, or two of them always equal, so that nothing is added."""
    if a.column.calendar != (b.column.calendar or c.column.calendar) or (b.column.calendar and c.column.calendar):
        return True
    known = ~(np.isnan(a.x) | np.isnan(b.x) | np.isnan(c.x))
    x, y, z = a.x[known], b.x[known], c.x[known]
    return bool((y == 0).all() or (z == 0).all() or (x == 0).all())


def _solved(evidence: Evidence, a: Term, b: Term, c: Term, place: dict[str, int]) -> tuple[Relation, str]:
    """a = b + c, solved for the column that comes last in the table and is no time."""
    can = [t for t in (a, b, c) if t.bare and t.column.role != "time"]
    varying = [t for t in can if t.column.role == "varying"] if any(t.column.role == "varying" for t in (a, b, c)) else can
    target = max(varying or can, key=lambda t: place[t.column.name])
    if target is a:
        right: Expression = Arithmetic(b.expression, "+", c.expression)
    else:
        right = Arithmetic(a.expression, "-", (b if target is c else c).expression)
    exact = Relation(target.expression, "=", right)
    true, known = exact.holds(evidence.rows)
    if not evidence.few(known & ~true):
        exact = Relation(target.expression, "=", right, round(steps(a.column, b.column, c.column), 10))
    return exact, target.column.name


def _independent(relations: list[Relation]) -> list[Relation]:
    """Without the equations that follow from those before, simple ones first."""
    kept: list[Relation] = []
    names = sorted({part.text for r in relations for part in _parts(r)})
    rows: list[Floats] = []
    targets: set[str] = set()
    for r in sorted(relations, key=lambda r: (r.within is not None, sum(isinstance(p, Function) for p in _parts(r)))):
        row = np.zeros(len(names))
        assert isinstance(r.right, Arithmetic)
        row[names.index(r.left.text)] = -1
        row[names.index(r.right.left.text)] += 1
        row[names.index(r.right.right.text)] += 1 if r.right.sign == "+" else -1
        if r.left.text not in targets and np.linalg.matrix_rank(np.stack([*rows, row])) > len(rows):
            rows.append(row)
            kept.append(r)
            targets.add(r.left.text)
    return kept


def _parts(r: Relation) -> tuple[Expression, ...]:
    assert isinstance(r.right, Arithmetic)
    return r.left, r.right.left, r.right.right
