"""What cannot be, across tables: keys that name no row, keys that contradict each other, rules that are broken, lookups
that were not carried over. Counts over all rows, no estimates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import polars as pl

from reverie.evaluation.area import Found, area
from reverie.evaluation.linked.hospital import WHO, Hospital
from reverie.evaluation.linked.rules import Rule, found
from reverie.evaluation.linked.sides import Sides
from reverie.evaluation.logic import BETWEEN, BREAKING, rules_table, too_few_real
from reverie.evaluation.measure import Measure
from reverie.evaluation.privacy.rates import Kept, Rate, never, wilson
from reverie.plain import number_of

__all__ = ["integrity", "untied"]

SHOWN = 40
TIES = replace(
    BREAKING,
    name="logic.linked.ties",
    title="Rows whose keys name nothing, or contradict each other",
    how="Share of all rows with a key that names no row, that stands in several rows of its own table, or that names "
    "another patient than the row above. What the real tables lack too is the ceiling.",
)
RULES = replace(
    BREAKING,
    name="logic.linked.rules",
    title="Patients who break a rule across tables",
    how="Share of synthetic patients with a row that breaks any of the rules that every real patient keeps.",
)
RULE = replace(
    RULES,
    name="logic.linked.rule.{rule}",
    title="{rule}",
    how="Share of the patients to whom this rule applies that break it.",
)
LOOKUPS = replace(
    BETWEEN,
    name="logic.linked.lookups",
    title="Rows of lookups that are not those of the source",
    how="Rows that one of both has and the other lacks: lookups are carried over as they are.",
)
INTRO = (
    "Keys, and rules across tables that real patients keep (almost) without exception: found in the real tables, counted in "
    "the synthetic ones, beside how many real patients break each, and how many do when every column is shuffled."
)


@area("logic.linked", "Keys, and rules across tables", INTRO, 1, TIES, RULES, RULE, LOOKUPS)
def integrity(sides: Sides) -> Found:
    """Exact counts over all rows."""
    if few := too_few_real(sides.real):
        return few
    rules = found(sides.real)
    counts = {rule: [rule.kept(of) for of in (sides.real, [sides.synthetic], sides.shuffled)] for rule in rules}
    measures = [
        _ties(sides),
        _any(sides, [rule for rule, (real, *_) in counts.items() if rule.firm and not real.rows_breaking]),
    ]
    if sides.plan.lookups:
        measures.append(_lookups(sides))
    for rule, (real, made, mixed) in counts.items():
        if made.patients:
            measures.append(_rule(rule, real, made, mixed))
    notes = [] if rules else ["No rule across tables was found that real patients keep."]
    return measures, _figures(counts), notes


def _rule(rule: Rule, real: Kept, made: Kept, mixed: Kept) -> Measure:
    ours, theirs = made.rate, real.rate
    always = rule.firm and not real.patients_breaking
    return replace(RULE, tolerance=0.5 / made.patients if not real.patients_breaking else 0.01).of(rule=str(rule)).measure(
        ours.value,
        made.patients,
        str(made),
        deviation=0.0 if always else ours.deviation,
        ceiling=theirs.value,
        ceiling_deviation=0.0 if always else theirs.deviation,
        floor=mixed.rate.value if mixed.patients else None,
    )  # fmt: skip


def _any(sides: Sides, rules: list[Rule]) -> Measure:
    """Patients who break any of the rules that hold without exception."""
    if not rules:
        return RULES.unknown("no rule across tables was found that real patients keep without exception.")

    def broken(hospital: Hospital) -> Rate:
        return wilson(pl.concat([pl.Series(rule.breaking(hospital)) for rule in rules]).n_unique(), len(hospital))

    mixed = sum(broken(of).value * len(of) for of in sides.shuffled) / sum(map(len, sides.shuffled))
    detail = f"{number_of(len(rules), 'rule')} without exception."
    return never(RULES, broken(sides.synthetic), wilson(0, 1), mixed, detail)


def _ties(sides: Sides) -> Measure:
    ours, culprits = untied(sides.synthetic)
    real = [untied(hospital) for hospital in sides.real]
    rows = _rows(sides.synthetic)
    theirs = wilson(sum(count for count, _ in real), max(sum(map(_rows, sides.real)), 1))
    mixed = sum(untied(hospital)[0] for hospital in sides.shuffled) / max(sum(map(_rows, sides.shuffled)), 1)
    detail = f"Of {rows:,} rows: {', '.join(f'{name} ({n:,})' for name, n in culprits.items())}." if culprits else ""
    return never(TIES, wilson(ours, max(rows, 1)), theirs, mixed, detail)


def _rows(hospital: Hospital) -> int:
    return sum(hospital.tables.frames[lane.name].height for lane in hospital.plan.lanes)


def untied(hospital: Hospital) -> tuple[int, dict[str, int]]:
    """Rows whose keys are wrong, and how many by table and column."""
    plan, frames = hospital.plan, hospital.tables.frames
    culprits: dict[str, int] = {}
    total = 0
    for lane in plan.lanes:
        frame = frames[lane.name]
        table = plan.schema[lane.name]
        bad: dict[str, pl.Series] = {}
        if lane.key is not None:
            bad[lane.key] = frame[lane.key].is_duplicated() | frame[lane.key].is_null()
        for key in table.refers:
            there = frames[key.table][str(plan.schema[key.table].key)].cast(pl.String)
            cells = frame[key.column].cast(pl.String)
            wrong = cells.is_not_null() & ~cells.is_in(there.implode())
            if not key.optional:
                wrong |= cells.is_null()
            bad[key.column] = wrong
        for column, above in lane.upwards:
            if above != plan.entity and any(of == plan.entity for _, of in lane.upwards):
                bad[f"{column} (another patient)"] = _contradicts(hospital, lane.name, column, above)
        for column, wrong in bad.items():
            if count := int(wrong.sum()):
                culprits[f"{lane.name}.{column}"] = count
        if bad:
            total += int(pl.DataFrame({str(i): wrong for i, wrong in enumerate(bad.values())}).max_horizontal().sum())
    return total, culprits


def _contradicts(hospital: Hospital, name: str, column: str, above: str) -> pl.Series:
    """Whether the row above is another patient's, for each row of the table as it was read."""
    plan = hospital.plan
    there = hospital.rows[above].select(pl.col(str(plan[above].key)).cast(pl.String).alias("\0key"), WHO)
    rows = hospital.rows[name].select("\0row", pl.col(column).cast(pl.String).alias("\0key"), pl.col(WHO).alias("\0mine"))
    both = rows.join(there.unique("\0key", keep="first"), on="\0key", how="inner").filter(pl.col(WHO) != pl.col("\0mine"))
    every = pl.int_range(hospital.tables.frames[name].height, eager=True, dtype=pl.Int64)
    return every.is_in(both["\0row"].implode())


