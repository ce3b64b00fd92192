"""Each table by itself: all that is measured of a table of visits (areas.py), of a table of linked ones.

A row's patient is the patient, its time that of its clock, else of its parent, else its number among the patient's rows;
keys are left out. Tables of tests and of codes stay as they are: what each test's values are is in across.py.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import polars as pl

from reverie.evaluation.area import Area, Found, area
from reverie.evaluation.columns import columns
from reverie.evaluation.course import course
from reverie.evaluation.linked.hospital import AT, WHO, Hospital
from reverie.evaluation.linked.plan import Lane, Plan
from reverie.evaluation.linked.sides import Sides
from reverie.evaluation.logic import logic
from reverie.evaluation.measure import FEW, Measure, Split
from reverie.evaluation.pairs import pairs
from reverie.evaluation.tables import Tables
from reverie.plain import number_of
from reverie.records.infer import infer_parsed
from reverie.records.parsing import parse
from reverie.records.schema import Schema
from reverie.records.shapes.shape import TIME
from reverie.records.shapes.timeless import Timeless
from reverie.records.shaping import numbered, with_shapes

__all__ = ["ALONE", "of_tables", "single"]

ALONE: tuple[Area[Tables], ...] = (logic, columns, pairs, course)
"""The parts of a report on one table that are made of each."""
PART = "{table}, "
VISITS, PATIENTS = 12_000, 300
"""About so many rows of a table on a side are compared, of so many patients at least: there are many tables."""
BORROWED, NUMBER = "(time)", "(row)"
"""The time of a table that has none: its parent's, or the row's number among the patient's."""


def of_tables(plan: Plan) -> tuple[Area[Sides], ...]:
    """An area for each table that hangs on patients, and for theirs."""
    return tuple(_area(lane) for lane in plan.lanes if _columns(plan, lane))


def single(sides: Sides, lane: Lane) -> tuple[Tables, Found, list[str]]:
    """One table of all sides as a table of its own, its logic, and columns that were left out. Raises DataError or
    UsageError where it is none."""
    hospitals = (*sides.real, sides.synthetic)
    frames = [_alone(hospital, lane) for hospital in hospitals]
    seldom = _seldom(pl.concat(frames[:-1]), sides.plan.key)
    frames = [frame.drop(seldom) for frame in frames]
    schema, known = (_schema(sides.plan, lane, pl.concat(frames[:count])) for count in (len(frames) - 1, 1))
    typed = [_typed(frame, schema) for frame in frames]
    held = typed[1] if sides.holdout is not None else typed[0].clear()
    tables = Tables.read(Split(typed[0], held, sides.seen), typed[-1], schema, sides.seed)
    real = tables.real
    most = int(VISITS * sum(map(len, real)) / max(sum(cohort.rows for cohort in real), 1))
    vars(tables)["references"] = tables.compared(max(most, PATIENTS))
    train = _typed(frames[0], known)
    of = [
        logic.compute(Tables.read(Split(train, train.clear(), sides.seen), _typed(frame, known), known, sides.seed))
        for frame in ((frames[-1], frames[1]) if sides.holdout is not None else frames[-1:])
    ]
    return tables, _beside_held(of[0], of[-1] if len(of) == 2 else None), seldom


def _beside_held(ours: Found, theirs: Found | None) -> Found:
    """The logic of synthetic patients beside that of held-out ones in their place, both by a schema that was inferred from
    the training patients alone: what is a rule there by chance, held-out patients break as well."""
    if isinstance(ours, str) or theirs is None or isinstance(theirs, str):
        return ours
    control = {m.name: m for m in theirs[0]}
    measures = []
    for m in ours[0]:
        held = control.get(m.name)
        if m.value is None or held is None or held.value is None or m.metric is None:
            measures.append(m)
            continue
        count = m.unit == "count"
        mine, others = (m.value, held.value) if count else (m.value * m.n, held.value * held.n)
        others *= m.n / max(held.n, 1)
        chance = math.sqrt(mine + others + 1) / (1 if count else m.n)  # of the difference of two counts of Poisson's law
        detail = m.how.removeprefix(m.metric.how).strip()
        ceiling = others / (1 if count else m.n)
        metric = replace(m.metric, beside=("ceiling", "floor"))
        floor = None if count else m.floor
        measures.append(metric.measure(m.value, m.n, detail, ceiling=ceiling, chance=chance, floor=floor))
    return measures, ours[1], ours[2]


