"""Linked tables made table by table down the tree: how many rows, when, what is measured, then the values.

p(patients) p(rows of all tables that hang on them | patients) p(rows that hang on those | ...) ...

Each factor is made in stages by one network, for all tables that hang on the same rows at once, so that they go together.
Patients are made in shards with randomness of their own: patient i is a function of (seed, i).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from reverie.process.randomness import generator
from reverie.records.encoded import Records
from reverie.records.generate import accepted
from reverie.records.linked.bound import Bound
from reverie.records.linked.classing import draw_classes
from reverie.records.linked.codec import LinkedCodec
from reverie.records.linked.given import GivenRows, one_of
from reverie.records.linked.scores import TableScores
from reverie.records.linked.spans import begun_no_later, no_later, put_values
from reverie.records.linked.stages import Seed, Stages, as_records, by_own, clocked
from reverie.records.settling import settled

__all__ = ["SHARD", "TRIES", "LinkedSampler"]

SHARD = 128
"""Patients made together."""
TRIES = 20
"""How often rows are drawn again that are to be enough, or to come late enough."""


class Calibrated(Protocol):
    """Puts right the scores [n, w] of a table that a stage drew where they were asked for, how far rows reach, and at what
    time of the day they are and end."""

    def __call__(self, table: str, stage: int, scores: Tensor, asked: Tensor, of: np.ndarray) -> Tensor: ...

    def reach(self, codec: LinkedCodec, table: str, scores: Mapping[str, TableScores], fixed: Tensor) -> None: ...

    def at_hours(
        self, codec: LinkedCodec, table: str, scores: Mapping[str, TableScores], fixed: Tensor, now: int, seed: Seed
    ) -> None: ...


@dataclass(frozen=True, eq=False)
class LinkedSampler:
    """Makes the scores of linked tables.

    Attributes:
        stages: draws each stage.
        calibration: puts right what is drawn, if there is one.
        given: what rows of some tables are.
        fixed: by table, columns of its visits that are given and stay as they are.
    """

    stages: Stages
    calibration: Calibrated | None = None
    given: GivenRows | None = None
    fixed: Mapping[str, Collection[str]] = field(default_factory=dict)

    def shard(
        self,
        number: int | str,
        seed: int,
        given: Records | None = None,
        size: int = SHARD,
        accept: Callable[[Tensor], Tensor] | None = None,
    ) -> Bound:
        """The scores of the patients of a shard, with what rules make of them.

        Args:
            given: statics of the patients that are given, [size, 1, C].
            number: of the shard; another number, or a text, has other patients.
            size: how many patients; a shard of another size has other patients.
            accept: codes of statics [B, 1, C] -> bool [B], the patients to keep; as many are drawn as that takes.

        Raises UsageError if hardly any patient is accepted.
        """
        tree = self.stages.codec.tree
        made = {tree.root: self._patients(number, seed, given, size, accept)}
        chosen = [np.arange(size) for _ in self.given.wishes] if self.given else []
        bound = Bound(self.stages.codec, made, self.fixed)
        for branch in tree.learned:
            if tree.children(branch.table):
                everyone = np.arange(size if branch.table == tree.root else len(made[branch.table].above))
                self.below(branch.table, everyone, made, (seed, "events", number), chosen, bound)
        return bound

    def below(
        self,
        table: str,
        units: np.ndarray,
        made: dict[str, TableScores],
        seed: Seed,
        chosen: list[np.ndarray],
        bound: Bound | None = None,
    ) -> None:
        """Makes the rows of all tables that hang on some rows of one, rising; the others have none.

        Args:
            chosen: of each wish, the rows of the table on which what is wished for hangs; those below it take their place.
            bound: moves what rules across tables would have otherwise, of all rows of the table; none where rows are given.
        """
        children, fixed, fewest = self.stages.codec.tree.children(table), {}, {}
        if bound is not None:
            bound.flag(table)
        for child in children:
            fixed[child], fewest[child] = self._begun(table, child, units, made, seed, chosen)
        busy = units[np.any([made[child].group[units] >= 0 for child in children], axis=0)]
        for now in (2, 3):
            self.stages.draw(table, children, busy, made, now, (*seed, table, now))
            for child in children:
                self._put_right(child, "groups", now, made, fixed[child])
                if now == 3:
                    begun_no_later(self.stages.codec, child, made[child], fixed[child])
            if now == 2:
                self.enough(table, children, made, fixed, fewest, (*seed, table, "enough"))
        for child in children:
            fixed[child] = self._lengthened(child, made, seed, chosen)
            draw_classes(self.stages.codec, child, made, (*seed, child))
        for now in (4, 5):
            self.stages.draw(table, children, busy, made, now, (*seed, table, now))
            for child in children:
                self._put_right(child, "rows", now, made, fixed[child])
                if now == 4 and bound is not None:
                    made[child].rows[0] = bound.known_beside(child, made[child].rows[0])
                if now == 4:
                    if self.calibration is not None:
                        self.calibration.reach(self.stages.codec, child, made, fixed[child])
                    no_later(self.stages.codec, child, made[child], fixed[child])
                if self.calibration is not None:
                    self.calibration.at_hours(self.stages.codec, child, made, fixed[child], now, (*seed, child, now))
                if now == 4:
                    made[child] = replace(made[child], hours=clocked(self.stages.codec, child, made[child]))
        if self.given is not None:
            self._met(table, children, made, fixed, (*seed, table, "again"))

    def _met(
        self, table: str, children: Sequence[str], made: dict[str, TableScores], fixed: Mapping[str, Tensor], seed: Seed
    ) -> None:
        """Draws values again that do not meet a condition on every row, TRIES times."""
        assert self.given is not None
        again = [child for child in children if self.given.drawn_again(child)]
        for attempt in range(TRIES if again else 0):
            which = {}
            for child in again:
                rows, cells = made[child].rows[0], Bound(self.stages.codec, made).decoded(child)
                which[child], wrong = self.given.unmet(child, cells, rows.shape[1])
                rows.masked_fill_(wrong & ~fixed[child], torch.nan)
            busy = np.unique(np.concatenate([made[child].above[rows] for child, rows in which.items()]))
            if not busy.size:
                return
            self.stages.draw(table, children, busy, made, 5, (*seed, attempt))
            for child, rows in which.items():
                self._put_right(child, "rows", 5, made, fixed[child], np.flatnonzero(rows))

    def enough(
        self,
        table: str,
        children: Sequence[str],
        made: dict[str, TableScores],
        fixed: Mapping[str, Tensor],
        fewest: Mapping[str, np.ndarray],
        seed: Seed,
    ) -> None:
        """Draws units again whose groups are to have fewer rows than `fewest` says, int64 [G] by table; after TRIES they
        have so many, or as many as any has."""
        codec = self.stages.codec
        fewest = {c: np.minimum(fewest[c], codec.codecs[c].most_visits) for c in children}
        for attempt in range(TRIES):
            short = {c: np.flatnonzero(self.counts(c, made[c]) < fewest[c]) for c in children}
            units = np.unique(np.concatenate([made[child].parent[short[child]] for child in children]))
            if not units.size:
                return
            of = {c: made[c].group[units][made[c].group[units] >= 0] for c in children}
            for child, groups in of.items():
                again = (codec.stages[child][0] == 2) & ~fixed[child][groups]
                made[child].groups[0, groups] = made[child].groups[0, groups].masked_fill(again, torch.nan)
            self.stages.draw(table, children, units, made, 2, (*seed, attempt))
            for child, groups in of.items():
                self._put_right(child, "groups", 2, made, fixed[child], groups)
        for child in children:
            short = np.flatnonzero(self.counts(child, made[child]) < fewest[child])
            if short.size and "visits" in codec.codecs[child].named:
                values = fewest[child][short].astype(np.float64)
                put_values(codec.codecs[child], "visits", values, made[child].groups[0], short)

    def counts(self, table: str, one: TableScores) -> np.ndarray:
        """int64 [G], how many rows groups say that they have."""
        groups = one.of_groups(np.arange(len(one)))[0]
        return self.stages.codec.codecs[table].visits(as_records(self.stages.codec, table, groups)).numpy()

    def _patients(
        self, number: int | str, seed: int, given: Records | None, size: int, accept: Callable[[Tensor], Tensor] | None
    ) -> TableScores:
        codec, root, everyone = self.stages.codec, self.stages.codec.tree.root, np.arange(size)

        def draw(attempt: int) -> Tensor:
            return self._drawn_patients(given, size, (seed, "patients", number, attempt))

        fits = None if accept is None else lambda values: accept(as_records(codec, root, values))
        values, _ = accepted(draw, size, fits)
        made = TableScores.begun(everyone, size, codec.widths(root))
        made.put("groups", everyone, values, self.stages.known_groups(root, values))
        return made

    def _drawn_patients(self, given: Records | None, size: int, seed: Seed) -> Tensor:
        """Scores [size, w] of patients, as rules would have them."""
        root, everyone = self.stages.codec.tree.root, np.arange(size)
        codec, widths = self.stages.codec.codecs[root], self.stages.codec.widths(root)
        of_codec = self.stages.codec.own(root)[0]
        made = {root: TableScores.begun(everyone, size, widths)}
        if given is not None:
            made[root].groups[0, :, :of_codec] = torch.where(given.known, given.values, torch.nan)[:, 0, :of_codec]
        if self.given is not None:
            randomness, scores = generator(int(seed[0]), *seed[1:], "given"), made[root].groups[0]
            scores = self.given.put(root, 0, scores, self.given.cells.get(root, {}), randomness)
            for wish in self.given.wishes:
                scores = self.given.put_flag(root, wish.path[0], scores, randomness)
            made[root].groups[0] = scores
        fixed = ~made[root].groups[0].isnan()
        draw_classes(self.stages.codec, root, made, seed, self.given)
        for now in (0, 1):
            self.stages.draw(root, (), everyone, made, now, (*seed, now))
            self._put_right(root, "groups", now, made, fixed)
        values = made[root].of_groups(everyone)[0]
        if of_codec:
            held = torch.zeros(size, 1, codec.channels, dtype=torch.bool)
            held[:, 0, :of_codec] = fixed[:, :of_codec]
            values[:, :of_codec] = settled(codec, as_records(self.stages.codec, root, values), held)[:, 0, :of_codec]
        return values

    def _begun(
        self, table: str, child: str, units: np.ndarray, made: dict[str, TableScores], seed: Seed, chosen: list[np.ndarray]
    ) -> tuple[Tensor, np.ndarray]:
        """Begins the groups of a table, where rows of the one above say that they have any; which of their scores are
        given, and how many rows they must have."""
        codec, above = self.stages.codec, made[table]
        root = table == codec.tree.root
        scores = (above.of_groups if root else above.of_rows)(units)[0]
        some = np.full(len(units), codec.shares[table][child] > 0)
        if (flag := codec.flag(table, child)) is not None:
            channel, code = flag
            some = code.level(scores[:, channel, None].double().numpy()) == 1
        everyone = len(above) if root else len(above.above)
        made[child] = TableScores.begun(units[some], everyone, codec.widths(child))
        one, fewest = made[child], np.zeros(int(some.sum()), dtype=np.int64)
        if self.given is not None:
            randomness = generator(int(seed[0]), *seed[1:], child, "given")
            one.groups[0] = self.given.put(child, 0, one.groups[0], self.given.cells.get(child, {}), randomness)
            for wish, rows in zip(self.given.wishes, chosen, strict=True):
                if wish.path[-1] == child:
                    groups = one.group[rows[rows >= 0]]
                    groups = groups[groups >= 0]  # a rule may have taken them away
                    one.groups[0, groups] = self.given.put(child, 0, one.groups[0, groups], wish.cells, randomness)
                    np.add.at(fewest, groups, 1)
        return ~one.groups[0].isnan(), fewest

    def _lengthened(self, child: str, made: dict[str, TableScores], seed: Seed, chosen: list[np.ndarray]) -> Tensor:
        """Gives the groups of a table the rows that they say they have; which scores of them are given."""
        lengths = self.counts(child, made[child])
        hours = torch.full((int(lengths.sum()),), torch.nan)
        rows = torch.full((1, len(hours), self.stages.codec.widths(child)[1]), torch.nan)
        one = made[child] = made[child].with_rows(lengths, rows, hours)
        if self.given is not None:
            randomness = generator(int(seed[0]), *seed[1:], child, "given rows")
            one.rows[0] = self.given.put(child, 1, one.rows[0], self.given.cells.get(child, {}), randomness)
            taken = np.zeros(len(hours), dtype=bool)
            for number, wish in enumerate(self.given.wishes):
                if child not in wish.path:
                    continue
                above = chosen[number]
                some = (above >= 0) & (one.group[above] >= 0)
                at = one_of(one, one.group[above[some]], taken, randomness)
                chosen[number] = np.full(len(above), -1)
                chosen[number][some] = at
                if wish.path[-1] == child:
                    one.rows[0, at] = self.given.put(child, 1, one.rows[0, at], wish.cells, randomness)
                    taken[at] = True
                else:
                    below = wish.path[wish.path.index(child) + 1]
                    one.rows[0, at] = self.given.put_flag(child, below, one.rows[0, at], randomness)
        return ~one.rows[0].isnan()

    def _put_right(
        self,
        table: str,
        what: str,
        stage: int,
        made: dict[str, TableScores],
        fixed: Tensor,
        which: np.ndarray | None = None,
    ) -> None:
        """What the network drew of a stage, put right in all groups or rows, or in some; what is given stays."""
        if self.calibration is None:
            return
        one = made[table]
        which = np.arange(getattr(one, what).shape[1]) if which is None else which
        values, known = one.of_groups(which) if what == "groups" else one.of_rows(which)
        drawn = known & (self.stages.codec.stages[table][what == "rows"] == stage) & ~fixed[which]
        of = self.stages.codec.known_by(table, "group" if what == "groups" else what, made, by_own(stage))[which]
        one.put(what, which, self.calibration(table, stage, values, drawn, of), known)