def _lookups(sides: Sides) -> Measure:
    differing: Mapping[str, int] = {
        name: count
        for name in sides.plan.lookups
        if (count := _differs(_wanted(sides, name), sides.synthetic.tables.frames[name]))
    }
    told = ", ".join(f"{name} ({n:,})" for name, n in differing.items())
    count = float(sum(differing.values()))
    rows = sum(sides.synthetic.tables.frames[name].height for name in sides.plan.lookups)
    return LOOKUPS.measure(count, rows, f"Found in {told}." if told else "", deviation=0.0, ceiling=0.0)


def _wanted(sides: Sides, name: str) -> pl.DataFrame:
    """The rows of a lookup that the synthetic tables are to have: all, but of a vocabulary, of which reading leaves out what
    no row names, those that their rows do."""
    lookup, made = sides.train.tables.frames[name], sides.synthetic.tables
    key = made.schema[name].key
    if made.standard is None or key is None:
        return lookup
    ties = ((of.name, tie.column) for of in made.schema.tables for tie in of.refers if tie.table == name)
    named = [made.frames[table][column].cast(pl.String) for table, column in ties if column in made.frames[table].columns]
    known = pl.concat([*named, made.frames[name][key].cast(pl.String)]).unique()
    return lookup.filter(pl.col(key).cast(pl.String).is_in(known.implode()))


def _differs(one: pl.DataFrame, other: pl.DataFrame) -> int:
    a, b = (frame.select(pl.col(c).cast(pl.String) for c in one.columns).unique() for frame in (one, other))
    names = one.columns
    lost, added = (x.join(y, on=names, how="anti", nulls_equal=True).height for x, y in ((a, b), (b, a)))
    return lost + added


def _figures(counts: Mapping[Rule, list[Kept]]) -> dict[str, Any]:
    rows: list[list[Any]] = [
        [str(rule), of.rows_breaking, of.patients_breaking, real.patients_breaking, real.patients, mixed.patients_breaking]
        for rule, (real, of, mixed) in counts.items()
    ]
    note = "How many synthetic rows and patients break each, and how many real and shuffled patients."
    columns = ["rule", "rows", "patients", "real patients", "shuffled patients", "of real ones"]
    return rules_table(rows, "Rules across tables, those broken most first", note, columns, SHOWN)
