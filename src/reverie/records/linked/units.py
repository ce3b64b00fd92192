"""Units: a row and all that hangs on it, as tokens of one sequence.

    told ...            the patient, the row itself and the rows before it, which are given
    group of A | rows of A, a block in each token | group of B | rows of B ...

A patient is a unit, and so is each stay that has anything. The network sees a unit at a time, so the cost grows with their
number, and with the square of the length of a unit alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from reverie.denoisers.event_mask import EventMask
from reverie.records.linked.codec import LinkedCodec
from reverie.records.linked.scores import TableScores
from reverie.records.linked.tree import Tree

__all__ = ["BEFORE", "Part", "Told", "Unit", "laid_out", "told"]

BEFORE = 2
"""Rows of the same parent before a unit's own that it is told."""


@dataclass(frozen=True, eq=False)
class Told:
    """Rows that are given, one token for each of some units.

    Attributes:
        table: whose rows they are.
        unit: int64 [K], the unit of each.
        values, known: [K, w], their scores, those of the row before those of its group.
        before: how many rows before the unit's own it is.
        hours: float [K].
    """

    table: str
    unit: Tensor
    values: Tensor
    known: Tensor
    before: int
    hours: Tensor


@dataclass(frozen=True, eq=False)
class Part:
    """The rows of one table in some units.

    Attributes:
        table: its name.
        unit: int64 [G], the unit of each group.
        lengths: int64 [G], rows of each.
        group, group_known: [G, w], the scores of groups, and which are known.
        rows, rows_known: [R, w], of rows, those of a group one after the other.
        hours: float [R]; NaN where not known.
    """

    table: str
    unit: Tensor
    lengths: Tensor
    group: Tensor
    group_known: Tensor
    rows: Tensor
    rows_known: Tensor
    hours: Tensor


