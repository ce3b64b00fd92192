"""Rows that were drawn later than any that was seen: gaps that shrink until the last of a group is no later.

    t_n = start + g_1 + ... + g_n  >  latest     =>     g_i -> g_i (latest - start) / (g_1 + ... + g_n)

Gaps are drawn all at once, so what each has too much adds up.
"""

from __future__ import annotations

import numpy as np
import torch

from reverie.records.intervals import inside
from reverie.records.linked.codec import LinkedCodec
from reverie.records.linked.scores import TableScores
from reverie.records.linked.stages import gaps_of, starts_of

__all__ = ["no_later"]


def no_later(codec: LinkedCodec, table: str, one: TableScores, fixed: torch.Tensor) -> None:
    """Shrinks the gaps of groups that end later than any that was seen, in their scores; those that are fixed, bool [R, w],
    stay."""
    of = codec.codecs[table]
    latest = codec.latest.get(table)
    if latest is None or of.visit_times.gap is not None or not len(one.above):
        return
    starts, gaps = starts_of(codec, table, one), gaps_of(codec, table, one)
    gaps[one.offsets[:-1][one.lengths > 0]] = 0.0  # of a first row it is not looked at
    lengths, group = one.lengths, np.repeat(np.arange(len(one)), one.lengths)
    sums = np.bincount(group, gaps, minlength=len(one))
    may = np.maximum(latest - starts, 0.0)
    late = (sums > may) & (lengths > 1)
    channels = list(of.named["gap"].channels)
    rows = np.flatnonzero(late[group] & (gaps > of.visit_times.least) & ~fixed[:, channels].any(1).numpy())
    if not len(rows):
        return
    shrunk = gaps[rows] * (may / np.where(sums > 0, sums, 1.0))[group[rows]]
    step = of.visit_times.unit or 0.0
    shrunk = np.maximum(np.floor(shrunk / step) * step if step else shrunk, of.visit_times.least)
    lower, upper = inside(*of.codes["gap"].ends(shrunk))
    one.rows[0][rows[:, None], channels] = torch.from_numpy((lower + upper) / 2).float()
