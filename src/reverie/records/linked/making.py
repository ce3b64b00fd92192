"""Scores of linked tables -> tables: cells by each table's codec, times from the parents', then new keys.

The rows of a shard come without keys and with the place of their parent's row; keys are given as shards are put one after
the other, so that they count through all of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
import polars as pl

from reverie.records.dtypes import framed
from reverie.records.linked.beside import apart
from reverie.records.linked.bound import Bound
from reverie.records.linked.codec import LinkedCodec
from reverie.records.linked.form import PARENT, SINCE, Form
from reverie.records.linked.limits import Limits
from reverie.records.linked.tree import Tree, gathered, place_of
from reverie.records.rules import Rules

__all__ = ["Keyed", "Rows", "frames_of", "joined", "until"]


@dataclass(frozen=True, eq=False)
class Rows:
    """The rows of one table in a shard: cells but for keys, of which only is told whether there is one (see Form.rows), and
    int64 [rows], the row of the parent's that each hangs on."""

    frame: pl.DataFrame
    parents: np.ndarray


def frames_of(bound: Bound, patients: int, since: Mapping[str, np.ndarray] | None = None) -> dict[str, Rows]:
    """The tables of the first `patients` patients of a shard.

    Args:
        since: by table, when its rows were, as these count, where that is not as was drawn; of those that a rule on the
            clock has it cannot be then there are none.
    """
    codec = bound.codec
    visits: dict[str, pl.DataFrame] = {}
    kept = {codec.tree.root: np.arange(patients)}
    for branch in codec.tree.learned:
        table, frame = branch.table, bound.visits(branch.table)
        if branch.parent is None:
            visits[table] = frame[:patients]
        else:
            parents = place_of(kept[branch.parent], bound.count(branch.parent))[frame[PARENT].to_numpy()]
            kept[table] = np.flatnonzero(parents >= 0)
            visits[table] = frame[kept[table]].with_columns(pl.Series(PARENT, parents[parents >= 0]))
        if since is not None and table in since:
            visits[table] = visits[table].with_columns(pl.Series(SINCE, since[table]).cast(visits[table].schema[SINCE]))
            if codec.forms.forms[table].counts:
                visits[table], stay = _held(codec, table, visits[table])
                kept[table] = kept[table][stay]
    limits = Limits(codec, bound.fixed)
    first = _timed(codec, visits, limits, {})
    moved = limits.moved(visits[codec.tree.root], first)
    return _timed(codec, visits, limits, moved) if moved else first


def _held(codec: LinkedCodec, table: str, visits: pl.DataFrame) -> tuple[pl.DataFrame, np.ndarray]:
    """Visits at times that stay, and of patients who stay what they are, as rules on the clock would have them, without the
    rows of which a rule has it that they cannot be then; and bool [rows], which are left."""
    of = codec.codecs[table]
    every = np.ones(visits.height, dtype=bool)
    visits = of.kept(visits, {SINCE: every, **{column.name: every for column in of.schema.static}})
    rules = Rules.of(of.schema)
    broken = rules.broken(visits)
    on_clock = [broken[rule.text] for rule in rules if SINCE in rule.columns]
    stay = ~np.logical_or.reduce([~every, *on_clock])
    return visits.filter(pl.Series(stay)), stay


