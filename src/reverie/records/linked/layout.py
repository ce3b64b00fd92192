"""What stands where in the tokens of linked tables, see denoisers/kinds.py.

    row of T      gap | measured ... | value ... | class of the row | any of A | any of B        block times
    group of T    number of rows | start | what is one for all of them                           one for each parent with any

Patients are groups of one row each: their class and whether they have any of each table stand in the group.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from reverie.denoisers.kinds import TokenKind
from reverie.denoisers.naming import Cells, Leveled
from reverie.records.codec import RecordCodec
from reverie.records.leveled import leveled
from reverie.records.levels import OrderedProbit
from reverie.records.linked.classes import Classes
from reverie.records.linked.forms import LinkedForms
from reverie.records.linked.scores import TableScores
from reverie.records.linked.tree import Tree

__all__ = ["Layout"]


class Layout:
    """The channels of tokens, of a codec of linked tables; see LinkedCodec for what it has."""

    forms: LinkedForms
    codecs: Mapping[str, RecordCodec]
    shares: Mapping[str, Mapping[str, float]]
    blocks: Mapping[str, int]
    classes: Classes

    @property
    def tree(self) -> Tree:
        return self.forms.tree

    @cached_property
    def types(self) -> list[tuple[str, Literal["group", "rows", "told"]]]:
        """The kinds of tokens: (table, "group" | "rows" | "told"), the last for what is only given of rows above and
        before."""
        return [(b.table, what) for b in self.tree.learned for what in ("group", "rows", "told")]

    def type(self, table: str, what: Literal["group", "rows", "told"]) -> int:
        return self.types.index((table, what))

    @cached_property
    def flags(self) -> dict[str, list[tuple[str, OrderedProbit]]]:
        """By table, those that hang on it and the code of whether a row has any there; none where all rows have."""
        return {
            table: [(child, OrderedProbit.fit(np.array([1 - share, share]))) for child, share in of.items() if share < 1]
            for table, of in self.shares.items()
        }

    def flag(self, table: str, child: str) -> tuple[int, OrderedProbit] | None:
        """The channel of a table's groups or rows by which each has rows of another, and its code; None where all have."""
        flags = enumerate(self.flags[table], self.class_channels(table).stop)
        return next(((channel, code) for channel, (name, code) in flags if name == child), None)

    def own(self, table: str) -> tuple[int, int]:
        """Channels of a group and of a row that are no class and no flags."""
        group, row = (self.codecs[table].stage >= 0).sum(1).tolist()
        return group, row

    def class_channels(self, table: str) -> slice:
        """Those of a row, or of a patient's group, that tell its latent class; the flags come after them."""
        first = self.own(table)[table != self.tree.root]
        return slice(first, first + self.classes.width(table))

    def classes_of(self, table: str, scores: Mapping[str, TableScores]) -> np.ndarray:
        """int64 [rows], the latent class of each row of a table as scores tell it; -1 where they tell none."""
        one, root = scores[table], table == self.tree.root
        which = np.arange(len(one) if root else len(one.above))
        if not self.classes.width(table):
            return np.full(len(which), -1)
        values, known = (one.of_groups if root else one.of_rows)(which)
        own = self.class_channels(table)
        return np.where(known[:, own.start].numpy(), self.classes.level(table, values[:, own].double().numpy()), -1)

    def known_by(self, table: str, what: str, scores: Mapping[str, TableScores], own: bool) -> np.ndarray:
        """int64, the class that each "group" or row of a table is known by, as Cells.expected counts: with `own` that of the
        row itself where there is one, else that of the row above."""
        one, parent = scores[table], self.tree[table].parent
        of, above = np.zeros(len(one) if what == "group" else len(one.above), dtype=np.int64), 0
        if parent is not None:
            above = self.classes.count(parent)
            of = 1 + self.classes_of(parent, scores)[one.parent if what == "group" else one.above]
        if own and (what == "group") == (parent is None):
            mine = self.classes_of(table, scores)
            of = np.where(mine >= 0, 1 + above + mine, of)
        return of

    def widths(self, table: str) -> tuple[int, int]:
        """Channels of a group and of a row, class and flags with them."""
        (group, row), more = self.own(table), self.classes.width(table) + len(self.flags[table])
        return (group + more, row) if table == self.tree.root else (group, row + more)

    @cached_property
    def channels(self) -> tuple[TokenKind, ...]:
        """What each kind of token holds."""
        cells = {table: self._cells(table) for table in self.codecs}
        numbers = {table: number for number, table in enumerate(self.codecs)}
        return tuple(TokenKind(numbers[table], what, *cells[table], self.blocks[table]) for table, what in self.types)

    @property
    def cells(self) -> dict[tuple[str, str], Cells]:
        """By (table, "group" | "rows"), the cells of those that are made."""
        every = {table: dict(zip(("group", "rows"), self._cells(table), strict=True)) for table in self.codecs}
        del every[self.tree.root]["rows"]
        return {(table, what): cells for table, of in every.items() for what, cells in of.items() if cells.width}

    def _cells(self, table: str) -> tuple[Cells, Cells]:
        """Of a group and of a row."""
        codec, fields = self.codecs[table], ([], [])
        for field in codec.fields:
            if (ends := leveled(codec.codes[field.name])) is not None:
                fields[field.token].append(Leveled(field.channels, *ends, field.stage))
        token, own = int(table != self.tree.root), self.class_channels(table)
        if (ends := self.classes.ends(table)) is not None:
            fields[token].append(Leveled(tuple(range(own.start, own.stop)), *ends, -1))
        class_field = len(fields[token]) - 1 if ends is not None else None
        for at, (_, code) in enumerate(self.flags[table], own.stop):
            fields[token].append(Leveled((at,), *code.intervals(np.arange(2)), 3 if token else 1))
        parent = self.tree[table].parent
        above = 0 if parent is None else self.classes.count(parent)
        group, row = (
            Cells(
                width,
                tuple(of),
                class_field if at == token else None,
                above,
                self.classes.expected.get((table, what)),
                self.classes.spread.get((table, what)),
            )
            for at, (what, width, of) in enumerate(zip(("group", "rows"), self.widths(table), fields, strict=True))
        )
        return group, row

    @cached_property
    def class_cells(self) -> Tensor:
        """bool [kinds of tokens, channels], which tell latent classes."""
        out = torch.zeros(len(self.channels), self.width, dtype=torch.bool)
        for number, (kind, (table, _)) in enumerate(zip(self.channels, self.types, strict=True)):
            own = self.class_channels(table)
            for segment in (of for of in kind.segments if of.cells.class_field is not None):
                for row in range(segment.count):
                    first = segment.first + row * segment.cells.width
                    out[number, first + own.start : first + own.stop] = True
        return out

    @property
    def width(self) -> int:
        """Channels of the widest token."""
        return max(kind.width for kind in self.channels)

    @cached_property
    def stages(self) -> dict[str, tuple[Tensor, Tensor]]:
        """By table, the stage of each channel of a group and of a row; flags are made with values, and classes are drawn
        before all else of a row, which is no stage: -1. Patients are made before what hangs on them: they have 0 and 1, all
        others 2 to 5."""
        out = {}
        for table, codec in self.codecs.items():
            group, row = (codec.stage[token][codec.stage[token] >= 0] for token in (0, 1))
            classed = torch.full((self.classes.width(table),), -1)
            flags = torch.ones(len(self.flags[table]), dtype=torch.long)
            if table == self.tree.root:
                out[table] = (torch.cat([group, classed, flags]), row)
            else:
                out[table] = (group + 2, torch.cat([row + 2, classed, flags + 4]))
        return out