def _seldom(real: pl.DataFrame, key: str) -> list[str]:
    """Columns that too few real patients have filled to be compared."""
    cells = real.columns[:-2]  # the last two are patient and time
    counts = real.select(pl.col(key).filter(pl.col(c).is_not_null()).n_unique().alias(c) for c in cells).row(0)
    return [column for column, count in zip(cells, counts, strict=True) if 0 < count < 2 * FEW]


def _schema(plan: Plan, lane: Lane, real: pl.DataFrame) -> Schema:
    """What the columns are, of one table of real rows."""
    name, time = f"the real {lane.name}", real.columns[-1]
    parsed = parse(numbered(real.drop_nulls(time)), name, (), None, None, (plan.key,))
    schema, _ = infer_parsed(parsed, plan.key, time, name, dict.fromkeys(parsed.mixed, "categorical"))
    schema = with_shapes(schema, (Timeless(),) if lane.name == plan.entity else ())
    return schema.model_copy(update={"duplicates": "keep"})


def _area(lane: Lane) -> Area[Sides]:
    # Of a table that few patients have rows of nothing is judged, and the claim rests on the alarms of the others.
    metrics = [replace(m, name=f"tables.{lane.name}.{m.name}", alarm="") for of in ALONE for m in of.metrics]
    intro = f"{lane.name} as a table of its own: logic, columns, pairs of columns and their course over a patient's rows."
    make: Callable[..., Callable[[Callable[[Sides], Found]], Area[Sides]]] = area
    return make(f"tables.{lane.name}", lane.name, intro, 4, *metrics)(lambda sides: _measured(sides, lane))


def _measured(sides: Sides, lane: Lane) -> Found:
    many = [hospital.rows[lane.name][WHO].n_unique() for hospital in (*sides.real, sides.synthetic)]
    if sum(many[:-1]) < 2 * FEW or many[-1] < FEW:
        told = number_of(sum(many[:-1]), "real patient"), number_of(many[-1], "synthetic patient")
        return f"{told[0]} and {told[1]} have rows of it, and it is judged from {2 * FEW} and {FEW} on."
    tables, possible, seldom = single(sides, lane)
    measures: list[Measure] = []
    figures, notes = {}, []
    if seldom:
        notes.append(f"Filled in fewer than {2 * FEW} real patients, and left out: {', '.join(seldom)}.")
    for part in ALONE:
        found = possible if part is logic else part.compute(tables) if part.given(tables) else ""
        if isinstance(found, str):
            notes += [found] if found else []
            continue
        measures += [_named(m, lane.name) for m in found[0]]
        figures |= found[1] if part is columns else {}
        notes += found[2]
    return measures, figures, tuple(dict.fromkeys(notes))


def _named(m: Measure, table: str) -> Measure:
    """A measure as that of one of several tables: where few patients have rows, the claim rests on the alarms of others."""
    metric = replace(m.metric, alarm="") if m.metric and m.verdict == "unknown" else m.metric
    return replace(m, name=f"tables.{table}.{m.name}", title=PART.format(table=table) + m.title, metric=metric)


def _columns(plan: Plan, lane: Lane) -> list[str]:
    """All that are no keys of rows."""
    refers = plan.schema[lane.name].refers
    keys = {lane.key, *(key.column for key in refers if plan.schema[key.table].kind != "lookup")}
    return [column for column in plan.types[lane.name] if column not in keys and column != lane.start]


def _alone(hospital: Hospital, lane: Lane) -> pl.DataFrame:
    """The columns that are no keys, the patient, and last the time."""
    plan, rows = hospital.plan, hospital.rows[lane.name]
    who = hospital.keys.gather(rows[WHO]).alias(plan.key)
    frame = rows.select(_columns(plan, lane)).with_columns(who)
    if lane.name == plan.entity:
        return frame.with_columns(pl.lit(0, pl.Int64).alias(TIME))
    if lane.start is not None:
        return frame.with_columns(rows[lane.start])
    if lane.borrows:
        return frame.with_columns(rows[AT].round(9).alias(BORROWED))
    place = np.arange(rows.height) - np.searchsorted(rows[WHO].to_numpy(), rows[WHO].to_numpy())
    return frame.with_columns(pl.Series(NUMBER, place, dtype=pl.Int64))


def _typed(frame: pl.DataFrame, schema: Schema) -> pl.DataFrame:
    return schema.typed(frame.drop_nulls(schema.time.name).select(schema.names))
