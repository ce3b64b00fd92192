"""Units: some rows of a patient and all that hangs on them, as tokens of one sequence.

    told ...            the patient, the rows themselves, those above and before them, and what else hangs on the patient
    group of A | rows of A, a block in each token | group of A ... | group of B | rows of B ...

A patient is a unit, and so are all stays of a patient, so that what repeats from stay to stay is made together. The network
sees a unit at a time, so the cost grows with their number, and with the square of the length of a unit, which is bounded,
alone.
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

__all__ = ["BEFORE", "Part", "Told", "Unit", "laid_out", "tokens_of", "told", "unit_of"]

BEFORE = 2
"""Rows of the same parent before a unit's own that it is told."""
MOST, TOLD = 384, 16
"""Tokens of a unit, but for one row with more; and of a table beside the rows that is told, at most."""


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


def unit_of(tree: Tree, scores: Mapping[str, TableScores], table: str, rows: np.ndarray, tokens: np.ndarray) -> np.ndarray:
    """int64 [n], the unit of each of some rows of a table, rising, and that have so many tokens: those of a patient are one,
    or where they are more than MOST tokens, several."""
    if table == tree.root or not len(rows):
        return np.arange(len(rows))
    at, here = rows, table
    while here != tree.root:
        at, here = scores[here].above[at], str(tree[here].parent)
    begun = _begun(at)
    before = np.cumsum(tokens) - tokens
    part = (before - np.maximum.accumulate(np.where(begun, before, 0))) // MOST
    return np.cumsum(begun | _begun(part)) - 1


def _begun(of: np.ndarray) -> np.ndarray:
    """bool [n], where another begins than the one before."""
    return np.append(True, of[1:] != of[:-1]) if len(of) else np.zeros(0, dtype=bool)


def tokens_of(
    codec: LinkedCodec, scores: Mapping[str, TableScores], children: Sequence[str], rows: np.ndarray, whole: bool
) -> np.ndarray:
    """int64 [n], the tokens of some rows, each with what hangs on it; the rows of that only with `whole`."""
    tokens = np.ones(len(rows), dtype=np.int64)
    for child in children:
        group = scores[child].group[rows]
        some = group >= 0
        tokens[some] += 1
        if whole and codec.widths(child)[1]:
            tokens[some] += -(-scores[child].lengths[group[some]] // codec.blocks[child])
    return tokens


def told(
    tree: Tree,
    scores: Mapping[str, TableScores],
    table: str,
    rows: np.ndarray,
    unit: np.ndarray,
    generator: torch.Generator | None,
) -> Iterator[Told]:
    """What units of some rows of a table are told: the patient, the rows, those above them, and those before the first."""

    def row(of: str, units: np.ndarray, at: np.ndarray, before: int) -> Told:
        values, known = scores[of].of_rows(at, generator)
        group, group_known = scores[of].of_groups(scores[of].group[scores[of].above[at]], generator)
        both, all_known = torch.cat([values, group], 1), torch.cat([known, group_known], 1)
        return Told(of, units, at, scores[of].above[at], both, all_known, before, scores[of].when(at))

    at, of, here, above = rows, unit, table, []
    while here != tree.root:
        above.append(row(here, of, at, 0))
        at, here = scores[here].above[at], str(tree[here].parent)
        some = _begun(at) | _begun(of)
        at, of = at[some], of[some]
    values, known = scores[tree.root].of_groups(at, generator)
    yield Told(tree.root, of, at, at, values, known, 0, torch.full((len(at),), torch.nan))
    yield from above
    first = rows[_begun(unit)]
    hangs = scores[table].above
    for before in range(1, BEFORE + 1):
        same = (first >= before) & (hangs[first - before] == hangs[first])
        if same.any():
            yield row(table, np.flatnonzero(same), first[same] - before, before)


def laid_out(
    codec: LinkedCodec,
    scores: Mapping[str, TableScores],
    table: str,
    rows: np.ndarray,
    children: Sequence[str],
    generator: torch.Generator | None = None,
    whole: bool = True,
    unit: np.ndarray | None = None,
) -> tuple[Unit, dict[str, tuple[np.ndarray, np.ndarray]]]:
    """The units of some rows of a table, with what hangs on them, and by table the groups and the rows that are asked for.

    Args:
        rows: int64 [n], rising within a unit.
        children: the tables that are in them.
        whole: with the rows of the children, rather than their groups alone.
        unit: int64 [n], rising, the unit of each row; as `unit_of` says if left out.
    """
    tree, above, parts, which = codec.tree, list[Told](), list[Part](), {}
    if unit is None:
        unit = unit_of(tree, scores, table, rows, tokens_of(codec, scores, children, rows, whole))

    def part(of: str, units: np.ndarray, hangs: np.ndarray, rows_too: bool, told: bool = False) -> None:
        one = scores[of]
        some = one.group[hangs] >= 0
        if of != tree.root and told:
            some[some] = one.lengths[one.group[hangs[some]]] <= TOLD * codec.blocks[of]
        if not some.any():
            return
        group = one.group[hangs[some]]
        lengths = one.lengths[group] if rows_too else np.zeros(len(group), dtype=np.int64)
        at = one.rows_in(group) if rows_too else np.zeros(0, dtype=np.int64)
        groups, cells = one.of_groups(group, generator), one.of_rows(at, generator, lengths)
        each = torch.from_numpy(lengths)
        parts.append(Part(of, units[some], hangs[some], each, *groups, *cells, one.when(at), told))
        if not told:
            which[of] = (group, at)

    if table == tree.root:
        part(table, unit, rows, False)
    else:
        above += told(tree, scores, table, rows, unit, generator)
        beside = [other for other in tree.children(tree.root) if other not in (table, *tree.above(table))]
        for other in beside:
            part(other, above[0].unit, above[0].rows, True, told=True)
    for child in children:
        part(child, unit, rows, whole)
    return Unit(codec, int(unit[-1]) + 1 if len(unit) else 0, above, parts), which
