"""How tables are tied, from the tables alone: every decision with its reason, to be read and, where it is wrong, edited.

keys -> which refer to which (keys.py) -> who are the patients -> what hangs on them, what is a lookup
     -> the parent of each, the nearest of those it refers to -> its clock (clocks.py) -> its kind
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import polars as pl

from reverie.errors import DataError, UsageError
from reverie.records.forms import AnyForm, DateForm
from reverie.records.linked.checks import faults_of, found_wrong
from reverie.records.linked.clocks import clock_of
from reverie.records.linked.keys import Tie, fit_of, foreign, key_of, names_a_person, names_key, singular, ties
from reverie.records.linked.opening import opened
from reverie.records.linked.schema import Clock, ForeignKey, Kind, LinkedSchema, LinkedTable
from reverie.records.linked.sources import read_tables
from reverie.records.linked.standards.registry import standard_at
from reverie.records.linked.standards.stated import schema_of
from reverie.records.linked.tables import LinkedTables
from reverie.records.parsing import parse
from reverie.records.places import ROW, counted, few, shown
from reverie.records.reading import Bounds
from reverie.records.reading.queries import asks_a_server, redacted
from reverie.records.roles import words
from reverie.records.shapes.long_roles import CODE, COUNT, TEST, VALUE
from reverie.records.shaping import numbered

__all__ = ["read_linked"]

MOSTLY = 0.9
"""From this share of different values on, a column that is named as the key of its table was meant to be it, and what
stands twice is a fault."""


def read_linked(
    source: Any,
    schema: LinkedSchema | None = None,
    name: str | None = None,
    most: Bounds = Bounds(),
    whole: bool = True,
) -> LinkedTables:
    """Reads several tables and how they are tied.

    Args:
        source: a folder of .csv or .parquet files with different columns, a .zip of one, a DuckDB or SQLite file, an
            address postgresql://user@host/database, or frames by name; or MEDS, OMOP or FHIR, which are recognised.
        schema: how they are tied; if None stated by the standard, or else inferred.
        name: what messages call them.
        whole: whether a key of a schema that stands twice is refused; if not, it is for who asks to count them.

    Raises UsageError for a source that holds no tables or is not as the schema says, and DataError for a circle of keys, for
    keys that stand twice, and for what is wrong with a file.
    """
    place = None if isinstance(source, Mapping) else str(source)
    name = name or ("the tables" if place is None else redacted(place) if asks_a_server(place) else Path(place).name)
    with opened(source, name, most) as there:
        tables = _read(there, schema, name, most, whole)
    return replace(tables, path=None if place is None or asks_a_server(place) else Path(place).resolve())


def _read(source: Any, schema: LinkedSchema | None, name: str, most: Bounds, whole: bool) -> LinkedTables:
    if (standard := standard_at(source)) is not None:
        content = standard.read(str(source), name, most)
        cells, said = content.frames, content.notes
    else:
        cells, notes = read_tables(source, name, most, empty=schema is not None)
        said = list(notes)
    frames, forms = {}, {}
    for table, frame in cells.items():
        if not frame.height:  # of a table that a schema knows: nobody had a row of it
            frames[table] = frame
            continue
        said_of = None if schema is None else next((t for t in schema.tables if t.name == table), None)
        read = (frame, [], {}) if standard is not None else _typed(frame, f"{name}/{table}", said_of)
        typed, more, forms[table] = read
        frames[table] = typed.unique(maintain_order=True)
        if alike := typed.height - frames[table].height:
            said.append(f"{table}: {counted(alike, 'row')} identical to another and kept once.")
        said += [f"{table}: {note}" for note in more]
    said += _zones(frames, forms)
    if schema is None and standard is not None:
        schema = schema_of(standard.tables, frames, standard.title)
    elif schema is None:
        hall = _Hall(frames, name, said)
        schema = hall.schema()
    else:
        found_wrong(schema, frames, name, whole)
    for table in schema.tables:
        if table.implied and table.name not in frames:
            frames[table.name] = _spoken_of(frames, str(table.key))
    said += faults_of(schema, frames)
    called = None if standard is None else standard.called
    stored = not isinstance(source, Mapping) and Path(source).is_dir() and any(Path(source).glob("*.parquet"))
    suffix = ".parquet" if stored else ".csv"
    return LinkedTables(frames, schema, name, tuple(dict.fromkeys(said)), None, called, forms, suffix)


def _typed(frame: pl.DataFrame, name: str, table: LinkedTable | None) -> tuple[pl.DataFrame, list[str], dict[str, AnyForm]]:
    """Cells as what they can be read as, notes, and how those are written that are not plainly what they are."""
    words = (
        () if table is None else (*table.null_values, *(f"{c.name}={w}" for c in table.columns for w in c.null_values or ()))
    )
    parsed = parse(numbered(frame), name, words)
    if words and table is not None:
        parsed = parsed.keeping(table.tied)
    notes = [
        f"{column} is read as text: {shown(mixed.value)} (data row {mixed.row}) is none of its {mixed.read:,} {mixed.what}; "
        "correct it for them to count."
        for column, mixed in parsed.mixed.items()
        if mixed.read >= mixed.text
    ]
    return parsed.frame.drop(ROW), [*parsed.notes, *notes], parsed.forms


def _zones(frames: Mapping[str, pl.DataFrame], forms: Mapping[str, Mapping[str, AnyForm]]) -> list[str]:
    """What is to be told of times that are written in several zones: none of them is moved."""
    of: dict[str, list[str]] = {}
    for table, frame in frames.items():
        for column in (c for c, dtype in frame.schema.items() if dtype == pl.Datetime):
            form = forms.get(table, {}).get(column)
            zones = (form.zone, *(zone for _, zone in form.zones)) if isinstance(form, DateForm) else ("",)
            for zone in dict.fromkeys(zone for zone in zones if zone or len(zones) == 1):
                of.setdefault(zone or "no zone", []).append(f"{table}.{column}")
    if len(of) < 2:
        return []
    told = "; ".join(f"{zone} in {few(columns)}" for zone, columns in of.items())
    return [f"times are written in several zones ({told}): each is taken as the clock on its wall showed, and kept so."]


def _spoken_of(frames: Mapping[str, pl.DataFrame], key: str) -> pl.DataFrame:
    """The table of a key that only others speak of: its values, in the order in which they come."""
    cells = [frame[key].drop_nulls() for frame in frames.values() if key in frame.columns]
    alike = len({c.dtype for c in cells}) == 1
    return pl.DataFrame({key: pl.concat([c if alike else c.cast(pl.String) for c in cells]).unique(maintain_order=True)})


@dataclass
class _Hall:
    """What is known of tables while it is found out."""

    frames: dict[str, pl.DataFrame]
    name: str
    notes: list[str]
    keys: dict[str, str | None] = field(default_factory=dict)
    implied: str | None = None
    ties: dict[str, list[Tie]] = field(default_factory=dict)
    people: set[str] = field(default_factory=set)
    hanging: set[str] = field(default_factory=set)

    def schema(self) -> LinkedSchema:
        for table, frame in self.frames.items():
            self._no_fault_of_keys(table, frame)
            self.keys[table], others = key_of(
                frame, table, {c for t, other in self.frames.items() if t != table for c in other.columns}
            )
            if others:
                self.notes.append(
                    f"{table}: {self.keys[table]} and {' and '.join(others)} could be its key; {self.keys[table]} is taken, "
                    "since it comes first."
                )
        self._find_people()
        self.ties = {table: self._one_a_column(table) for table in self.frames}
        self.people = set(self._people())
        self.hanging = self._below()
        depth = {table: self._depth(table) for table in self.frames}
        order = sorted(self.frames, key=lambda table: (table not in self.hanging, depth[table]))
        return LinkedSchema(tables=tuple(self._table(table, depth) for table in order))

    def _no_fault_of_keys(self, table: str, frame: pl.DataFrame) -> None:
        """Raises DataError for a column that was meant to be the key of its table, and is that of two rows."""
        for column in frame.columns:
            if not names_key(column) or fit_of(column, table) > 0 or frame[column].is_unique().all():
                continue
            cells = frame[column].drop_nulls()
            if frame.height > 1 and cells.n_unique() >= MOSTLY * frame.height:
                twice = cells.filter(cells.is_duplicated())
                which = f"{twice[0]!r} stands in several rows that differ" if twice.len() else "an empty cell is the key"
                raise DataError(
                    f"{self.name}/{table}: {column} is its key, and {which}: keep one of them, or rename the column."
                )

    def _find_people(self) -> None:
        """Makes the table of patients where others only speak of them."""
        if any(map(self._names_people, self.frames)):
            return
        spoken: dict[str, int] = {}
        for frame in self.frames.values():
            for column, dtype in frame.schema.items():
                if names_a_person(column) and (dtype == pl.String or dtype.is_integer()):
                    spoken[column] = spoken.get(column, 0) + 1
        if not spoken:
            return
        column = max(spoken, key=lambda c: (spoken[c], -len(c)))
        table = "patients" if "patients" not in self.frames else f"{column} (patients)"
        self.frames[table], self.keys[table], self.implied = _spoken_of(self.frames, column), column, table
        self.notes.append(f"There is no table of patients: those whom {column} names are taken for them.")

    def _one_a_column(self, table: str) -> list[Tie]:
        """Each column refers to one table at most. Of two tables with one key, the better named is referred to."""
        found: dict[str, Tie] = {}
        for tie in ties(self.frames, self.keys, table):
            if tie.column == self.keys[table] and self._rank(tie.table) > self._rank(table):
                continue
            best = found.get(tie.column, tie)
            found[tie.column] = min(best, tie, key=lambda one: (not one.exact, self._rank(one.table)))
        return list(found.values())

    def _rank(self, table: str) -> tuple[int, int, int]:
        """Of tables with one key, the one that the others refer to: best named, with the most rows, first."""
        fit = -1 if table == self.implied else fit_of(str(self.keys[table]), table)
        return fit, -self.frames[table].height, list(self.frames).index(table)

    def _names_people(self, table: str) -> bool:
        """Whether the key of a table names persons, by its own name or, where that is "id" alone, by the table's."""
        key = self.keys[table]
        return key is not None and (
            names_a_person(key) or (words(key) == ["id"] and names_a_person(f"{singular(table)}_id"))
        )

    def _people(self) -> list[str]:
        """The tables of patients: whose key names persons, and which refer to none that does."""
        named = [table for table in self.frames if self._names_people(table)]
        roots = [table for table in named if not any(tie.table in named for tie in self.ties[table] if tie.table != table)]
        if roots:
            return roots
        referred = {tie.table for table in self.frames for tie in self.ties[table] if tie.table != table}
        tops = [table for table in referred if not any(tie.table != table for tie in self.ties[table])]
        if not tops:
            raise UsageError(
                f"{self.name} has no table of patients: no column is called as their key (patient_id, subject_id, "
                "person_id), and no table refers to another: rename the column that names them."
            )
        most = max(
            tops,
            key=lambda table: (sum(t.table == table for ts in self.ties.values() for t in ts), self.frames[table].height),
        )
        self.notes.append(f"{most} is taken for the table of patients, for most others refer to it.")
        return [most]

    def _below(self) -> set[str]:
        """The tables from which a table of patients is reached, and these."""
        below = set(self.people)
        while more := {t for t in self.frames if t not in below and any(tie.table in below for tie in self.ties[t])}:
            below |= more
        return below

    def _depth(self, table: str, seen: tuple[str, ...] = ()) -> int:
        """How far below the patients a table hangs, by its longest way. Raises DataError for keys that go in a circle."""
        if table in seen:
            circle = " -> ".join([*seen[seen.index(table) :], table])
            raise DataError(
                f"{self.name}: the keys go in a circle, {circle}: give a schema that says which is whose parent."
            )
        if table in self.people or table not in self.hanging:
            return 0
        above = {tie.table for tie in self.ties[table] if tie.table in self.hanging and tie.table != table}
        return 1 + max(self._depth(one, (*seen, table)) for one in above)

    def _table(self, table: str, depth: Mapping[str, int]) -> LinkedTable:
        frame, keys = self.frames[table], self.keys
        refers = tuple(
            foreign(frame, tie, self.frames[tie.table][str(keys[tie.table])], tie.table == table) for tie in self.ties[table]
        )
        parent, clock = None, clock_of(frame)
        if table in self.hanging and table not in self.people:
            above = [key for key in refers if key.table in self.hanging and key.table != table]
            filled = {key.column: frame.height - frame[key.column].null_count() for key in above}
            deep = [key for key in above if 2 * filled[key.column] >= frame.height] or above
            parent = max(deep, key=lambda key: (depth[key.table], filled[key.column], -key.dangling)).table
        kind, why = self._kind(table, parent, refers, clock)
        if table in self.people:
            self.notes += [
                f"{table}.{key.column} refers to {key.table}, which refers to {table}: it is made last, and names the first "
                f"row there of each row of {table}."
                for key in refers
                if key.table in self.hanging and key.table != table
            ]
        if table not in self.hanging and not any(tie.table == table for ts in self.ties.values() for tie in ts):
            self.notes.append(f"{table} refers to no patient, and no table refers to it: it is carried over as it is.")
        return LinkedTable(
            name=table, kind=kind, key=keys[table], parent=parent, refers=refers, clock=clock, why=why,
            implied=table == self.implied,
        )  # fmt: skip

    def _kind(self, table: str, parent: str | None, refers: tuple[ForeignKey, ...], clock: Clock | None) -> tuple[Kind, str]:
        frame = self.frames[table]
        if parent is None:
            if table in self.people:
                return "entities", f"a row for each {self.keys[table]}"
            return "lookup", "refers to no patient"
        tied = (key.column for key in refers if key.table in self.hanging)  # not to a lookup: what it tells, its codes do
        used = {self.keys[table], *tied, *((clock.start, clock.end) if clock else ())}
        rest = [column for column in frame.columns if column not in used]
        tests = [c for c in rest if TEST & set(words(c)) and frame[c].n_unique() < frame.height]
        values = [c for c in rest if VALUE & set(words(c)) and c not in tests]
        if tests and values and self.keys[table] not in {tie.column for ts in self.ties.values() for tie in ts}:
            return "long", f"{tests[0]} says what was measured, {values[0]} the value"
        codes = [c for c in rest if CODE & set(words(c))]
        numbers = [c for c in rest if frame.schema[c].is_numeric() and not names_key(c) and not COUNT & set(words(c))]
        if codes and not numbers and clock is None and not self._has_children(table):
            return "codes", f"{codes[0]} holds codes, without a time or a number"
        return "events", "a row for each event"

    def _has_children(self, table: str) -> bool:
        return any(tie.table == table for other, ts in self.ties.items() if other != table for tie in ts)
