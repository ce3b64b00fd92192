"""Linked tables of which a part is given: the holes of rows that are there are filled, around all that is given.

    patients' holes | the patient    what is one for rows of a parent | the rows above    rows' holes | all that is known

A cell to be filled is taken to have been measured. What follows from a code that is given is looked up, and a code of which
only what follows is given is one of those from which that follows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import polars as pl
import torch

from reverie.process.randomness import generator
from reverie.records.intervals import between, inside
from reverie.records.linked.beside import NOTHING, apart, called, has
from reverie.records.linked.codec import LinkedCodec
from reverie.records.linked.fitting import FittedTables
from reverie.records.linked.form import PARENT, SINCE
from reverie.records.linked.making import until
from reverie.records.linked.scores import TableScores
from reverie.records.linked.stages import Seed, Stages, scores_of
from reverie.records.settling import reaching
from reverie.records.table import Table

__all__ = ["LinkedCompleter"]


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
    def as_tables(self) -> dict[str, Table]:
        """What the model reads, with what follows from given cells."""
        grown = self.fitted.grown
        led = {name: self._led_back(name, frame) for name, frame in grown.frames.items()}
        return self.codec.tabled(replace(grown, frames=led), holes=True)

    @property
    def notes(self) -> list[str]:
        """How cells were read."""
        return [f"{table}: {note}" for table, told in self.as_tables.items() for note in told.notes]

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
        return self._frames(scores)

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
                lower, upper = (torch.from_numpy(end) for end in inside(*codec.codes[field.name].ends(np.ones(where.sum()))))
                drawn = between(lower, upper, torch.rand(lower.shape, generator=randomness)).float()
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

    def _led_back(self, table: str, frame: pl.DataFrame) -> pl.DataFrame:
        """Rows with a code in each hole where what follows from it is given: the code, or one of those it follows from."""
        form, randomness = self.codec.forms.forms[table], np.random.default_rng(0)
        for column, (other, pairs) in form.follows.items():
            where = (frame[other].is_null() & frame[column].is_not_null()).to_numpy()
            if other not in self.fill.get(table, ()) or not where.any():
                continue
            codes = pairs.drop_nulls().group_by(pairs.columns[1], maintain_order=True).agg(pairs.columns[0])
            of = dict(codes.iter_rows())
            found = [of.get(value, ()) for value in frame[column].filter(pl.Series(where))]
            chosen = [codes[randomness.integers(len(codes))] if len(codes) else None for codes in found]
            frame = frame.with_columns(frame[other].scatter(np.flatnonzero(where), chosen))
        return frame

    def _frames(self, scores: Mapping[str, TableScores]) -> dict[str, pl.DataFrame]:
        grown, tree, out = self.fitted.grown, self.codec.tree, {}
        for branch in tree.learned:
            table = branch.table
            form, visits = self.codec.forms.forms[table], self._visits(table, scores[table])
            above = None if branch.parent is None else out[branch.parent]
            out[table] = self._filled(table, form.rows(visits, above, None, until(self.codec, table)))
            for other in tree.beside(table):
                own = apart(visits, other)
                rows = self.codec.forms.forms[other].rows(own, out[table], None, until(self.codec, other))
                place = np.full(len(out[table]), -1)
                place[own[PARENT]] = np.arange(len(own))
                place = pl.Series(place[grown.parents[other]])  # a row above may have several here
                out[other] = self._filled(other, rows.select(pl.all().gather(place.set(place < 0, None))))
        return {branch.table: out[branch.table] for branch in tree.branches if branch.table in grown.frames}

    def _visits(self, table: str, one: TableScores) -> pl.DataFrame:
        """A table of visits with holes filled, as rules would have them."""
        codec, given = self.codec.codecs[table], self.as_tables[table].frame
        root = table == self.codec.tree.root
        groups = np.arange(len(one))
        lengths = np.full(len(one), codec.length or 1) if root else one.lengths
        drawn = codec.drawn(scores_of(self.codec, table, one, groups, one.rows_in(groups), lengths)).frame
        asked = [column for column in given.columns if column in self._asked(table)]
        frame = given.with_columns(pl.coalesce(given[column], drawn[column]) for column in asked)
        fixed = {c: given[c].is_not_null().to_numpy() | (c not in asked) for c in codec.schema.names}
        kept = codec.kept(frame, fixed).drop(NOTHING, strict=False)
        rows = groups if root else self.fitted.grown.parents[table]
        return kept.with_columns(pl.Series(PARENT, rows, dtype=pl.Int64))

    def _filled(self, table: str, rows: pl.DataFrame) -> pl.DataFrame:
        """The given rows of a table, with the holes to be filled as in `rows`."""
        given, form = self.fitted.grown.frames[table], self.codec.forms.forms[table]
        end = form.table.clock.end if form.table.clock else None
        columns = []
        for column in (c for c in given.columns if c in self.fill.get(table, ()) and c in rows.columns):
            holes = pl.Series(self.fitted.holes(table, column)) & given[column].is_null()
            drawn = rows[column].cast(given.schema[column])
            if column == end and holes.any():
                drawn = self._ended(table, given, drawn)
            columns.append(pl.select(pl.when(holes).then(drawn).otherwise(given[column]).alias(column)).to_series())
        return given.with_columns(columns)

    def _ended(self, table: str, given: pl.DataFrame, ends: pl.Series) -> pl.Series:
        """Ends after the start of their row and all that is given in its time, and before what comes after its end."""
        forms, grown, clock = self.codec.forms, self.fitted.grown, self.codec.forms.forms[table].table.clock
        assert clock is not None
        after, before = [given.select(pl.int_range(pl.len()).alias("row"), pl.col(clock.start).alias("at"))], []
        for branch in self.codec.tree.branches:
            form = forms.forms[branch.table]
            if branch.parent != table or form.time is None:
                continue
            rows, frame = pl.Series("row", grown.parents[branch.table]), grown.frames[branch.table]
            if branch.table in forms.within:
                last = form.table.clock.end if form.table.clock and branch.table in forms.ends else None
                after += [pl.DataFrame([rows, frame[c].alias("at")]) for c in (form.time, last) if c is not None]
            elif form.since == clock.end:
                before.append(pl.DataFrame([rows, frame[form.time].alias("at")]))
        out = pl.DataFrame([pl.int_range(len(ends), eager=True).alias("row"), ends.alias("end")])
        for bounds, most in ((after, True), (before, False)):
            for one in bounds:
                at = pl.col("at").cast(ends.dtype)
                of_row = one.group_by("row").agg((at.max() if most else at.min()).alias("bound"))
                out = out.join(of_row, on="row", how="left", maintain_order="left")
                beyond = (pl.col("end") < pl.col("bound")) if most else (pl.col("end") > pl.col("bound"))
                out = out.select("row", pl.when(beyond).then("bound").otherwise("end").alias("end"))
        return out["end"].alias(ends.name)
