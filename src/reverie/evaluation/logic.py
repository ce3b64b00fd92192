"""What cannot be: rows that break a rule that every real patient obeys, and values that no patient has.

rules      schema.rules (records/rules): patients, and rows, that break each, beside held-out patients and shuffled ones
asked      cells filled where another column says that they are empty (records/emptiness.py)
between    numbers in a gap of the real patients' values that their spacing does not explain (gaps.py)
beyond, unseen, changing    values beyond bounds, levels in no real table, statics that change (shape.py)

All are counts over every row of the synthetic table (counted.py), and no estimates: one is a fault, where held-out patients
have none.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence, Sized
from dataclasses import replace
from typing import Any

from reverie.evaluation.area import Found, area
from reverie.evaluation.counted import ANY, Counted
from reverie.evaluation.measure import FEW, Measure, Metric
from reverie.evaluation.privacy.rates import Kept, never
from reverie.evaluation.tables import Tables
from reverie.plain import number_of
from reverie.records.schema import Schema

__all__ = ["BETWEEN", "BREAKING", "logic", "rules_table", "too_few_real"]

CLAIM = "logic"
SHOWN = 30
"""Rules in the table, those broken most first."""

BREAKING = Metric(
    "logic.rules",
    "Patients who break a rule",
    "Share of synthetic patients with a row that breaks any of the rules of the schema, which every real patient obeys. One "
    "is a fault.",
    CLAIM,
    unit="share",
    ideal=0.0,
    worse="above",
    exact=True,
)
RULE = replace(
    BREAKING,
    name="logic.rule.{rule}",
    title="{rule}",
    how="Share of patients with a row that breaks this rule.",
)


def _count(key: str, title: str, what: str, *beside: str) -> Metric:
    how = f"{what}, counted over all synthetic visits; there should be none."
    return Metric(
        f"logic.{key}", title, how, CLAIM, tolerance=0.5, unit="count", ideal=0.0, worse="above", beside=beside, exact=True
    )


ASKED = _count(
    "asked", "Cells that must be empty", "Cells filled where another column says that they are empty", "ceiling", "floor"
)
BETWEEN = _count("between", "Values where there are none", "Numbers in a gap of the values of real patients", "ceiling")
BEYOND = _count("beyond", "Values beyond bounds", "Values that no patient can have by the bounds of the schema")
UNSEEN = _count("unseen", "Levels that do not exist", "Levels that are in no real table", "ceiling")
CHANGING = _count(
    "changing", "Constants that change", "Patients whose static column is not the same at all visits", "ceiling"
)
INTRO = (
    "What every real patient obeys, and what no patient can have. Each rule of the schema stands beside how many held-out "
    "patients break it, and how many do when every column is shuffled by itself."
)


@area("logic", "Logic", INTRO, 0.3, BREAKING, RULE, ASKED, BETWEEN, BEYOND, UNSEEN, CHANGING)
def logic(tables: Tables) -> Found:
    """Exact counts over the whole synthetic table."""
    schema, counts = tables.schema, tables.counts
    if few := too_few_real(tables.real):
        return few
    synthetic, held, mixed = sides = (counts.synthetic, counts.holdout or counts.train, tables.mixed_counts)
    detail = f"{number_of(len(schema.rules), 'rule')}; "
    measures = [_broken(BREAKING, ANY, sides, detail)] if schema.rules else []
    if any(column.asked_if for column in schema.columns):
        scale = counts.train.rows / mixed.rows  # shuffled are the patients drawn, and as many as there are would fill more
        filled = {name: count * scale for name, count in mixed.filled.items()}
        measures.append(_counted(ASKED, synthetic, synthetic.filled, held.filled, filled))
    measures.append(_counted(BETWEEN, synthetic, counts.between, {}))
    measures.append(_counted(BEYOND, synthetic, synthetic.beyond))
    new = counts.real.alone * min(1.0, synthetic.patients / counts.real.patients)
    measures.append(_counted(UNSEEN, synthetic, _unseen(tables), {"": new}, chance=math.sqrt(new)))
    measures.append(_counted(CHANGING, synthetic, synthetic.changing, {}))
    for rule in schema.rules:
        measures.append(_broken(RULE.of(rule=rule), rule, sides))
    notes = [] if schema.rules else ["The schema has no rules, so none can be broken; describing a table shows them."]
    return measures, _figures(schema, sides), notes


def _broken(metric: Metric, rule: str, sides: Sequence[Counted], detail: str = "") -> Measure:
    """Of the patients of each side, the share that breaks a rule."""
    ours, theirs, mixed = (
        Kept(side.rows, side.patients, side.rows_breaking[rule], side.patients_breaking[rule]) for side in sides
    )
    return never(metric, ours.rate, theirs.rate, mixed.rate.value, f"{detail}{ours}")


def _counted(
    metric: Metric,
    synthetic: Counted,
    where: Mapping[str, int],
    held: Mapping[str, float] | None = None,
    mixed: Mapping[str, float] | None = None,
    chance: float = 0.0,
) -> Measure:
    culprits = f"Found in {', '.join(f'{name} ({count:,})' for name, count in where.items())}." if where else ""
    references = {"ceiling": held, "floor": mixed}
    numbers: dict[str, Any] = {
        name: float(sum(counts.values())) for name, counts in references.items() if counts is not None
    }
    return metric.measure(float(sum(where.values())), synthetic.rows, culprits, chance=chance, **numbers)


def _unseen(tables: Tables) -> dict[str, int]:
    """How many levels neither the schema nor a real patient has, by column. About as many levels as are of one real patient
    alone are new among as many other patients (Good 1953): so many held-out ones have, and the deviation is the root."""
    found = {}
    for name, levels in tables.counts.synthetic.levels.items():
        column = tables.schema[name]
        if new := levels.keys() - {*column.levels, *column.pooled, *tables.counts.real.levels[name]}:
            found[name] = len(new)
    return found


def _figures(schema: Schema, sides: Sequence[Counted]) -> dict[str, Any]:
    kept = sides[0].rows_breaking
    rows = [[rule, kept[rule], *(side.patients_breaking[rule] for side in sides)] for rule in schema.rules]
    note = "How many synthetic rows and patients break each, and how many held-out and shuffled patients."
    columns = ["rule", "rows", "patients", "held-out patients", "shuffled patients"]
    return rules_table(rows, "Rules, those broken most first", note, columns, SHOWN)


def rules_table(rows: list[list[Any]], title: str, note: str, columns: list[str], most: int) -> dict[str, Any]:
    """The figure of rules: of each its text, how many rows break it, and more; those broken most first, and so many."""
    if not rows:
        return {}
    more = f" The first {most} of {len(rows)}." if len(rows) > most else ""
    worst = sorted(rows, key=lambda row: -row[1])[:most]
    return {"rules": {"kind": "table", "title": title, "note": note + more, "columns": columns, "rows": worst}}


def too_few_real(real: Iterable[Sized]) -> str:
    """Why nothing can be said of what cannot be, by the real patients; "" where there are enough."""
    if (count := sum(map(len, real))) >= FEW:
        return ""
    return f"there {'is' if count == 1 else 'are'} {number_of(count, 'real patient')}, too few to say what cannot be."
