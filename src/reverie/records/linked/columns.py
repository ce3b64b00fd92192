"""What each column of several tables is: what it does there, and the kind of its cells.

key          tells the rows apart
reference    names a row of another table
start, end   when a row was
value        all else, of a kind as in one table (kinds/); of tables that are carried over, as they are stored
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from reverie.errors import DataError
from reverie.records.linked.beside import called
from reverie.records.linked.form import Form
from reverie.records.linked.forms import LinkedForms
from reverie.records.linked.growing import grow
from reverie.records.linked.schema import LinkedTable
from reverie.records.linked.tables import LinkedTables
from reverie.records.schema import Column

__all__ = ["columns_of"]


def columns_of(tables: LinkedTables) -> tuple[dict[str, list[dict[str, Any]]], str | None]:
    """By table, each column with its name, role, kind and share of empty cells; and why they cannot be trained on, if so."""
    forms, fault = None, None
    try:
        forms = LinkedForms.of(tables.schema, grown := grow(tables))
        if not len(grown):
            fault = f"{tables.name} has no patient."
    except DataError as error:
        fault = str(error)
    found = {}
    for table in tables.schema.tables:
        form = None if forms is None else forms.forms.get(table.name)
        kinds = {} if form is None or forms is None else _kinds(form, forms)
        frame = tables.frames[table.name]
        found[table.name] = [
            {
                "name": name,
                "role": _role(table, name),
                "kind": kinds.get(name, _stored(dtype)),
                "missing": round(frame[name].null_count() / max(frame.height, 1), 6),
                **({"follows": form.follows[name][0]} if form is not None and name in form.follows else {}),
            }
            for name, dtype in frame.schema.items()
        ]
    return found, fault


def _role(table: LinkedTable, column: str) -> str:
    if column == table.key:
        return "key"
    if any(tie.column == column for tie in table.refers):
        return "reference"
    clock = table.clock
    return "value" if clock is None else {clock.start: "start", clock.end: "end"}.get(column, "value")


def _kinds(form: Form, forms: LinkedForms) -> dict[str, str]:
    """The kinds of the columns that are learned, by what they were found to be; a table beside another has them there."""
    mine = form.table.name
    learned: Mapping[str, Column] = {}
    if mine in forms.columns:
        learned = {column.name: column for column in forms.columns[mine].columns}
    elif (above := forms.tree[mine].parent) is not None:
        beside = {column.name: column for column in forms.columns[above].columns}
        learned = {name: beside[called(mine, name)] for name in form.columns if called(mine, name) in beside}
    as_stored = {*form.after, form.time}
    kinds = {name: learned[name].kind for name in form.columns if name in learned and name not in as_stored}
    return {**kinds, **dict.fromkeys(form.scored, "real")}


def _stored(dtype: pl.DataType) -> str:
    if dtype == pl.Date:
        return "date"
    if dtype.is_temporal():
        return "datetime"
    if dtype == pl.Boolean:
        return "binary"
    return "integer" if dtype.is_integer() else "real" if dtype.is_numeric() else "text"
