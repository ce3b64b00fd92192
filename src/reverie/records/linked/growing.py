"""The tree of some tables, found in them: what each hangs on, and whose each row is (tree.py)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

import numpy as np
import polars as pl

from reverie.errors import DataError
from reverie.records.column_names import words
from reverie.records.linked.keys import names_key
from reverie.records.linked.schema import LinkedTable
from reverie.records.linked.tables import LinkedTables
from reverie.records.linked.times import lie_in
from reverie.records.linked.tree import Branch, Grown, Tree
from reverie.records.places import counted

__all__ = ["grow", "placed"]

FOUND = 0.9
"""From this share of rows on whose tie names a row, that table is the parent; below, one further up is."""
WITHIN = 0.75
"""From this share of rows on that lie in the time of a stay, or within AFTER of its end (results that come later), stays are
the parents of rows that do not name one."""
AFTER = timedelta(days=1)


def grow(tables: LinkedTables) -> Grown:
    """The tree of some tables, found in them. Raises DataError where there is not one table of patients, or rows of patients
    name none of them."""
    schema = tables.schema
    if tables.fault is not None:
        raise DataError(tables.fault)
    if len(schema.entities) != 1:
        found = ", ".join(schema.entities) or "none"
        raise DataError(f"{tables.name}: one table of patients is needed, and there are {found}: say so in its schema.")
    root = schema.entities[0]
    branches = [Branch(root)]
    made = [table for table in schema.tables if table.kind not in ("entities", "lookup")]
    while left := [table for table in made if all(table.name != b.table for b in branches)]:
        done = {branch.table for branch in branches}
        ready = [table for table in left if not table.parent or table.parent in done or table.parent not in _names(made)]
        branches += [_hung(table, tables, root, done) for table in ready]
    branches = [replace(b, time=_time(tables.schema[b.table], tables.frames[b.table])) for b in branches]
    branches = [_numbered(branch, tables, branches, root) or _timed(branch, tables, branches, root) for branch in branches]
    order = _parents_first(branches)
    carried = tuple(t.name for t in schema.tables if t.kind == "lookup")
    grown = placed(Tree(tuple(order), carried), tables)
    above = {branch.parent for branch in order}

    def alone(branch: Branch) -> bool:
        rows = grown.parents.get(branch.table)
        return rows is not None and branch.table not in above and len(np.unique(rows)) == len(rows) > 0

    tree = Tree(tuple(replace(branch, beside=alone(branch)) for branch in order), carried)
    return replace(grown, tree=tree)


def placed(tree: Tree, tables: LinkedTables) -> Grown:
    """Tables in the order of a tree that is known. Rows that name no parent are left out and counted."""
    frames: dict[str, pl.DataFrame] = {tree.root: tables.frames[tree.root]}
    parents: dict[str, np.ndarray] = {}
    notes = []
    for branch in tree.branches[1:]:
        frame, parent = tables.frames[branch.table], str(branch.parent)
        if branch.tie is not None:
            keys = frames[parent][str(tables.schema[parent].key)].cast(pl.String)
            rows = pl.Series(range(keys.len()), dtype=pl.Int64)
            at = frame[branch.tie].cast(pl.String).replace_strict(keys, rows, default=-1, return_dtype=pl.Int64)
        elif branch.place is not None:
            at = _by_place(frame, tables, branch, frames[parent], tree.root)
            both = f"{_whose(tables.schema[branch.table], tree.root)} and {branch.place}"
            notes.append(f"{branch.table}: {both} together name a row of {parent}.")
        else:
            at = _by_time(frame, tables, branch, parent, frames, tree.root)
        at = at.fill_null(-1)
        if lost := int((at < 0).sum()):
            notes.append(f"{branch.table}: {counted(lost, 'row')} of no row of {parent}, and left out.")
        frame = frame.with_columns(at.alias("\0at")).filter(pl.col("\0at") >= 0)
        if branch.time is not None and (lost := frame[branch.time].null_count()):
            notes.append(f"{branch.table}: {counted(lost, 'row')} without {branch.time}, and left out.")
            frame = frame.drop_nulls(branch.time)
        ordered = _ordered(frame, branch.time, tables.schema[branch.table])
        frames[branch.table], parents[branch.table] = ordered.drop("\0at"), ordered["\0at"].to_numpy()
    return Grown(tree, frames, parents, tuple(notes))


def _time(table: LinkedTable, frame: pl.DataFrame) -> str | None:
    """The start of the clock, or another time that is never empty where that one is, as of what was not given after all."""
    if table.clock is None or table.kind == "entities":
        return None
    start = table.clock.start
    if not frame[start].null_count():
        return start
    whole = [c for c, dtype in frame.schema.items() if dtype == frame.schema[start] and not frame[c].null_count()]
    return next((c for c in whole if frame.schema[c].is_temporal()), start)


def _ordered(frame: pl.DataFrame, time: str | None, table: LinkedTable) -> pl.DataFrame:
    """By parent, then by time; of sets, which have no order, the commonest rows first."""
    if time is not None:
        return frame.sort("\0at", time, maintain_order=True)
    texts = [c for c, dtype in frame.schema.items() if dtype == pl.String and c not in _tied(table)]
    if not texts:
        return frame.sort("\0at", maintain_order=True)
    code = max(texts, key=lambda c: frame[c].n_unique() if frame[c].n_unique() < 0.5 * frame.height else 0)
    return frame.sort(pl.col("\0at"), -pl.len().over(code).cast(pl.Int64), pl.col(code), maintain_order=True)


def _tied(table: LinkedTable) -> set[str]:
    return {key.column for key in table.refers} | ({table.key} if table.key else set())


def _names(tables: list[LinkedTable]) -> set[str]:
    return {table.name for table in tables}


def _hung(table: LinkedTable, tables: LinkedTables, root: str, done: set[str]) -> Branch:
    """On the nearest table that nearly all rows name a row of; where none names so many and no column names patients, on
    that which most do: rows that name none are nobody's."""
    schema, frame = tables.schema, tables.frames[table.name]
    some: list[tuple[int, Branch]] = []
    for above in schema.above(table.name):
        tie = table.to(above)
        if tie is None or above not in done:
            continue
        keys = tables.frames[above][str(schema[above].key)].cast(pl.String)
        named = frame[tie.column].cast(pl.String).is_in(keys.implode()).fill_null(False)
        if above == root or int(named.sum()) >= FOUND * frame.height:
            return Branch(table.name, above, tie.column)
        some.append((int(named.sum()), Branch(table.name, above, tie.column)))
    for tie in table.refers:
        if tie.table == root:
            return Branch(table.name, root, tie.column)
    most, branch = max(some, key=lambda one: one[0], default=(0, None))
    if branch is not None and most:
        return branch
    raise DataError(f"{tables.name}: no column of {table.name} says whose its rows are: name it in `refers` of a schema.")


