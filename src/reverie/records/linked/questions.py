"""What a network of events is asked in training: one stage of a unit, given what comes before it.

    0  1   patients: what is measured; values, and whether there is anything of each table
    2  3   groups: how many rows; when the first was
    4  5   rows: when each was, what is measured; values, and whether anything hangs on it

Of which latent class patients and rows are is told always.

At times some of what is asked is given, or of what comes after it, so that the same network completes and is conditioned.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from reverie.denoisers.event_mask import EventMask
from reverie.process.randomness import generator
from reverie.records.linked.codec import LinkedCodec
from reverie.records.linked.laying import laid_out, tokens_of, unit_of
from reverie.records.linked.scores import TableScores
from reverie.records.linked.tree import Grown
from reverie.records.linked.units import Unit

__all__ = ["Encoded", "counting", "draw_question"]

ASKED = (0.1, 0.15, 0.25, 0.15, 0.3, 0.5)
"""How often each stage is asked, among those that a unit has."""
WORTH = (0.1, 0.15, 0.3, 0.2, 0.5, 1.0)
"""What all cells of a stage count together: how many rows there are is one cell of many, and all else hangs on it."""
PATIENTS = 1 / 3
"""The share of units that are patients, at least: of them there are few, and most follows from them."""
COMPLETE = 0.5
"""Share of questions of which some is given."""
BLUR = 0.1
"""Deviation of noise on what is told, so that no patient is known by it (conditioning augmentation, Ho et al. 2022)."""


@dataclass(frozen=True, eq=False)
class Encoded:
    """Linked tables, encoded: which units there are, and their tokens.

    Attributes:
        codec: of the tables.
        coded: by table.
    """

    codec: LinkedCodec
    coded: Mapping[str, TableScores]

    @classmethod
    def of(cls, codec: LinkedCodec, grown: Grown) -> Encoded:
        return cls(codec, codec.encode(grown))

    def patient(self, table: str, what: str) -> np.ndarray:
        """int64 [n], whose each "group" or row of a table is."""
        one, tree = self.coded[table], self.codec.tree
        if table == tree.root:
            return np.arange(len(one))
        start, at = (str(tree[table].parent), one.parent) if what == "group" else (table, np.arange(len(one.above)))
        return tree.up(start, tree.root, at, lambda t: self.coded[t].above)

    @cached_property
    def units(self) -> list[tuple[str, list[np.ndarray]]]:
        """(table, the rows that are each unit): all patients, more than once where they are few; and of each table that
        anything hangs on, the rows of a patient that anything does."""
        tree, out = self.codec.tree, []
        for branch in tree.learned:
            children = tree.children(branch.table)
            if branch.parent is None:
                patients = [np.array([row]) for row in range(len(self.coded[branch.table]))]
                out.append((branch.table, patients))
            elif children:
                some = np.flatnonzero(np.any([self.coded[child].group >= 0 for child in children], axis=0))
                unit = unit_of(tree, self.coded, branch.table, some, tokens_of(self.codec, self.coded, children, some, True))
                out.append((branch.table, np.split(some, np.flatnonzero(np.diff(unit)) + 1)))
        others = sum(len(rows) for _, rows in out[1:])
        again = max(1, round(PATIENTS / (1 - PATIENTS) * others / len(out[0][1])))
        return [(out[0][0], out[0][1] * again), *out[1:]]

    @cached_property
    def ends(self) -> np.ndarray:
        return np.cumsum([len(rows) for _, rows in self.units])

    @cached_property
    def order(self) -> np.ndarray:
        """The units, those of all tables in turn, so that the first of them are of every kind."""
        return np.random.default_rng(0).permutation(int(self.ends[-1]))

    def __len__(self) -> int:
        return int(self.ends[-1])

    @property
    def scores(self) -> dict[tuple[str, str], Tensor]:
        """By (table, "group" | "rows"), the scores [n, w] of all; NaN where not known."""
        out, randomness = {}, generator(0, "scores")
        for table, coded in self.coded.items():
            groups, known = coded.of_groups(np.arange(len(coded)), randomness)
            rows, rows_known = coded.of_rows(np.arange(coded.rows.shape[1]), randomness)
            out[table, "group"] = torch.where(known, groups, torch.nan)
            out[table, "rows"] = torch.where(rows_known, rows, torch.nan)
        return out

    def laid_out(self, indices: Tensor, randomness: torch.Generator | None) -> Iterator[Unit]:
        """The units at these indices, those of one table at a time."""
        which = self.order[indices.numpy()]
        at = np.searchsorted(self.ends, which, "right")
        for number, (table, rows) in enumerate(self.units):
            if (chosen := which[at == number]).size:
                first = self.ends[number] - len(rows)
                yield self.unit(table, [rows[i] for i in np.sort(chosen - first)], randomness)

    def unit(self, table: str, units: Sequence[np.ndarray], randomness: torch.Generator | None) -> Unit:
        """Units of a table, each of some rows, with what hangs on them."""
        rows, unit = np.concatenate(units), np.repeat(np.arange(len(units)), [len(one) for one in units])
        return laid_out(self.codec, self.coded, table, rows, self.codec.tree.children(table), randomness, unit=unit)[0]


def draw_question(unit: Unit, randomness: torch.Generator) -> EventMask:
    """A question for each of some units."""
    U = len(unit)

    def rand(*shape: int) -> Tensor:
        return torch.rand(*shape, generator=randomness)

    share = torch.tensor(ASKED)
    there = torch.zeros(U, len(ASKED), dtype=torch.bool)
    some = (unit.known & (unit.stage >= 0)).flatten().nonzero().squeeze(1)
    there[some // unit.values[0].numel(), unit.stage.flatten()[some].long()] = True
    weights = (share * there).cumsum(1)
    stage = (rand(U, 1) * weights[:, -1:] >= weights).sum(1).clamp(max=len(ASKED) - 1)
    asked = unit.known & (unit.stage == stage[:, None, None])
    before = unit.known & (unit.stage < stage[:, None, None])  # what is told has stage -1
    later = unit.known & (unit.stage >= stage[:, None, None])
    some = (rand(*asked.shape) < rand(U, 1, 1)) & (rand(U, 1, 1) < COMPLETE)
    observed = before | (later & some)
    # What the patient is names the patient, to a network that has seen few: so it is told with noise, as are rows above.
    told = unit.given[..., None] | ((unit.stage >= 0) & (unit.stage < 2) & (stage[:, None, None] > 1))
    if (classes := unit.classes) is not None:
        told &= ~classes
    blur = BLUR * torch.randn(unit.values.shape, generator=randomness) * told
    return unit.question(observed, asked & ~some, unit.values + blur, stage)


def counting(stage: Tensor, asked: Tensor) -> Tensor:
    """How much each cell asked for counts, float32 like `asked` [B, N, C]: all of a stage as WORTH says."""
    weights, of = torch.zeros(asked.shape), stage[asked].long()
    worth = torch.tensor(WORTH, dtype=torch.float64)
    counts = torch.bincount(of[of >= 0], minlength=len(worth)).double()
    each = worth / worth[counts > 0].sum() * len(of) / counts
    weights[asked] = torch.where(of < 0, 0.0, each[of]).float()
    return weights
