"""A table of a tree, and those that have one row at most for each of its own beside it, as one table of visits.

stays          admission_type | ward        has discharge | discharge.destination | discharge.score
discharges     one or none for each stay, so what is in it is learned as more of the stay
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
from pydantic import ValidationError

from reverie.errors import UsageError
from reverie.plain import number_of
from reverie.records.column_names import words
from reverie.records.infer import infer_parsed, observed
from reverie.records.kinds import ANY, Column, Evidence, recognise_number
from reverie.records.kinds.categorical import MAX_MIXED
from reverie.records.kinds.constant import Constant
from reverie.records.kinds.identifier import Identifier
from reverie.records.kinds.text import Text
from reverie.records.legible import bounded, readable
from reverie.records.linked.form import PARENT, SINCE, Form
from reverie.records.linked.keys import names_a_person
from reverie.records.linked.ordering import orders_of
from reverie.records.linked.stating import in_visits, named, stated_columns, stated_rules
from reverie.records.linked.tree import Grown, Tree, gathered, place_of
from reverie.records.linked.wording import Wording
from reverie.records.nominal import LISTS
from reverie.records.nulls import listed
from reverie.records.parsing import parse
from reverie.records.patterns import identifying
from reverie.records.places import ROW, hidden
from reverie.records.rules.find import found
from reverie.records.rules.reading import broken, settled
from reverie.records.rules.rule import Filled, Rule
from reverie.records.rules.rules import Rules
from reverie.records.schema import Schema
from reverie.records.shapes import TIME
from reverie.records.shaping import numbered
from reverie.records.table import Table, arranged

__all__ = ["NOTHING", "apart", "called", "has", "tabled"]

NOTHING = "\0nothing"
"""The column of a table that has none besides its keys: 0 and 1 in turn, written nowhere."""
RECURRING, TIMES = 1000, 20
"""Texts that stand in so many rows each are names, up to so many of them."""
AGAIN = 0.8
"""Different values for each row, at most, of numbers that are called codes."""


def tabled(name: str, forms: Mapping[str, Form], grown: Grown, schema: Schema | None = None, holes: bool = False) -> Table:
    """A table of a tree, with those beside it, as a table of visits; its columns are found out where no schema says what
    they are. All rows stay, also those that are alike. With `holes` cells that the schema cannot read are empty."""
    tree, form = grown.tree, forms[name]
    parent = tree[name].parent
    above = None if parent is None else grown.frames[parent]
    rows = np.arange(grown.frames[name].height) if parent is None else grown.parents[name]
    frame = form.visits(grown.frames[name], rows, above)
    numbers, optional = list(form.numbers), list(form.optional)
    for other in tree.beside(name):
        more = forms[other].visits(grown.frames[other], grown.parents[other], grown.frames[name])
        frame = joined(frame, other, more, None if schema is None else called(other, SINCE) in schema.names)
        numbers += [called(other, column) for column in (SINCE, *forms[other].numbers)]
        optional += [called(other, column) for column in forms[other].optional]
    time = TIME if parent is None else SINCE
    if (schema is None and not any(_varied(frame[c]) for c in frame.columns if c not in (PARENT, time))) or (
        schema is not None and NOTHING in schema.names
    ):
        frame = frame.with_columns(pl.Series(NOTHING, np.arange(frame.height) % 2))
    notes: list[str] = []
    if schema is not None and holes:
        seen, notes, _, _ = readable(frame, schema)
        frame = pl.DataFrame(seen)
    parsed = parse(numbered(frame), name, (), schema)
    if schema is not None and holes:
        within, said = bounded(parsed.frame, schema)
        parsed, notes = replace(parsed, frame=within), notes + said
    if schema is None:
        kinds = {column: "binary" for column in optional if frame[column].n_unique() == 2}
        kinds |= {c: "categorical" for c in frame.columns if c not in (PARENT, time) and recurs(c, frame[c])}
        kinds |= {c: "categorical" for c in _carried(name, tree, forms) if frame[c].drop_nulls().n_unique() > 1}
        places = {b.place for b in tree.branches if b.place is not None and name in (b.parent, b.table)}
        kinds |= {c: "integer" for c in places if frame.schema[c].is_integer()}  # it counts from 1 in each patient
        mixed = [c for c in parsed.mixed if parsed.frame[c].n_unique() > MAX_MIXED]  # one table alone is refused
        kinds |= dict.fromkeys(mixed, "categorical")
        tables = [name, *tree.beside(name)]
        stated = stated_columns(name, tables, forms)
        kinds |= {c: of.kind for c, of in stated.items() if (of.levels or not of.learned) and of.kind != "constant"}
        try:
            schema, told = infer_parsed(parsed, PARENT, time, name, kinds, clock=form.counts)
        except UsageError as error:
            if (found := re.match(r"`kinds=(.+)=(\w+)`: (.*)\.$", str(error))) is None:
                raise  # not of a kind that was stated, which is told as of one table
            column, kind, why = found.groups()
            raise UsageError(f"{name}.{column} is of no kind {kind}, for {why}: name another in the schema.") from error
        columns = tuple(_number(c, told.frame) if c.name in numbers else c for c in schema.columns)
        roles = {c.name: c.role for c in columns if c.missing}
        columns = tuple(_alike(c, frame[c.name]) for c in columns)
        columns = tuple(_gated(c, tree.beside(name), roles) for c in columns)
        schema = schema.model_copy(update={"duplicates": "keep", "columns": columns})
        orders = {table: orders_of(forms[table], grown.frames[table], grown.parents.get(table, rows)) for table in tables}
        schema = _as_stated(schema, stated, tables, forms, told.frame, orders)
        if schema.rules:
            hold = f"hold{'s' if len(schema.rules) == 1 else ''}"
            notes = [f"{number_of(len(schema.rules), 'rule')} {hold} without exception, and will in what is made."]
        schema = _filled(schema, tree.beside(name), told.frame)
        notes += [f"{column} has numbers and text, and was read as names." for column in mixed]
        prose = [c.name for c in schema.columns if isinstance(c, Text) and not c.made and frame[c.name].count()]
        notes += [f"{column} is free text, and is written empty." for column in prose]
        anew = [c.name for c in schema.columns if isinstance(c, Identifier) and not hidden(c.name) and c.name != PARENT]
        if anew:
            tells = "tells rows apart, and is" if len(anew) == 1 else "tell rows apart, and are"
            notes.append(f"{listed(anew)} {tells} made anew in each: state another kind in a schema of what says more.")
        parsed = replace(parsed, forms=told.forms)
    table = arranged(parsed.frame, schema, name, parsed, as_read=False, part=True)
    wording = Wording(name, [name, *tree.beside(name)], forms)
    names = schema.names
    notes = [wording.note(note, names) for note in notes]
    if any(forms[one].table.rules for one in wording.tables):
        notes += broken(table, lambda text: wording.said(text, names))
    return replace(table, notes=tuple(notes))


def _carried(home: str, tree: Tree, forms: Mapping[str, Form]) -> Iterator[str]:
    """The columns that name rows of tables that are carried over, of a table and of those beside it: there are no others."""
    for table in (home, *tree.beside(home)):
        for tie in forms[table].table.refers:
            if tie.table in tree.carried and not any(tie.column == c.name for c in forms[table].table.columns):
                yield named(home, table, tie.column)


def _filled(schema: Schema, beside: Sequence[str], frame: pl.DataFrame) -> Schema:
    """A schema where a row of a table beside another has cells where all that were seen had: a hole is no answer."""
    columns, rules = [], list(schema.rules)
    for column in schema.columns:
        table = next((table for table in beside if column.name.startswith(f"{table}.")), None)
        if table is None or not (column.learned and column.missing):
            columns.append(column)
            continue
        if not frame[column.name].filter(frame[has(table)].is_not_null()).null_count():
            column = column.model_copy(update={"fill": True})
            rules.append(Rule(Filled(column.name), (Filled(has(table)),)).text)
        columns.append(column)
    return schema.model_copy(update={"columns": tuple(columns), "rules": tuple(dict.fromkeys(rules))})


def _as_stated(
    schema: Schema,
    stated: Mapping[str, Column],
    tables: Sequence[str],
    forms: Mapping[str, Form],
    frame: pl.DataFrame,
    orders: Mapping[str, Sequence[str]],
) -> Schema:
    """A schema with the columns and the rules that are stated of a table and of those beside it; where no rules are, with
    the `orders` of their times that were found, by table. Raises UsageError, in a sentence with the name of the table,
    where they cannot be."""
    name, wording = tables[0], Wording(tables[0], tables, forms)
    if stated:
        columns = []
        for column in schema.columns:
            said = stated.get(column.name)
            role = {"role": column.role} if said is not None and said.role not in ("static", "varying") else {}
            columns.append(column if said is None else said.model_copy(update={**role, "null_values": None, "form": None}))
        roles = {c.name: c.role for c in schema.columns if c.missing}
        columns = [_gated(c, tables[1:], roles) for c in columns]
        schema = _whole(schema, {"columns": tuple(columns), "rules": ()}, wording)
        for column in stated.values():
            column.check(frame, name)
            if column.numeric and frame.schema[column.name] == pl.String:
                column.read(frame[column.name], name)  # which says what is no number
        schema = observed(schema, frame)
        rules = found(schema, frame.drop(ROW), forms[name].counts)
        schema = schema.model_copy(update={"rules": tuple(rule.text for rule in rules)})
    if (rules := stated_rules(name, tables, forms, schema.names)) is None:
        said = [in_visits(name, table, forms, schema.names, text) for table in tables for text in orders[table]]
        read = {c.name for c in schema.columns if c.modelled or c.role == "time"}  # what never differs needs no rule
        every = Rules.of(schema.model_copy(update={"rules": tuple(said)}))
        some = Rules(tuple(rule for rule in every if read.issuperset(rule.columns)), schema)
        whole = [text for text, broken in some.broken(frame).items() if not broken.any()]
        return schema.model_copy(update={"rules": tuple(dict.fromkeys((*schema.rules, *whole)))})
    kept = [*wording.unsaid(schema), *rules]
    return settled(_whole(schema, {"rules": tuple(dict.fromkeys(kept))}, wording), frame, name)


def _whole(schema: Schema, changed: Mapping[str, Any], wording: Wording) -> Schema:
    """A schema with something changed, looked at again. Raises UsageError where it contradicts itself."""
    try:
        return Schema(**{**{field: getattr(schema, field) for field in Schema.model_fields}, **changed})
    except ValidationError as error:
        said = error.errors()[0]["msg"].removeprefix("Value error, ")
        for text in changed.get("rules", ()):
            _, told = wording.rule(text, schema.names) or ("", wording.said(text, schema.names))
            said = said.replace(repr(text), repr(told))
        raise UsageError(f"{wording.home}: {said.replace(chr(0), '')}.") from error


def called(table: str, column: str) -> str:
    """A column of a table as it stands beside those of the row above."""
    return f"{table}.{'since' if column == SINCE else column}"


def has(table: str) -> str:
    """The column that says whether a row has one of a table beside it: "yes" or empty, so that it is known before values."""
    return f"\0has {table}"


def joined(frame: pl.DataFrame, table: str, more: pl.DataFrame, timed: bool | None = None) -> pl.DataFrame:
    """Visits with those of a table beside them, which name the row in PARENT.

    `timed`: whether those have a time of their own; None where it is to be seen.
    """
    if timed is None:
        timed = SINCE in more.columns and not (more[SINCE] == 0).all()
    empty = [c for c in more.columns if c == SINCE and not timed]  # it has no time: only its place, the first
    more = more.drop(empty).rename({c: called(table, c) for c in more.columns if c not in (PARENT, *empty)})
    at = place_of(more[PARENT].to_numpy(), frame.height)
    yes = pl.DataFrame({"there": at >= 0}).select(pl.when("there").then(pl.lit("yes"))).to_series()
    beside = [yes.alias(has(table)), *(gathered(x, at) for x in more.drop(PARENT).iter_columns())]
    return frame.hstack(beside)


def apart(visits: pl.DataFrame, table: str) -> pl.DataFrame:
    """The inverse: the visits of a table that stood beside others."""
    own = [c for c in visits.columns if c.startswith(f"{table}.")]
    rows = (
        visits.with_row_index(PARENT + "s")
        .filter(pl.col(has(table)).is_not_null())
        .select(pl.col(PARENT + "s").alias(PARENT), *own)
    )
    since = (
        pl.lit(0, pl.Int64).alias(SINCE) if called(table, SINCE) not in own else pl.col(called(table, SINCE)).alias(SINCE)
    )
    plain = [pl.col(c).alias(c.removeprefix(f"{table}.")) for c in own if c != called(table, SINCE)]
    return rows.select(pl.col(PARENT).cast(pl.Int64), since.alias(SINCE), *plain)


def recurs(name: str, cells: pl.Series) -> bool:
    """Whether texts are names although they are sentences, or are called a key: each stands in many rows, and the key is of
    no table (departments, wards, what is written again and again). So are whole numbers that are called codes, and recur."""
    values, many = cells.drop_nulls(), cells.n_unique()
    if cells.dtype.is_integer():
        return bool(LISTS & set(words(name))) and 1 < many <= AGAIN * values.len()
    if cells.dtype != pl.String:
        return False
    return 1 < many <= min(RECURRING, values.len() // TIMES) and not identifying(name, values, "varying")


def _alike(column: Column, cells: pl.Series) -> Column:
    """A column that is called a key, and is the same in all rows, and many: the key of none, so it is written as it is."""
    if not isinstance(column, Identifier) or column.name == PARENT or hidden(column.name) or cells.count() < TIMES:
        return column
    seen = Evidence(column.name, cells, column.role, None, column.name)
    person = names_a_person(column.name) or identifying(column.name, cells.cast(pl.String), "varying")
    found = None if person else Constant.recognise(seen)
    return column if found is None else column.model_copy(update={"kind": Constant.called, "pattern": None, **found})


def _gated(column: Column, tables: Sequence[str], roles: Mapping[str, str]) -> Column:
    """A column of a table that stands beside, which is empty where there is no row of it; `roles` are those of columns that
    are empty at times."""
    for table in tables:
        gate = has(table)
        if column.name.startswith(f"{table}.") and roles.get(gate) == column.role:
            return column.model_copy(update={"asked_if": {**column.asked_if, gate: (ANY,)}})
    return column


def _number(column: Column, frame: pl.DataFrame) -> Column:
    """A column as the number that it is, also where its name or its values look like something else."""
    if column.quantity or frame[column.name].drop_nulls().n_unique() < 2:
        return column
    return recognise_number(Evidence(column.name, frame[column.name], column.role, None, column.name)).model_copy(
        update={"missing": column.missing}
    )


def _varied(cells: pl.Series) -> bool:
    """Whether there is anything to be learned of cells: a few values that recur, or numbers."""
    values = cells.drop_nulls().n_unique()
    return values > 1 and (cells.dtype != pl.String or values <= max(20, cells.len() // 2))
