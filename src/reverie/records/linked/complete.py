"""Linked tables of which a part is given: the holes of rows that are there are filled, around all that is given.

    patients' holes | the patient    what is one for rows of a parent | the rows above    rows' holes | all that is known

A cell to be filled is taken to have been measured. What follows from a code that is given is looked up. What is filled goes
with all that is given around it, as rules within a table and across tables (around.py) have it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import polars as pl
import torch

from reverie.process.randomness import generator
from reverie.records.complete import stretches
from reverie.records.dtypes import framed
from reverie.records.intervals import scored
from reverie.records.linked.around import Around, Moved
from reverie.records.linked.beside import apart, called, has
from reverie.records.linked.broken import Tied
from reverie.records.linked.codec import LinkedCodec
from reverie.records.linked.fitting import FittedTables
from reverie.records.linked.form import PARENT, SINCE
from reverie.records.linked.making import until
from reverie.records.linked.scores import TableScores
from reverie.records.linked.stages import Seed, Stages, scores_of
from reverie.records.linked.times import apart_from, counted_in
from reverie.records.linked.tree import gathered, place_of
from reverie.records.linked.wording import Wording
from reverie.records.rules import Course, Rules
from reverie.records.rules.rule import Presence
from reverie.records.rules.rules import on_given
from reverie.records.settling import reaching
from reverie.records.table import Table

__all__ = ["LinkedCompleter"]

TURNS = 8
"""How often cells are put right that rules across tables would have so, where rules within the row then move others."""


@dataclass(frozen=True, eq=False)
class LinkedCompleter:
    """Completes linked tables.

    Attributes:
        stages: draws each stage.
        fitted: the tables.
        fill: by table, the columns whose holes are filled.
    """

    stages: Stages
    fitted: FittedTables
    fill: Mapping[str, set[str]]

    @property
    def codec(self) -> LinkedCodec:
        return self.stages.codec

    @cached_property
    def blocks(self) -> list[LinkedCompleter]:
        """Of patients who are completed together, see records/complete.py."""
        cut = stretches(len(self.fitted.grown))
        return [self] if len(cut) == 1 else [replace(self, fitted=self.fitted.part(*of)) for of in cut]

    @cached_property
    def around(self) -> Around:
        """What rules across tables say of what is filled, with the cells in which one value alone can be."""
        grown, holes = self.fitted.grown, {}
        for table, frame in grown.frames.items():
            of = {column: self.fitted.holes(table, column) for column in frame.columns if column in self.fill.get(table, ())}
            holes[table] = {column: empty & frame[column].is_null().to_numpy() for column, empty in of.items()}
        around = Around(self.codec, Tied(self.codec.forms, grown.frames, grown.parents), holes)
        return replace(around, given=around.entailed(generator(0, "entailed")))

    @cached_property
    def as_tables(self) -> dict[str, Table]:
        """What the model reads, with what follows from given cells."""
        return self.codec.tabled(replace(self.fitted.grown, frames=self.around.given.frames), holes=True)

    @property
    def notes(self) -> list[str]:
        """How cells were read, and the rules that given values break."""
        notes = [f"{table}: {note}" for table, told in self.as_tables.items() for note in told.notes]
        return notes + [note for text, count in self._given_broken.items() for note in on_given(text, count, 0)]

    def left(self, made: Mapping[str, pl.DataFrame]) -> list[str]:
        """The rules that nothing that could be filled keeps, beside those that given values break by themselves."""
        more = {text: count - self._given_broken.get(text, 0) for text, count in self._broken(made).items()}
        return [note for text, count in more.items() for note in on_given(text, 0, count)]

    @cached_property
    def _given_broken(self) -> dict[str, int]:
        return self._broken(self.fitted.grown.frames)

    def _broken(self, frames: Mapping[str, pl.DataFrame]) -> dict[str, int]:
        """How many rows break each rule that any breaks, across tables and within one, by its text."""
        tied = Tied(self.codec.forms, frames, self.fitted.grown.parents)
        broken = {str(rule): int(tied.breaking(rule).sum()) for rule in self.codec.forms.bonds}
        for table, told in self.codec.tabled(replace(self.fitted.grown, frames=frames), holes=True).items():
            rules, branch = Rules.of(told.schema), self.codec.tree[table]
            no_order = branch.parent is not None and branch.time is None  # of sets the rows come in one of ours
            told_of = {rule.text for rule in rules if not (no_order and isinstance(rule.claim, Course))}
            if frames is self.fitted.grown.frames:  # a hole that is filled says nothing
                asked = self._asked(table)
                told_of -= {r.text for r in rules if isinstance(r.claim, Presence) and r.claim.column in asked}
            wording, names = Wording.of(table, told.schema, self.codec.forms.forms), told.schema.names
            counts = rules.counted(told.frame)
            broken |= {wording.said(text, names): count for text, count in counts.items() if text in told_of}
        return {text: count for text, count in broken.items() if count}

    def holes(self, seed: Seed) -> dict[str, pl.DataFrame]:
        """By table, the rows that the model reads with their holes filled, in the types of the tables learned."""
        scores = self._scores(seed)
        asked = {table: self._opened(table, scores[table], (*seed, table)) for table in scores}
        root = self.codec.tree.root
        some = np.flatnonzero(asked[root][0])
        if some.size:
            self.stages.draw(root, (), some, scores, 1, (*seed, root, 1))
        for branch in self.codec.tree.learned:
            children = self.codec.tree.children(branch.table)
            for stage in (3, 5) if children else ():
                which = int(stage == 5)
                above = [(scores[c].above if which else scores[c].parent)[asked[c][which]] for c in children]
                units = np.unique(np.concatenate(above))
                if units.size:
                    self.stages.draw(branch.table, children, units, scores, stage, (*seed, branch.table, stage))
        return self._frames(scores, generator(int(seed[0]), *seed[1:], "around"))

    def _scores(self, seed: Seed) -> dict[str, TableScores]:
        """A score in each interval that is given."""
        randomness = generator(int(seed[0]), *seed[1:], "given")
        codecs = self.codec.codecs
        seen = {t: replace(of, frame=reaching(codecs[t], of.frame, randomness)) for t, of in self.as_tables.items()}
        encoded = self.codec.encode(self.fitted.grown, seen)
        return {table: one.drawn(randomness) for table, one in encoded.items()}

    def _opened(self, table: str, one: TableScores, seed: Seed) -> tuple[np.ndarray, np.ndarray]:
        """Says of the cells to be filled that they were measured; bool [G] and [R], which groups and rows have any."""
        codec, told = self.codec.codecs[table], self.as_tables[table]
        randomness = generator(int(seed[0]), *seed[1:], "measured")
        some = np.zeros(len(one), dtype=bool), np.zeros(one.rows.shape[1], dtype=bool)
        for field in codec.fields:
            if field.column is None or field.column not in self._asked(table) or field.part not in ("measured", "value"):
                continue
            where = told.frame[field.column].is_null().to_numpy() & self._there(table, field.column)
            where = where[told.offsets[:-1]] if field.token == 0 else where
            some[field.token][where] = True
            if field.part == "measured" and where.any():
                drawn = scored(*codec.codes[field.name].ends(np.ones(where.sum())), randomness)
                scores = (one.groups, one.rows)[field.token][0]
                scores[np.flatnonzero(where)[:, None], list(field.channels)] = drawn
        return some

    def _asked(self, table: str) -> set[str]:
        """The columns to be filled, as they stand in the table of visits. When a row beside was is drawn too, where the end
        it is counted from is: nothing else of it would exist."""
        more = {called(o, column) for o in self.codec.tree.beside(table) for column in (SINCE, *self.fill.get(o, ()))}
        return more | self.fill.get(table, set())

    def _there(self, table: str, column: str) -> np.ndarray:
        """Bool [rows], where there is a row for a column: of a table beside only where it has one."""
        frame = self.as_tables[table].frame
        beside = next((t for t in self.codec.tree.beside(table) if column.startswith(f"{t}.")), None)
        return np.ones(frame.height, dtype=bool) if beside is None else frame[has(beside)].is_not_null().to_numpy()

    def _frames(self, scores: Mapping[str, TableScores], randomness: torch.Generator) -> dict[str, pl.DataFrame]:
        given, tree = self.around.given, self.codec.tree
        done: dict[str, pl.DataFrame] = {}
        for branch in tree.learned:
            table: str = branch.table
            exact: Moved = {}
            visits, fixed = self._visits(table, scores[table])
            for _ in range(TURNS):
                made = self._made(table, visits, done, exact)
                now = replace(given, frames={**given.frames, **done, **made})
                moved = self.around.moved(table, now, randomness)
                if not moved:
                    break
                visits = self._put(table, visits, fixed, made, moved)
                exact = {**exact, **moved}
            done |= self._made(table, visits, done, exact)
        return {branch.table: done[branch.table] for branch in tree.branches if branch.table in given.frames}

    def _made(
        self, table: str, visits: pl.DataFrame, done: Mapping[str, pl.DataFrame], exact: Moved
    ) -> dict[str, pl.DataFrame]:
        """The rows of a table and of those beside it, as their visits say, with the cells that are known exactly."""
        tree, forms = self.codec.tree, self.codec.forms.forms
        parent = tree[table].parent
        rows = forms[table].rows(visits, None if parent is None else done[parent], None, until(self.codec, table))
        out = {table: self._filled(table, rows, exact)}
        for other in tree.beside(table):
            own = apart(visits, other)
            rows = forms[other].rows(own, out[table], None, until(self.codec, other))
            parents = self.fitted.grown.parents[other]  # of which several may hang on one row
            at = place_of(own[PARENT].to_numpy(), len(out[table]))[parents]
            out[other] = self._filled(other, framed(gathered(cells, at) for cells in rows.iter_columns()), exact)
        return out

    def _visits(self, table: str, one: TableScores) -> tuple[pl.DataFrame, dict[str, np.ndarray]]:
        """A table of visits with holes filled, as rules within it would have them; and by column which cells are given."""
        codec, given = self.codec.codecs[table], self.as_tables[table].frame
        root = table == self.codec.tree.root
        groups = np.arange(len(one))
        lengths = np.full(len(one), codec.length or 1) if root else one.lengths
        drawn = codec.drawn(scores_of(self.codec, table, one, groups, one.rows_in(groups), lengths)).frame
        frame, fixed = codec.filled(given, drawn, self._asked(table))
        rows = groups if root else self.fitted.grown.parents[table]
        return frame.with_columns(pl.Series(PARENT, rows, dtype=pl.Int64)), fixed

    def _put(
        self, table: str, visits: pl.DataFrame, fixed: dict[str, np.ndarray], made: Mapping[str, pl.DataFrame], moved: Moved
    ) -> pl.DataFrame:
        """Visits with cells that are moved and stay, and what rules within the row make of the others."""
        for (name, column), (cells, changed) in moved.items():
            form, at = self.codec.forms.forms[name], np.flatnonzero(changed)
            if column in form.after:
                cells = counted_in(apart_from(cells, made[name][str(form.time)]), form.after[column])
            column = column if name == table else called(name, column)
            rows = at if name == table else self.fitted.grown.parents[name][at]
            put = cells.gather(at).cast(visits.schema[column])
            visits = visits.with_columns(visits[column].scatter(rows, put))
            fixed[column] = fixed[column].copy()
            fixed[column][rows] = True
        kept = self.codec.codecs[table].kept(visits.drop(PARENT), fixed)
        return kept.with_columns(visits[PARENT])

    def _filled(self, table: str, rows: pl.DataFrame, exact: Moved) -> pl.DataFrame:
        """The given rows of a table, with the holes to be filled as in `rows`, or as they are known exactly."""
        given, columns = self.fitted.grown.frames[table], []
        for column, holes in self.around.holes[table].items():
            if column not in rows.columns:
                continue
            drawn = rows[column].cast(given.schema[column])
            if (table, column) in exact:
                cells, where = exact[table, column]
                drawn = drawn.zip_with(pl.Series(~where), cells)
            columns.append(given[column].zip_with(pl.Series(~holes), drawn))
        return given.with_columns(columns)
