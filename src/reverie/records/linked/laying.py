"""Which rows make up a unit, and what it is told: units laid out from the scores of all tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import torch

from reverie.records.linked.codec import LinkedCodec
from reverie.records.linked.scores import TableScores
from reverie.records.linked.tree import Tree
from reverie.records.linked.units import Part, Told, Unit

__all__ = ["BEFORE", "laid_out", "tokens_of", "told", "unit_of"]

BEFORE = 2
"""Rows of the same parent before a unit's own that it is told."""
MOST, TOLD = 384, 16
"""Tokens of a unit, but for one row with more; and of a table beside the rows that is told, at most."""


def unit_of(tree: Tree, scores: Mapping[str, TableScores], table: str, rows: np.ndarray, tokens: np.ndarray) -> np.ndarray:
    """int64 [n], the unit of each of some rows of a table, rising, and that have so many tokens: those of a patient are one,
    or where they are more than MOST tokens, several."""
    if table == tree.root or not len(rows):
        return np.arange(len(rows))
    begun = _begun(tree.up(table, tree.root, rows, lambda t: scores[t].above))
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
        same = (first >= before) & (hangs[np.maximum(first - before, 0)] == hangs[first])
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
        if told:  # of a table with very many rows a patient is told nothing rather than a part
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
        for other in tree.children(tree.root):
            if other not in (table, *tree.above(table)):
                part(other, above[0].unit, above[0].rows, True, told=True)
    for child in children:
        part(child, unit, rows, whole)
    return Unit(codec, int(unit[-1]) + 1 if len(unit) else 0, above, parts), which
