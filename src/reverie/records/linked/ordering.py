"""Which times of one row come before which: started <= ended, ended <= issued, as of the times of one table.

Visits count times from the clock of their own row, so that nothing shows there that they could be before it: orders are
looked for in the times as they stand. Where one of two is a day alone, days are compared. None is strict, as across tables:
a time that is moved goes to its bound.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import polars as pl

from reverie.records.kinds import Column
from reverie.records.linked.form import Form
from reverie.records.linked.stating import DAY
from reverie.records.linked.times import apart_from
from reverie.records.rules.finding.evidence import Evidence
from reverie.records.rules.finding.orders import orders, relation, sparse
from reverie.records.rules.rows import Rows
from reverie.records.rules.rule import Rule

__all__ = ["orders_of"]


def orders_of(form: Form, frame: pl.DataFrame, parents: np.ndarray) -> list[str]:
    """Rules on the clock of a table and its other times, in the terms of the table, without those that follow from others.

    Args:
        frame: its rows.
        parents: int64 [rows], the row above of each, rising.
    """
    if form.time is None or not form.after or not frame.height:
        return []
    wanted: dict[tuple[str, str], set[int]] = {}
    for names in _alike(form):
        evidence = _evidence(form, frame, parents, names)
        found = orders(evidence, list(evidence.rows.columns.values()))[0]
        wanted |= {pair: allowed for pair, allowed in found.items() if pair not in wanted and _comparable(form, *pair)}
    wanted = {pair: allowed | {1} for pair, allowed in wanted.items()}
    return [Rule(relation(*pair, allowed)).text for pair, allowed in sparse(wanted, {}).items()]


def _alike(form: Form) -> Iterator[Sequence[str]]:
    """Times that are compared: those of the clock's own type; all, where days and moments are among them, by the day."""
    time = str(form.time)
    same = [column for column in form.after if form.columns[column] == form.columns[time]]
    if same:
        yield time, *same
    if len(same) < len(form.after):
        yield time, *form.after


def _comparable(form: Form, one: str, other: str) -> bool:
    """Whether visits can say how two times lie to each other: each to the clock; two others as far as they count alike."""
    return (
        form.time in (one, other) or form.columns[one] == form.columns[other] or form.after[one] == form.after[other] == DAY
    )


def _evidence(form: Form, frame: pl.DataFrame, parents: np.ndarray, names: Sequence[str]) -> Evidence:
    dated = any(form.columns[name].is_temporal() for name in names)
    by_day = len({form.columns[name] for name in names}) > 1 and dated
    columns, values = {}, {}
    for name in names:
        cells = frame[name].cast(pl.Date) if by_day else frame[name]
        unit = 1.0 if by_day else (form.unit if name == form.time else form.after[name]) / DAY
        values[name] = (apart_from(cells, None) / (DAY if dated else 1)).fill_null(float("nan")).to_numpy()
        columns[name] = Column(
            name=name, role="varying", kind="real", unit=unit or None, missing=0.0, decimals=None, digits=None
        )
    return Evidence.among(Rows(frame.select(names), columns, np.searchsorted(parents, parents, "left"), values))
