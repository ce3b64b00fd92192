"""Rules that a table shows: found in one half of its patients, confirmed in the other, and no more of them than are needed.

See finding/evidence.py for what makes a rule one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from reverie.records.places import ROW, hidden
from reverie.records.rules.expressions import Name
from reverie.records.rules.finding.consequences import without_consequences
from reverie.records.rules.finding.courses import courses
from reverie.records.rules.finding.cuts import cuts
from reverie.records.rules.finding.evidence import Evidence
from reverie.records.rules.finding.formulas import formulas
from reverie.records.rules.finding.orders import OrderStates, Signs, gated, orders, relation, sparse
from reverie.records.rules.finding.pairs import Pair, pairs, phrased, struck
from reverie.records.rules.finding.states import LevelStates, states_of
from reverie.records.rules.finding.sums import beginnings, sums
from reverie.records.rules.reading import Support, supports
from reverie.records.rules.rule import Claim, Course, Relation, Rule
from reverie.records.rules.rules import Rules

if TYPE_CHECKING:
    from reverie.records.schema import Schema
    from reverie.records.table import Table

__all__ = ["found", "suspects"]

RARE = 1e-3
"""Share of the rows that may break what is nearly a rule."""
EXCEPTIONS = 3
"""Or so many patients."""
STRONG = 20
"""Fewest rows that obey it for each that does not."""


def found(schema: Schema, frame: pl.DataFrame, clock: bool = False) -> tuple[Rule, ...]:
    """The rules that every patient of a table obeys.

    Args:
        frame: typed, of the schema's columns, in any order of rows.
        clock: whether a time that is called otherwise here than in its source is one of the columns that rules are on.
    """
    evidence = Evidence.of(arranged(schema, frame), schema)
    rules = [rule for rule in _looked_for(schema, evidence, clock) if not rule.breaks(evidence.rows).any()]
    return tuple(without_consequences(evidence, rules))


def suspects(table: Table) -> tuple[Support, ...]:
    """What is nearly a rule, and its exceptions: at most one row in a thousand, or rows of three patients.

    They would be far more if chance had them, so each may be a fault of the data; no rule of the table's schema is among
    them. Most broken ones last.
    """
    slack = max(EXCEPTIONS, int(RARE * table.frame.height / 2))
    evidence = Evidence.of(table.frame, table.schema, slack)
    own = Rules.of(table.schema).rules
    near = [rule for rule in _looked_for(table.schema, evidence) if rule not in own]
    few = []
    for support in supports(table, tuple(near)):
        rare = len(support.broken) <= RARE * support.rows or support.breakers <= EXCEPTIONS
        if support.broken and rare and len(support.broken) * STRONG <= support.rows:
            few.append(support)
    return tuple(sorted(few, key=lambda s: len(s.broken)))


def _looked_for(schema: Schema, evidence: Evidence, clock: bool = False) -> list[Rule]:
    """All kinds of rules, without those that plainly follow from others."""
    times = [c for c in schema.columns if c.role == "time" and (clock or not hidden(c.name))]
    columns = [c for c in schema.columns if c in times or (c.modelled and not hidden(c.name))]
    if len(evidence.starts) < 2 or not columns:
        return []
    states = list(states_of(evidence, columns))
    before, loose = orders(evidence, columns)
    gates = [s for s in states if isinstance(s, LevelStates) and s.column.levels]
    together = pairs(evidence, states)
    at_levels = gated(evidence, loose, gates, before)
    kept = struck([*together, *at_levels], [*states, *(pair.b for pair in at_levels)], before)
    copies = same(before, schema)
    equations = sums(evidence, columns, copies)
    equations += formulas(evidence, columns, copies, equations)
    targets = {rule.target for rule in equations}
    free = sparse({key: allowed for key, allowed in before.items() if not targets & set(key)}, {})
    bound = sparse({key: allowed for key, allowed in before.items() if targets & set(key)}, free)
    rules = [Rule(_turned(relation(*key, allowed), schema)) for key, allowed in (free | bound).items()]
    rules += [rule for pair in kept if not isinstance(pair.b, OrderStates) for rule in phrased(pair)]
    rules += [Rule(_turned(claim, schema), when) for claim, when in at_level(kept, before)]
    telling = {frozenset((pair.a.column.name, pair.b.column.name)) for pair in together if pair.tells}
    rules += cuts(evidence, columns, states, telling)
    moving = courses(evidence, columns, copies)
    counted = {r.claim.column for r in moving if isinstance(r.claim, Course) and r.claim.how == "counts from"}
    rules += [*moving, *equations, *beginnings(evidence, [c for c in columns if c.name not in counted])]
    return list(dict.fromkeys(rules))


def same(before: Signs, schema: Schema) -> dict[str, str]:
    """The columns that are always equal to one before them, or to the time."""
    copies = {}
    for (a, b), allowed in before.items():
        if allowed == {1}:
            a, b = (b, a) if schema[b].role == "time" else (a, b)
            copies[b] = a
    return copies


def arranged(schema: Schema, frame: pl.DataFrame) -> pl.DataFrame:
    """Rows by patient and time, the holes of statics filled from the patient's other rows."""
    patient = schema.identifier.name
    fill = [pl.col(c.name).fill_null(pl.col(c.name).drop_nulls().first().over(patient)) for c in schema.static]
    frame = frame.with_columns(fill) if fill else frame
    order = pl.col(ROW).min().over(patient)
    numbered = frame.with_columns(pl.int_range(pl.len()).alias(ROW)).with_columns(order)
    return numbered.sort(ROW, schema.time.name, maintain_order=True).drop(ROW)


def at_level(kept: list[Pair], before: Signs) -> list[tuple[Relation, tuple[Claim, ...]]]:
    """Orders at levels of other columns, without those that follow from others at the same level."""
    contexts: dict[tuple[str, int], dict[tuple[str, str], set[int]]] = {}
    of: dict[str, Pair] = {}
    for pair in kept:
        if isinstance(pair.b, OrderStates):
            of[pair.a.key] = pair
            for state in range(pair.a.size):
                if pair.never[state].any():
                    key = (pair.b.column.name, pair.b.other.name)
                    allowed = {s for s in range(3) if not pair.never[state, s]} & before.get(key, {0, 1, 2})
                    allowed |= {1} if len(allowed) == 2 else set()
                    contexts.setdefault((pair.a.key, state), {})[key] = allowed
    grouped: dict[tuple[str, Relation], list[int]] = {}
    for (gate, state), wanted in contexts.items():
        for key, allowed in sparse(wanted, before).items():
            grouped.setdefault((gate, relation(*key, allowed)), []).append(state)
    return [(claim, of[gate].a.claims(states)) for (gate, claim), states in grouped.items()]


def _turned(claim: Relation, schema: Schema) -> Relation:
    """The time stands on the right of an equation."""
    if claim.sign == "=" and isinstance(claim.left, Name) and schema[claim.left.name].role == "time":
        return Relation(claim.right, "=", claim.left)
    return claim
