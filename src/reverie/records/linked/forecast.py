"""What comes after all that is given of each patient: further rows of tables that hang on patients, and what hangs on them.

    how many rows | the patient, at least those given     drawn again until there are
    when, and the values | all that is given              drawn again until the first comes after the last event given
    what hangs on the new rows                            as it is made for new patients

So the model says of a patient what it says of those trained on who had as many rows, in the time over which they were seen.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import polars as pl
import torch

from reverie.errors import UsageError
from reverie.process.randomness import generator
from reverie.records.column_names import words
from reverie.records.linked.bound import Bound
from reverie.records.linked.classing import draw_classes
from reverie.records.linked.clocks import seconds_of
from reverie.records.linked.codec import LinkedCodec
from reverie.records.linked.fitting import FittedTables
from reverie.records.linked.form import SINCE
from reverie.records.linked.generate import TRIES, LinkedSampler
from reverie.records.linked.keys import singular
from reverie.records.linked.making import Keyed, frames_of
from reverie.records.linked.scores import TableScores
from reverie.records.linked.stages import Seed, gaps_of
from reverie.records.linked.tree import place_of
from reverie.records.table import Table

__all__ = ["Horizon", "LinkedForecaster"]

DEATH = {"death", "died", "dod", "deceased"}
HOURS = {"h": 1.0, "d": 24.0, "w": 168.0, "y": 8766.0}


@dataclass(frozen=True)
class Horizon:
    """How far to go on: so many hours after a patient's last event, or so many rows of each table that hangs on patients."""

    hours: float = np.inf
    rows: int = 0

    @classmethod
    def of(cls, told: int | str) -> Self:
        """3 is three rows; "30d" is thirty days, as "12h", "2w" and "1y". Raises UsageError for what is neither."""
        found = re.fullmatch(r"(\d+(?:\.\d+)?)([hdwy])|(\d+)", str(told).strip())
        if found is None or float(found[1] or found[3]) == 0:
            raise UsageError(
                f"{told!r} is no time to go on for: give hours, days, weeks or years, as 12h, 30d, 2w or 1y, or a number of "
                "rows above 0."
            )
        return cls(rows=int(found[3])) if found[3] else cls(hours=float(found[1]) * HOURS[found[2]])


@dataclass(frozen=True, eq=False)
class Course:
    """The rows of one table that hang on patients, those given and those that may follow.

    Attributes:
        scores: of all rows.
        new: bool [R], which rows are new.
        since: float [R], when each was, as the table counts.
    """

    scores: TableScores
    new: np.ndarray
    since: np.ndarray

    def early(self, after: np.ndarray) -> np.ndarray:
        """Bool [R], the first new rows of patients, where they are not after these hours, float [patients]."""
        above = self.scores.above
        first = self.new & ~np.append(False, self.new[:-1] & (np.diff(above) == 0))[: len(above)]
        return first & (self.scores.hours.numpy() <= after[above])

    def only(self, kept: np.ndarray) -> Course:
        """With some rows, bool [R]."""
        one = self.scores
        lengths = np.add.reduceat(kept.astype(np.int64), one.offsets[:-1]) if len(one) else np.zeros(0, dtype=np.int64)
        return Course(one.with_rows(lengths, one.rows[:, kept], one.hours[kept]), self.new[kept], self.since[kept])


