"""Scores of linked tables -> tables: cells by each table's codec, times from the parents', then new keys.

The rows of a shard come without keys and with the place of their parent's row; keys are given as shards are put one after
the other, so that they count through all of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
import polars as pl
import torch

from reverie.records.linked.beside import NOTHING, apart
from reverie.records.linked.codec import LinkedCodec
from reverie.records.linked.form import PARENT, SINCE, Form
from reverie.records.linked.scores import TableScores
from reverie.records.writing import Scores

__all__ = ["Keyed", "Rows", "frames_of", "joined", "scores_of", "until"]


@dataclass(frozen=True, eq=False)
class Rows:
    """The rows of one table in a shard: cells but for keys, of which only is told whether there is one (see Form.rows), and
    int64 [rows], the row of the parent's that each hangs on."""

    frame: pl.DataFrame
    parents: np.ndarray


def frames_of(
    codec: LinkedCodec, made: Mapping[str, TableScores], patients: int, since: Mapping[str, np.ndarray] | None = None
) -> dict[str, Rows]:
    """The tables of the first `patients` patients of a shard; `since` says when the rows of some were, as these count."""
    out: dict[str, Rows] = {}
    kept = {codec.tree.root: np.arange(patients)}
    for branch in codec.tree.learned:
        table, one = branch.table, made[branch.table]
        form, of = codec.forms.forms[table], codec.codecs[table]
        if branch.parent is None:
            groups = rows = np.arange(patients)
            parents, lengths = rows, np.full(patients, of.length or 1)
            at = np.zeros(0, dtype=np.int64)
        else:
            place = np.full(len(one.group), -1)
            place[kept[branch.parent]] = np.arange(len(kept[branch.parent]))
            groups = np.flatnonzero(place[one.parent] >= 0)
            lengths, at = one.lengths[groups], one.rows_in(groups)
            parents, kept[table] = np.repeat(place[one.parent[groups]], lengths), at
        visits = of.decode(scores_of(codec, table, one, groups, at, lengths)).frame.drop(NOTHING, strict=False)
        visits = visits.with_columns(pl.Series(PARENT, parents, dtype=pl.Int64))
        if since is not None and table in since:
            visits = visits.with_columns(pl.Series(SINCE, since[table]).cast(visits.schema[SINCE]))
        above = None if branch.parent is None else out[branch.parent].frame
        within = None
        if table in codec.forms.within and branch.parent is not None and above is not None:
            within = _lasted(codec.forms.forms[branch.parent], form, above)
        out[table] = Rows(form.rows(visits, above, within, until(codec, table)), parents)
        for other in codec.tree.beside(table):
            alone, row = codec.forms.forms[other], out[table].frame
            own = apart(visits, other)
            within = _lasted(form, alone, row) if other in codec.forms.within else None
            out[other] = Rows(alone.rows(own, row, within, until(codec, other)), own[PARENT].to_numpy())
    return out


def scores_of(
    codec: LinkedCodec, table: str, one: TableScores, groups: np.ndarray, at: np.ndarray, lengths: np.ndarray
) -> Scores:
    """Scores as the codec of a table reads them: of groups of so many rows each, and of these rows. Patients have a row
    each, of which nothing is to be known."""
    stage = codec.codecs[table].stage
    of_group, of_row = (int((stage[token] >= 0).sum()) for token in (0, 1))
    values, known = one.of_groups(groups)
    cells, cells_known = one.of_rows(at)
    if table == codec.tree.root:
        cells, cells_known = torch.zeros(len(groups), of_row), torch.zeros(len(groups), of_row, dtype=torch.bool)
    return Scores(
        torch.from_numpy(lengths), (values[:, :of_group], known[:, :of_group]), (cells[:, :of_row], cells_known[:, :of_row])
    )


def until(codec: LinkedCodec, table: str) -> str | None:
    """The column of the parent's table that no row of a table ends after, where that is so."""
    if table not in codec.forms.ends:
        return None
    clock = codec.forms.forms[str(codec.tree[table].parent)].table.clock
    return None if clock is None else clock.end


def _lasted(parent: Form, form: Form, above: pl.DataFrame) -> pl.Series:
    """How long each of the parents' rows lasts, in the unit of a table that lies in it."""
    end, begun = above[str(parent.table.clock.end if parent.table.clock else "")], above[str(form.since)]
    if not end.dtype.is_temporal():
        return (end - begun).cast(pl.Float64)
    if form.columns[str(form.time)] == pl.Date:
        end, begun = end.cast(pl.Date), begun.cast(pl.Date)
    micro = end.cast(pl.Datetime("us")).cast(pl.Int64) - begun.cast(pl.Datetime("us")).cast(pl.Int64)
    return (micro / 1_000_000 / (form.unit or 1)).floor()


