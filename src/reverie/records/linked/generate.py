"""Linked tables made table by table down the tree: how many rows, when, what is measured, then the values.

p(patients) p(rows of all tables that hang on them | patients) p(rows that hang on those | ...) ...

Each factor is made in stages by one network, for all tables that hang on the same rows at once, so that they go together.
Patients are made in shards with randomness of their own: patient i is a function of (seed, i).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from reverie.denoisers.denoiser import Denoiser
from reverie.errors import UsageError
from reverie.process.randomness import generator
from reverie.records.encoded import Records
from reverie.records.generate import ROUNDS
from reverie.records.linked.bound import Bound
from reverie.records.linked.codec import LinkedCodec
from reverie.records.linked.given import GivenRows
from reverie.records.linked.units import Part, Unit, told
from reverie.records.settling import settled
from reverie.samplers import Sampler, sample

__all__ = ["SHARD", "LinkedSampler", "Made"]

SHARD = 128
"""Patients made together."""
TOKENS, UNITS = 12_288, 1024
"""Tokens and units in one call of the network, at most (or one unit)."""


@dataclass(eq=False)
class Made:
    """The scores of one table, made so far, see units.Scores.

    Attributes:
        parent: int64 [G], the parent's row of each group, rising.
        group: int64 [rows of the parent], the group of each; -1 where there is none.
        groups, groups_known: [G, w].
        offsets: int64 [G + 1].
        rows, rows_known: [R, w].
        hours: float [R].
    """

    parent: np.ndarray
    group: np.ndarray
    groups: Tensor
    groups_known: Tensor
    offsets: np.ndarray = field(default_factory=lambda: np.zeros(1, dtype=np.int64))
    rows: Tensor = field(default_factory=lambda: torch.zeros(0, 0))
    rows_known: Tensor = field(default_factory=lambda: torch.zeros(0, 0, dtype=torch.bool))
    hours: Tensor = field(default_factory=lambda: torch.zeros(0))

    def of_groups(self, which: np.ndarray, generator: torch.Generator | None) -> tuple[Tensor, Tensor]:
        return self.groups[which], self.groups_known[which]

    def of_rows(
        self, which: np.ndarray, generator: torch.Generator | None, lengths: np.ndarray | None = None
    ) -> tuple[Tensor, Tensor]:
        return self.rows[which], self.rows_known[which]

    def when(self, which: np.ndarray) -> Tensor:
        return self.hours[which]

    @property
    def lengths(self) -> np.ndarray:
        return np.diff(self.offsets)


class Calibrated(Protocol):
    """Puts right the scores [n, w] of a table's groups or rows where they were asked for."""

    def __call__(self, table: str, what: str, scores: Tensor, asked: Tensor) -> Tensor: ...


