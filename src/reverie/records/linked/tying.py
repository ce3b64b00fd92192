"""How tables are tied, from the tables alone: every decision with its reason, to be read and, where it is wrong, edited.

keys -> which refer to which (keys.py) -> who are the patients -> what hangs on them, what is a lookup
     -> the parent of each, the nearest of those it refers to -> its clock (clocks.py) -> its kind
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import polars as pl

from reverie.errors import UsageError
from reverie.records.column_names import words
from reverie.records.linked.apart import names_of_rows, no_list
from reverie.records.linked.clocks import clock_of, no_interval
from reverie.records.linked.declared import Declared
from reverie.records.linked.key_faults import astray, no_key_lost, no_key_twice
from reverie.records.linked.keys import Tie, fit_of, foreign, key_of, names_a_person, names_key, singular, ties
from reverie.records.linked.schema import Clock, ForeignKey, Kind, LinkedSchema, LinkedTable
from reverie.records.places import counted
from reverie.records.shapes.long_words import CODE, COUNT, TEST, VALUE

__all__ = ["Hall", "with_implied"]


def spoken_of(frames: Mapping[str, pl.DataFrame], key: str) -> pl.DataFrame:
    """The table of a key that only others speak of: its values, in the order in which they come."""
    cells = [frame[key].drop_nulls() for frame in frames.values() if key in frame.columns]
    alike = len({c.dtype for c in cells}) == 1
    return pl.DataFrame({key: pl.concat([c if alike else c.cast(pl.String) for c in cells]).unique(maintain_order=True)})


def with_implied(frames: Mapping[str, pl.DataFrame], schema: LinkedSchema) -> dict[str, pl.DataFrame]:
    """Tables with those that a schema says others only speak of."""
    lacking = [table for table in schema.tables if table.implied and table.name not in frames]
    return {**frames, **{table.name: spoken_of(frames, str(table.key)) for table in lacking}}


@dataclass
class Hall:
    """What is known of tables while it is found out; `back` are columns, (table, column), that refer to what hangs on their
    own table: such ties tie nothing.
    `fault` is why the tables cannot be trained on as they are tied; `left` are tables that are left out."""

    frames: dict[str, pl.DataFrame]
    name: str
    notes: list[str]
    keys: dict[str, str | None] = field(default_factory=dict)
    implied: str | None = None
    ties: dict[str, list[Tie]] = field(default_factory=dict)
    people: set[str] = field(default_factory=set)
    hanging: set[str] = field(default_factory=set)
    back: set[tuple[str, str]] = field(default_factory=set)
    empty: list[str] = field(init=False)
    fault: str | None = None
    left: list[str] = field(default_factory=list)
    declared: Declared = field(default_factory=Declared)

    def __post_init__(self) -> None:
        """Nothing is found out of tables without a row."""
        self.empty = [table for table, frame in self.frames.items() if not frame.height]
        self.frames = {table: frame for table, frame in self.frames.items() if frame.height}

    def schema(self) -> LinkedSchema:
        for table, frame in self.frames.items():
            no_key_twice(frame, table, self.name)
            rest = [of for name, of in self.frames.items() if name != table]
            told = self.declared.key(table, frame)
            self.keys[table], others = key_of(frame, table, rest) if told is None else (told, ())
            if others:
                self.notes.append(
                    f"{table}: {self.keys[table]} and {' and '.join(others)} could be its key; {self.keys[table]} is taken, "
                    "since it comes first."
                )
        no_key_lost(self.frames, self.keys, self.name)
        self._find_people()
        self.ties = {table: self._one_a_column(table) for table in self.frames}
        self._tie_as_declared()
        self.people = set(self._people())
        self.hanging = self._below()
        keyed = {t: self.frames[t][str(self.keys[t])] for t in self.frames if t in self.hanging and self.keys[t] is not None}
        tied = {table: {tie.column for tie in of} for table, of in self.ties.items()}
        notes, self.fault = astray(self.frames, self.name, keyed, tied, self.hanging)
        self.notes += notes
        while circle := self._circle():
            self._open(circle)
        depth = {table: self._depth(table) for table in self.frames}
        order = sorted(self.frames, key=lambda table: (table not in self.hanging, depth[table]))
        told = [self._table(table, depth) for table in order if self._has_place(table)]
        return LinkedSchema(tables=(*told, *self._without_rows()))

    def _has_place(self, table: str) -> bool:
        """Whether a table is learned or carried over; says what is done with one that nothing ties to patients."""
        if table in self.hanging or any(tie.table == table for ts in self.ties.values() for tie in ts):
            return True
        alone = f"{table} refers to no patient, and no table refers to it:"
        keyed = {other: self.frames[other][key] for other, key in self.keys.items() if key and other in self.hanging}
        if (why := no_list(self.frames[table]) or names_of_rows(self.frames[table], keyed)) is None:
            self.notes.append(f"{alone} it is carried over as it is.")
            return True
        if (self.fault or "").startswith(f"{self.name}/{table}: "):
            return True  # which is refused, and not to be lost
        self.left.append(table)
        self.notes.append(
            f"{alone} it was left out, for its rows would stand in what is made as they are, and {why}. Add the key of the "
            "patients, or, where it is of nobody, add it to a schema as `kind: lookup`."
        )
        return False

    def _tie_as_declared(self) -> None:
        for table, tie in self.declared.ties(self.frames, self.keys):
            self.ties[table] = [*(one for one in self.ties[table] if one.column != tie.column), tie]
            key, other = self.keys[tie.table], self.ties[tie.table]  # whose own key refers to nothing below it
            self.ties[tie.table] = [one for one in other if one.declared or (one.table, one.column) != (table, key)]

    def _without_rows(self) -> Iterator[LinkedTable]:
        for table in self.empty:
            self.notes.append(f"{table} has no rows: its header is carried over.")
            yield LinkedTable(name=table, kind="lookup", why="has no rows")

    def _find_people(self) -> None:
        """Makes the table of patients where others only speak of them."""
        if any(map(self._names_people, self.frames)):
            return
        spoken: dict[str, int] = {}
        told = {(table, tie.column) for table, tie in self.declared.ties(self.frames, self.keys)}
        for table, frame in self.frames.items():
            for column, dtype in frame.schema.items():
                if (table, column) not in told and names_a_person(column) and (dtype == pl.String or dtype.is_integer()):
                    spoken[column] = spoken.get(column, 0) + 1
        if not spoken:
            return
        column = max(spoken, key=lambda c: (spoken[c], -len(c)))
        table = "patients" if "patients" not in (*self.frames, *self.empty) else f"{column} (patients)"
        self.frames[table], self.keys[table], self.implied = spoken_of(self.frames, column), column, table
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
            names_a_person(key)
            or (words(key) == ["id"] and names_a_person(f"{singular(table)}_id"))
            or any(names_a_person(t.column) for _, t in self.declared.ties(self.frames, self.keys) if t.table == table)
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
        while more := {t for t in self.frames if t not in below and any(tie.table in below for tie in self._upward(t))}:
            below |= more
        return below

    def _upward(self, table: str) -> list[Tie]:
        """The ties of a table to others, without those that lead back to it."""
        return [tie for tie in self.ties[table] if tie.table != table and (table, tie.column) not in self.back]

    def _circle(self) -> list[tuple[str, Tie]]:
        """Tables whose keys go in a circle, each with its tie to the next; none where none do."""
        done: set[str] = set()

        def followed(way: list[tuple[str, Tie]], table: str) -> list[tuple[str, Tie]]:
            for at, (before, _) in enumerate(way):
                if before == table:
                    return way[at:]
            if table in done or table in self.people:
                return []
            for tie in self._upward(table):
                if tie.table in self.hanging and (found := followed([*way, (table, tie)], tie.table)):
                    return found
            done.add(table)
            return []

        return next((found for table in self.frames if table in self.hanging and (found := followed([], table))), [])

    def _open(self, circle: list[tuple[str, Tie]]) -> None:
        """Opens a circle of keys at the tie whose rows are named by the fewest, so that many rows hang on one, and by which
        nothing hangs that would hang on no patient without it."""

        def kept(table: str, tie: Tie) -> bool:
            self.back.add((table, tie.column))
            whole = self._below() == self.hanging
            self.back.remove((table, tie.column))
            return whole

        def rank(table: str, tie: Tie) -> tuple[float, float, bool]:
            cells = self.frames[table][tie.column].drop_nulls()
            outside = any(one.table not in {of for of, _ in circle} for one in self._upward(table))
            return round(cells.len() / max(cells.n_unique(), 1), 1), cells.len() / self.frames[table].height, not outside

        table, tie = min((one for one in circle if kept(*one)), key=lambda one: rank(*one))
        self.back.add((table, tie.column))
        names = [of for of, _ in circle]
        at = names.index(table)
        way = " -> ".join([*names[at:], *names[:at], table])
        self.notes.append(
            f"The keys go in a circle, {way}: {table}.{tie.column} is made last, and names the first row of {tie.table} "
            f"below each row of {table}; name another parent in a schema where it is the other way."
        )

    def _depth(self, table: str) -> int:
        """How far below the patients a table hangs, by its longest way."""
        if table in self.people or table not in self.hanging:
            return 0
        return 1 + max(self._depth(tie.table) for tie in self._upward(table) if tie.table in self.hanging)

    def _table(self, table: str, depth: Mapping[str, int]) -> LinkedTable:
        frame, keys = self.frames[table], self.keys
        refers = tuple(
            foreign(frame, tie, self.frames[tie.table][str(keys[tie.table])], tie.table == table) for tie in self.ties[table]
        )
        below = table in self.hanging and table not in self.people
        parent, clock = None, None if below else clock_of(frame)
        if below:
            upward = {tie.column for tie in self._upward(table)}
            above = [key for key in refers if key.table in self.hanging and key.column in upward]
            filled = {key.column: frame.height - frame[key.column].null_count() for key in above}
            deep = [key for key in above if 2 * filled[key.column] >= frame.height] or above
            nearest = max(deep, key=lambda key: (depth[key.table], filled[key.column], -key.dangling))
            parent, clock = nearest.table, clock_of(frame, nearest.column)
            if (twisted := no_interval(frame, clock)) is not None:
                start, end, count = twisted
                begun = f"{'it begins' if count == 1 else 'they begin'} ({start})"
                self.notes.append(
                    f"{table}: {counted(count, 'row', 'ends end')} ({end}) before {begun}, too many for an interval: "
                    "correct them, or say `clock` in a schema."
                )
        kind, why = self._kind(table, parent, refers, clock)
        seen: dict[str, str] = {}
        for key in (key for key in refers if key.table in self.hanging and key.table != table):
            if (first := seen.setdefault(key.table, key.column)) != key.column:
                self.notes.append(
                    f"{table}.{key.column} names a row of {key.table} as {first} does: in what is made both name one and "
                    "the same, for each patient is made alone."
                )
        made = "it is empty in what is made, for each patient is made alone"
        made = made if table in self.people else "in what is made the row of the same patient before it"
        self.notes += [f"{table}.{key.column} names another row of {table}: {made}." for key in refers if key.table == table]
        if table in self.people:
            self.notes += [
                f"{table}.{key.column} refers to {key.table}, which refers to {table}: it is made last, and names the first "
                f"row there of each row of {table}."
                for key in refers
                if key.table in self.hanging and key.table != table
            ]
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