class Unit:
    """Some units, laid out.

    Attributes:
        values, known, stage: [U, N, C].
        rows: bool [U, N], the tokens of rows.
        given: bool [U, N], the tokens that are told.
        kind, place, left, hours, present: [U, N].
    """

    def __init__(self, codec: LinkedCodec, units: int, told: Sequence[Told], parts: Sequence[Part]) -> None:
        blocks = {part.table: codec.blocks[part.table] for part in parts}
        sizes = torch.zeros(len(told) + len(parts), units, dtype=torch.long)
        for i, one in enumerate(told):
            sizes[i, one.unit] = 1
        tokens = []
        for i, part in enumerate(parts, len(told)):
            n = -(-part.lengths // blocks[part.table]) if part.rows.shape[1] else torch.zeros_like(part.lengths)
            tokens.append(n)
            sizes[i, part.unit] = 1 + n
        first = sizes.cumsum(0) - sizes
        N, C = max(int(sizes.sum(0).max()), 1) if units else 1, codec.width
        self.values, self.known = torch.zeros(units, N, C), torch.zeros(units, N, C, dtype=torch.bool)
        self.stage = torch.full((units, N, C), -1, dtype=torch.int8)
        self.kind, self.place = torch.zeros(units, N, dtype=torch.long), torch.zeros(units, N)
        self.left, self.hours = torch.zeros(units, N), torch.full((units, N), torch.nan)
        self.rows, self.given = (torch.zeros(units, N, dtype=torch.bool) for _ in range(2))
        self.present = torch.arange(N) < sizes.sum(0)[:, None]
        self._groups: dict[str, Tensor] = {}
        self._rows: dict[str, Tensor] = {}
        kinds, places, lefts, hours = (x.view(-1) for x in (self.kind, self.place, self.left, self.hours))
        flat, known, stage = (x.view(-1) for x in (self.values, self.known, self.stage))
        for i, one in enumerate(told):
            at = one.unit * N + first[i, one.unit]
            kinds[at], places[at], hours[at] = codec.type(one.table, "told"), float(one.before), one.hours
            cells = _cells(at, 0, one.values.shape[1], C)
            flat[cells], known[cells] = one.values, one.known
            self.given.view(-1)[at] = True
        for i, (part, n) in enumerate(zip(parts, tokens, strict=True), len(told)):
            of_group, of_row = codec.stages[part.table]
            at = part.unit * N + first[i, part.unit]
            kinds[at], lefts[at] = codec.type(part.table, "group"), n.float()
            cells = self._groups[part.table] = _cells(at, 0, part.group.shape[1], C)
            flat[cells], known[cells], stage[cells] = part.group, part.group_known, of_group.to(torch.int8)
            if not part.rows.shape[1]:
                continue
            place = torch.arange(len(part.rows)) - torch.repeat_interleave(
                part.lengths.cumsum(0) - part.lengths, part.lengths
            )
            block, slot = place // blocks[part.table], place % blocks[part.table]
            token = torch.repeat_interleave(at, part.lengths) + 1 + block
            kinds[token], places[token] = codec.type(part.table, "rows"), block.float()
            lefts[token] = torch.repeat_interleave(n, part.lengths).float() - 1 - block
            hours[token[slot == 0]] = part.hours[slot == 0]
            self.rows.view(-1)[token] = True
            cells = self._rows[part.table] = _cells(token, slot * part.rows.shape[1], part.rows.shape[1], C)
            flat[cells], known[cells], stage[cells] = part.rows, part.rows_known, of_row.to(torch.int8)

    def __len__(self) -> int:
        return len(self.values)

    def groups(self, table: str, values: Tensor) -> Tensor:
        """[G, w], what of values [U, N, C] is of a table's groups."""
        return values.reshape(-1)[self._groups[table]]

    def of_rows(self, table: str, values: Tensor) -> Tensor:
        """[R, w], what of values [U, N, C] is of a table's rows."""
        if table not in self._rows:
            return values.new_zeros(0, 0)
        return values.reshape(-1)[self._rows[table]]

    def put_groups(self, table: str, into: Tensor, cells: Tensor) -> None:
        """Writes [G, w] where a table's groups are in [U, N, C]."""
        into.view(-1)[self._groups[table]] = cells

    def put_rows(self, table: str, into: Tensor, cells: Tensor) -> None:
        """Writes [R, w] where a table's rows are in [U, N, C]."""
        if table in self._rows:
            into.view(-1)[self._rows[table]] = cells

    def question(self, observed: Tensor, asked: Tensor, values: Tensor, stage: Tensor | int) -> EventMask:
        """What the network is told where the cells `asked` of a stage are to be made: int, or int64 [U]."""
        stage = torch.as_tensor(stage).expand(len(self))[:, None]
        present = self.present & (~self.rows | (stage > 3))
        present &= (stage > 1) | (torch.arange(present.shape[1]) == 0)
        observed, asked = observed & present[..., None], asked & present[..., None]
        hours = torch.where((stage > 4) | self.given, self.hours, torch.nan)
        kept = torch.where(observed, values, 0.0)
        left = torch.where(stage > 3, self.left, 0.0)  # of a group it is how many rows there are, which is asked before
        return EventMask(kept, observed, asked, present, self.kind, self.place, left, hours)


def _cells(at: Tensor, shift: Tensor | int, width: int, channels: int) -> Tensor:
    """[n, width], the flat places of the cells of tokens, from channel `shift` on."""
    return (at * channels + shift)[:, None] + torch.arange(width)


def told(
    tree: Tree,
    scores: Mapping[str, TableScores],
    table: str,
    rows: np.ndarray,
    generator: torch.Generator | None,
) -> Iterator[Told]:
    """What the units of some rows of a table are told: the patient, the rows above, the row itself, and those before it."""
    units = np.arange(len(rows))

    def row(of: str, unit: np.ndarray, at: np.ndarray, before: int) -> Told:
        values, known = scores[of].of_rows(at, generator)
        group, group_known = scores[of].of_groups(scores[of].group[scores[of].above[at]], generator)
        both, all_known = torch.cat([values, group], 1), torch.cat([known, group_known], 1)
        return Told(of, torch.from_numpy(unit), both, all_known, before, scores[of].when(at))

    at, here, above = rows, table, []
    while here != tree.root:
        above.append(row(here, units, at, 0))
        at, here = scores[here].above[at], str(tree[here].parent)
    values, known = scores[tree.root].of_groups(at, generator)
    yield Told(tree.root, torch.from_numpy(units), values, known, 0, torch.full((len(rows),), torch.nan))
    yield from above
    above_row = scores[table].above
    for before in range(1, BEFORE + 1):
        same = (rows >= before) & (above_row[rows - before] == above_row[rows])
        if same.any():
            yield row(table, units[same], rows[same] - before, before)


def laid_out(
    codec: LinkedCodec,
    scores: Mapping[str, TableScores],
    table: str,
    rows: np.ndarray,
    children: Sequence[str],
    generator: torch.Generator | None = None,
    whole: bool = True,
) -> tuple[Unit, dict[str, tuple[np.ndarray, np.ndarray]]]:
    """The units of some rows of a table, with what hangs on them, and by table the groups and the rows that are in them.

    Args:
        children: the tables that are in them.
        whole: with the rows of the children, rather than their groups alone.
    """
    tree, above, parts, which = codec.tree, [], [], {}

    def part(of: str, unit: np.ndarray, group: np.ndarray, at: np.ndarray, lengths: np.ndarray) -> None:
        values, known = scores[of].of_groups(group, generator)
        cells, cells_known = scores[of].of_rows(at, generator, lengths)
        of_units, each = torch.from_numpy(unit), torch.from_numpy(lengths)
        parts.append(Part(of, of_units, each, values, known, cells, cells_known, scores[of].when(at)))
        which[of] = (group, at)

    nothing = np.zeros(0, dtype=np.int64)
    if table == tree.root:
        part(table, np.arange(len(rows)), rows, nothing, np.zeros(len(rows), dtype=np.int64))
    else:
        above = list(told(tree, scores, table, rows, generator))
    for child in children:
        of = scores[child]
        group = of.group[rows]
        unit = np.flatnonzero(group >= 0)
        if unit.size and whole:
            part(child, unit, group[unit], of.rows_in(group[unit]), of.lengths[group[unit]])
        elif unit.size:
            part(child, unit, group[unit], nothing, np.zeros(unit.size, dtype=np.int64))
    return Unit(codec, len(rows), above, parts), which
