"""The scores of one table: as they were encoded, of which one is drawn at each look, or as they were made so far.

    group of a parent's row    number of rows | start | what is one for all of them
    row of a group             gap | measured ... | value ... | any of A | any of B

A score that is encoded is an interval (intervals.py), one that was made is a number; what is not known is NaN in both.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from reverie.records.intervals import drawn_in
from reverie.records.linked.tree import place_of

__all__ = ["TableScores"]


@dataclass(frozen=True, eq=False)
class TableScores:
    """The scores of the groups and the rows of one table.

    Attributes:
        parent: int64 [G], the parent's row of each group, rising; of the patients themselves.
        group: int64 [rows of the parent], the group of each; -1 where it has none.
        groups: [E, G, w], the two ends of intervals of scores (E = 2), or scores (E = 1); NaN where not known.
        offsets: int64 [G + 1], the rows of each group.
        rows: the same of rows, [E, R, w].
        hours: float [R], when each row was, in hours since its parent began, or since 1970; NaN of sets and of patients.
    """

    parent: np.ndarray
    group: np.ndarray
    groups: Tensor
    offsets: np.ndarray
    rows: Tensor
    hours: Tensor

    @classmethod
    def begun(cls, parent: np.ndarray, above: int, widths: tuple[int, int]) -> TableScores:
        """Groups of some rows of a parent's table that has so many, without a row yet, of which nothing is known."""
        nothing = torch.full((1, len(parent), widths[0]), torch.nan), torch.full((1, 0, widths[1]), torch.nan)
        offsets = np.zeros(len(parent) + 1, dtype=np.int64)
        return cls(parent, place_of(parent, above), nothing[0], offsets, nothing[1], torch.zeros(0))

    def __len__(self) -> int:
        """The number of groups."""
        return len(self.parent)

    @property
    def lengths(self) -> np.ndarray:
        """int64 [G], the rows of each group."""
        return np.diff(self.offsets)

    @cached_property
    def above(self) -> np.ndarray:
        """int64 [R], the parent's row of each row."""
        return np.repeat(self.parent, self.lengths)

    def of_groups(self, which: np.ndarray, generator: torch.Generator | None = None) -> tuple[Tensor, Tensor]:
        """Scores [n, w] of some groups, 0 where not known, and which are known; drawn again at each call."""
        return _drawn(self.groups[:, which], generator)

    def of_rows(
        self, which: np.ndarray, generator: torch.Generator | None = None, lengths: np.ndarray | None = None
    ) -> tuple[Tensor, Tensor]:
        """The same of some rows; those of one group, so many each, share a draw, so that what stays keeps its score."""
        return _drawn(self.rows[:, which], generator, lengths)

    def when(self, which: np.ndarray) -> Tensor:
        """float [n], the hours of some rows; NaN where there is no time."""
        return self.hours[which].float()

    def drawn(self, generator: torch.Generator | None) -> TableScores:
        """The same with a score drawn in each interval."""
        (groups, known), lengths = self.of_groups(np.arange(len(self)), generator), self.lengths
        rows, rows_known = self.of_rows(np.arange(self.rows.shape[1]), generator, lengths)
        ends = torch.where(known, groups, torch.nan)[None], torch.where(rows_known, rows, torch.nan)[None]
        return replace(self, groups=ends[0], rows=ends[1])

    def rows_in(self, groups: np.ndarray) -> np.ndarray:
        """int64, the rows of some groups, those of a group one after the other."""
        lengths = self.lengths[groups]
        return np.repeat(self.offsets[groups] - (np.cumsum(lengths) - lengths), lengths) + np.arange(lengths.sum())

    def with_rows(self, lengths: np.ndarray, rows: Tensor, hours: Tensor) -> TableScores:
        """The same groups with other rows, so many each."""
        offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        return replace(self, offsets=offsets, rows=rows, hours=hours)

    def put(self, what: str, which: np.ndarray, values: Tensor, known: Tensor) -> None:
        """Writes scores [n, w] that were made, where they are known, of some "groups" or "rows"."""
        getattr(self, what)[0, which] = torch.where(known, values, torch.nan)


def _drawn(ends: Tensor, generator: torch.Generator | None, lengths: np.ndarray | None = None) -> tuple[Tensor, Tensor]:
    """Scores of ends [E, n, w], the middles of intervals without a generator."""
    if len(ends) == 1:
        return ends[0].nan_to_num(0.0), ~ends[0].isnan()
    values = drawn_in(ends, generator, None if lengths is None else torch.from_numpy(lengths))
    known = ~values.isnan()
    return values.nan_to_num_(0.0), known
