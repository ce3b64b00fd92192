"""Rules across tables (bonds.py) where a part is given: what a cell that is filled may be, as what is given around it says.

    given below    the code of a woman alone is a woman's; a stay with drugs is of no kind that has none; a death comes after
                   all that is given
    given above    a code goes with who the patient is; a column is that of the row above; an end lies in the stay
    given beside   a code of which the name is given is one of that name

What one value alone can be is that value before anything is drawn, so that all else is drawn around it. What was drawn and
cannot be is drawn again among what can be, as common as it is; a time is moved to its bound. Given values stay: where they
break a rule by themselves, or leave no room for it, nothing here keeps it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
import torch

from reverie.records.linked.bonds import base_of, told_of
from reverie.records.linked.broken import Tied
from reverie.records.linked.codec import LinkedCodec
from reverie.records.linked.room import bounded
from reverie.records.settling import draws

__all__ = ["Around", "Moved"]

Moved = dict[tuple[str, str], tuple[pl.Series, np.ndarray]]
"""By table and column cells that had to be others, and bool [rows] where; the cells stand in a whole column."""
DRAWS = 64
"""Values drawn for a cell before any that can be is taken."""
FEW = 50
"""Levels of a column, at most, of which it is asked whether one alone can be."""


@dataclass(frozen=True, eq=False)
class May:
    """What the cells of a column may be.

    Attributes:
        needed: values that cells must have, where they are not null, each [rows].
        wrong: whether values cannot stand in some rows, bool [n].
    """

    needed: Sequence[pl.Series]
    wrong: Sequence[Callable[[pl.Series, np.ndarray], np.ndarray]]

    def bad(self, values: pl.Series, rows: np.ndarray) -> np.ndarray:
        """Bool [n], which values cannot stand in these rows; what is empty can."""
        bad = np.zeros(len(rows), dtype=bool)
        for need in self.needed:
            bad |= (values != need.gather(rows)).fill_null(False).to_numpy()
        for wrong in self.wrong:
            bad |= wrong(values, rows)
        return bad

    def only(self, values: pl.Series, rows: np.ndarray) -> pl.Series:
        """Values with those that are needed where there are any."""
        for need in self.needed:
            values = pl.select(pl.coalesce(need.gather(rows).alias("\0"), values)).to_series()
        return values


@dataclass(frozen=True, eq=False)
class Around:
    """What may be filled.

    Attributes:
        codec: of the tables.
        given: the tables, empty cells where nothing is given.
        holes: by table and column, bool [rows], the cells that are filled.
    """

    codec: LinkedCodec
    given: Tied
    holes: Mapping[str, Mapping[str, np.ndarray]]

    def entailed(self, randomness: torch.Generator) -> Tied:
        """The tables given, with the cells in which one value alone can be; and with a code, drawn among those that can be,
        where what follows from it is given."""
        now = self.given
        while True:
            frames = dict(now.frames)
            for table, column, holes in self._open([branch.table for branch in self.codec.tree.branches]):
                cells = frames[table][column]
                rows = np.flatnonzero(holes & cells.is_null().to_numpy())
                if rows.size and (may := self._may(table, column, now)) is not None:
                    put = self._sure(table, column, rows, may, now, randomness)
                    frames[table] = frames[table].with_columns(cells.scatter(rows, put))
            if all(frames[table].equals(frame, null_equal=True) for table, frame in now.frames.items()):
                return now
            now = Tied(now.forms, frames, now.parents)

    def moved(self, table: str, now: Tied, randomness: torch.Generator) -> Moved:
        """The cells of a table that were filled, and of those beside it, that must be others; the tables above are done."""
        out: Moved = {}
        for name, column, holes in self._open([table, *self.codec.tree.beside(table)]):
            put = bounded(name, column, now, self.given)
            if put is None:
                put = self._possible(name, column, holes, now, randomness)
            changed = holes & ~put.eq_missing(now.frames[name][column]).to_numpy()
            if changed.any():
                out[name, column] = put, changed
        return out

    def _possible(self, table: str, column: str, holes: np.ndarray, now: Tied, randomness: torch.Generator) -> pl.Series:
        """A column with others in the place of cells that were filled and cannot be, where there are any that can."""
        cells, may, rows = now.frames[table][column], self._may(table, column, now), np.flatnonzero(holes)
        if may is None or not (bad := may.bad(cells.gather(rows), rows)).any():
            return cells
        rows = rows[bad]
        found = may.only(cells.clear(len(rows)), rows)
        if (left := np.flatnonzero(found.is_null().to_numpy())).size:
            found = found.scatter(left, self._drawn(table, column, rows[left], may, now, randomness))
        kept = found.is_not_null().to_numpy() & ~may.bad(found, rows)
        return cells.scatter(rows[kept], found.filter(pl.Series(kept)))

    def _open(self, tables: Sequence[str]) -> Iterator[tuple[str, str, np.ndarray]]:
        """The columns of tables with holes, but for those that follow from others."""
        for table in tables:
            for column, holes in self.holes.get(table, {}).items():
                if holes.any() and column not in self.codec.forms.forms[table].follows:
                    yield table, column, holes

    def _may(self, table: str, column: str, now: Tied) -> May | None:
        """What a column may be, as it is `now` above and given below; None for anything."""
        form, bonds = self.codec.forms.forms[table], self.codec.forms.bonds
        needed, wrong = [], []

        def told_as(name: str, need: pl.Series) -> None:
            def differs(values: pl.Series, rows: np.ndarray) -> np.ndarray:
                told = told_of(form, name, values)
                return (told != need.gather(rows)).fill_null(False).to_numpy()

            if not need.is_null().all():
                wrong.append(differs)

        for name in form.follows:
            if base_of(form, name) == column:
                told_as(name, self.given.frames[table][name].cast(pl.String))
        for rule in bonds.same:
            if (rule.table, rule.column) == (table, column):
                needed.append(now.theirs(table, rule.above, column))
            elif (rule.above, rule.column) == (table, column):
                needed.append(self._one(rule.table, table, self.given.cells(rule.table, column)))
        for rule in bonds.codes:
            if (rule.table, rule.code) == (table, column):
                level, only = now.theirs(table, rule.above, rule.column).cast(pl.String), rule.only

                def elsewhere(values: pl.Series, rows: np.ndarray, only=only, level=level) -> np.ndarray:
                    home = values.cast(pl.String).replace_strict(only, default=None, return_dtype=pl.String)
                    return (home != level.gather(rows)).fill_null(False).to_numpy()

                wrong.append(elsewhere)
            elif rule.above == table and base_of(form, rule.column) == column:
                codes = self.given.text(rule.table, rule.code)
                levels = codes.replace_strict(rule.only, default=None, return_dtype=pl.String)
                told_as(rule.column, self._one(rule.table, table, levels))
        for rule in bonds.numbers:
            if rule.above == table and rule.column is not None and base_of(form, rule.column) == column:
                closed, of = self.given.some(rule.table, table) != rule.some, rule

                def unlike(values: pl.Series, rows: np.ndarray, closed=closed, rule=of) -> np.ndarray:
                    told = told_of(form, str(rule.column), values).is_in(list(rule.levels))
                    return closed[rows] & told.fill_null(False).to_numpy()

                wrong.append(unlike)
        needed = [need for need in needed if not need.is_null().all()]
        return May(needed, wrong) if needed or wrong else None

    def _one(self, table: str, above: str, cells: pl.Series) -> pl.Series:
        """For each row of a table above, what all cells of the rows below it are; null where they differ, or none is."""
        frame = pl.DataFrame({"at": self.given.up(table, above), "cell": cells}).drop_nulls().unique()
        of = frame.group_by("at").agg(pl.len(), pl.col("cell").first()).filter(pl.col("len") == 1)
        everyone = pl.DataFrame({"at": np.arange(self.given.frames[above].height)})
        return everyone.join(of, on="at", how="left", maintain_order="left")["cell"]

    def _sure(
        self, table: str, column: str, rows: np.ndarray, may: May, now: Tied, randomness: torch.Generator
    ) -> pl.Series:
        """What stands in empty rows before anything is drawn; null where that is open."""
        dtype = now.frames[table].schema[column]
        out = may.only(now.frames[table][column].clear(len(rows)), rows)
        levels = self._levels(table, column, dtype)
        if may.wrong and 0 < len(levels) <= FEW:
            can = np.stack([~may.bad(level.new_from_index(0, len(rows)), rows) for level in _each(levels)], 1)
            alone = np.flatnonzero(can.sum(1) == 1)
            out = out.scatter(alone, levels.gather(can[alone].argmax(1)))
        named = np.zeros(len(rows), dtype=bool)
        for name, (other, _) in self.codec.forms.forms[table].follows.items():
            if other == column:
                named |= self.given.frames[table][name].gather(rows).is_not_null().to_numpy()
        if (left := np.flatnonzero(named & out.is_null().to_numpy())).size:
            out = out.scatter(left, self._drawn(table, column, rows[left], may, now, randomness))
        return out.scatter(np.flatnonzero(may.bad(out, rows)), None)

    def _drawn(
        self, table: str, column: str, rows: np.ndarray, may: May, now: Tied, randomness: torch.Generator
    ) -> pl.Series:
        """Values that can stand in rows, as common as they are; null where there is none."""
        dtype = now.frames[table].schema[column]
        out = now.frames[table][column].clear(len(rows))
        for tried in self._tried(table, column, rows, now, dtype, randomness):
            left = np.flatnonzero(out.is_null().to_numpy())
            good = left[~may.bad(tried.gather(left), rows[left])] if left.size else left
            if not left.size:
                break
            out = out.scatter(good, tried.gather(good))
        return out

    def _tried(
        self, table: str, column: str, rows: np.ndarray, now: Tied, dtype: pl.DataType, randomness: torch.Generator
    ) -> Iterator[pl.Series]:
        """Values for rows, one after the other: those of the names given, those of the level above, any."""
        n = len(rows)

        def of_lists(lists: list[list[str]], weights: list[list[int]] | None = None) -> pl.Series:
            u = torch.rand(n, generator=randomness).double().numpy()
            chosen = []
            for k, values in enumerate(lists):
                added = np.cumsum(weights[k] if weights else np.ones(len(values)))
                chosen.append(values[int(np.searchsorted(added, u[k] * added[-1], "right"))] if values else None)
            return _typed(pl.Series(chosen, dtype=pl.String), dtype)

        for name, (other, pairs) in self.codec.forms.forms[table].follows.items():
            given = self.given.frames[table][name].gather(rows)
            if other == column and not given.is_null().all():
                codes, names = pairs.columns
                of = pairs.drop_nulls().group_by(names, maintain_order=True).agg(pl.col(codes).cast(pl.String))
                lists = dict(zip(of[names].to_list(), of[codes].to_list(), strict=True))
                for _ in range(DRAWS // 4):
                    yield of_lists([lists.get(value, []) for value in given])
        for rule in self.codec.forms.bonds.codes:
            if (rule.table, rule.code) == (table, column):
                shares = [
                    rule.shares.get(str(level), {}) for level in now.theirs(table, rule.above, rule.column).gather(rows)
                ]
                for _ in range(DRAWS // 4):
                    yield of_lists([[*of] for of in shares], [[*of.values()] for of in shares])
        levels = self._levels(table, column, dtype)
        if not len(levels):
            return
        home, name = self.codec.forms.home(table, column)
        of = self.codec.codecs[home]
        for values in draws(of, n, randomness)(name, DRAWS):
            yield of.schema[name].write(np.nan_to_num(values), np.isnan(values), dtype)
        for level in _each(levels):
            yield level.new_from_index(0, n)

    def _levels(self, table: str, column: str, dtype: pl.DataType) -> pl.Series:
        """The levels of a column; none of a number, or a time."""
        home, name = self.codec.forms.home(table, column)
        schema = self.codec.codecs[home].schema
        levels = schema[name].levels if name in schema.names else ()
        return _typed(pl.Series(column, levels, dtype=pl.String), dtype).drop_nulls()


def _typed(texts: pl.Series, dtype: pl.DataType) -> pl.Series:
    """Levels as text in the type of their column."""
    return texts == "true" if dtype == pl.Boolean else texts.cast(dtype, strict=False)


def _each(levels: pl.Series) -> Iterator[pl.Series]:
    return (levels[place : place + 1] for place in range(len(levels)))
