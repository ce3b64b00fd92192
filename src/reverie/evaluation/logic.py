"""What cannot be: rows that break a rule that every real patient obeys, and values that no patient has.

rules      schema.rules (records/rules): patients, and rows, that break each, beside held-out patients and shuffled ones
asked      cells filled where another column says that they are empty (records/emptiness.py)
between    numbers in a gap of the real patients' values that their spacing does not explain (records/support.py)
beyond, unseen, changing    values beyond bounds, levels in no real table, statics that change (shape.py)

All are counts of the whole synthetic table, and no estimates: one is a fault, where held-out patients have none.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl

from reverie.evaluation.area import Found, area
from reverie.evaluation.cohort import Cohort
from reverie.evaluation.figures.histograms import counted
from reverie.evaluation.measure import FEW, Measure, Metric
from reverie.evaluation.privacy.rates import wilson
from reverie.evaluation.shape import impossible
from reverie.evaluation.tables import Tables
from reverie.plain import number_of
from reverie.records.emptiness import asked
from reverie.records.rounding import cell, on_grid
from reverie.records.rules import Rules
from reverie.records.schema import Column, Schema
from reverie.records.support import support

__all__ = ["Broken", "logic"]

CLAIM = "logic"
WIDE = 0.5
"""A gap of first values is one of all values if so large a part of it has none of them."""
SHOWN = 30
"""Rules in the table, those broken most first."""

ANY = Metric(
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
    ANY,
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


@area("logic", "Logic", INTRO, 0.3, ANY, RULE, ASKED, BETWEEN, BEYOND, UNSEEN, CHANGING)
def logic(tables: Tables) -> Found:
    """Exact counts over the whole synthetic table."""
    schema = tables.schema
    if (count := sum(map(len, tables.real))) < FEW:
        return f"there {'is' if count == 1 else 'are'} {number_of(count, 'real patient')}, too few to say what cannot be."
    frames = (tables.drawn, tables.split.holdout if tables.holdout else tables.split.train, tables.mixed)
    sides = [Broken.of(frame, schema) for frame in frames]
    synthetic, held, _ = sides
    detail = f"{number_of(len(schema.rules), 'rule')}; " + synthetic.counted(synthetic.any)
    measures = [_broken(ANY, [side.any for side in sides], sides, detail)] if schema.rules else []
    ruled_out, between = impossible(tables.synthetic, *tables.real), _between(tables.synthetic, tables)
    levels = {name: len(new) for name, new in ruled_out.unseen.items()}
    if any(column.asked_if for column in schema.columns):
        measures.append(_counted(ASKED, synthetic.filled, tables, held.filled, sides[2].filled))
    measures.append(_counted(BETWEEN, between, tables, {}))
    measures += [_counted(BEYOND, ruled_out.beyond, tables), _counted(UNSEEN, levels, tables, {}, chance=_alone(tables))]
    measures.append(_counted(CHANGING, ruled_out.changing, tables, {}))
    for rule in synthetic.rules:
        rows = [side.rules[rule] for side in sides]
        measures.append(_broken(RULE.of(rule=rule), rows, sides, synthetic.counted(rows[0])))
    notes = () if schema.rules else ("The schema has no rules, so none can be broken: see them with reverie data.",)
    return measures, _figures(sides), notes


@dataclass(frozen=True, eq=False)
class Broken:
    """A table of visits and what breaks in it.

    Attributes:
        frame: typed, by patient and time.
        patient: whose row it is, int64 [R].
        rules: by the text of each rule, the rows that break it, bool [R].
        filled: cells where a column must be empty, by column.
    """

    frame: pl.DataFrame
    patient: np.ndarray
    rules: dict[str, np.ndarray]
    filled: dict[str, int]

    @classmethod
    def of(cls, frame: pl.DataFrame, schema: Schema) -> Broken:
        frame = schema.typed(frame).sort(schema.identifier.name, schema.time.name, maintain_order=True)
        filled = {c.name: int((~asked(frame, c) & frame[c.name].is_not_null()).sum()) for c in schema.columns if c.asked_if}
        patient = frame[schema.identifier.name].rank("dense").to_numpy().astype(np.int64) - 1
        return cls(frame, patient, Rules.of(schema).broken(frame), {n: count for n, count in filled.items() if count})

    @property
    def any(self) -> np.ndarray:
        """The rows that break any rule, bool [R]."""
        return np.any([np.zeros(self.frame.height, dtype=bool), *self.rules.values()], axis=0)

    @property
    def size(self) -> int:
        """Patients."""
        return int(self.patient.max()) + 1

    def patients(self, rows: np.ndarray) -> int:
        """Of how many patients these rows are."""
        return len(np.unique(self.patient[rows]))

    def counted(self, rows: np.ndarray) -> str:
        row, patient = number_of(int(rows.sum()), "row"), number_of(self.patients(rows), "patient")
        return f"{row} of {self.frame.height:,} and {patient} of {self.size:,} break it."


def _broken(metric: Metric, rows: Sequence[np.ndarray], sides: Sequence[Broken], detail: str) -> Measure:
    """Of the rows of each side that break a rule, the share of patients."""
    ours, theirs, mixed = (wilson(side.patients(r), side.size) for side, r in zip(sides, rows, strict=True))
    return replace(metric, tolerance=0.5 / sides[0].size).measure(
        ours.value,
        sides[0].size,
        detail,
        deviation=0.0,
        ceiling=theirs.value,
        ceiling_deviation=theirs.deviation if theirs.value else 0.0,
        floor=mixed.value,
    )


def _counted(
    metric: Metric,
    where: Mapping[str, int],
    tables: Tables,
    held: Mapping[str, int] | None = None,
    mixed: Mapping[str, int] | None = None,
    chance: float = 0.0,
) -> Measure:
    culprits = f"Found in {', '.join(f'{name} ({count:,})' for name, count in where.items())}." if where else ""
    references = {"ceiling": held, "floor": mixed}
    numbers: dict[str, Any] = {
        name: float(sum(counts.values())) for name, counts in references.items() if counts is not None
    }
    return metric.measure(float(sum(where.values())), tables.synthetic.rows, culprits, chance=chance, **numbers)


def _alone(tables: Tables) -> float:
    """The deviation of how many levels other patients bring: about as many as are of one real patient alone (Good 1953)."""
    count = 0
    for name in tables.train.levels:
        seen = pl.concat(
            pl.DataFrame({"who": c.patient + i * len(tables.train), "level": c.levels[name]})
            for i, c in enumerate(tables.real)
        )
        count += int((seen.drop_nulls().group_by("level").agg(pl.col("who").n_unique())["who"] == 1).sum())
    return math.sqrt(count)


def _between(synthetic: Cohort, tables: Tables) -> dict[str, int]:
    """Numbers in a gap of the real patients' values, by column."""
    counts = {}
    for column in (c for c in (*tables.schema.static, *tables.schema.varying) if c.numeric and not c.calendar):
        values = synthetic.numbers[column.name][counted(synthetic, column)]
        count = sum(int(((values > low) & (values < high)).sum()) for low, high in _gaps(column, tables.real))
        counts |= {column.name: count} if count else {}
    return counts


