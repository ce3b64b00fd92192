"""What a trained network gets wrong of each score, put right by maps that were fitted to its draws (calibrating.py).

A drawn cell goes through them in its own stage, so that later stages are given it as it is then; a given cell through none.

    mapping    z -> F_real^-1(F_drawn(z)) of each channel, monotone and linear between a few knots. F_real is N(0, 1), as
               codes make it; for gaps and for what is measured it is that of the trained patients at their first, second,
               third ... visit, visits pooled where they are few
    course     as much of a value's score stays over the visits, fades and is new as of the trained patients' (course.py)
    staying    a level or a number within a fitted distance of the one before is that one again: real patients keep theirs,
               and what is drawn is never quite the one before

Records are mapped one by one: what becomes of a patient hangs on no other.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict
from scipy.special import ndtri
from torch import Tensor

from reverie.records.codec import RecordCodec
from reverie.records.course import Course, along
from reverie.records.layout import Field
from reverie.records.levels import OrderedProbit, SequentialProbit

__all__ = ["KNOTS", "Calibration", "Map", "follow", "taken", "targets"]

KNOTS = 15
"""Knots of a map: the middles of so many equal shares of N(0, 1), the nearest of them moved to where levels part."""


class Map(BaseModel):
    """The maps of one field.

    Attributes:
        knots: [groups, channels, KNOTS], scores that are mapped to `targets`: one group, or one for each of
            Calibration.first.
        stay: the distances within which a score stays: one for each level, or one; none where nothing does.
        course: of each channel, as it is drawn and as it is of the trained patients; none where it is left as drawn.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    knots: tuple[tuple[tuple[float, ...], ...], ...]
    stay: tuple[float, ...] = ()
    course: tuple[tuple[Course, Course], ...] = ()

    def along(self, field: Field) -> Iterator[tuple[int, tuple[Course, Course]]]:
        """The channels of the field and their courses."""
        return zip(field.channels, self.course, strict=False)