def _numbered(branch: Branch, tables: LinkedTables, branches: list[Branch], root: str) -> Branch | None:
    """On the stays of the patient that a number of the row names together with the patient (the second stay of P12)."""
    schema, frame, tie = tables.schema, tables.frames[branch.table], tables.schema[branch.table].to(root)
    if branch.parent != root or tie is None:
        return None
    for stays in (schema[b.table] for b in branches if b.parent == root and b.table != branch.table):
        theirs, whose = tables.frames[stays.name], stays.to(root)
        if whose is None:
            continue
        for column in (c for c in frame.columns if c in theirs.columns and _counts(c)):
            keys = theirs.select(pl.col(whose.column).cast(pl.String).alias("who"), pl.col(column).cast(pl.String))
            pairs = frame.select(pl.col(tie.column).cast(pl.String).alias("who"), pl.col(column).cast(pl.String))
            several = keys["who"].is_duplicated().any() and theirs[column].is_duplicated().any()
            if not several or keys.is_duplicated().any() or not pairs.is_duplicated().any() or column in _tied(stays):
                continue
            if pairs.join(keys, on=["who", column], how="semi").height >= FOUND * frame.height:
                return replace(branch, parent=stays.name, tie=None, place=column)
    return None


def _counts(column: str) -> bool:
    """Whether a column is called as what counts the stays of a patient is."""
    return names_key(column) or bool({"seq", "sequence", "visit", "visitnum", "episode"} & set(words(column)))


