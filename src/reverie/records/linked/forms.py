"""What is decided of linked tables, from all of them, before anything is learned."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from reverie.plain import number_of
from reverie.records.linked.beside import called, tabled
from reverie.records.linked.binding import bonds_of
from reverie.records.linked.bonds import Bonds
from reverie.records.linked.form import Form
from reverie.records.linked.schema import LinkedSchema
from reverie.records.linked.times import lie_in
from reverie.records.linked.tree import Branch, Grown, Tree
from reverie.records.schema import Schema

__all__ = ["LinkedForms"]


@dataclass(frozen=True, eq=False)
class LinkedForms:
    """What is decided of linked tables, from all of them: their tree, the form and the columns of each table.

    Attributes:
        schema: of the tables, as stated or inferred.
        tree: which hangs on which.
        forms, columns: of each table that is made.
        within: tables whose rows lie in the time of their parents' without exception.
        ends: those of them whose rows end in it, too.
        notes: decisions worth telling.
        bonds: rules across tables that hold without exception.
    """

    schema: LinkedSchema
    tree: Tree
    forms: Mapping[str, Form]
    columns: Mapping[str, Schema]
    within: frozenset[str] = frozenset()
    ends: frozenset[str] = frozenset()
    notes: tuple[str, ...] = ()
    bonds: Bonds = field(default_factory=Bonds)

    def home(self, table: str, column: str) -> tuple[str, str]:
        """The table of visits in which a column of a table stands, and what it is called there."""
        branch = self.tree[table]
        return (str(branch.parent), called(table, column)) if branch.beside else (table, column)

    @classmethod
    def of(cls, schema: LinkedSchema, grown: Grown, columns: Mapping[str, Schema] | None = None) -> LinkedForms:
        """The forms of tables that were grown; `columns` are the schemas of those whose columns are stated."""
        tree, forms, found, notes = grown.tree, {}, {}, []
        within: set[str] = set()
        ends: set[str] = set()
        for branch in tree.branches:
            table, frame = branch.table, grown.frames[branch.table]
            about = schema[table]
            keys = {tie.column for tie in about.refers if tie.table in grown.frames} | ({about.key} if about.key else set())
            above, begun = None, None
            if branch.parent is not None and (above := _base(branch, schema, grown)) is not None:
                begun = grown.frames[branch.parent][above].gather(grown.parents[table])
            forms[table] = Form.fit(about, frame, frozenset(keys), branch.time, above, begun)
            if branch.parent is not None and _contained(forms[table], forms[branch.parent], grown):
                within.add(table)
                if _end_within(forms[table], forms[branch.parent], grown):
                    ends.add(table)
        for table in (branch.table for branch in tree.learned):
            told = tabled(table, forms, grown, (columns or {}).get(table))
            found[table] = told.schema
            notes += [f"{table}: {note}" for note in told.notes]
        bonds = bonds_of(grown, forms, found)
        if bonds:
            hold = f"hold{'s' if len(bonds) == 1 else ''}"
            notes.append(
                f"{number_of(len(bonds), 'rule')} across tables {hold} without exception, and will in what is made."
            )
        return cls(schema, tree, forms, found, frozenset(within), frozenset(ends), tuple(notes), bonds)


def _base(branch: Branch, schema: LinkedSchema, grown: Grown) -> str | None:
    """The column of the parent's table from which times are counted: its end, where no row is before it (what is written
    after a stay), else its start."""
    parent = str(branch.parent)
    clock, start = schema[parent].clock, grown.tree[parent].time
    if start is None or branch.time is None or clock is None or clock.end is None:
        return start
    when, ended = grown.frames[branch.table][branch.time], grown.frames[parent][clock.end]
    if ended.null_count() or when.dtype != ended.dtype or not when.len():
        return start
    return clock.end if bool((when >= ended.gather(grown.parents[branch.table])).all()) else start


def _end_within(form: Form, above: Form, grown: Grown) -> bool:
    """Whether all rows of a table end before their parents' do."""
    end, last = (of.table.clock.end if of.table.clock else None for of in (form, above))
    if end is None or last is None or end not in form.after:
        return False
    ended = grown.frames[form.table.name][end]
    until = grown.frames[above.table.name][last].gather(grown.parents[form.table.name])
    if ended.dtype != until.dtype:
        return False
    return bool(((ended <= until) | ended.is_null() | until.is_null()).all())


def _contained(form: Form, above: Form, grown: Grown) -> bool:
    """Whether all rows of a table lie in the time of their parents', which have an end."""
    end = above.table.clock.end if above.table.clock else None
    if form.time is None or form.since is None or end is None or end not in above.after:
        return False
    parent, frame = grown.frames[above.table.name], grown.frames[form.table.name]
    at = grown.parents[form.table.name]
    begun, ended, when = parent[form.since].gather(at), parent[end].gather(at), frame[form.time]
    return bool(lie_in(when, begun, ended).all())