@dataclass(frozen=True, eq=False)
class LinkedForecaster:
    """Goes on with linked tables.

    Attributes:
        sampler: makes what hangs on new rows; without conditions and without maps.
        fitted: the tables.
        as_tables: what the model reads of them, see LinkedCodec.tabled.
    """

    sampler: LinkedSampler
    fitted: FittedTables
    as_tables: Mapping[str, Table]

    @property
    def codec(self) -> LinkedCodec:
        return self.sampler.stages.codec

    @property
    def tables(self) -> list[str]:
        """Those that get further rows: they hang on patients, and have a time. Raises UsageError if there is none."""
        tree = self.codec.tree
        found = [t for t in tree.children(tree.root) if tree[t].time is not None and self.codec.codecs[t].length is None]
        if not found:
            raise UsageError(
                f"no table that hangs on {tree.root} has a time and more rows of one patient than of another, so nothing "
                "can come after: leave `forecast` out."
            )
        return found

    def rows(self, horizon: Horizon, seed: Seed) -> tuple[dict[str, pl.DataFrame], int]:
        """The new rows of each table, in the types learned, with new keys; and for how many patients and tables none was
        found that comes after what is given, or fewer than asked for."""
        tree, tables = self.codec.tree, self.tables
        randomness = generator(int(seed[0]), *seed[1:], "given")
        scores = {t: one.drawn(randomness) for t, one in self.codec.encode(self.fitted.grown, self.as_tables).items()}
        scores[tree.root].groups[..., self.codec.class_channels(tree.root)] = torch.nan  # that was of so far, not of a life
        draw_classes(self.codec, tree.root, scores, (*seed, tree.root), lived=True)
        given = {table: scores[table].lengths for table in tables}
        self._counted(scores, given, horizon, seed)
        courses = {table: self._longer(table, scores, given[table]) for table in tables}
        scores |= {table: course.scores for table, course in courses.items()}
        after = self._last()
        courses = self._timed(courses, scores, after, seed)
        stay, lost = {}, 0
        for table, course in courses.items():
            stay[table], fewer = self._near(course, given[table], after, horizon, self._ended(table))
            lost += fewer
        scores |= {table: course.scores for table, course in stay.items()}
        units = self._going_on(stay)
        self.sampler.stages.draw(tree.root, tree.children(tree.root), units, scores, 5, (*seed, tree.root, 5))
        fresh = {table: np.flatnonzero(course.new) for table, course in stay.items()}
        for branch in tree.learned:
            if branch.parent in fresh and branch.table not in fresh:
                fresh[branch.table] = np.arange(len(scores[branch.table].above))
            if branch.table in fresh and tree.children(branch.table):
                self.sampler.below(branch.table, fresh[branch.table], scores, (*seed, "events"), [])
        made = {t: self._fresh(t, scores, fresh) for t in scores}
        since = {table: course.since[course.new] for table, course in stay.items()}
        rows = frames_of(Bound(self.codec, made), len(scores[tree.root]), since)
        for table, course in stay.items():  # rules on the clock may leave no room for some
            asked, there = (np.bincount(of, minlength=len(self.fitted.grown)) for of in
                            (course.scores.above[course.new], rows[table].parents))  # fmt: skip
            lost += int((there < asked).sum())
        keys = {t: frame[k] for t, frame in self.fitted.grown.frames.items() if (k := self.codec.forms.schema[t].key)}
        frames = Keyed(self.codec, {}, keys).tables(rows)
        one_each = (tree.root, *tree.beside(tree.root))  # who a patient is
        return {table: frame for table, frame in frames.items() if table not in one_each}, lost

    def _counted(
        self, scores: dict[str, TableScores], given: Mapping[str, np.ndarray], horizon: Horizon, seed: Seed
    ) -> None:
        """Draws how many rows there are in all, at least those given."""
        tree, codec = self.codec.tree, self.codec
        children = tree.children(tree.root)
        for table in given:
            channels = list(codec.codecs[table].named["visits"].channels)
            scores[table].groups[0][:, channels] = torch.nan
        fixed = {child: ~scores[child].groups[0].isnan() for child in children}
        fewest = {c: given[c] + horizon.rows if c in given else np.zeros(len(scores[c]), dtype=np.int64) for c in children}
        units = np.unique(np.concatenate([scores[table].parent for table in given]))
        self.sampler.stages.draw(tree.root, children, units, scores, 2, (*seed, tree.root, 2))
        self.sampler.enough(tree.root, children, scores, fixed, fewest, (*seed, tree.root, "enough"))

    def _longer(self, table: str, scores: Mapping[str, TableScores], given: np.ndarray) -> Course:
        """With as many rows as there are in all; nothing is known of the new ones."""
        one = scores[table]
        lengths = np.maximum(self.sampler.counts(table, one), given)
        new = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths) >= np.repeat(given, lengths)
        rows = torch.full((1, len(new), one.rows.shape[2]), torch.nan)
        rows[:, ~new] = one.rows
        hours, since = torch.full((len(new),), torch.nan, dtype=torch.float64), np.full(len(new), np.nan)
        hours[~new] = one.hours.double()
        since[~new] = self.as_tables[table].frame[SINCE].cast(pl.Float64).to_numpy()
        return Course(one.with_rows(lengths, rows, hours), new, since)

    def _timed(
        self, courses: Mapping[str, Course], scores: dict[str, TableScores], after: np.ndarray, seed: Seed
    ) -> dict[str, Course]:
        """When the new rows are, the first of them after these hours of its patient, float [patients], where it can be."""
        out, root = dict(courses), self.codec.tree.root
        units = self._going_on(out)
        for table in out:
            draw_classes(self.codec, table, scores, (*seed, table))
        for attempt in range(TRIES):
            if not units.size:
                break
            self.sampler.stages.draw(root, self.codec.tree.children(root), units, scores, 4, (*seed, root, 4, attempt))
            late: list[np.ndarray] = []
            for table, course in out.items():
                course = out[table] = self._clocked(table, course)
                scores[table] = course.scores
                early = course.early(after)
                late.append(course.scores.above[early])
                if attempt < TRIES - 1:
                    again = course.new & np.isin(course.scores.above, late[-1])
                    cells = torch.from_numpy(again)[:, None] & (self.codec.stages[table][1] == 4)
                    course.scores.rows[0].masked_fill_(cells, torch.nan)
            units = np.unique(np.concatenate(late))
        return out

    def _ended(self, table: str) -> np.ndarray:
        """Bool [patients], of whom a table has no further rows: a death is given, which none of its rows is after."""
        root, ended, grown = self.codec.tree.root, np.zeros(len(self.fitted.grown), dtype=bool), self.fitted.grown
        for rule in self.codec.forms.bonds.orders:
            of = {*words(rule.theirs), *(() if rule.above == root else words(singular(rule.above)))}
            if rule.table != table or rule.sign != "<=" or not DEATH & of:
                continue
            if rule.above == root or rule.above in self.codec.tree.beside(root):
                dead = grown.frames[rule.above][rule.theirs].is_not_null().to_numpy()
                ended[grown.patients(rule.above)[dead]] = True
        return ended

    def _near(
        self, course: Course, given: np.ndarray, after: np.ndarray, horizon: Horizon, ended: np.ndarray
    ) -> tuple[Course, int]:
        """With the new rows that are asked for, of patients who have not ended; and for how many there are fewer."""
        one = course.scores
        place = np.arange(len(course.new)) - np.repeat(one.offsets[:-1], one.lengths)
        early = np.isin(one.above, one.above[course.early(after)])
        if horizon.rows:
            near = place < np.repeat(given, one.lengths) + horizon.rows
        else:
            near = one.hours.numpy() <= after[one.above] + horizon.hours
        kept = course.only(~course.new | (near & ~early & ~ended[one.above]))
        if horizon.rows:
            return kept, int(((kept.scores.lengths < given + horizon.rows) & ~ended[one.parent]).sum())
        return kept, len(np.unique(one.above[early & ~ended[one.above]]))

    def _clocked(self, table: str, course: Course) -> Course:
        """New rows come after the last given by their gaps."""
        one, since = course.scores, course.since.copy()
        steps = np.where(course.new, gaps_of(self.codec, table, one), 0.0).cumsum()
        last = np.flatnonzero(~course.new)[np.cumsum(~course.new)[course.new] - 1] if course.new.any() else np.zeros(0, int)
        since[course.new] = since[last] + steps[course.new] - steps[last]
        hours = torch.from_numpy(self.codec.hours(table, since))
        return replace(course, scores=replace(one, hours=hours), since=since)

    def _going_on(self, courses: Mapping[str, Course]) -> np.ndarray:
        """int64, the patients who have new rows, rising."""
        return np.unique(np.concatenate([course.scores.above[course.new] for course in courses.values()]))

    def _last(self) -> np.ndarray:
        """When the last event of each patient began or ended, float [patients] in hours since 1970; numbers are days."""
        grown, last = self.fitted.grown, np.full(len(self.fitted.grown), -np.inf)
        for table, frame in grown.frames.items():
            form = self.codec.forms.forms[table]
            if form.time is None:
                continue
            end = form.table.clock.end if form.table.clock else None
            for column in (c for c in (form.time, end) if c is not None):
                times = frame[column]
                if times.dtype.is_temporal():
                    hours = times.cast(pl.Datetime("us")).cast(pl.Int64) / 3.6e9
                else:
                    hours = times.cast(pl.Float64) * (seconds_of(column) / 3600)
                np.maximum.at(last, grown.patients(table), hours.fill_null(-np.inf).to_numpy())
        return last

    def _fresh(self, table: str, scores: Mapping[str, TableScores], fresh: Mapping[str, np.ndarray]) -> TableScores:
        """The scores of the new rows of a table alone, in groups of new rows of its parent."""
        one, parent = scores[table], self.codec.tree[table].parent
        if parent is None:
            return one
        root, rows = self.codec.tree.root, fresh.get(table, np.zeros(0, dtype=np.int64))
        new = np.zeros(len(one.above), dtype=bool)
        new[rows] = True
        group = np.repeat(np.arange(len(one)), one.lengths)[new]
        kept, lengths = np.unique(group, return_counts=True)
        of, above = one.parent[kept], len(one.group)
        if parent != root:
            above = len(fresh.get(parent, ()))
            of = place_of(fresh.get(parent, np.zeros(0, dtype=np.int64)), len(one.group))[of]
        offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        return TableScores(of, place_of(of, above), one.groups[:, kept], offsets, one.rows[:, new], one.hours[new])
