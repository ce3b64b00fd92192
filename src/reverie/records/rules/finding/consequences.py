"""What follows from equations: rules on a column that another rule works out.

The other columns trade places with those of other patients, the column is worked out again, and rows that break the
remaining rules are left out: a rule that holds even so says nothing more.
"""

from __future__ import annotations

import numpy as np

from reverie.records.rules.finding.evidence import Evidence
from reverie.records.rules.rows import Rows
from reverie.records.rules.rule import Relation, Rule

__all__ = ["without_consequences"]

ROWS = 100
"""Fewest rows that obey the other rules."""


def without_consequences(evidence: Evidence, rules: list[Rule]) -> list[Rule]:
    """The rules that do not follow from the equations among them."""
    equations = {r.target: r for r in rules if r.target is not None}
    targets = set(equations)
    doubted = [r for r in rules if targets & set(r.columns) and r not in equations.values()]
    if not doubted:
        return rules
    worlds = [_world(evidence, equations, shift) for shift in range(len(evidence.partners))]
    gone: list[Rule] = []
    for rule in sorted(doubted, key=lambda r: -len(targets & set(r.columns))):
        others = [r for r in rules if r not in gone and r is not rule and r not in equations.values()]
        if _follows(rule, [r for r in others if not targets & set(r.columns)], worlds):
            gone.append(rule)
    return [r for r in rules if r not in gone]


def _world(evidence: Evidence, equations: dict[str, Rule], shift: int) -> Rows:
    """Rows of columns that have nothing to do with each other but by the equations."""
    rows = evidence.rows
    values = {}
    for i, name in enumerate(n for n in rows.columns if n not in equations):
        if rows.columns[name].role != "identifier" and rows.columns[name].learned:
            x, swaps = evidence.values(name), [np.arange(len(rows)), *evidence.partners]
            values[name] = x[swaps[(i + shift) % len(swaps)]]
    world = Rows(rows.frame, rows.columns, rows.first, values)
    left = dict(equations)
    while left:
        ready = [name for name, rule in left.items() if not (set(rule.columns) - {name}) & left.keys()]
        for name in ready or list(left):
            claim = left.pop(name).claim
            assert isinstance(claim, Relation)
            if ready:
                step, x = rows.column(name).step, claim.right.values(world)
                values[name] = np.round(x / step) * step if step else x
            else:
                values[name] = evidence.values(name)
    return world


def _follows(rule: Rule, others: list[Rule], worlds: list[Rows]) -> bool:
    able = 0
    near = [r for r in others if set(r.columns) & set(rule.columns)]
    for world in worlds:
        fine = np.ones(len(world), dtype=bool)
        for other in near:
            fine &= ~other.breaks(world)
        if near and not any(r.claim.columns for r in near):
            return False
        _, known = rule.claim.holds(world)
        able += int((known & rule.applies(world) & fine).sum())
        if (rule.breaks(world) & fine).any():
            return False
    return able >= ROWS
