"""Linked tables made table by table down the tree: how many rows, when, what is measured, then the values.

p(patients) p(rows of all tables that hang on them | patients) p(rows that hang on those | ...) ...

Each factor is made in stages by one network, for all tables that hang on the same rows at once, so that they go together.
Patients are made in shards with randomness of their own: patient i is a function of (seed, i).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from reverie.errors import UsageError
from reverie.process.randomness import generator
from reverie.records.encoded import Records
from reverie.records.generate import ROUNDS
from reverie.records.linked.bound import Bound
from reverie.records.linked.given import GivenRows
from reverie.records.linked.scores import TableScores
from reverie.records.linked.stages import Seed, Stages, as_records, clocked
from reverie.records.settling import settled

__all__ = ["SHARD", "LinkedSampler"]

SHARD = 128
"""Patients made together."""


class Calibrated(Protocol):
    """Puts right the scores [n, w] of a table's "group" or "rows" where they were asked for."""

    def __call__(self, table: str, what: str, scores: Tensor, asked: Tensor) -> Tensor: ...


@dataclass(frozen=True, eq=False)
class LinkedSampler:
    """Makes the scores of linked tables.

    Attributes:
        stages: draws each stage.
        calibration: puts right what is drawn, if there is one.
        given: what every row of some tables is.
    """

    stages: Stages
    calibration: Calibrated | None = None
    given: GivenRows | None = None

    def shard(
        self,
        number: int,
        seed: int,
        given: Records | None = None,
        size: int = SHARD,
        accept: Callable[[Tensor], Tensor] | None = None,
    ) -> dict[str, TableScores]:
        """The scores of the patients of a shard, by table.

        Args:
            given: statics of the patients that are given, [size, 1, C].
            size: how many patients; a shard of another size has other patients.
            accept: codes of statics [B, 1, C] -> bool [B], the patients to keep; as many are drawn as that takes.

        Raises UsageError if hardly any patient is accepted.
        """
        tree = self.stages.codec.tree
        made = {tree.root: self._patients(number, seed, given, size, accept)}
        bound = Bound(self.stages.codec, made, {} if self.given is None else self.given.cells)
        for branch in tree.learned:
            if tree.children(branch.table):
                everyone = np.arange(size if branch.table == tree.root else len(made[branch.table].above))
                self.below(branch.table, everyone, made, (seed, "events", number), bound)
        return made

    def below(
        self, table: str, units: np.ndarray, made: dict[str, TableScores], seed: Seed, bound: Bound | None = None
    ) -> None:
        """Makes the rows of all tables that hang on some rows of one, rising; the others have none.

        Args:
            bound: moves what rules across tables would have otherwise, of all rows of the table.
        """
        children = self.stages.codec.tree.children(table)
        if bound is not None:
            self._flagged(table, made[table], bound)
        fixed = {child: self._begun(table, child, units, made, seed) for child in children}
        busy = units[np.any([made[child].group[units] >= 0 for child in children], axis=0)]
        for now in (2, 3):
            self.stages.draw(table, children, busy, made, now, (*seed, table, now))
            for child in children:
                self._put_right(child, "groups", now, made, fixed[child])
        for child in children:
            fixed[child] = self._lengthened(child, made, seed)
        for now in (4, 5):
            self.stages.draw(table, children, busy, made, now, (*seed, table, now))
            for child in children:
                self._put_right(child, "rows", now, made, fixed[child])
                if now == 4 and bound is not None:
                    made[child].rows[0] = bound.known_beside(child, made[child].rows[0])
                if now == 4:
                    made[child] = replace(made[child], hours=clocked(self.stages.codec, child, made[child]))

    def _patients(
        self,
        number: int,
        seed: int,
        given: Records | None,
        size: int,
        accept: Callable[[Tensor], Tensor] | None,
    ) -> TableScores:
        codec, root, kept = self.stages.codec, self.stages.codec.tree.root, []
        for attempt in range(ROUNDS):
            values = self._drawn_patients(given, size, (seed, "patients", number, attempt))
            kept.append(values if accept is None else values[accept(as_records(codec, root, values))])
            if sum(map(len, kept)) >= size:
                break
        else:
            raise UsageError(
                f"of {ROUNDS * size:,} patients drawn only {sum(map(len, kept))} met the condition, too few to go on: "
                "loosen it, or state it as an equality (column=level), which needs no rejection."
            )
        values, everyone = torch.cat(kept)[:size], np.arange(size)
        made = TableScores.begun(everyone, size, codec.widths(root))
        made.put("groups", everyone, values, self.stages.known_groups(root, values))
        return made

    def _drawn_patients(self, given: Records | None, size: int, seed: Seed) -> Tensor:
        """Scores [size, w] of patients, as rules would have them."""
        root, everyone = self.stages.codec.tree.root, np.arange(size)
        codec, widths = self.stages.codec.codecs[root], self.stages.codec.widths(root)
        of_codec = widths[0] - len(self.stages.codec.flags[root])
        made = {root: TableScores.begun(everyone, size, widths)}
        if given is not None:
            made[root].groups[0, :, :of_codec] = torch.where(given.known, given.values, torch.nan)[:, 0, :of_codec]
        fixed = ~made[root].groups[0].isnan()
        for now in (0, 1):
            self.stages.draw_together(root, (), everyone, made, now, generator(int(seed[0]), *seed[1:], now))
            self._put_right(root, "groups", now, made, fixed)
        values = made[root].of_groups(everyone)[0]
        if of_codec:
            held = torch.zeros(size, 1, codec.channels, dtype=torch.bool)
            held[:, 0, :of_codec] = fixed[:, :of_codec]
            values[:, :of_codec] = settled(codec, as_records(self.stages.codec, root, values), held)[:, 0, :of_codec]
        return values

    def _flagged(self, table: str, one: TableScores, bound: Bound) -> None:
        """Moves whether rows of a table have any of those that hang on it, as rules would have it."""
        codec = self.stages.codec
        scores = (one.groups if table == codec.tree.root else one.rows)[0]
        first = scores.shape[1] - len(codec.flags[table])
        for at, (child, _) in enumerate(codec.flags[table], first):
            scores[:, at] = bound.flagged(table, child, scores[:, at])

    def _begun(self, table: str, child: str, units: np.ndarray, made: dict[str, TableScores], seed: Seed) -> Tensor:
        """Begins the groups of a table, where rows of the one above say that they have any; which scores are given."""
        codec, above = self.stages.codec, made[table]
        root = table == codec.tree.root
        scores = (above.of_groups if root else above.of_rows)(units)[0]
        names = [name for name, _ in codec.flags[table]]
        some = np.full(len(units), codec.shares[table][child] > 0)
        if child in names:
            at, code = names.index(child), codec.flags[table][names.index(child)][1]
            channel = scores.shape[1] - len(names) + at
            some = code.level(scores[:, channel, None].double().numpy()) == 1
        everyone = len(above) if root else len(above.above)
        made[child] = TableScores.begun(units[some], everyone, codec.widths(child))
        return self._given(child, 0, made[child], (*seed, child, "given"))

    def _lengthened(self, child: str, made: dict[str, TableScores], seed: Seed) -> Tensor:
        """Gives the groups of a table the rows that they say they have; which scores of them are given."""
        codec, one = self.stages.codec, made[child]
        groups = one.of_groups(np.arange(len(one)))[0]
        visits = codec.codecs[child].visits(as_records(codec, child, groups))
        offsets = np.concatenate([[0], np.cumsum(visits.numpy())]).astype(np.int64)
        rows = torch.full((1, int(offsets[-1]), codec.widths(child)[1]), torch.nan)
        made[child] = replace(one, offsets=offsets, rows=rows, hours=torch.full((rows.shape[1],), torch.nan))
        return self._given(child, 1, made[child], (*seed, child, "given rows"))

    def _given(self, table: str, token: int, one: TableScores, seed: Seed) -> Tensor:
        """Puts what is given into groups or rows, bool [n, w] which scores are."""
        what = ("groups", "rows")[token]
        scores = getattr(one, what)[0]
        if self.given is not None:
            known = torch.zeros(scores.shape, dtype=torch.bool)
            values, known = self.given.put(
                table, token, torch.zeros(scores.shape), known, generator(int(seed[0]), *seed[1:])
            )
            one.put(what, np.arange(len(scores)), values, known)
        return ~getattr(one, what)[0].isnan()

    def _put_right(self, table: str, what: str, stage: int, made: dict[str, TableScores], fixed: Tensor) -> None:
        """What the network drew of a stage, put right; what is given stays."""
        if self.calibration is None:
            return
        one = made[table]
        everything = np.arange(getattr(one, what).shape[1])
        values, known = one.of_groups(everything) if what == "groups" else one.of_rows(everything)
        drawn = known & (self.stages.codec.stages[table][what == "rows"] == stage) & ~fixed
        called = "group" if what == "groups" else what
        one.put(what, everything, self.calibration(table, called, values, drawn), known)