@dataclass(frozen=True, eq=False)
class Calibration:
    """The maps of a codec's scores.

    Attributes:
        codec: of the table.
        first: the number of the first visit of each group of visits, rising from 1.
        maps: by the name of the field; a field without one is left as it is drawn.
    """

    codec: RecordCodec
    first: tuple[int, ...] = (1,)
    maps: dict[str, Map] = dataclasses.field(default_factory=dict)

    def __call__(self, values: Tensor, asked: Tensor, known: Tensor) -> Tensor:
        """Records [B, N, C] with the cells that were asked put right; `known` are they and those that were given."""
        return self.stayed(self.coursed(self.mapped(values, asked), asked, known), asked, known)

    def mapped(self, values: Tensor, asked: Tensor) -> Tensor:
        """The first map alone."""
        channels = asked.flatten(0, 1).any(0).nonzero()[:, 0]
        x, shift, slope = (table[:, channels] for table in self._tables)
        visit = torch.arange(1, values.shape[1])
        group = torch.cat([torch.zeros(1, dtype=torch.long), torch.bucketize(visit, torch.tensor(self.first), right=True)])
        z = values[..., channels].permute(1, 2, 0).contiguous()
        piece = torch.searchsorted(x[group], z)
        right = shift[group].gather(-1, piece) + slope[group].gather(-1, piece) * z
        out = values.clone()
        out[..., channels] = torch.where(asked[..., channels], right.permute(2, 0, 1), values[..., channels])
        return out

    def coursed(self, values: Tensor, asked: Tensor, known: Tensor) -> Tensor:
        """The second map alone."""
        pairs = {c: pair for f in self.codec.fields if f.name in self.maps for c, pair in self.maps[f.name].along(f)}
        channels = [c for c in pairs if asked[:, 1:, c].any()]
        if not channels:
            return values
        scores, new, there = (x[:, 1:, channels].permute(2, 0, 1) for x in (values, asked, known))
        out = values.clone()
        out[:, 1:, channels] = along([pairs[c] for c in channels], scores, new, there).permute(1, 2, 0)
        return out

    def stayed(self, values: Tensor, asked: Tensor, known: Tensor) -> Tensor:
        """The third map alone."""
        fields = [f for f in self.codec.fields if any(self._stay(f)) and asked[:, 1:, f.channels[0]].any()]
        if not fields:
            return values
        reach = [torch.tensor(self._stay(f))[self.codec.levels(f, values)] for f in fields]
        return taken(fields, values, follow(fields, values, torch.stack(reach, -1), asked, known)[0])

    def _stay(self, field: Field) -> tuple[float, ...]:
        return self.maps[field.name].stay if field.name in self.maps else ()

    @cached_property
    def _tables(self) -> tuple[Tensor, Tensor, Tensor]:
        """Knots [1 + groups, C, KNOTS], and shifts and slopes [1 + groups, C, KNOTS + 1] of the pieces between them, of the
        static token and of each group of visits; beyond the last knots the slope is 1."""
        y = targets(self.codec)[[0] + [1] * len(self.first)]
        x = y.clone()
        for field in self.codec.fields:
            if field.name in self.maps:
                x[field.tokens, list(field.channels)] = torch.tensor(self.maps[field.name].knots)
        slope = torch.ones(*x.shape[:2], KNOTS + 1)
        slope[..., 1:-1] = y.diff() / x.diff()
        near = [0, *range(KNOTS)]
        return x, y[..., near] - slope * x[..., near], slope

    @property
    def config(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return {"first": list(self.first), "maps": {name: one.model_dump(mode="json") for name, one in self.maps.items()}}

    @classmethod
    def from_config(cls, codec: RecordCodec, config: dict[str, Any]) -> Calibration:
        """The calibration that `config` describes."""
        return cls(codec, tuple(config["first"]), {name: Map.model_validate(one) for name, one in config["maps"].items()})


def targets(codec: RecordCodec) -> Tensor:
    """The scores [2, C, KNOTS] that knots are mapped to, of the static token and of a visit."""
    even = ndtri((np.arange(KNOTS) + 0.5) / KNOTS)
    table = torch.from_numpy(even).float().repeat(*codec.stage.shape, 1)
    for field in codec.fields:
        code = codec.codes[field.name]
        if isinstance(code, OrderedProbit | SequentialProbit):
            cuts = code.cuts[None] if isinstance(code, OrderedProbit) else code.cuts[:, None]
            for channel, parts in zip(field.channels, cuts, strict=True):
                knots = even.copy()
                nearest = np.abs(parts[:, None] - even).argmin(1)
                knots[nearest] = parts  # where two share a knot, it is moved to the last
                table[field.token, channel] = torch.from_numpy(np.sort(knots)).float()
    return table


def follow(fields: Sequence[Field], values: Tensor, reach: Tensor, asked: Tensor, known: Tensor) -> tuple[Tensor, Tensor]:
    """Which token a field's score is taken from at each, and which one is before it, int64 [B, N, F] both.

    Args:
        values, asked, known: [B, N, C]; only asked cells are taken from elsewhere, from the last known one.
        reach: [B, N, F], the distance within which the next score is taken for this one.
    """
    B, N, F = reach.shape
    of = torch.repeat_interleave(torch.arange(F), torch.tensor([len(f.channels) for f in fields]))
    channels = torch.tensor([c for f in fields for c in f.channels])
    mean = torch.zeros(len(channels), F)
    mean[torch.arange(len(channels)), of] = 1 / torch.bincount(of, minlength=F)[of].float()
    lead = [f.channels[0] for f in fields]
    asked, known, z, square = asked[..., lead], known[..., lead], values[..., channels], reach**2
    source = torch.arange(N)[:, None].expand(N, F).repeat(B, 1, 1)
    before = torch.zeros_like(source)
    at = taken_from = torch.zeros(B, F, dtype=torch.long)
    last, near = torch.zeros(B, len(channels)), torch.full((B, F), -1.0)
    for n in range(1, N):
        before[:, n] = at
        stays = asked[:, n] & ((z[:, n] - last).square() @ mean < near)
        fresh = known[:, n] & ~stays
        source[:, n] = torch.where(stays, taken_from, n)
        last = torch.where(fresh[:, of], z[:, n], last)
        near = torch.where(fresh, square[:, n], near)
        taken_from = torch.where(fresh, n, taken_from)
        at = torch.where(known[:, n], n, at)
    return source, before


def taken(fields: Sequence[Field], values: Tensor, source: Tensor) -> Tensor:
    """Records with the scores of each field taken from these tokens."""
    channels = [c for f in fields for c in f.channels]
    of = [i for i, f in enumerate(fields) for _ in f.channels]
    out = values.clone()
    out[..., channels] = values[..., channels].gather(1, source[..., of])
    return out
