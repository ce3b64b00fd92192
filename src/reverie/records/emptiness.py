"""Emptiness that another column explains: only women are asked whether they are pregnant, only the dead have a day of death.

    asked_if: {sex: [F]}          filled only where sex is F
    asked_if: {event: [(any)]}    filled only where event is filled; (empty) in a list: also where it is empty

A rule is found in one half of the patients and confirmed in the other. It needs, in both, patients with a state of the other
column at which every cell is empty, patients of other states at which some are filled, and odds against its being chance:

    (1 - p)^n < CHANCE,   p: share of patients (and of rows) filled at the other states,   n: patients (rows) at these states

Rules hold for what is made, and what they leave empty is not filled. A schema may have others, or strike some.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import reduce
from operator import and_
from typing import TYPE_CHECKING, Any

import polars as pl

from reverie.records.rules import Empty, OneOf, Rule
from reverie.records.schema import ANY, EMPTY, Column, Schema

if TYPE_CHECKING:
    from reverie.records.table import Table

__all__ = ["as_rules", "asked", "explained", "obeyed", "said", "sure"]

PATIENTS = 3
"""Fewest patients of each side of a rule, in each half."""
CHANCE = (1e-2, 1e-3)
"""So likely may it be at most, in the first half and in the second, that a rule is none."""
GOLDEN = 0.6180339887
"""Multiples of it, modulo 1, are spread evenly whatever regular part of them is taken."""
MOSTLY = 0.5
"""Names that are empty in so large a share of rows tell an event: empty is none, rather than not known."""


def asked(frame: pl.DataFrame, column: Column) -> pl.Series:
    """Which rows of a typed table have the states at which a column may be filled. Bool."""
    may = [pl.Series([True]).new_from_index(0, frame.height)]
    for gate, levels in column.asked_if.items():
        cells = frame[gate].cast(pl.String)
        here = cells.is_not_null() if ANY in levels else cells.is_in(list(levels)).fill_null(False)
        may.append(here | (cells.is_null() if EMPTY in levels else False))
    return reduce(and_, may)


def obeyed(frame: pl.DataFrame, schema: Schema, learned: bool = True) -> pl.DataFrame:
    """A typed table of some of the schema's columns, without the cells that rules leave empty; those of columns that are
    not `learned` alone, where the others are seen to as all rules are."""
    for column in in_order(schema):
        if column.modelled and not learned:
            continue
        if column.name in frame.columns and column.asked_if.keys() <= set(frame.columns):
            cells = pl.when(asked(frame, column)).then(pl.col(column.name))
            frame = frame.with_columns(cells.alias(column.name))
    return frame


def sure(table: Table, column: Column) -> bool:
    """Whether a column of visits is filled wherever what is known before values says that it may be: then nothing else is to
    be made of whether it is."""
    gates = column.asked_if.items()
    before = all(table.schema[gate].role == "static" or ANY in levels for gate, levels in gates)
    return bool(gates) and before and not (asked(table.frame, column) & table.frame[column.name].is_null()).any()


def as_rules(schema: Schema) -> Iterator[Rule]:
    """What asked_if says of the columns that are learned, as rules."""
    for column in (*schema.static, *schema.varying):
        for gate, levels in column.asked_if.items():
            if not schema[gate].modelled:
                continue
            claim, others = Empty(column.name), [level for level in schema[gate].levels if level not in levels]
            if ANY not in levels and others:
                yield Rule(claim, (OneOf(gate, tuple(others)),))
            if EMPTY not in levels:
                yield Rule(claim, (Empty(gate),))


def in_order(schema: Schema) -> Iterator[Column]:
    """The columns that have rules, after those that they follow."""
    done: set[str] = {c.name for c in schema.columns if not c.asked_if}
    left = [c for c in schema.columns if c.asked_if]
    while left:
        ready = [c for c in left if c.asked_if.keys() <= done]
        yield from ready
        done |= {c.name for c in ready}
        left = [c for c in left if c.name not in done]


def said(column: Column) -> str:
    """The rules of a column in words: "sex is F and event is filled"."""
    parts = []
    for gate, levels in column.asked_if.items():
        words = ["filled" if level == ANY else "empty" if level == EMPTY else level for level in levels]
        parts.append(f"{gate} is {' or '.join(words)}")
    return " and ".join(parts)


def explained(schema: Schema, frame: pl.DataFrame) -> Schema:
    """The schema with the rules that a table shows, and without filling where that would make events of nothing.

    Args:
        frame: typed, of the schema's columns.
    """
    gates: dict[str, dict[str, tuple[str, ...]]] = {}
    place = {column.name: i for i, column in enumerate(schema.columns)}
    rules = list(_rules(schema, frame))
    by_column: dict[str, list[_Rule]] = {}
    for rule in rules:
        by_column.setdefault(rule.column, []).append(rule)
    for name in sorted(by_column, key=place.__getitem__, reverse=True):  # of two that say the same, the first leads
        covered = pl.Series([False]).new_from_index(0, frame.height)
        for rule in sorted(by_column[name], key=lambda r: (r.unsure, -r.rows, place[r.gate])):
            closed = frame[rule.gate].cast(pl.String).fill_null(EMPTY).is_in(rule.closed)
            if (closed & ~covered).any() and not _leads(gates, rule.gate, name):
                gates.setdefault(name, {})[rule.gate] = rule.levels
                covered |= closed
    events = {gate for rules_ in gates.values() for gate, levels in rules_.items() if levels == (ANY,)}
    modelled = (*schema.static, *schema.varying)
    events |= {c.name for c in modelled if len(c.levels) == 1 and c.missing}
    events |= {c.name for c in modelled if frame.schema[c.name].is_temporal() and c.missing >= MOSTLY}
    columns: list[Column] = []
    for column in schema.columns:
        update: dict[str, Any] = {"asked_if": gates[column.name]} if column.name in gates else {}
        update |= {"fill": False} if column.name in events else {}
        columns.append(column.model_copy(update=update) if update else column)
    return schema.model_copy(update={"columns": tuple(columns)})


@dataclass(frozen=True)
class _Rule:
    """A column is empty at these states of another: `levels` are the others, `rows` how many it is about."""

    column: str
    gate: str
    closed: tuple[str, ...]
    levels: tuple[str, ...]
    rows: int
    unsure: bool


def _rules(schema: Schema, frame: pl.DataFrame) -> Iterator[_Rule]:
    """All that hold of single pairs of columns."""
    patient = schema.identifier.name
    texts = [c for c in schema.columns if c.patterns and c.role == "varying"]
    modelled = (*schema.static, *schema.varying)
    holey = [c for c in (*modelled, *texts) if 0 < frame[c.name].null_count() < frame.height]
    who = frame[patient].unique(maintain_order=True)
    place = frame[patient].replace_strict(who, range(len(who)), return_dtype=pl.Int64)
    half = (place * GOLDEN % 1 < 0.5).cast(pl.Int8)  # not every other one: even and odd are often women and men
    for gate in (c for c in modelled if c.levels and len(c.levels) > (not c.missing)):
        others = [c for c in holey if c.name != gate.name and (c.role == "varying" or gate.role == "static")]
        if not others:
            continue
        cells = pl.DataFrame([half.alias("half"), frame[patient].alias("who"), _states(frame, gate)])
        cells = cells.with_columns(frame[c.name].is_not_null().alias(str(i)) for i, c in enumerate(others))
        names = [str(i) for i in range(len(others))]
        first = cells.group_by("state").agg(pl.col(names).sum())
        names = [name for name in names if (first[name] == 0).any()]  # few are ever empty at a state: the rest is for these
        each = cells.group_by("half", "who", "state").agg(pl.col(names).sum(), pl.len().alias("rows"))
        counts = each.group_by("half", "state").agg(
            *[(pl.col(n) > 0).sum().alias(f"patients {n}") for n in names],
            *[pl.col(n).sum().alias(f"rows {n}") for n in names],
            pl.len().alias("patients"),
            pl.col("rows").sum(),
        )
        both = [counts.filter(pl.col("half") == h) for h in (0, 1)]
        for name in names:
            column = others[int(name)]
            if closed := _closed(both, name, column.role == "static", gate, frame):
                states = (*gate.levels, *gate.pooled, *((EMPTY,) if gate.missing else ()))
                left = tuple(state for state in states if state not in closed)
                levels = (ANY,) if closed == (EMPTY,) else left
                rows = int(counts.filter(pl.col("state").is_in(closed))["rows"].sum())
                yield _Rule(column.name, gate.name, closed, levels, rows, gate.missing > 0)


def _states(frame: pl.DataFrame, gate: Column) -> pl.Series:
    return frame[gate.name].cast(pl.String).fill_null(EMPTY).alias("state")


def _closed(both: list[pl.DataFrame], name: str, static: bool, gate: Column, frame: pl.DataFrame) -> tuple[str, ...]:
    """The states of a gate at which a column is always empty; none if chance could have it so."""
    never = [set(h.filter((pl.col(f"rows {name}") == 0) & (pl.col("patients") >= PATIENTS))["state"]) for h in both]
    ever = {state for h in both for state in h.filter(pl.col(f"rows {name}") > 0)["state"]}
    closed = (never[0] & never[1]) - ever
    if EMPTY in closed and not _tells_events(gate, frame):
        closed -= {EMPTY}
    if not closed or not ever:
        return ()
    for half, most in zip(both, CHANCE, strict=True):
        inside = half.filter(pl.col("state").is_in(list(closed)))
        outside = half.filter(pl.col("state").is_in(list(ever)))
        if outside[f"patients {name}"].sum() < PATIENTS:
            return ()
        for unit in ("patients",) if static else ("patients", "rows"):
            share = (float(outside[f"{unit} {name}"].sum()) + 0.5) / (float(outside[unit].sum()) + 1)
            if (1 - share) ** float(inside[unit].sum()) >= most:
                return ()
    return tuple(state for state in (*gate.levels, *gate.pooled, EMPTY) if state in closed)


def _tells_events(gate: Column, frame: pl.DataFrame) -> bool:
    """Whether a column holds names where there is something to tell, and is empty where there is not."""
    return frame.schema[gate.name] == pl.String and frame[gate.name].null_count() >= MOSTLY * frame.height


def _leads(gates: Mapping[str, Mapping[str, Any]], gate: str, column: str) -> bool:
    """Whether the rules found lead from a gate back to the column."""
    return gate == column or any(_leads(gates, further, column) for further in gates.get(gate, {}))
