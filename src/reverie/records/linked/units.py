"""Units: some rows of a patient and all that hangs on them, as tokens of one sequence.

    told ...            the patient, the rows themselves, those above and before them, and what else hangs on the patient
    group of A | rows of A, a block in each token | group of A ... | group of B | rows of B ...

A patient is a unit, and so are all stays of a patient, so that what repeats from stay to stay is made together. The network
sees a unit at a time, so the cost grows with their number, and with the square of the length of a unit, which is bounded,
alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from reverie.denoisers.event_mask import EventMask
from reverie.records.linked.codec import LinkedCodec

__all__ = ["Part", "Told", "Unit"]


@dataclass(frozen=True, eq=False)
class Told:
    """Rows that are given, a token each.

    Attributes:
        table: whose rows they are.
        unit: int64 [K], the unit of each, rising.
        rows: int64 [K], which rows of the table.
        above: int64 [K], the row of the parent's table that each hangs on.
        values, known: [K, w], their scores, those of the row before those of its group.
        before: how many rows before the unit's first it is.
        hours: float [K].
    """

    table: str
    unit: np.ndarray
    rows: np.ndarray
    above: np.ndarray
    values: Tensor
    known: Tensor
    before: int
    hours: Tensor


@dataclass(frozen=True, eq=False)
class Part:
    """The rows of one table in some units.

    Attributes:
        table: its name.
        unit: int64 [G], the unit of each group, rising.
        above: int64 [G], the row of the parent's table that each hangs on.
        lengths: int64 [G], rows of each.
        group, group_known: [G, w], the scores of groups, and which are known.
        rows, rows_known: [R, w], of rows, those of a group one after the other.
        hours: float [R]; NaN where not known.
        told: whether they are given.
    """

    table: str
    unit: np.ndarray
    above: np.ndarray
    lengths: Tensor
    group: Tensor
    group_known: Tensor
    rows: Tensor
    rows_known: Tensor
    hours: Tensor
    told: bool = False


class Unit:
    """Some units, laid out.

    Attributes:
        values, known, stage: [U, N, C].
        rows: bool [U, N], the tokens of rows.
        given: bool [U, N], the tokens that are told.
        above: int64 [U, N], the place of the token of the row that each hangs on; its own where there is none.
        kind, place, left, hours, present: [U, N].
    """

    def __init__(self, codec: LinkedCodec, units: int, told: Sequence[Told], parts: Sequence[Part]) -> None:
        blocks = [-(-part.lengths // codec.blocks[part.table]) * bool(part.rows.shape[1]) for part in parts]
        of_unit = [torch.from_numpy(one.unit) for one in (*told, *parts)]
        tokens = [torch.ones(len(one.unit), dtype=torch.long) for one in told] + [1 + n for n in blocks]
        N, first = _places(units, of_unit, tokens)
        C = codec.width
        self._codec = codec
        self.values, self.known = torch.zeros(units, N, C), torch.zeros(units, N, C, dtype=torch.bool)
        self.stage = torch.full((units, N, C), -1, dtype=torch.int8)
        self.kind, self.place = torch.zeros(units, N, dtype=torch.long), torch.zeros(units, N)
        self.left, self.hours = torch.zeros(units, N), torch.full((units, N), torch.nan)
        self.rows, self.given, self.present = (torch.zeros(units, N, dtype=torch.bool) for _ in range(3))
        self.above = torch.arange(N).repeat(units, 1)
        self._groups: dict[str, Tensor] = {}
        self._rows: dict[str, Tensor] = {}
        links = _Links(codec, told, first, N)
        for one, at in zip(told, first, strict=False):
            self._token(at, codec.type(one.table, "told"), links.of(one, at))
            self.place.view(-1)[at], self.hours.view(-1)[at] = float(one.before), one.hours
            self._cells(at, 0, one.values, one.known)
            self.given.view(-1)[at] = True
        for part, count, at in zip(parts, blocks, first[len(told) :], strict=True):
            self._part(codec, part, count, at, links.of(part, at))

    def _part(self, codec: LinkedCodec, part: Part, blocks: Tensor, at: Tensor, above: Tensor) -> None:
        """Lays out the rows of a table, in so many tokens each, after their groups at the places `at`."""
        of_group, of_row = codec.stages[part.table]
        cells = self._cells(at, 0, part.group, part.group_known, None if part.told else of_group)
        self._token(at, codec.type(part.table, "group"), above)
        self.left.view(-1)[at] = blocks.float()
        self.given.view(-1)[at] = part.told
        if not part.told:
            self._groups[part.table] = cells
        if not part.rows.shape[1]:
            return
        lengths, block = part.lengths, codec.blocks[part.table]
        row = torch.arange(len(part.rows)) - torch.repeat_interleave(lengths.cumsum(0) - lengths, lengths)
        place, slot = row // block, row % block
        token = torch.repeat_interleave(at, lengths) + 1 + place
        self._token(token, codec.type(part.table, "rows"), torch.repeat_interleave(above, lengths))
        self.place.view(-1)[token] = place.float()
        self.left.view(-1)[token] = (torch.repeat_interleave(blocks, lengths) - 1 - place).float()
        self.hours.view(-1)[token[slot == 0]] = part.hours[slot == 0]
        (self.given if part.told else self.rows).view(-1)[token] = True
        cells = self._cells(token, slot * part.rows.shape[1], part.rows, part.rows_known, None if part.told else of_row)
        if not part.told:
            self._rows[part.table] = cells

    def _token(self, at: Tensor, kind: int, above: Tensor) -> None:
        self.present.view(-1)[at], self.kind.view(-1)[at], self.above.view(-1)[at] = True, kind, above

    def _cells(self, at: Tensor, shift: Tensor | int, values: Tensor, known: Tensor, stage: Tensor | None = None) -> Tensor:
        """Writes cells [n, w] of tokens, from channel `shift` on; their flat places [n, w]."""
        cells = (at * self.values.shape[2] + shift)[:, None] + torch.arange(values.shape[1])
        self.values.view(-1)[cells], self.known.view(-1)[cells] = values, known
        if stage is not None:
            self.stage.view(-1)[cells] = stage.to(torch.int8)
        return cells

    def __len__(self) -> int:
        return len(self.values)

    @property
    def classes(self) -> Tensor | None:
        """bool [U, N, C], which cells tell latent classes; None where no table has any."""
        cells = self._codec.class_cells
        return cells[self.kind] if bool(cells.any()) else None

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
        return EventMask(kept, observed, asked, present, self.kind, self.place, left, hours, self.above)


class _Links:
    """Where in its unit the row that each row hangs on is told."""

    def __init__(self, codec: LinkedCodec, told: Sequence[Told], first: Sequence[Tensor], length: int) -> None:
        self.tree, self.length = codec.tree, length
        self.where: dict[str, tuple[np.ndarray, np.ndarray]] = {}
        for table in {one.table for one in told}:
            here = [(one, at.numpy() % length) for one, at in zip(told, first, strict=False) if one.table == table]
            keys = np.concatenate([_key(one.unit, one.rows) for one, _ in here])
            order = np.argsort(keys)
            self.where[table] = keys[order], np.concatenate([place for _, place in here])[order]

    def of(self, one: Told | Part, at: Tensor) -> Tensor:
        """int64 [n], its place for each token at the flat places `at`: the first, the patient's, of what hangs on patients
        who are asked for too; the token's own where it is not told."""
        parent = self.tree[one.table].parent
        if parent not in self.where:
            return torch.zeros_like(at)
        keys, places = self.where[parent]
        sought = _key(one.unit, one.above)
        found = np.searchsorted(keys, sought).clip(0, len(keys) - 1)
        return torch.from_numpy(np.where(keys[found] == sought, places[found], at.numpy() % self.length))


def _key(unit: np.ndarray, row: np.ndarray) -> np.ndarray:
    return (unit << 40) + row


def _places(units: int, of_unit: Sequence[Tensor], tokens: Sequence[Tensor]) -> tuple[int, list[Tensor]]:
    """How long the longest unit is, and the flat place of the first token of each of several parts [n] of units, which have
    so many tokens; those of a unit stand one after the other, part by part."""
    sizes = torch.zeros(len(tokens), units, dtype=torch.long)
    for i, (unit, count) in enumerate(zip(of_unit, tokens, strict=True)):
        sizes[i].index_add_(0, unit, count)
    first = sizes.cumsum(0) - sizes
    length = max(int(sizes.sum(0).max()), 1) if units else 1
    places = []
    for i, (unit, count) in enumerate(zip(of_unit, tokens, strict=True)):
        before = count.cumsum(0) - count - (sizes[i].cumsum(0) - sizes[i])[unit]
        places.append(unit * length + first[i, unit] + before)
    return length, places
