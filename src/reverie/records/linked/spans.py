"""Rows that were drawn later than any that was seen: gaps that shrink until the last of a group is no later.

    start > latest                               =>     start -> latest
    t_n = start + g_1 + ... + g_n  >  latest     =>     g_i -> g_i (latest - start) / (g_1 + ... + g_n)

Gaps are drawn all at once, so what each has too much adds up. Both are put into scores again, and no gap becomes smaller
than the smallest seen, so a last row may be later by what that comes to. Gaps that never differ are not drawn, and stay.
"""

from __future__ import annotations

import numpy as np
import torch

from reverie.records.codec import RecordCodec
from reverie.records.intervals import scored
from reverie.records.linked.codec import LinkedCodec
from reverie.records.linked.scores import TableScores
from reverie.records.linked.stages import gaps_of, starts_of

__all__ = ["begun_no_later", "no_later", "put_values"]


def begun_no_later(codec: LinkedCodec, table: str, one: TableScores, fixed: torch.Tensor) -> None:
    """Moves starts of groups to the latest time that was seen, in their scores; those that are fixed, bool [G, w], stay."""
    of, latest = codec.codecs[table], codec.latest.get(table)
    if latest is None or of.visit_times.start is not None:
        return
    channels = list(of.named["start"].channels)
    late = np.flatnonzero((starts_of(codec, table, one) > latest) & ~fixed[:, channels].any(1).numpy())
    put_values(of, "start", np.full(len(late), latest), one.groups[0], late)


def no_later(codec: LinkedCodec, table: str, one: TableScores, fixed: torch.Tensor) -> None:
    """Shrinks the gaps of groups that end later than any that was seen, in their scores; those that are fixed, bool [R, w],
    stay."""
    of, latest = codec.codecs[table], codec.latest.get(table)
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
    shrunk = gaps[rows] * (may / np.where(sums > 0, sums, 1.0))[group[rows]]
    step = of.visit_times.unit or 0.0
    shrunk = np.maximum(np.floor(shrunk / step) * step if step else shrunk, of.visit_times.least)
    put_values(of, "gap", shrunk, one.rows[0], rows)


def put_values(of: RecordCodec, field: str, values: np.ndarray, scores: torch.Tensor, which: np.ndarray) -> None:
    """Writes values as scores [n, w], in the middle of what decodes to them, of some groups or rows."""
    scores[which[:, None], list(of.named[field].channels)] = scored(*of.codes[field].ends(values))
