"""How far the rows of a group reach, from its first to its last: gaps are drawn all at once, so what each has too much or
too little adds up.

    share of the time there was    r = (g_1 + ... + g_n) / (end of the row above - its beginning), or (latest - start)
    put right                      r -> F_trained^-1(F_drawn(r)), among groups of about as many rows
    start > latest                 start -> latest
    later than any was             g_i -> g_i (latest - start) / (g_1 + ... + g_n)

Gaps shrink and grow by what r does, and are put into scores again. No gap becomes smaller than the smallest seen, so a last
row may be later by what that comes to. Gaps that never differ are not drawn, and stay.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import torch

from reverie.records.codec import RecordCodec
from reverie.records.intervals import Floats, scored
from reverie.records.linked.codec import LinkedCodec
from reverie.records.linked.scores import TableScores
from reverie.records.linked.stages import gaps_of, starts_of

__all__ = ["Reach", "begun_no_later", "lasted", "no_later", "put_values", "reached"]

GROUPS, KNOTS = 30, 17
"""Groups of about as many rows whose r is put right together, at least; and knots of a map."""


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
    share = _reached(codec, table, one, None)
    with np.errstate(divide="ignore"):
        _scale(codec, table, one, fixed, np.where(share > 1, 1 / share, 1.0))


def reached(codec: LinkedCodec, table: str, scores: Mapping[str, TableScores]) -> Floats:
    """float64 [G], r of the groups of a table; infinite where there was no time, NaN of a table without gaps and of groups
    of one row."""
    return _reached(codec, table, scores[table], lasted(codec, table, scores))


def _reached(codec: LinkedCodec, table: str, one: TableScores, time: Floats | None) -> Floats:
    """The same, of groups whose row above lasted so long, float64 [G], NaN where that is not known."""
    of, latest = codec.codecs[table], codec.latest.get(table)
    if latest is None or of.visit_times.gap is not None or not len(one.above):
        return np.full(len(one), np.nan)
    gaps = gaps_of(codec, table, one)
    gaps[one.offsets[:-1][one.lengths > 0]] = 0.0  # of a first row it is not looked at
    sums = np.bincount(np.repeat(np.arange(len(one)), one.lengths), gaps, minlength=len(one))
    there = np.maximum(latest - starts_of(codec, table, one), 0.0)
    if time is not None:
        there = np.where(time > 0, time, there)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(one.lengths > 1, sums / there, np.nan)


def lasted(codec: LinkedCodec, table: str, scores: Mapping[str, TableScores]) -> Floats | None:
    """float64 [G], how long the row above each group of a table lasted, as the table counts; NaN where it has no end. None
    of a table that is not counted from the beginning of rows that end."""
    form, parent = codec.forms.forms[table], str(codec.tree[table].parent)
    above = codec.forms.forms.get(parent)
    end = above.table.clock.end if above is not None and above.table.clock else None
    if above is None or form.since is None or form.since != above.time or not form.unit or not above.after.get(str(end)):
        return None
    field = codec.codecs[parent].named.get(f"value:{end}")
    if field is None or parent == codec.tree.root:
        return None
    one, rows = scores[parent], scores[table].parent
    if field.token == 0:  # one for all rows of a group
        values, known = one.of_groups(np.repeat(np.arange(len(one)), one.lengths)[rows])
    else:
        values, known = one.of_rows(rows)
    channels = list(field.channels)
    time = codec.codecs[parent].codes[f"value:{end}"].cells(values[:, channels].double().numpy())
    return np.where(known[:, channels].all(1).numpy(), time * above.after[str(end)] / form.unit, np.nan)


def _scale(codec: LinkedCodec, table: str, one: TableScores, fixed: torch.Tensor, factor: Floats) -> None:
    """Multiplies the gaps of groups by a factor each, float64 [G], in their scores; those that are fixed stay."""
    if not (factor != 1).any():
        return
    of, group = codec.codecs[table], np.repeat(np.arange(len(one)), one.lengths)
    gaps, first = gaps_of(codec, table, one), np.zeros(len(group), dtype=bool)
    first[one.offsets[:-1][one.lengths > 0]] = True
    free = ~first & ~fixed[:, list(of.named["gap"].channels)].any(1).numpy()
    rows = np.flatnonzero((factor[group] != 1) & (gaps > of.visit_times.least) & free)
    scaled, step = gaps[rows] * factor[group[rows]], of.visit_times.unit or 0.0
    scaled = np.maximum(np.floor(scaled / step) * step if step else scaled, of.visit_times.least)
    put_values(of, "gap", scaled, one.rows[0], rows)


@dataclass(frozen=True, eq=False)
class Reach:
    """How r of groups of one table is put right.

    Attributes:
        fewest: int64 [B], rows of a group from which on each map is its.
        maps: float64 [B, 2, K], knots: r as it is drawn, and what it becomes; NaN where there is no map.
    """

    fewest: np.ndarray
    maps: Floats

    @classmethod
    def fit(cls, drawn: tuple[np.ndarray, Floats], trained: tuple[np.ndarray, Floats]) -> Self:
        """Of lengths int64 [G] and r [G] of groups, those drawn and those trained on."""
        (mine, r), (theirs, aim) = ((lengths[np.isfinite(r)], r[np.isfinite(r)]) for lengths, r in (drawn, trained))
        longest = int(max(mine.max(initial=2), theirs.max(initial=2)))
        count, fewest = np.stack([np.bincount(n, minlength=longest + 1) for n in (mine, theirs)]), [2]
        for n in range(3, longest + 1):
            if min(count[:, fewest[-1] : n].sum(1).min(), count[:, n:].sum(1).min()) >= GROUPS:
                fewest.append(n)
        edges, at = np.array(fewest), (np.arange(KNOTS) + 0.5) / KNOTS
        maps = np.full((len(edges), 2, KNOTS), np.nan)
        for b in range(len(edges)):
            x, y = (r[np.searchsorted(edges, n, "right") - 1 == b] for n, r in ((mine, r), (theirs, aim)))
            if min(len(x), len(y)) >= GROUPS:
                maps[b] = np.maximum.accumulate(np.quantile(x, at)) + 1e-9 * np.arange(KNOTS), np.quantile(y, at)
        return cls(edges, maps)

    def put_right(self, codec: LinkedCodec, table: str, scores: Mapping[str, TableScores], fixed: torch.Tensor) -> None:
        """Gaps, in their scores, of groups none of whose rows is fixed, bool [R, w]."""
        one = scores[table]
        share, factor = reached(codec, table, scores), np.ones(len(one))
        channels = list(codec.codecs[table].named["gap"].channels) if "gap" in codec.codecs[table].named else []
        held = fixed[:, channels].any(1).numpy()
        some = np.bincount(np.repeat(np.arange(len(one)), one.lengths), held, minlength=len(one)) > 0
        of = np.searchsorted(self.fewest, one.lengths, "right") - 1
        for b, (x, y) in enumerate(self.maps):
            groups = np.flatnonzero((of == b) & (share > 0) & np.isfinite(share) & ~some)
            if not np.isnan(x[0]):
                factor[groups] = np.interp(share[groups], x, y) / share[groups]
        _scale(codec, table, one, fixed, factor)

    @property
    def config(self) -> dict[str, Any]:
        maps = [None if np.isnan(one[0, 0]) else one.round(5).tolist() for one in self.maps]
        return {"fewest": self.fewest.tolist(), "maps": maps}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        none = np.full((2, KNOTS), np.nan)
        maps = [none if one is None else np.array(one, dtype=np.float64) for one in config["maps"]]
        return cls(np.array(config["fewest"], dtype=np.int64), np.stack(maps))


def put_values(of: RecordCodec, field: str, values: np.ndarray, scores: torch.Tensor, which: np.ndarray) -> None:
    """Writes values as scores [n, w], in the middle of what decodes to them, of some groups or rows."""
    scores[which[:, None], list(of.named[field].channels)] = scored(*of.codes[field].ends(values))
