"""What of linked tables is compared, settled on the real ones: lanes of rows, what each row is about, types.

A lane is a table whose rows are some patient's. Its code is the column that says what a row is about: one that refers to a
lookup (rather one named as codes are), else one named as codes, tests or drugs are, else one named as names and types are,
else the text column of most levels that are repeated.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import time
from functools import cached_property

import polars as pl

from reverie.errors import DataError
from reverie.records.column_names import words
from reverie.records.linked import LinkedSchema, LinkedTable, LinkedTables
from reverie.records.linked.lookups import names_of_codes
from reverie.records.shapes.long_words import CODE, TEST, VALUE

__all__ = ["Lane", "Plan"]

NAMING = {"name", "type", "display", "class", "category", "vaccine", "event", "service", "specialty"}
REPEATED = 4
"""Rows for each level, on average, from which a text column may say what rows are about."""
MOST_LEVELS = 50_000
NAMES, COMMON = 50, 8
"""Levels of a column whose shares in a patient are a feature, at most; and how many of them, the commonest."""


@dataclass(frozen=True)
class Lane:
    """One table below the patients, or that of the patients.

    Attributes:
        name, kind, key, parent: see LinkedTable.
        tie: the column by which it refers to its parent.
        upwards: (column, table) by which the patient of a row is found, those that reach furthest first.
        start, end: the columns of its clock.
        borrows: whether its rows have the time of their parent.
        of_day: whether its clock tells the time of the day.
        code: the column that says what a row is about.
        levels: of it, as text, the commonest first.
        named: what a lookup calls them, as far as it does.
        value: the column of what was measured, of a long table.
        numbers: columns of numbers that are neither keys nor clock nor code.
        names: columns of few levels that are neither, with their commonest levels.
    """

    name: str
    kind: str
    key: str | None
    parent: str | None
    tie: str | None
    upwards: tuple[tuple[str, str], ...]
    start: str | None
    end: str | None
    borrows: bool
    of_day: bool
    code: str | None
    levels: tuple[str, ...]
    named: Mapping[str, str]
    value: str | None
    numbers: tuple[str, ...]
    names: tuple[tuple[str, tuple[str, ...]], ...]

    def called(self, level: str) -> str:
        """What a code is called."""
        return self.named.get(level, level)


@dataclass(frozen=True, eq=False)
class Plan:
    """What is compared.

    Attributes:
        schema: of the real tables.
        entity, key: the table of patients, and its key.
        lanes: that of the patients first, parents before their children.
        types: of each column of each table, lookups among them.
    """

    schema: LinkedSchema
    entity: str
    key: str
    lanes: tuple[Lane, ...]
    types: dict[str, dict[str, pl.DataType]]

    @classmethod
    def of(cls, real: Sequence[LinkedTables]) -> Plan:
        """The plan for the real tables, of one schema. Raises DataError where no table is of patients."""
        first, schema = real[0], real[0].schema
        if not schema.entities:
            raise DataError(f"{first.name} has no table of patients: name one of kind entities in a schema.")
        hanging = {name: sum(name in schema.above(t.name) for t in schema.tables) for name in schema.entities}
        entity = max(schema.entities, key=lambda name: hanging[name])
        types = {t.name: dict(first.frames[t.name].schema) for t in schema.tables}
        frames = {t.name: _both([tables.frames.get(t.name) for tables in real], types[t.name]) for t in schema.tables}
        lanes, clocked = [], set()
        for table in schema.tables:
            if table.kind != "lookup" and (table.name == entity or entity in schema.above(table.name)):
                lane = _lane(table, schema, entity, frames, clocked)
                lanes.append(lane)
                clocked |= {table.name} if lane.start is not None or lane.borrows else set()
        return cls(schema, entity, str(schema[entity].key), tuple(lanes), types)

    def __getitem__(self, name: str) -> Lane:
        return self._named[name]

    def lane(self, name: str) -> Lane | None:
        """Of a table; none of a lookup."""
        return self._named.get(name)

    @cached_property
    def _named(self) -> dict[str, Lane]:
        return {lane.name: lane for lane in self.lanes}

    @property
    def below(self) -> tuple[Lane, ...]:
        """All lanes but that of the patients."""
        return tuple(lane for lane in self.lanes if lane.name != self.entity)

    @property
    def clocked(self) -> tuple[Lane, ...]:
        """Those with a clock of their own."""
        return tuple(lane for lane in self.below if lane.start is not None)

    @property
    def coded(self) -> tuple[Lane, ...]:
        return tuple(lane for lane in self.below if lane.code is not None)

    @property
    def lookups(self) -> list[str]:
        return [table.name for table in self.schema.tables if table.kind == "lookup"]

    @property
    def stays(self) -> tuple[Lane, ...]:
        """Lanes of intervals that others hang on or may lie in: directly below the patients, with a key."""
        return tuple(lane for lane in self.below if lane.end is not None and lane.key is not None)


def _both(frames: Sequence[pl.DataFrame | None], types: dict[str, pl.DataType]) -> pl.DataFrame:
    """The rows of one table of all real ones, of the columns and types that the first has."""
    same = [
        f.select(pl.col(c).cast(t, strict=False) for c, t in types.items() if c in f.columns)
        for f in frames
        if f is not None
    ]
    return pl.concat(same, how="diagonal")


def _lane(
    table: LinkedTable, schema: LinkedSchema, entity: str, frames: Mapping[str, pl.DataFrame], clocked: set[str]
) -> Lane:
    frame = frames[table.name]
    people = [(key.column, key.table) for key in table.refers if key.table == entity]
    up = [
        (key.column, key.table)
        for key in table.refers
        if key.table not in (entity, table.name) and (key.table == table.parent or entity in schema.above(key.table))
        and schema[key.table].kind != "lookup"
    ]  # fmt: skip
    lookups = [key.column for key in table.refers if schema[key.table].kind == "lookup"]
    keys = {table.key, *(key.column for key in table.refers if key.column not in lookups)}
    clock = table.clock
    taken = keys | ({clock.start, clock.end} if clock else set())
    rest = [column for column in frame.columns if column not in taken]
    counts = {column: frame[column].n_unique() for column in rest}
    few = [c for c in rest if 2 <= counts[c] <= min(max(frame.height // REPEATED, 2), MOST_LEVELS)]
    code = None if table.name == entity else _code(few, lookups, frame, counts)
    tie = table.to(table.parent) if table.parent else None
    values = [c for c in rest if VALUE & set(words(c)) and frame[c].dtype.is_numeric()]
    numbers = [c for c in rest if frame[c].dtype.is_numeric() and c != code and not _ids(c)]
    texts = [c for c in few if frame[c].dtype in (pl.String, pl.Boolean) and c != code and counts[c] <= NAMES]
    names = tuple((c, tuple(_levels(frame[c])[:COMMON])) for c in texts)
    borrowed = clock is None and table.parent in clocked
    levels = () if code is None else tuple(_levels(frame[code]))
    carried = {of.name: frames[of.name] for of in schema.tables if of.kind == "lookup"}
    known = names_of_codes(schema, table.name, carried).get(code or "", {})
    named = {level: known[level] for level in levels if level in known}
    return Lane(
        table.name, table.kind, table.key, table.parent, tie.column if tie else None, tuple(people + up),
        clock.start if clock else None, clock.end if clock else None, borrowed,
        clock is not None and clock.start is not None and _of_day(frame[clock.start]), code, levels,
        named, values[0] if values and table.kind == "long" and code is not None else None, tuple(numbers), names,
    )  # fmt: skip


def _of_day(times: pl.Series) -> bool:
    return isinstance(times.dtype, pl.Datetime) and bool((times.drop_nulls().dt.time() != time(0)).any())


def _code(few: list[str], lookups: list[str], frame: pl.DataFrame, counts: dict[str, int]) -> str | None:
    tied = [column for column in lookups if column in few]
    if tied:
        return next((c for c in tied if (CODE | TEST) & set(words(c))), tied[0])
    named = [
        c for c in few if (CODE | TEST) & set(words(c)) and (frame[c].dtype == pl.String or frame[c].dtype.is_integer())
    ]
    texts = [c for c in few if frame[c].dtype == pl.String]
    # A column that many cells lack says little of what rows are about.
    filled = {c: frame.height - frame[c].null_count() for c in {*named, *texts}}
    for columns in (named, [c for c in texts if NAMING & set(words(c))], texts):
        if full := [c for c in columns if 2 * filled[c] >= frame.height]:
            return max(full, key=lambda c: counts[c])
    return None


def _ids(column: str) -> bool:
    return bool({"id", "key"} & set(words(column)))


def _levels(cells: pl.Series) -> list[str]:
    counts = cells.drop_nulls().cast(pl.String).alias("\0level").value_counts(name="\0count")
    return counts.sort(["\0count", "\0level"], descending=[True, False])["\0level"].to_list()