def _gaps(column: Column, real: Sequence[Cohort]) -> Iterator[tuple[float, float]]:
    """Both sides of gaps that the spacing of first values of patients does not explain, as far as all values leave them."""
    first = np.concatenate([c.numbers[column.name][c.offsets[:-1]] for c in real])  # a patient's own values lie together
    every = np.unique(np.concatenate([c.numbers[column.name] for c in real]))
    values, counts = np.unique(on_grid(first[~np.isnan(first)], column.step, column.digits), return_counts=True)
    if len(values) < 2:
        return
    for at in np.flatnonzero(support(*cell(values, column.step, column.digits), counts).empty):
        inside = every[(every >= values[at]) & (every <= values[at + 1])]
        widest = int(np.diff(inside).argmax()) if len(inside) > 1 else 0
        if len(inside) > 1 and np.diff(inside)[widest] > WIDE * (values[at + 1] - values[at]):
            yield float(inside[widest]), float(inside[widest + 1])


def _figures(sides: Sequence[Broken]) -> dict[str, Any]:
    synthetic = sides[0]
    worst = sorted(synthetic.rules, key=lambda rule: -synthetic.rules[rule].sum())
    rows = [
        [rule, int(synthetic.rules[rule].sum()), *(side.patients(side.rules[rule]) for side in sides)]
        for rule in worst[:SHOWN]
    ]
    if not rows:
        return {}
    more = f" The first {SHOWN} of {len(worst)}." if len(worst) > SHOWN else ""
    return {
        "rules": {
            "kind": "table",
            "title": "Rules, those broken most first",
            "note": f"How many synthetic rows and patients break each, and how many held-out and shuffled patients.{more}",
            "columns": ["rule", "rows", "patients", "held-out patients", "shuffled patients"],
            "rows": rows,
        }
    }
