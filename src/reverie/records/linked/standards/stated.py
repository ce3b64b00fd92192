"""Tables whose keys, parents and clocks a standard states: nothing is guessed, only what is there of them is looked up.

A table's parent is the nearest of those named that is there, to which at least half of its rows refer, and within whose
time at least half of these lie (a diagnosis may be older than the stay that notes it). Its clock is the first of those named
whose start is filled in at least half of its rows, an interval where its end is there, too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import polars as pl

from reverie.records.linked.checks import outside_of
from reverie.records.linked.keys import Tie, foreign
from reverie.records.linked.schema import Clock, ForeignKey, Kind, LinkedSchema, LinkedTable

__all__ = ["Stated", "schema_of"]


@dataclass(frozen=True)
class Stated:
    """What a standard says of one table.

    Attributes:
        name, kind, key: as of LinkedTable; the key may be missing from the source's table, which then has none.
        refers: tables by the columns that refer to them.
        parents: of these, the nearest first; the last is taken where rows name no other.
        clocks: (start, end) by preference; without an end an instant or a day.
        why: the reason for its kind, for people.
    """

    name: str
    kind: Kind
    key: str | None
    refers: Mapping[str, str]
    parents: tuple[str, ...] = ()
    clocks: tuple[tuple[str, str | None], ...] = ()
    why: str = ""


def schema_of(tables: Iterable[Stated], frames: Mapping[str, pl.DataFrame], standard: str) -> LinkedSchema:
    """The schema of the frames, by what a standard states of them."""
    there = [table for table in tables if table.name in frames]
    keys = {table.name: table.key for table in there if table.key in frames[table.name].columns}
    found: dict[str, LinkedTable] = {}
    for table in there:
        found[table.name] = _table(table, frames, keys, found, standard)
    return LinkedSchema(tables=tuple(found.values()))


def _table(
    stated: Stated,
    frames: Mapping[str, pl.DataFrame],
    keys: Mapping[str, str | None],
    tables: Mapping[str, LinkedTable],
    standard: str,
) -> LinkedTable:
    frame = frames[stated.name]
    refers = tuple(
        _foreign(column, table, frames, str(keys[table]), stated.name, standard)
        for column, table in stated.refers.items()
        if column in frame.columns and table in keys
    )
    clock = _clock(stated, frame, standard)
    above = [key for parent in stated.parents for key in refers if key.table == parent]
    near = (
        key.table
        for key in above
        if _filled(frame, key.column) and not _mostly_outside(frame, key, clock, frames, tables[key.table])
    )
    parent = next(near, above[-1].table if above else None)
    return LinkedTable(
        name=stated.name,
        kind=stated.kind,
        key=keys.get(stated.name),
        parent=parent,
        refers=refers,
        clock=clock,
        why=stated.why,
    )


def _foreign(column: str, table: str, frames: Mapping[str, pl.DataFrame], key: str, own: str, standard: str) -> ForeignKey:
    tie = Tie(column, table, True, 1.0)
    found = foreign(frames[own], tie, frames[table][key], own == table)
    return found.model_copy(update={"why": f"{standard} says so"})


def _filled(frame: pl.DataFrame, column: str) -> bool:
    return 2 * frame[column].null_count() <= frame.height


def _mostly_outside(
    frame: pl.DataFrame, key: ForeignKey, clock: Clock | None, frames: Mapping[str, pl.DataFrame], parent: LinkedTable
) -> bool:
    outside, of = outside_of(frame, key.column, clock, frames[key.table], parent)
    return 2 * outside > of


def _clock(stated: Stated, frame: pl.DataFrame, standard: str) -> Clock | None:
    starts = [(start, end) for start, end in stated.clocks if start in frame.columns]
    start, end = next((pair for pair in starts if _filled(frame, pair[0])), starts[0] if starts else (None, None))
    if start is None:
        return None
    ends = end is not None and end in frame.columns and frame[end].null_count() < frame.height
    if ends and frame.schema[start].base_type() == frame.schema[str(end)].base_type():
        return Clock(kind="interval", start=start, end=end, why=f"{standard} says so")
    kind = "date" if frame.schema[start] == pl.Date else "instant"
    return Clock(kind=kind, start=start, why=f"{standard} says so")
