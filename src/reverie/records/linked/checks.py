"""What of linked tables does not fit together: counted and named, or refused where a schema contradicts the tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import polars as pl

from reverie.errors import UsageError, unknown
from reverie.records.linked.clocks import ends_early
from reverie.records.linked.key_faults import plainly
from reverie.records.linked.lifetimes import beyond_life
from reverie.records.linked.schema import Clock, ForeignKey, LinkedSchema, LinkedTable
from reverie.records.linked.times import lie_in
from reverie.records.places import counted, shown

__all__ = ["faults_of", "found_wrong", "outside_of"]

Frames = Mapping[str, pl.DataFrame]


def found_wrong(schema: LinkedSchema, frames: Frames, name: str, whole: bool = True) -> None:
    """Raises UsageError where a schema names what there is not, or a key that tells no rows apart, unless keys need not be
    `whole`."""
    for table in schema.tables:
        if table.implied and table.name in frames:
            raise UsageError(f"{table.name} is said to be implied, and {name} has such a table: strike `implied`.")
        if table.implied:
            continue
        if table.name not in frames:
            said = str(unknown(f"table of {name}", table.name, frames)).removesuffix(".")
            raise UsageError(f"{said}; add it, its header alone where nobody has a row.")
        columns = [table.key, *(key.column for key in table.refers)]
        columns += [table.clock.start, table.clock.end] if table.clock else []
        columns += [column.name for column in table.columns]
        for column in filter(None, columns):
            if column not in frames[table.name].columns:
                raise unknown(f"column of {table.name}", column, frames[table.name].columns)
        _clocked(table, frames[table.name])
        if table.key is not None and whole:
            cells = frames[table.name][table.key]
            if cells.null_count() or cells.n_unique() < cells.len():
                twice = cells.filter(cells.is_duplicated()).drop_nulls()
                what = f"{shown(twice[0])} stands in several rows" if twice.len() else "a cell is empty"
                raise UsageError(f"{table.name}: {table.key} is no key, for {what}: name another, or none.")


def _clocked(table: LinkedTable, frame: pl.DataFrame) -> None:
    """Raises UsageError where what is said to be a time is none."""
    times = [c for c in (table.clock.start, table.clock.end) if c is not None and frame[c].count()] if table.clock else []
    for column in times:
        if not (frame.schema[column].is_numeric() or frame.schema[column] in (pl.Date, pl.Datetime)):
            seen = shown(frame[column].drop_nulls()[0])
            raise UsageError(f"{table.name}.{column} is said to be a time, and {seen} is none: name another, or no `clock`.")
    if len({frame.schema[column].is_numeric() for column in times}) > 1:
        raise UsageError(f"{table.name}: {' and '.join(times)} are a number and a date, no interval: name another `clock`.")
    if table.clock is not None and 2 * (early := ends_early(frame, table.clock)) > frame.height:
        raise UsageError(
            f"{table.name}: {early:,} of {frame.height:,} rows end ({table.clock.end}) before they begin "
            f"({table.clock.start}): swap start and end of its clock, or name others."
        )


def faults_of(schema: LinkedSchema, frames: Frames) -> Iterator[str]:
    """A sentence for each kind of row that does not fit: dangling keys, ends before starts, rows outside their parent's
    interval, keys that contradict those of the parent."""
    for table in schema.tables:
        frame = frames[table.name]
        for key in table.refers:
            if dangling := _dangling(frame, key, frames, schema):
                yield f"{table.name}.{dangling}"
        if table.clock is not None and (early := ends_early(frame, table.clock)):
            yield f"{table.name}: {counted(early, 'row', 'ends end')} before {'it begins' if early == 1 else 'they begin'}."
        if table.parent is not None:
            yield from _beside_parent(table, frames, schema)
    yield from beyond_life(schema, frames)


def _dangling(frame: pl.DataFrame, key: ForeignKey, frames: Frames, schema: LinkedSchema) -> str | None:
    there = frames[key.table][str(schema[key.table].key)].cast(pl.String)
    cells = frame[key.column].cast(pl.String).drop_nulls()
    lost = cells.filter(~cells.is_in(there.implode()))
    if not lost.len():
        return None
    first = f"{shown(lost[0])}{' and others' if lost.n_unique() > 1 else ''}"
    near = int(plainly(lost).is_in(plainly(there).implode()).sum())
    more = f"; {near:,} would, were capitals and zeros before keys written alike" if near else ""
    return f"{key.column}: {counted(lost.len(), 'cell', 'names name')} no row of {key.table} ({first}){more}."


def _beside_parent(table: LinkedTable, frames: Frames, schema: LinkedSchema) -> Iterator[str]:
    parent = schema[str(table.parent)]
    tie = table.to(parent.name)
    if tie is None or parent.key is None:
        return
    mine = frames[table.name].with_columns(pl.col(tie.column).cast(pl.String).alias("\0key"))
    theirs = frames[parent.name].with_columns(pl.col(parent.key).cast(pl.String).alias("\0key"))
    above = [
        key for key in table.refers if key.table not in (parent.name, table.name) and schema[key.table].kind != "lookup"
    ]
    shared = [key for key in above if parent.to(key.table)]
    for key in shared:
        other = parent.to(key.table)
        assert other is not None
        both = mine.select("\0key", pl.col(key.column).cast(pl.String).alias("\0mine")).join(
            theirs.select("\0key", pl.col(other.column).cast(pl.String).alias("\0theirs")), on="\0key"
        )
        if wrong := both.filter(pl.col("\0mine") != pl.col("\0theirs")).height:
            verb = "has another" if wrong == 1 else "have another"
            rows = f"{wrong:,} row{'s'[: wrong > 1]} {verb} {key.column}"
            yield f"{table.name}: {rows} than the row of {parent.name} they refer to."
    outside, of = outside_of(frames[table.name], tie.column, table.clock, frames[parent.name], parent)
    if outside:
        share = f"{100 * outside / of:.3g} %"
        yield (
            f"{table.name}: {outside:,} of {of:,} rows ({share}) lie outside the time of the row of {parent.name} "
            "they refer to."
        )


def outside_of(
    frame: pl.DataFrame, column: str, clock: Clock | None, above: pl.DataFrame, parent: LinkedTable
) -> tuple[int, int]:
    """How many rows lie outside the interval of the row of `above` that `column` names, and of how many that is known.

    A day is compared with days. (0, 0) where either has no such time, or one is a number and the other is not.
    """
    if clock is None or parent.clock is None or parent.clock.end is None or parent.key is None:
        return 0, 0
    mine, theirs = frame.schema[clock.start], above.schema[parent.clock.start]
    if mine.is_numeric() != theirs.is_numeric():
        return 0, 0
    stays = [parent.clock.start, parent.clock.end]
    both = frame.select(pl.col(column).cast(pl.String).alias("\0key"), pl.col(clock.start).alias("\0at")).join(
        above.select(pl.col(parent.key).cast(pl.String).alias("\0key"), pl.struct(stays).alias("\0stay")), on="\0key"
    )
    return int((~lie_in(both["\0at"], *(both["\0stay"].struct[name] for name in stays))).sum()), both.height