def _timed(
    codec: LinkedCodec, visits: Mapping[str, pl.DataFrame], limits: Limits, moved: Mapping[str, pl.DataFrame]
) -> dict[str, Rows]:
    """Tables with their times, of such visits; of those that are `moved`, these."""
    out: dict[str, Rows] = {}
    for branch in codec.tree.learned:
        table, form = branch.table, codec.forms.forms[branch.table]
        above = None if branch.parent is None else out[branch.parent].frame
        for name, own, host, of in (
            (table, visits[table], above, None if branch.parent is None else codec.forms.forms[branch.parent]),
            *((other, apart(visits[table], other), None, form) for other in codec.tree.beside(table)),
        ):
            host = out[table].frame if host is None and name != table else host
            within = (
                _lasted(of, codec.forms.forms[name], host)
                if of and host is not None and name in codec.forms.within
                else None
            )
            parents = own[PARENT].to_numpy()
            bounds = limits.of(name, parents, out, bool(moved))
            frame = codec.forms.forms[name].rows(own, host, within, until(codec, name), bounds)
            out[name] = Rows(moved.get(name, frame), parents)
    return out


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
        """The tables of a shard as those that were read, columns in their order: no row of a table without a key is there
        twice."""
        tree, schema = self.codec.tree, self.codec.forms.schema
        keys: dict[str, pl.Series] = {}
        patients: dict[str, np.ndarray] = {}
        cells = {table: {column: of.frame[column] for column in of.frame.columns} for table, of in rows.items()}
        later: list[tuple[str, str, str]] = []
        for branch in tree.branches:
            table, about = branch.table, schema[branch.table]
            parents, height = rows[branch.table].parents, len(rows[branch.table].parents)
            patients[table] = parents if branch.parent is None else patients[branch.parent][parents]
            tied = {tie.column: tie.table for tie in about.refers}
            ours = about.key if about.key in tied and tied[about.key] in keys else None
            if about.key is not None and branch.parent is None and table in self.there:
                keys[table] = cells[table][about.key] = self.there[table]
            elif about.key is not None and ours is None:
                who = keys[tree.root].gather(patients[table]) if branch.parent is not None else pl.Series([""])
                keys[table] = cells[table][about.key] = self._new(table, height, who)
            for column, other in tied.items():
                if other in keys:
                    cells[table][column] = self._named(table, column, other, rows, keys, patients)
                elif other in rows:
                    later.append((table, column, other))
            if ours is not None:
                keys[table] = cells[table][ours]
            self.count[table] = self.count.get(table, 0) + height
        for table, column, other in later:  # a circle: its key was not there yet
            cells[table][column] = self._named(table, column, other, rows, keys, patients)
        forms = self.codec.forms.forms
        made = {
            table: framed(cells[table][c].cast(dtype).alias(c) for c, dtype in forms[table].columns.items())
            for table in (branch.table for branch in tree.branches)
        }
        return {t: frame if schema[t].key is not None else frame.unique(maintain_order=True) for t, frame in made.items()}

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
        tree, every = self.codec.tree, np.arange(len(rows[table].parents))
        optional = column in self.codec.forms.forms[table].optional
        if other in tree.above(table):
            named = keys[other].gather(tree.up(table, other, every, lambda t: rows[t].parents))
        else:
            below = other != table and table in tree.above(other)
            place = _first_below(table, other, tree, rows) if below else _last_before(table, other, patients)
            if other != table and not below and (begun := _last_begun(table, other, tree, rows, patients)) is not None:
                place = begun if optional else np.where(begun < 0, place, begun)
            named = gathered(keys[other], place)
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


def _last_begun(
    table: str, other: str, tree: Tree, rows: Mapping[str, Rows], patients: Mapping[str, np.ndarray]
) -> np.ndarray | None:
    """int64 [rows], the last row of another table of the same patient that had begun when each row was; -1 where none had.
    None where the times of the two cannot be compared."""
    mine, theirs = (None if time is None else rows[of].frame[time] for of in (table, other) for time in (tree[of].time,))
    if mine is None or theirs is None or mine.dtype != theirs.dtype or mine.null_count() or theirs.null_count():
        return None
    ours = pl.DataFrame({"who": patients[table], "at": mine}).with_row_index("row").sort("at", maintain_order=True)
    those = pl.DataFrame({"who": patients[other], "at": theirs}).with_row_index("place").sort("at", maintain_order=True)
    found = ours.join_asof(those, on="at", by="who", strategy="backward", check_sortedness=False).sort("row")
    return found["place"].cast(pl.Int64).fill_null(-1).to_numpy()


def _first_below(table: str, other: str, tree: Tree, rows: Mapping[str, Rows]) -> np.ndarray:
    """int64 [rows], of each row of a table the first row of another table that hangs on it; -1 where none does."""
    own = tree.up(other, table, np.arange(len(rows[other].parents)), lambda t: rows[t].parents)
    every = np.arange(len(rows[table].parents))
    first = np.searchsorted(own, every, "left")
    found = first < len(own)
    found[found] = own[first[found]] == every[found]
    return np.where(found, first, -1)


def joined(parts: Iterator[dict[str, pl.DataFrame]]) -> dict[str, pl.DataFrame]:
    """The tables of all shards."""
    whole = list(parts)
    return {table: pl.concat([part[table] for part in whole]) for table in whole[0]}