def _by_place(frame: pl.DataFrame, tables: LinkedTables, branch: Branch, above: pl.DataFrame, root: str) -> pl.Series:
    """The row of the parent that is of the same patient and called alike; null where there is none."""
    of = [_whose(tables.schema[table], root) for table in (branch.table, str(branch.parent))]
    row, stay = (
        table.select(pl.col(who).cast(pl.String).alias("who"), pl.col(str(branch.place)).cast(pl.String).alias("place"))
        for table, who in zip((frame, above), of, strict=True)
    )
    stay = stay.with_row_index("at").unique(["who", "place"], keep="first", maintain_order=True)
    return row.join(stay, on=["who", "place"], how="left", maintain_order="left")["at"].cast(pl.Int64)


def _whose(table: LinkedTable, root: str) -> str:
    tie = table.to(root)
    assert tie is not None
    return tie.column


def _timed(branch: Branch, tables: LinkedTables, branches: list[Branch], root: str) -> Branch:
    """On the stays of the patient, where the rows of a table that names none of them lie in their time."""
    table = tables.schema[branch.table]
    if branch.parent != root or table.clock is None or branch.time is None:
        return branch
    for stays in (b.table for b in branches if b.parent == root and b.table != branch.table):
        clock = tables.schema[stays].clock
        if clock is None or clock.end is None or any(tie.table == branch.table for tie in tables.schema[stays].refers):
            continue
        frames = {root: tables.frames[root], stays: tables.frames[stays]}
        mine, theirs = frames[stays].height, tables.frames[branch.table].height
        named = any(tie.table == branch.table for other in tables.schema.tables for tie in other.refers)
        if mine > 2 * theirs and table.clock.end is not None and named:
            continue  # rather stays themselves, on which others hang, than what happens in them
        at = _by_time(tables.frames[branch.table], tables, branch, stays, frames, root)
        if at.null_count():
            continue
        begun, ended = (frames[stays][c].gather(at) for c in (clock.start, clock.end))
        when = tables.frames[branch.table][branch.time]
        within = lie_in(when, begun, _later(ended)).fill_null(False)
        if int(within.sum()) >= WITHIN * within.len():
            return replace(branch, parent=stays, tie=None)
    return branch


def _later(ended: pl.Series) -> pl.Series:
    """AFTER past the ends of stays; numbers have no days, and stay."""
    return ended + AFTER if ended.dtype.is_temporal() else ended


def _by_time(
    frame: pl.DataFrame, tables: LinkedTables, branch: Branch, stays: str, frames: Mapping[str, pl.DataFrame], root: str
) -> pl.Series:
    """The row of the stays that had begun last when each row was, or the first of the patient; null where there is none."""
    schema = tables.schema
    mine, theirs = schema[branch.table].to(root), schema[stays].to(root)
    clock, time = schema[stays].clock, branch.time
    assert mine is not None and theirs is not None and clock is not None and time is not None
    stay = (
        frames[stays]
        .select(pl.col(theirs.column).cast(pl.String).alias("who"), pl.col(clock.start).alias("when"))
        .with_row_index("at")
    )
    row = frame.select(pl.col(mine.column).cast(pl.String).alias("who"), pl.col(time).alias("when")).with_row_index("row")
    if row.schema["when"] != stay.schema["when"]:  # a day alone: the last stay that had begun by its end
        stay, row = (x.with_columns(pl.col("when").cast(pl.Date)) for x in (stay, row))
    first = stay.sort("when").group_by("who", maintain_order=True).first().select("who", pl.col("at").alias("first"))
    known = row.drop_nulls().sort("when")
    last = known.join_asof(stay.drop_nulls().sort("when"), on="when", by="who", strategy="backward", check_sortedness=False)
    found = row.join(last.select("row", "at"), on="row", how="left").join(first, on="who", how="left").sort("row")
    return found.select(pl.coalesce("at", "first").cast(pl.Int64)).to_series()


def _parents_first(branches: list[Branch]) -> list[Branch]:
    order = [branch for branch in branches if branch.parent is None]
    for branch in order:
        order += [b for b in branches if b.parent == branch.table]
    return order
