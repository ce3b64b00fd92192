"""A schema from a table alone: every decision with its reason, to be read and, where it is wrong, edited.

A column is static when no patient has two different values of it, most who have it have it more than once, and it is filled
in at all of their visits (or at most: then its holes are filled from the patient's other visits). All other columns vary.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import polars as pl

from reverie.errors import DataError, unknown
from reverie.records.emptiness import explained
from reverie.records.kinds import Column, Evidence, Mixed, recognise, recognise_number
from reverie.records.kinds.identifier import Identifier
from reverie.records.nulls import NULL_VALUES, NullTexts
from reverie.records.parsing import Parsed
from reverie.records.places import ROW, at, shown
from reverie.records.precision import precision
from reverie.records.restarts import restarted
from reverie.records.roles import AGE, find_roles
from reverie.records.rules.find import found
from reverie.records.schema import Schema
from reverie.records.shapes import TIME
from reverie.records.validation import check_null_column, check_rows

__all__ = ["infer_parsed", "observed", "per_patient"]

FILLED = 0.5
"""A column that never differs within a patient is static if, in patients who have it at all, it is filled in this share of
rows; below, it is a measurement that was seldom made."""


def infer_parsed(
    parsed: Parsed,
    identifier: str | None,
    time: str | None,
    name: str,
    kinds: Mapping[str, str],
    null_values: tuple[str, ...] = (),
    clock: bool = False,
) -> tuple[Schema, Parsed]:
    """The schema of a parsed table, and the table without rows that are wholly alike (the first of them stays).

    Args:
        clock: whether rules may be on a time that is called otherwise in its source.
    """
    for column in kinds:
        if column not in parsed.frame.columns:
            raise unknown("column for `kinds`", column, [c for c in parsed.frame.columns if c != ROW])
    cells = [column for column in parsed.frame.columns if column != ROW]
    whole = parsed.frame.with_columns(cells for cells, _ in parsed.untold.values())
    whole = whole.unique(cells, keep="first", maintain_order=True)
    i, t, why_i, why_t = find_roles(whole.drop(ROW), name, identifier, time)
    null_texts = NullTexts.read(null_values, cells)
    for column in null_texts.columns:
        check_null_column(column, i, t)
    parsed = parsed.keeping((i, t))
    frame = parsed.frame.unique(cells, keep="first", maintain_order=True)
    unknown_role = [pl.col(c).replace(dict.fromkeys(NULL_VALUES)) for c in (i, t) if c in parsed.null_values]
    frame = frame.with_columns(unknown_role)  # nobody is called NA
    check_rows(frame, i, t, name)
    _check_time(frame, t, parsed.mixed.get(t), name)
    if why_t.startswith(AGE):
        parsed.notes.append(f"{t} was taken as the time, {AGE}: if another column does, name it with `time`.")
    if said := restarted(frame, i, t):
        parsed.notes.append(said)
    static = {c for c in cells if c not in (i, t)} if t == TIME else _static(frame, i, t)
    columns = []
    for column in cells:
        if column == i:
            columns.append(Identifier.of_patients(frame[i], why_i))
        elif column == t:
            columns.append(_time(frame[t], why_t, name))
        else:
            role = "static" if column in static else "varying"
            values = per_patient(frame, i, column) if role == "static" else frame[column]
            seen = Evidence(column, values, role, parsed.mixed.get(column), name)
            columns.append(recognise(seen, kinds.get(column), null_values=parsed.null_values.get(column)))
    columns = [c.in_form(parsed.forms[c.name]) if c.name in parsed.forms else c for c in columns]
    schema = Schema(columns=tuple(columns), null_values=tuple(dict.fromkeys((*NULL_VALUES, *null_texts.everywhere))))
    if not schema.static and not schema.varying:
        raise DataError(
            f"{name} has nothing left to model: besides identifier and time no column holds varied numbers or names."
        )
    schema = explained(schema, frame.drop(ROW))
    rules = found(schema, frame.drop(ROW), clock)
    schema = schema.model_copy(update={"rules": tuple(rule.text for rule in rules)})
    return schema, replace(parsed, frame=frame)


def observed(schema: Schema, frame: pl.DataFrame) -> Schema:
    """The schema with what this table shows where the schema only reports: share missing, lowest, highest, skew, type, and
    the levels of columns whose levels are not given. Decisions (kinds, roles, bounds, units, levels) stay."""
    columns = []
    for column in schema.columns:
        cells = per_patient(frame, schema.identifier.name, column.name) if column.role == "static" else frame[column.name]
        update = {"type": _type(cells), **column.observed(cells)}
        columns.append(column.model_copy(update=update))
    return schema.model_copy(update={"columns": tuple(columns)})


def _type(cells: pl.Series) -> str:
    return str(cells.dtype.base_type())


def per_patient(frame: pl.DataFrame, identifier: str, column: str) -> pl.Series:
    """The first value of each patient that is not missing."""
    return frame.group_by(identifier, maintain_order=True).agg(pl.col(column).drop_nulls().first())[column]


def _static(frame: pl.DataFrame, i: str, t: str) -> set[str]:
    """The columns that say one thing a patient. With one visit for every patient nothing tells, and all of them vary."""
    others = [c for c in frame.columns if c not in (i, t, ROW)]
    several = frame.filter(pl.len().over(i) > 1)
    if not several.height or not others:
        return set()
    seen = several.group_by(i).agg(
        *[pl.col(c).drop_nulls().n_unique().alias(f"n{k}") for k, c in enumerate(others)],
        *[pl.col(c).count().alias(f"c{k}") for k, c in enumerate(others)],
        pl.len().alias("rows"),
    )
    static = set()
    for k, column in enumerate(others):
        has = seen.filter(pl.col(f"c{k}") > 0)
        holes = int(has["rows"].sum()) - int(has[f"c{k}"].sum())
        if holes and frame[column].drop_nulls().n_unique() == 1:
            continue  # one value or empty: that it is empty says something
        again = has.filter(pl.col(f"c{k}") > 1).height >= FILLED * has.height
        if (
            has.height
            and again
            and has[f"n{k}"].max() == 1
            and float(has[f"c{k}"].sum()) >= FILLED * float(has["rows"].sum())
        ):
            static.add(column)
    return static


def _check_time(frame: pl.DataFrame, t: str, mixed: Mixed | None, name: str) -> None:
    """The time is numbers, dates or date-times. Raises DataError."""
    if mixed and mixed.read >= mixed.text:
        raise DataError(
            f"{at(name, mixed.row, t)}{shown(mixed.value)} is no time among {mixed.read:,} {mixed.what}: correct it "
            "or remove the row."
        )
    if frame.schema[t] in (pl.String, pl.Boolean):
        raise DataError(
            f"{at(name, frame[ROW][0], t)}{shown(frame[t][0])} is no time: give times as numbers, dates (2026-01-31) or "
            "date-times (2026-01-31T08:30), or name another column with `time`."
        )


def _time(cells: pl.Series, why: str, name: str) -> Column:
    """The time column: of the first kind of numbers that it is; only 0 bounds it, and of its precision no limit is kept."""
    column = recognise_number(Evidence(cells.name, cells, "time", None, name))
    words = [said for said in column.why.split("; ") if said in precision(cells).words and "limit" not in said]
    bounds = {"lower": column.lower if column.lower == 0 else None, "upper": None}
    return column.model_copy(update={"why": "; ".join([why, *words]), "missing": 0.0, **bounds})
