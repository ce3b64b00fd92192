"""Records as tensors: token 0 holds the statics, tokens 1..L the visits in order.

An encoded table keeps, for every cell, the interval of scores that decodes to it (intervals.py), in 8 bytes; a batch draws a
score in each and pads to its own longest record. Whatever is not known is 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl
import torch
from torch import Tensor

from reverie.records.intervals import drawn_in

__all__ = ["Decoded", "EncodedTable", "Records", "drawn"]


@dataclass(frozen=True, eq=False)
class Records:
    """Some patients.

    Attributes:
        values: float32 [B, N, C], scores; 0 where not known.
        known: bool [B, N, C].
        visits: int64 [B], at most N - 1.
    """

    values: Tensor
    known: Tensor
    visits: Tensor


@dataclass(frozen=True, eq=False)
class Decoded:
    """A table of the source's look.

    Attributes:
        frame: rows by patient and time.
        clipped: for each column of numbers, how many values were moved to a bound.
    """

    frame: pl.DataFrame
    clipped: dict[str, int]


@dataclass(frozen=True, eq=False)
class EncodedTable:
    """All patients of a table.

    Attributes:
        statics: ends of intervals, float32 [2, P, channels of token 0]; NaN where not known.
        rows: the same of the visits, [2, R, channels of a visit].
        offsets: int64 [P + 1], the rows of each patient.
    """

    statics: Tensor
    rows: Tensor
    offsets: Tensor

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @cached_property
    def lengths(self) -> np.ndarray:
        """Visits of each patient, int64 [P]."""
        return self.offsets.diff().numpy()

    @property
    def channels(self) -> int:
        return max(self.statics.shape[-1], self.rows.shape[-1])

    def records(self, indices: Any, generator: torch.Generator | None) -> Records:
        """These patients, int [B], in this order, padded to the longest.

        Scores are drawn again at each call; without a generator each is the median of its interval.
        """
        indices = torch.as_tensor(indices, dtype=torch.int64)
        starts = self.offsets[indices]
        visits = self.offsets[indices + 1] - starts
        patient, place = _places(visits)
        return drawn(self.statics[:, indices], self.rows[:, starts[patient] + place], visits, generator)


def drawn(statics: Tensor, rows: Tensor, visits: Tensor, generator: torch.Generator | None) -> Records:
    """Records of B patients with R rows in all, from the ends of their intervals; see EncodedTable.

    Args:
        statics: [2, B, channels of token 0].
        rows: [2, R, channels of a visit], those of a patient one after the other.
        visits: int64 [B].
    """
    B, widths = len(visits), (statics.shape[-1], rows.shape[-1])
    patient, place = _places(visits)
    values = torch.full((B, 1 + int(visits.max()) if B else 1, max(widths)), torch.nan)
    values[:, 0, : widths[0]] = drawn_in(statics, generator)
    values[patient, 1 + place, : widths[1]] = drawn_in(rows, generator, visits)
    known = ~values.isnan()
    return Records(values.nan_to_num_(0.0), known, visits)


def _places(visits: Tensor) -> tuple[Tensor, Tensor]:
    """Of each row of some patients whose it is, and which of theirs, int64 [R] each."""
    ends = visits.cumsum(0)
    B, R = len(visits), int(ends[-1]) if len(visits) else 0
    patient = torch.repeat_interleave(torch.arange(B), visits, output_size=R)
    return patient, torch.arange(R) - (ends - visits)[patient]