@dataclass(frozen=True, eq=False)
class LinkedSampler:
    """Makes the scores of linked tables.

    Attributes:
        denoiser: answers for events, see EventMask.
        codec: of the tables.
        sampler, grid: how each stage is drawn.
        calibration: puts right what is drawn, if there is one.
        given: what every row of some tables is.
        fixed: by table, columns of its visits that are given and stay as they are.
    """

    denoiser: Denoiser
    codec: LinkedCodec
    sampler: Sampler
    grid: Sequence[float]
    calibration: Calibrated | None = None
    given: GivenRows | None = None
    fixed: Mapping[str, Collection[str]] = field(default_factory=dict)

    def shard(
        self,
        number: int,
        seed: int,
        given: Records | None = None,
        size: int = SHARD,
        accept: Callable[[Tensor], Tensor] | None = None,
    ) -> dict[str, Made]:
        """The scores of the patients of a shard, by table.

        Args:
            given: statics of the patients that are given, [size, 1, C].
            size: how many patients; a shard of another size has other patients.
            accept: codes of statics [B, 1, C] -> bool [B], the patients to keep; as many are drawn as that takes.

        Raises UsageError if hardly any patient is accepted.
        """
        tree = self.codec.tree
        made = {tree.root: self._patients(number, seed, given, size, accept)}
        parents: dict[str, np.ndarray] = {}
        bound = Bound(self.codec, made, self.fixed)
        for branch in tree.learned:
            children = tree.children(branch.table)
            if children:
                self._below(branch.table, children, made, parents, bound, (seed, "events", number))
        return made

    def _patients(
        self,
        number: int,
        seed: int,
        given: Records | None,
        size: int,
        accept: Callable[[Tensor], Tensor] | None,
    ) -> Made:
        root, kept = self.codec.tree.root, []
        of_codec = self.codec.widths(root)[0] - len(self.codec.flags[root])
        for attempt in range(ROUNDS):
            values = self._drawn_patients(number, attempt, seed, given, size)
            statics = torch.zeros(size, 1, self.codec.codecs[root].channels)
            statics[:, 0, :of_codec] = values[:, :of_codec]
            kept.append(values if accept is None else values[accept(statics)])
            if sum(map(len, kept)) >= size:
                break
        else:
            raise UsageError(
                f"of {ROUNDS * size:,} patients drawn only {sum(map(len, kept))} met the condition, too few to go on: "
                "loosen it, or state it as an equality (column=level), which needs no rejection."
            )
        values = torch.cat(kept)[:size]
        known = self._known(root, values, torch.zeros(size, dtype=torch.long))
        everyone = np.arange(size)
        return Made(everyone, everyone, values * known, known, np.zeros(size + 1, dtype=np.int64))

    def _drawn_patients(self, number: int, attempt: int, seed: int, given: Records | None, size: int) -> Tensor:
        """Scores [size, w] of patients, as rules would have them."""
        root = self.codec.tree.root
        codec, width = self.codec.codecs[root], self.codec.widths(root)[0]
        of_codec, nobody = width - len(self.codec.flags[root]), torch.zeros(size, dtype=torch.long)
        values, seen = torch.zeros(size, width), torch.zeros(size, width, dtype=torch.bool)
        if given is not None:
            values[:, :of_codec], seen[:, :of_codec] = given.values[:, 0, :of_codec], given.known[:, 0, :of_codec]
        fixed, none = seen.clone(), torch.zeros(0, 0)
        for now in (0, 1):
            known = self._known(root, values, nobody)
            part = Part(root, torch.arange(size), nobody, values, known, none, none.bool(), torch.zeros(0))
            unit = Unit(self.codec, size, (), (part,))
            asked = known & (self.codec.stages[root][0] == now) & ~seen
            question = {root: (asked, seen)}
            values = self._filled(unit, now, question, {}, generator(seed, "patients", number, attempt, now))[0][root]
            values = self._right(root, "group", values, asked)
            seen |= asked
        if of_codec:
            padded = torch.zeros(size, 1, codec.channels)
            padded[:, 0, :of_codec] = values[:, :of_codec]
            held = torch.zeros_like(padded, dtype=torch.bool)
            held[:, 0, :of_codec] = fixed[:, :of_codec]
            values[:, :of_codec] = settled(codec, padded, held)[:, 0, :of_codec]
        return values

    def _known(self, table: str, groups: Tensor, visits: Tensor, rows: Tensor | None = None) -> Tensor:
        """bool [B, w] of groups, or of rows [B, V, w] of which each has so many."""
        codec = self.codec.codecs[table]
        of_group = int((codec.stage[0] >= 0).sum())
        of_row = int((codec.stage[1] >= 0).sum())
        V = 0 if rows is None else rows.shape[1]
        values = torch.zeros(len(groups), 1 + V, codec.channels)
        values[:, 0, :of_group] = groups[:, :of_group]
        if rows is not None:
            values[:, 1:, :of_row] = rows[..., :of_row]
        known = codec.known(values, visits)
        if rows is None:
            more = groups.shape[1] - of_group
            return torch.cat([known[:, 0, :of_group], torch.ones(len(groups), more, dtype=torch.bool)], 1)
        there = torch.arange(V) < visits[:, None]
        more = there[..., None].expand(-1, -1, rows.shape[2] - of_row)
        return torch.cat([known[:, 1:, :of_row], more], 2)

    def _below(
        self,
        table: str,
        children: Sequence[str],
        made: dict[str, Made],
        parents: dict[str, np.ndarray],
        bound: Bound,
        seed: tuple[int, str, int],
    ) -> None:
        """Makes the rows of all tables that hang on the rows of one."""
        codec, root = self.codec, self.codec.tree.root
        above = made[table].groups if table == root else made[table].rows
        count = len(above)
        flags = {child: i for i, (child, _) in enumerate(codec.flags[table])}
        first = above.shape[1] - len(flags)
        has = {}
        for child, code in codec.flags[table]:
            above[:, first + flags[child]] = bound.flagged(table, child, above[:, first + flags[child]])
            has[child] = code.level(above[:, first + flags[child], None].double().numpy()) == 1
        for child in children:
            some = has.get(child, np.full(count, codec.shares[table][child] > 0))
            parent = np.flatnonzero(some)
            group = np.full(count, -1)
            group[parent] = np.arange(len(parent))
            width = codec.widths(child)[0]
            groups, known = torch.zeros(len(parent), width), torch.zeros(len(parent), width, dtype=torch.bool)
            if self.given is not None:
                groups, known = self.given.put(child, 0, groups, known, generator(*seed, child, "given"))
            made[child] = Made(parent, group, groups, known)
        units = np.flatnonzero(np.any([made[child].group >= 0 for child in children], axis=0)) if count else np.arange(0)
        for now in (2, 3):
            for chunk, rows in enumerate(_chunks(units, np.ones(len(units), dtype=np.int64))):
                self._groups(table, children, rows, made, parents, now, generator(*seed, table, now, chunk))
            for child in children:
                one, stage = made[child], self.codec.stages[child][0] == now
                drawn = one.groups_known & stage & ~self._given(child, 0, one.groups)
                one.groups = self._right(child, "group", one.groups, drawn)
        tokens = np.zeros(count, dtype=np.int64)
        for child in children:
            one = made[child]
            visits = codec.codecs[child].visits(_as_records(codec, child, one.groups))
            one.offsets = np.concatenate([[0], np.cumsum(visits.numpy())]).astype(np.int64)
            width, total = codec.widths(child)[1], int(one.offsets[-1])
            one.rows, one.rows_known = torch.zeros(total, width), torch.zeros(total, width, dtype=torch.bool)
            if self.given is not None:
                randomness = generator(*seed, child, "given rows")
                one.rows, one.rows_known = self.given.put(child, 1, one.rows, one.rows_known, randomness)
            one.hours = torch.full((total,), torch.nan)
            parents[child] = np.repeat(one.parent, one.lengths)
            if width:
                np.add.at(tokens, one.parent, 1 + -(-one.lengths // codec.blocks[child]))
        busy = units[tokens[units] > 0]
        busy = busy[np.argsort(tokens[busy], kind="stable")]
        for now in (4, 5):
            for chunk, rows in enumerate(_chunks(busy, tokens[busy] + 4)):
                self._rows(table, children, np.sort(rows), made, parents, now, generator(*seed, table, now, chunk))
            for child in children:
                one, stage = made[child], self.codec.stages[child][1] == now
                drawn = one.rows_known & stage & ~self._given(child, 1, one.rows)
                one.rows = self._right(child, "rows", one.rows, drawn)
                if now == 4:
                    one.rows = bound.known_beside(child, one.rows)
                    one.hours = self._hours(child, one)

    def _unit(
        self,
        table: str,
        children: Sequence[str],
        rows: np.ndarray,
        made: Mapping[str, Made],
        parents: Mapping[str, np.ndarray],
        whole: bool,
    ) -> tuple[Unit, dict[str, tuple[np.ndarray, np.ndarray]]]:
        """The units of rows, and by table the groups and the rows in them."""
        tree, parts, which = self.codec.tree, [], {}
        for child in children:
            one = made[child]
            group = one.group[rows]
            unit = np.flatnonzero(group >= 0)
            if not unit.size:
                continue
            group = group[unit]
            lengths = one.lengths[group] if whole else np.zeros(len(group), dtype=np.int64)
            at = np.arange(0)
            if whole:
                before = np.cumsum(lengths) - lengths
                at = np.repeat(one.offsets[group] - before, lengths) + np.arange(lengths.sum())
            width = self.codec.widths(child)[1]
            values = one.rows[at] if whole else torch.zeros(0, width)
            known = one.rows_known[at] if whole else torch.zeros(0, width, dtype=torch.bool)
            hours = one.hours[at] if whole else torch.zeros(0)
            of_units, each = torch.from_numpy(unit), torch.from_numpy(lengths)
            parts.append(Part(child, of_units, each, one.groups[group], one.groups_known[group], values, known, hours))
            which[child] = (group, at)
        if table == tree.root:
            values, known = made[table].of_groups(rows, None)
            none = torch.zeros(0, 0)
            everyone, nobody = torch.arange(len(rows)), torch.zeros(len(rows), dtype=torch.long)
            parts.insert(0, Part(table, everyone, nobody, values, known, none, none.bool(), torch.zeros(0)))
            return Unit(self.codec, len(rows), (), parts), which
        above = list(told(tree, made, parents, table, rows, None))
        return Unit(self.codec, len(rows), above, parts), which

    def _groups(
        self,
        table: str,
        children: Sequence[str],
        rows: np.ndarray,
        made: dict[str, Made],
        parents: Mapping[str, np.ndarray],
        now: int,
        randomness: torch.Generator,
    ) -> None:
        """Stages 2 and 3 of some units: how many rows of each table, and what is one for all of them."""
        unit, which = self._unit(table, children, rows, made, parents, False)
        question = {}
        for child, (group, _) in which.items():
            values, seen = made[child].groups[group], made[child].groups_known[group]
            known = self._known(child, values, torch.zeros(len(group), dtype=torch.long))
            question[child] = (known & (self.codec.stages[child][0] == now) & ~seen, seen)
        drawn, _ = self._filled(unit, now, question, {}, randomness)
        for child, (group, _) in which.items():
            made[child].groups[group] = drawn[child]
            made[child].groups_known[group] = question[child][0] | question[child][1]

    def _rows(
        self,
        table: str,
        children: Sequence[str],
        rows: np.ndarray,
        made: dict[str, Made],
        parents: Mapping[str, np.ndarray],
        now: int,
        randomness: torch.Generator,
    ) -> None:
        """Stages 4 and 5 of some units: when each row was and what is measured, then the values."""
        unit, which = self._unit(table, children, rows, made, parents, True)
        groups, of_rows = {}, {}
        for child, (group, at) in which.items():
            one = made[child]
            groups[child] = (torch.zeros_like(one.groups_known[group]), one.groups_known[group])
            known = self._rows_known(child, one.groups[group], one.rows[at], one.lengths[group])
            seen = one.rows_known[at]
            of_rows[child] = (known & (self.codec.stages[child][1] == now) & ~seen, seen)
        _, drawn = self._filled(unit, now, groups, of_rows, randomness)
        for child, (_, at) in which.items():
            if len(at):
                made[child].rows[at] = drawn[child]
                made[child].rows_known[at] = of_rows[child][0] | of_rows[child][1]

    def _rows_known(self, table: str, groups: Tensor, rows: Tensor, lengths: np.ndarray) -> Tensor:
        """bool [R, w], rows of groups that have so many each, one after the other."""
        if not rows.shape[1] or not len(rows):
            return torch.zeros(rows.shape, dtype=torch.bool)
        visits, longest = torch.from_numpy(lengths), int(lengths.max())
        there = torch.arange(longest) < visits[:, None]
        padded = torch.zeros(len(groups), longest, rows.shape[1])
        padded[there] = rows
        return self._known(table, groups, visits, padded)[there]

    def _hours(self, table: str, one: Made) -> Tensor:
        """When rows were, in hours, as their gaps say."""
        codec = self.codec.codecs[table]
        if self.codec.tree[table].time is None or not len(one.rows):
            return torch.full((len(one.rows),), torch.nan)
        clock, lengths = codec.visit_times, one.lengths
        starts, gaps = np.full(len(lengths), clock.start or 0.0), np.full(len(one.rows), clock.gap or 0.0)
        if clock.start is None:
            starts = codec.codes["start"].cells(one.groups[:, list(codec.named["start"].channels)].double().numpy())
        if clock.gap is None:
            gaps = codec.codes["gap"].cells(one.rows[:, list(codec.named["gap"].channels)].double().numpy())
        return torch.from_numpy(self.codec.hours(table, clock.times(starts, gaps, lengths))).float()

    def _filled(
        self,
        unit: Unit,
        stage: int,
        groups: Mapping[str, tuple[Tensor, Tensor]],
        rows: Mapping[str, tuple[Tensor, Tensor]],
        randomness: torch.Generator,
    ) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """By table the scores of groups and of rows with the cells asked drawn; `groups` and `rows` have for each (which are
        asked, which are given)."""
        wanted = torch.zeros_like(unit.known)
        observed = unit.known & (unit.given[..., None] | ((unit.stage >= 0) & (unit.stage < min(stage, 2))))
        for table, (asked, seen) in groups.items():
            unit.put_groups(table, wanted, asked)
            unit.put_groups(table, observed, seen)
        for table, (asked, seen) in rows.items():
            unit.put_rows(table, wanted, asked)
            unit.put_rows(table, observed, seen)
        question, values = unit.question(observed, wanted, unit.values, stage), unit.values
        if question.target_mask.any():
            noise = torch.randn(values.shape, generator=randomness) * self.denoiser.process.schedule.prior_std
            drawn = sample(self.denoiser, self.sampler, self.grid, noise, randomness, question)
            values = torch.where(question.target_mask, drawn, values)
        return {t: unit.groups(t, values) for t in groups}, {t: unit.of_rows(t, values) for t in rows}

    def _given(self, table: str, token: int, scores: Tensor) -> Tensor:
        """bool [n, w], the scores that are given, which no map moves."""
        none = torch.zeros(scores.shape, dtype=torch.bool)
        if self.given is None:
            return none
        return self.given.put(table, token, scores, none, generator(0, "none"))[1]

    def _right(self, table: str, what: str, scores: Tensor, asked: Tensor) -> Tensor:
        return self.calibration(table, what, scores, asked) if self.calibration else scores


def _as_records(codec: LinkedCodec, table: str, groups: Tensor) -> Tensor:
    """Scores of groups [G, w] as the static tokens of records [G, 1, C]."""
    of = codec.codecs[table]
    values = torch.zeros(len(groups), 1, of.channels)
    width = int((of.stage[0] >= 0).sum())
    values[:, 0, :width] = groups[:, :width]
    return values


def _chunks(units: np.ndarray, tokens: np.ndarray) -> Iterator[np.ndarray]:
    """Units one after the other, as many at a time as TOKENS of the longest of them and UNITS allow."""
    first = 0
    for last in range(1, len(units) + 1):
        longest = int(tokens[first : last + 1].max()) if last < len(units) else 0
        if last == len(units) or (last + 1 - first) * longest > TOKENS or last - first >= UNITS:
            yield units[first:last]
            first = last
