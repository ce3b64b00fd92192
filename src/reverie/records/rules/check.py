"""What can be wrong with the rules of a schema, each as one sentence: what a column cannot do, and what cannot all be true.

Rules contradict each other if no filled row could obey them: under the same conditions, or where one has none.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from typing import TYPE_CHECKING

from reverie.errors import UsageError
from reverie.records.kinds import Column
from reverie.records.rules.expressions import Arithmetic, Function, Name, Value, leaves, named
from reverie.records.rules.grammar import parse
from reverie.records.rules.rows import countable, number_of
from reverie.records.rules.rule import ELSE, Claim, Course, Empty, Filled, OneOf, Relation, Rule, Tells

if TYPE_CHECKING:
    from reverie.records.schema import Schema

__all__ = ["check_rules"]

FORBIDS = {
    "never falls": {"always falls"},
    "never rises": {"always rises", "counts from"},
    "always rises": {"always falls", "never rises", "stays"},
    "always falls": {"always rises", "never falls", "counts from", "stays"},
    "counts from": {"never rises", "always falls", "counts from", "stays"},
}


def check_rules(schema: Schema) -> None:
    """Raises UsageError that names the rule, and the other where two contradict each other."""
    rules = [parse(text, schema.names) for text in schema.rules]
    for rule in rules:
        try:
            for claim in (rule.claim, *rule.when):
                _check(claim, schema)
        except UsageError as error:
            raise UsageError(f"the rule {rule.text!r} cannot be: {str(error).rstrip('.')}.") from None
    for a, b in combinations(rules, 2):
        if _meet(a, b) and (why := _apart(a.claim, b.claim, schema)):
            raise UsageError(f"the rules {a.text!r} and {b.text!r} contradict each other: {why}; strike one of them.")
    _check_orders(rules)


def _check(claim: Claim, schema: Schema) -> None:
    for name in claim.columns:
        column = schema[name]
        if column.role == "identifier":
            raise UsageError(f"{name} only says who a patient is")
        if not column.learned:
            raise UsageError(f"{name} is {column.kind}, which no model learns")
    if isinstance(claim, OneOf):
        for value in claim.values:
            schema[claim.column].parse(value)
    elif isinstance(claim, Tells):
        for key, value in claim.table:
            if key != ELSE:
                schema[claim.by].parse(key)
            schema[claim.column].parse(value)
        if claim.by == claim.column:
            raise UsageError("a column tells itself")
    elif isinstance(claim, Course):
        _check_course(claim, schema[claim.column])
    elif isinstance(claim, Relation):
        _check_relation(claim, schema)


def _check_course(claim: Course, column: Column) -> None:
    if column.role == "static":
        raise UsageError(f"{column.name} is static, so it has no course")
    if claim.how in ("stays", "ends at"):
        column.parse(claim.value)
    elif claim.how == "counts from":
        if column.calendar or any(number_of(level) != number_of(level) for level in column.levels):
            raise UsageError(f"{column.name} is {column.kind}, which does not count")
    elif not column.ordered:
        raise UsageError(f"the levels of {column.name} have no order (kind: ordinal gives them one)")


def _check_relation(claim: Relation, schema: Schema) -> None:
    sides = (claim.left, claim.right)
    for side in sides:
        for part in leaves(side):
            if isinstance(part, Arithmetic) or (isinstance(part, Function) and part.name == "total"):
                for name in part.columns:
                    if not countable(schema[name]):
                        raise UsageError(f"{name} has levels, which cannot be reckoned with")
            if isinstance(part, Arithmetic):
                for value in (part.left, part.right):
                    if isinstance(value, Value):
                        value.number(None)
    names = [named(side) for side in sides]
    columns = [schema[name] if name else None for name in names]
    for side, other in zip(sides, reversed(columns), strict=True):
        if isinstance(side, Value):
            try:
                side.number(other)
            except UsageError as error:
                raise UsageError(f"{side.word!r} is no column, and {error}") from None
    for column in columns:
        if column is not None and column.levels and claim.sign not in ("=", "!=") and not column.ordered:
            raise UsageError(f"the levels of {column.name} have no order (kind: ordinal gives them one)")
    a, b = columns
    if a is not None and b is not None:
        if a.levels != b.levels and not (countable(a) and countable(b)):
            raise UsageError(f"{a.name} and {b.name} have different levels (a tells b (x: y) says which go together)")
        if a.calendar != b.calendar:
            raise UsageError(f"{a.name} and {b.name} are not both dates")
        for x, y, signs in ((a, b, ("<", "<=", "=")), (b, a, (">", ">=", "="))):
            if claim.sign in signs and x.lower is not None and y.upper is not None and x.lower > y.upper:
                raise UsageError(f"{x.name} is at least {x.lower:g} and {y.name} at most {y.upper:g}, by their bounds")
    elif claim.sign != "!=" and isinstance(claim.left, Name) and isinstance(claim.right, Value) and a is not None:
        _check_bounds(claim, a)


def _check_bounds(claim: Relation, column: Column) -> None:
    assert isinstance(claim.right, Value)
    if column.levels:
        return
    x = claim.right.number(column)
    for bound, signs, beyond in ((column.lower, ("<", "<=", "="), 1), (column.upper, (">", ">=", "="), -1)):
        if bound is not None and claim.sign in signs and (beyond * (x - bound) < 0 or (x == bound and claim.sign in "<>")):
            raise UsageError(f"{column.name} is never beyond {bound:g}, its {'lower' if beyond > 0 else 'upper'} bound")


def _meet(a: Rule, b: Rule) -> bool:
    """Whether one is made wherever the other is."""
    return set(a.when) <= set(b.when) or set(b.when) <= set(a.when)


def _apart(a: Claim, b: Claim, schema: Schema) -> str:
    """Why two claims cannot both be true, "" if they can."""
    for one, other in ((a, b), (b, a)):
        if isinstance(one, Empty) and isinstance(other, Filled) and one.column == other.column:
            return f"{one.column} cannot be both"
        if isinstance(one, Course) and isinstance(other, Course):
            apart = other.how in FORBIDS.get(one.how, ()) and one != other
            if apart and one.column == other.column:
                return f"{one.column} cannot do both"
    left, right = _values(a, schema), _values(b, schema)
    if left and right and left[0] == right[0] and not left[1] & right[1]:
        return f"{left[0]} cannot be both"
    return ""


def _values(claim: Claim, schema: Schema) -> tuple[str, set[float]] | None:
    """A column and the only values that a claim leaves it."""
    if isinstance(claim, OneOf):
        return claim.column, {schema[claim.column].parse(value) for value in claim.values}
    if isinstance(claim, Relation) and claim.sign == "=" and isinstance(claim.right, Value) and isinstance(claim.left, Name):
        return claim.left.name, {claim.right.number(schema[claim.left.name])}
    return None


def _check_orders(rules: list[Rule]) -> None:
    """No column is less than itself, by way of others. Raises UsageError."""
    for rule in rules:
        relations = [r for r in rules if set(r.when) <= set(rule.when)]
        less: dict[str, list[tuple[str, bool, Rule]]] = {}
        for r in relations:
            for a, b, strict in _less(r.claim):
                less.setdefault(a, []).append((b, strict, r))
        for start in less:
            if path := _back(start, less):
                texts = " and ".join(repr(r.text) for r in dict.fromkeys(path))
                raise UsageError(f"the rules {texts} contradict each other: {start} would be less than itself; strike one.")


def _less(claim: Claim) -> Iterator[tuple[str, str, bool]]:
    """What a claim makes less than what, and whether strictly so: names of columns, or texts of what is worked out."""
    if not isinstance(claim, Relation) or claim.within is not None:
        return
    a, b = claim.left.text, claim.right.text
    if claim.sign in ("<", "<=", "="):
        yield a, b, claim.sign == "<"
    if claim.sign in (">", ">=", "="):
        yield b, a, claim.sign == ">"


def _back(start: str, less: dict[str, list[tuple[str, bool, Rule]]]) -> list[Rule]:
    """The rules of a way from a column back to it that has a strict step; none if there is no such way."""
    ways = [(start, False, [])]
    seen = set()
    while ways:
        at, strict, path = ways.pop()
        for to, sharp, rule in less.get(at, ()):
            if to == start and (strict or sharp):
                return [*path, rule]
            if (to, strict or sharp) not in seen:
                seen.add((to, strict or sharp))
                ways.append((to, strict or sharp, [*path, rule]))
    return []