@dataclass
class Keyed:
    """Gives keys to shards, one after the other.

    Attributes:
        codec: of the tables.
        count: by table, how many rows there were.
        there: by table, keys that are there: the patients have these, and no other row gets one.
    """

    codec: LinkedCodec
    count: dict[str, int] = field(default_factory=dict)
    there: Mapping[str, pl.Series] = field(default_factory=dict)

    def tables(self, rows: Mapping[str, Rows]) -> dict[str, pl.DataFrame]:
        """The tables of a shard as those that were read, columns in their order."""
        tree, schema, keys = self.codec.tree, self.codec.forms.schema, {}
        patients: dict[str, np.ndarray] = {}
        out: dict[str, pl.DataFrame] = {}
        for branch in tree.branches:
            table, about, frame = branch.table, schema[branch.table], rows[branch.table].frame
            parents, height = rows[branch.table].parents, len(rows[branch.table].parents)
            patients[table] = parents if branch.parent is None else patients[branch.parent][parents]
            cells = {column: frame[column] for column in frame.columns}
            tied = {tie.column: tie.table for tie in about.refers}
            ours = about.key if about.key in tied and tied[about.key] in keys else None
            if about.key is not None and branch.parent is None and table in self.there:
                keys[table] = cells[about.key] = self.there[table]
            elif about.key is not None and ours is None:
                who = keys[tree.root].gather(patients[table]) if branch.parent is not None else pl.Series([""])
                keys[table] = cells[about.key] = self._new(table, height, who)
            for column, other in tied.items():
                if other in keys:
                    cells[column] = self._named(table, column, other, rows, keys, patients)
            if ours is not None:
                keys[table] = cells[ours]
            self.count[table] = self.count.get(table, 0) + height
            form = self.codec.forms.forms[table]
            out[table] = pl.DataFrame([cells[c].cast(dtype).alias(c) for c, dtype in form.columns.items()])
        return out

    def _new(self, table: str, height: int, who: pl.Series) -> pl.Series:
        """Further keys, none of those that are there."""
        there = self.there.get(table, pl.Series([], dtype=pl.Int64))
        step = 1
        while True:
            keys = self.codec.keys.new(table, self.count.get(table, 0) + 1, height, who)
            if not there.len() or not keys.is_in(there.cast(keys.dtype).implode()).any():
                return keys
            self.count[table], step = self.count.get(table, 0) + step, 2 * step

    def _named(
        self,
        table: str,
        column: str,
        other: str,
        rows: Mapping[str, Rows],
        keys: Mapping[str, pl.Series],
        patients: Mapping[str, np.ndarray],
    ) -> pl.Series:
        """The keys of a table that a column refers to."""
        tree, at, here = self.codec.tree, np.arange(len(rows[table].parents)), table
        above = {branch.table: branch for branch in tree.branches}
        optional = column in self.codec.forms.forms[table].optional
        while here != other and above[here].parent is not None:
            at, here = rows[here].parents[at], str(above[here].parent)
        if here == other and other != table:
            named = keys[other].gather(at)
        else:
            place = _last_before(table, other, patients)
            named = keys[other].gather(pl.Series(place).set(pl.Series(place < 0), None))
        if optional:
            has = rows[table].frame[column].cast(pl.Boolean).fill_null(False)
            named = pl.select(pl.when(has).then(named)).to_series()
        return named


def _last_before(table: str, other: str, patients: Mapping[str, np.ndarray]) -> np.ndarray:
    """int64 [rows], the last row of another table of the same patient before each row's own place among the patient's; of
    the same table, the row before. -1 where there is none."""
    mine = patients[table]
    if table == other:
        place = np.arange(len(mine)) - 1
        return np.where((place >= 0) & (mine[np.maximum(place, 0)] == mine), place, -1)
    theirs = patients[other]
    last = np.searchsorted(theirs, mine, "right") - 1
    return np.where((last >= 0) & (theirs[np.maximum(last, 0)] == mine), last, -1)


def joined(parts: Iterator[dict[str, pl.DataFrame]]) -> dict[str, pl.DataFrame]:
    """The tables of all shards."""
    whole = list(parts)
    return {table: pl.concat([part[table] for part in whole]) for table in whole[0]}
